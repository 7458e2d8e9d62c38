from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone, translation

from portal.web import dates

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KAZAN, URAL = "Europe/Moscow", "Asia/Yekaterinburg"


@pytest.fixture(autouse=True)
def monday(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: MONDAY)


def said(language, function, *values):
    with translation.override(language):
        return function(*values).replace("\u00a0", " ")


def at(days, hour=11, minute=20):
    return MONDAY.replace(hour=hour, minute=minute) + timedelta(days=days)


def test_the_hour_is_the_branchs_and_has_no_leading_zero():
    assert dates.hour(MONDAY.replace(hour=6), KAZAN) == "9:00"
    assert dates.hour(at(0), URAL) == "16:20"


@pytest.mark.parametrize(
    ("function", "days", "russian", "english"),
    [
        (dates.day_words, 1, "вторник, 24 ноября", "Tuesday, 24 November"),
        (dates.day_words, 60, "пятница, 22 января 2027", "Friday, 22 January 2027"),
        (dates.short_day, 1, "вт 24", "Tue 24"),
        (dates.near_day, 0, "сегодня", "today"),
        (dates.near_day, 1, "завтра", "tomorrow"),
        (dates.near_day, 2, "25 нояб.", "25 Nov"),
        (dates.part_day, 0, "Сегодня", "Today"),
        (dates.part_day, 1, "Завтра, вт 24", "Tomorrow, Tue 24"),
        (dates.part_day, 2, "Среда, 25", "Wednesday, 25"),
        (dates.part_day, 11, "Пятница, 4 декабря", "Friday, 4 December"),
        (dates.ticket_day, 1, "завтра, вторник 24 ноября", "tomorrow, Tuesday 24 November"),
        (dates.ticket_day, 3, "четверг, 26 ноября", "Thursday, 26 November"),
        (dates.visit_day, -1, "Вчера", "Yesterday"),
        (dates.visit_day, -82, "2 сентября", "2 September"),
        (dates.on_day, 2, "в среду", "on Wednesday"),
        (dates.on_day, 8, "1 декабря", "on 1 December"),
        (dates.for_day, 4, "на пятницу", "for Friday"),
        (dates.for_day, 1, "на завтра", "for tomorrow"),
        (dates.until, 0, "до 14:20 сегодня", "until 14:20 today"),
        (dates.until, 5, "до 14:20 субботы", "until 14:20 on Saturday"),
        (dates.until, 9, "до 14:20 2 декабря", "until 14:20 on 2 December"),
    ],
)
def test_a_day_has_the_form_its_place_asks_for(function, days, russian, english):
    assert said("ru", function, at(days), KAZAN) == russian
    assert said("en", function, at(days), KAZAN) == english


@pytest.mark.parametrize(
    ("day", "words"),
    list(
        enumerate(
            ["понедельник", "во вторник", "в среду", "в четверг", "в пятницу", "в субботу", "в воскресенье"],
        )
    ),
)
def test_every_weekday_in_the_accusative(day, words):
    assert said("ru", dates.on_day, at(day), KAZAN) in (words, "сегодня", "завтра")


def test_today_is_the_branchs_today():
    late = MONDAY.replace(hour=20)  # 23:00 in Kazan, already Tuesday in Yekaterinburg
    assert said("ru", dates.near_day, late, KAZAN) == "сегодня"
    assert said("ru", dates.day_words, late, URAL) == "вторник, 24 ноября"


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (timedelta(minutes=1), "через 1 минуту"),
        (timedelta(minutes=42), "через 42 минуты"),
        (timedelta(hours=25), "через 25 часов"),
        (timedelta(hours=2), "через 2 часа"),
        (timedelta(days=21), "через 21 день"),
        (timedelta(minutes=-5), ""),
    ],
)
def test_what_is_left_agrees_with_its_number(gap, words):
    assert said("ru", dates.left, MONDAY + gap, MONDAY) == words


def test_the_zone_says_how_far_moscow_is():
    assert said("ru", dates.zone_note, KAZAN) == "время московское"
    assert said("ru", dates.zone_note, URAL) == "время местное, МСК+2"
    assert said("en", dates.zone_note, "Europe/Kaliningrad") == "local time, MSK−1"


def test_a_birthday_shows_its_year():
    assert said("ru", dates.full_date, date(1961, 3, 12)) == "12 марта 1961"
    assert said("ru", dates.years, 1) == "1 год"
    assert said("ru", dates.years, 3) == "3 года"
    assert said("ru", dates.years, 18) == "18 лет"
