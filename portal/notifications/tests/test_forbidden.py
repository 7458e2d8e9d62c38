"""What no message may say: met in every form of the word, and nothing met where nothing is said."""

import pytest
from django.utils.translation import override

from portal.demo.invented import CAST, LOCATIONS, SPECIALTIES
from portal.demo.names import FEMALE, MALE, latin
from portal.notifications.forbidden import Directory, Why, advertising, find, lexicon, links
from portal.notifications.texts import BLANK, TEXTS

NAMES = [f"{word}" for lists in (FEMALE, MALE) for word in lists["family"]] + [family for family, *_ in CAST.values()]
GIVEN = [word for lists in (FEMALE, MALE) for part in ("given", "middle") for word in lists[part]]
SERVICES = [
    "Первый приём",
    "Повторный приём",
    "Консультация по видео",
    "УЗИ брюшной полости",
    "Удаление родинки лазером",
]
DIRECTORY = Directory(
    specialties=tuple(name for row in SPECIALTIES for name in row[1:6]),
    services=(*SERVICES, "First visit", "Repeat visit", "Video consultation", "Abdominal ultrasound"),
    complaints=tuple(word for row in SPECIALTIES for word in row[6].split("|")),
    families=(*NAMES, *map(latin, NAMES)),
    givens=(*GIVEN, *map(latin, GIVEN)),
)
KNOWN = lexicon(DIRECTORY)
FIELDS = ("sms", "subject", "body")


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("field", FIELDS)
def test_no_standard_text_says_a_forbidden_word(language, kind, field):
    with override(language):
        text = BLANK.sub(" ", str(getattr(TEXTS[kind], field)))
    assert find(text, KNOWN) == [] and advertising(text) == [] and links(text) == []


TELLING = [
    ("Ваш кардиолог ждёт вас", "кардиолог", Why.SPECIALTY),
    ("Запись к кардиологу", "кардиологу", Why.SPECIALTY),
    ("у эндокринологов", "эндокринологов", Why.SPECIALTY),
    ("отделение гинекологии", "гинекологии", Why.SPECIALTY),
    ("к ЛОРу? нет, ЛОР", "ЛОР", Why.SPECIALTY),
    ("Вас примет Соколова", "Соколова", Why.DOCTOR),
    ("Вы записаны к Соколовой", "Соколовой", Why.DOCTOR),
    ("вы записаны к соколовой", "соколовой", Why.DOCTOR),
    ("Вы записаны к Орлову", "Орлову", Why.DOCTOR),
    ("Вас ждёт Вера Андреевна", "Вера", Why.DOCTOR),
    ("от Павла Игоревича", "Павла", Why.DOCTOR),
    ("See you, Sokolova", "Sokolova", Why.DOCTOR),
    ("Запись к Yusupovoi", "Yusupovoi", Why.DOCTOR),
    ("УЗИ в 10:30", "УЗИ", Why.SPECIALTY),
    ("брюшной полости", "брюшной", Why.SERVICE),
    ("abdominal", "abdominal", Why.SERVICE),
    ("болит спина? приходите", "спина", Why.COMPLAINT),
    ("при мигрени", "мигрени", Why.COMPLAINT),
    ("Анализы готовы", "Анализы", Why.MEDICAL),
    ("о ваших анализах", "анализах", Why.MEDICAL),
    ("тест на ВИЧ", "ВИЧ", Why.MEDICAL),
    ("для беременных", "беременных", Why.MEDICAL),
    ("по беременности", "беременности", Why.MEDICAL),
    ("Ваш врач ждёт", "врач", Why.MEDICAL),
    ("результаты готовы", "результаты", Why.MEDICAL),
    ("Your doctor is waiting", "doctor", Why.MEDICAL),
    ("HIV", "HIV", Why.MEDICAL),
    ("к иммунологам", "иммунологам", Why.SPECIALTY),
    ("к нефрологу", "нефрологу", Why.SPECIALTY),
    ("повод J45.1 указан", "J45.1", Why.CODE),
    ("повод b20", "b20", Why.CODE),
    ("повод В20", "В20", Why.CODE),
]


@pytest.mark.parametrize(("text", "said", "why"), TELLING)
def test_a_telling_word_is_found_in_every_form(text, said, why):
    found = {finding.said: finding.why for finding in find(text, KNOWN)}
    assert said in found, found
    assert found[said] == why or {found[said], why} <= {Why.SPECIALTY, Why.MEDICAL, Why.COMPLAINT}  # a word may be both


DISGUISED = [
    "aнaлиз",  # Latin a
    "BИЧ",
    "CПИД",
    "а н а л и з",
    "В.И.Ч.",
    "ана-лиз",
    "ана\u00adлиз",
    "ана\u200bлиз",
    "ана\u0301лиз",
    "АНАЛИЗ",
    "analiz",
    "diagnoz",
    "terapevta",
    "kardiologu",
    "ａｎａｌｙｓｉｓ",
    "врач_уролог",
]


@pytest.mark.parametrize("text", DISGUISED)
def test_a_disguised_word_is_found(text):
    assert find(f"Ждём вас, {text}", KNOWN)


NEUTRAL = [
    "Ждём вас 28.11 в 10:30, Большой проезд, 12. Вход со двора, второй этаж, домофон 3.",
    "Если не сможете прийти, скажите нам: 8 800 000-00-00.",
    "Возьмите паспорт и полис. Весь день работает стоянка.",
    "Приходите за 10 минут. Дети до 14 лет приходят со взрослым.",
    "Клиника перенесла запись в другой корпус: вход 2, лифт слева.",
    "Вам удобно это время? Ответьте по ссылке, пожалуйста.",
    "Без опозданий, в зависимости от пробок выезжайте раньше.",
    "Please come 10 minutes earlier and bring your passport. The entrance is from the courtyard.",
    "Thank you. You can park for two hours. Call us if you are late.",
    "We have moved to another building: second floor, the lift is on the left.",
    "В технологическом парке, у экологического центра.",
    "все, всё, мы, вы, он",
]


@pytest.mark.parametrize("text", NEUTRAL)
def test_an_ordinary_sentence_says_nothing_forbidden(text):
    assert find(text, KNOWN) == []


def test_a_given_name_counts_only_with_a_capital():
    assert find("к Вере", KNOWN) and not find("вера в лучшее", KNOWN)


def test_the_clinic_is_not_needed_for_the_fixed_words():
    nobody = lexicon(Directory())
    assert [finding.said for finding in find("Кардиолог ждёт, анализ, Соколова", nobody)] == ["Кардиолог", "анализ"]


def test_a_phrase_is_shown_as_the_clinic_writes_it():
    known = lexicon(Directory(complaints=("не могу встать утром",)))
    assert [finding.said for finding in find("если могу встать", known)] == ["не могу встать утром"]
    assert not find("если можете встать", known)


def test_branches_of_the_demo_say_nothing_but_perhaps_a_name():
    for row in LOCATIONS:
        assert {finding.why for name in row[1:3] for finding in find(name, KNOWN)} <= {Why.DOCTOR}


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("смотрите https://a.example/b", "https://a.example/b"),
        ("bit.ly/abc", "bit.ly/abc"),
        ("сайт bereg.ru", "bereg.ru"),
        ("сайт берег.рф", "берег.рф"),
        ("www.bereg.example", "www.bereg.example"),
        ("пишите a@bereg.example", "a@bereg.example"),
        ("k.example/a1B2", "k.example/a1B2"),
        ("10.0.0.1", "10.0.0.1"),
        ("javascript://x", "javascript://x"),
    ],
)
def test_an_address_is_found(text, link):
    assert links(text) == [link]


@pytest.mark.parametrize(
    "text", ["24.11.2026 в 10.30", "ул.Ленина, д.12", "Ждём.Приходите", "Come.Bring it", "т.е. так"]
)
def test_a_point_makes_no_address(text):
    assert links(text) == []


def test_words_of_advertising_are_named():
    assert advertising("Скидка 20 %, акция до пятницы, подарки") == ["Скидка", "акция", "подарки"]
    assert advertising("Ждём вас 28.11 в 10:30") == []


@pytest.mark.parametrize(
    "text", ["", " ", "\u0301" * 50, "{" * 500, "а " * 3000, "-".join("б" * 900), ("а" * 60 + ".") * 40]
)
def test_strange_texts_are_answered_quickly(text):
    assert isinstance(find(text, KNOWN), list) and isinstance(links(text), list)
