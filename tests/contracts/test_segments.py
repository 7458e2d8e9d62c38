import pytest

from doubles._smsc_account import count_parts
from portal.notifications.segments import count_segments

VECTORS = [
    ("A" * 160, 160, "GSM", 1),
    ("A" * 161, 161, "GSM", 2),
    ("€" * 80, 160, "GSM", 1),
    ("€" * 81, 162, "GSM", 2),
    ("A" * 152 + "€" + "B" * 10, 164, "GSM", 2),
    ("я" * 70, 70, "UCS-2", 1),
    ("я" * 71, 71, "UCS-2", 2),
    ("я" * 134, 134, "UCS-2", 2),
    ("я" * 135, 135, "UCS-2", 3),
    ("😀" * 35, 70, "UCS-2", 1),
    ("😀" * 36, 72, "UCS-2", 2),
    ("Visit — 10:30", 13, "UCS-2", 1),
    ("Код 123456. Никому не сообщайте.", 32, "UCS-2", 1),
    ("Запись 24.11 в 10:30, ул. Ленина 5. Отмена: k.example/a1B2c3", 60, "UCS-2", 1),
    (
        "Напоминаем: завтра 24.11 в 10:30 ждём вас. Адрес: ул. Ленина, 5, каб. 204. Отменить: k.example/a1B2c3",
        101,
        "UCS-2",
        2,
    ),
]
SPLITS = [
    ("A" * 152 + "€" + "A" * 151, "GSM", 2),  # 152 + (2 + 151): the wide one opens the second part
    ("A" * 152 + "€" + "A" * 152, "GSM", 3),
    ("я" * 66 + "😀" + "я" * 65, "UCS-2", 2),
    ("я" * 66 + "😀" + "я" * 66, "UCS-2", 3),
    ("A" * 306, "GSM", 2),
    ("A" * 307, "GSM", 3),
]


@pytest.mark.parametrize(("text", "units", "alphabet", "parts"), VECTORS)
def test_a_message_is_counted_as_operators_count(text, units, alphabet, parts):
    counted = count_segments(text)
    assert (counted.units, counted.alphabet, counted.parts) == (units, alphabet, parts)


@pytest.mark.parametrize(("text", "alphabet", "parts"), SPLITS)
def test_a_wide_character_is_not_split(text, alphabet, parts):
    counted = count_segments(text)
    assert (counted.alphabet, counted.parts) == (alphabet, parts)


@pytest.mark.parametrize("char", "^{}\\[~]|€\f")
def test_an_extension_character_costs_two(char):
    assert count_segments(char).units == 2


@pytest.mark.parametrize("char", ["—", "«", "№", "’", "\u00a0", "я", "`", "ç"])
def test_one_character_outside_the_alphabet_makes_the_whole_text_ucs2(char):
    assert count_segments("A" * 100 + char).alphabet == "UCS-2"
    assert count_segments("A" * 100 + char).parts == 2


def test_the_basic_alphabet_has_its_127_characters():
    basic = [chr(code) for code in range(0x10000) if count_segments(chr(code)).alphabet == "GSM"]
    assert len(basic) == 127 + 10
    assert {"@", "Δ", "é", "Ç", "\n", "\r", "ß", "à"} <= set(basic)


def test_an_empty_text_takes_no_part():
    assert count_segments("").parts == 0


@pytest.mark.parametrize("text", [vector[0] for vector in VECTORS] + [split[0] for split in SPLITS])
def test_the_gateways_double_counts_the_same(text):
    assert count_parts(text) == count_segments(text).parts
