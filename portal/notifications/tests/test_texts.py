"""The clinic's own timings and texts: written, checked, looked at, said; nothing is ever overwritten."""

import threading
from datetime import time, timedelta

import psycopg
import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from conftest import actor_named
from portal.kernel.access import acting
from portal.kernel.errors import Forbidden
from portal.notifications import drafts
from portal.notifications.kinds import KINDS
from portal.notifications.labels import TITLES
from portal.notifications.models import MessagePolicy, MessageText
from portal.notifications.segments import count_segments
from portal.notifications.selectors import timing_of
from portal.notifications.selectors_texts import said_by, texts_of
from portal.notifications.services.texts import TextHasChanged, set_timings, write_text
from portal.notifications.tests.conftest import tell
from portal.notifications.texts import TEXTS, Text
from portal.notifications.views.texts import standard_text
from portal.people.models import Location
from tests.cast import uid

PAGE = "/manage/messages/"
BOOKED = "/manage/messages/booked/ru/"
OWN = {
    "sms": "Ждём вас {when}, {where}. Всё о визите: {link}",
    "subject": "Вы записаны",
    "body": "Ждём вас {when}, {where}.\n\nВсё о визите: {link}",
}
TIMES = {"has_day": "on", "day_hours": "48", "has_last": "on", "last_minutes": "90"}
QUIET = {"quiet_from": "22:00", "quiet_until": "08:00"}


@pytest.fixture
def alla(client_of):
    return client_of("alla")


def save(client, address=BOOKED, seen=0, **fields):
    return client.post(address, OWN | {"seen": str(seen)} | fields)


def versions(kind="booked", language="ru"):
    rows = MessageText.objects.filter(kind=kind, language=language).order_by("version")
    return [(row.version, row.is_standard, row.sms) for row in rows]


# --- timings ---------------------------------------------------------------------------------------------------------


def test_timings_are_saved_and_hold(alla):
    assert alla.post(PAGE, TIMES | QUIET).status_code == 302
    timing = timing_of(uid("shore"))
    assert (timing.day, timing.hours) == (timedelta(hours=48), timedelta(minutes=90))
    assert (timing.quiet_from, timing.quiet_until) == (time(22), time(8))
    assert "48" in alla.get(PAGE).content.decode()


def test_a_reminder_is_switched_off_and_on_again(alla):
    assert alla.post(PAGE, {"has_last": "on", "last_minutes": "90", "day_hours": ""} | QUIET).status_code == 302
    assert timing_of(uid("shore")).day is None
    page = alla.get(PAGE).content.decode()
    assert "выключено" in page and 'value="24"' in page
    assert alla.post(PAGE, TIMES | QUIET).status_code == 302
    assert timing_of(uid("shore")).day == timedelta(hours=48)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"day_hours": "5"}, "day_hours"),
        ({"day_hours": "169"}, "day_hours"),
        ({"day_hours": ""}, "day_hours"),
        ({"last_minutes": "44"}, "last_minutes"),
        ({"last_minutes": "9" * 40}, "last_minutes"),
        ({"quiet_until": "25:00"}, "quiet_until"),
        ({"quiet_from": "09:00", "quiet_until": "23:30"}, "quiet_until"),
        ({"quiet_from": "'; DROP TABLE"}, "quiet_from"),
    ],
)
def test_wrong_timings_are_named_at_the_field_and_nothing_is_written(alla, values, field):
    answer = alla.post(PAGE, TIMES | QUIET | values)
    assert answer.status_code == 422 and field in answer.context["form"].errors
    assert not MessagePolicy.objects.exists()


def test_timings_of_another_clinic_stay(alla):
    alla.post(PAGE, TIMES | QUIET)
    assert timing_of(uid("far")).day == timedelta(hours=24)


# --- writing ---------------------------------------------------------------------------------------------------------


def test_a_text_is_written_version_after_version_and_goes_back_to_standard(alla):
    assert save(alla).status_code == 302
    assert save(alla, seen=1, subject="Ждём вас").status_code == 302
    assert alla.post(f"{BOOKED}standard/", {"seen": "2"}).status_code == 302
    assert [row[:2] for row in versions()] == [(1, False), (2, False), (3, True)]
    page = alla.get(BOOKED).content.decode()
    assert "Версия 3" in page and "Alla" in page and standard_text("booked", "ru").subject in page
    assert "Всё о визите" in alla.get(f"{BOOKED}?version=1").content.decode()


def test_the_same_text_again_makes_no_version(alla):
    save(alla)
    assert save(alla, seen=1).status_code == 302 and len(versions()) == 1
    assert alla.post("/manage/messages/moved/ru/standard/", {"seen": "0"}).status_code == 302
    assert versions("moved") == []


def test_who_saves_second_is_told_and_loses_nothing(alla):
    save(alla)
    late = save(alla, seen=0, subject="Мой заголовок")
    page = late.content.decode()
    assert late.status_code == 409 and "Мой заголовок" in page and 'name="seen" value="1"' in page
    assert len(versions()) == 1
    assert save(alla, seen=1, subject="Мой заголовок").status_code == 302 and len(versions()) == 2


def test_going_back_without_having_seen_the_newest_is_a_conflict(alla):
    save(alla)
    assert alla.post(f"{BOOKED}standard/", {"seen": "0"}).status_code == 409
    assert len(versions()) == 1


def test_two_at_once_make_one_version_each_in_turn(db):
    gate, told = threading.Barrier(2, timeout=10), []

    def write(words):
        try:
            with acting(actor_named("alla")) as trail:
                versions("booked")
                gate.wait()
                text = Text(words, "Вы записаны", words)
                write_text(actor=trail.actor, kind="booked", language="ru", seen=0, text=text)
                told.append("saved")
        except TextHasChanged:
            told.append("changed")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(f"{n} {{when}} {{link}}",)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(told) == ["changed", "saved"] and len(versions()) == 1


def test_the_database_lets_no_version_be_changed(alla, database_url):
    save(alla)
    for statement in ("UPDATE notifications_messagetext SET sms = 'x'", "DELETE FROM notifications_messagetext"):
        with psycopg.connect(database_url("app")) as direct, pytest.raises(psycopg.errors.InsufficientPrivilege):
            direct.execute(statement)


@pytest.mark.parametrize("who", ["rita", "vera", "oleg", "anna"])
def test_only_the_administrator_may(as_actor, who):
    with as_actor(who) as trail, pytest.raises(Forbidden):
        write_text(actor=trail.actor, kind="booked", language="ru", seen=0, text=Text(**OWN))
    with as_actor(who) as trail, pytest.raises(Forbidden):
        set_timings(actor=trail.actor, day_hours=24, last_minutes=0, quiet_from=time(21), quiet_until=time(9))
    assert versions() == [] and not MessagePolicy.objects.exists()


# --- checks at the field ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("sms", "Ждём вас {when}", "{link}"),
        ("sms", "Ждём вас: {link}", "{when}"),
        ("body", "Ждём вас {when}", "{link}"),
        ("sms", "{doctor} ждёт вас {when}: {link}", "{doctor}"),
        ("sms", "{ when } {when} {link}", "{ when }"),
        ("sms", "Ждём {when {when} {link}", "{when"),
        ("sms", "Ждём} {when} {link}", "}"),
        ("sms", "{when.__class__} {when} {link}", "{when.__class__}"),
        ("sms", "{before} {when} {link}", "{before}"),
        ("subject", "Запись {link}", "{link}"),
        ("subject", "Запись\nBcc: a", "U+000A"),
        ("sms", "Ждём\u202e вас {when} {link}", "U+202E"),
        ("sms", "Ждём\u200b вас {when} {link}", "U+200B"),
        ("sms", "Ждём вас {when} https://a.example/{link}", "https://a.example/"),
        ("sms", "Ждём вас {when} {link}/cancel", "{link}"),
        ("sms", "Ваш терапевт ждёт {when} {link}", "терапевт"),
        ("sms", "Ждёт вас Врачvera {when} {link}", "Врачvera"),
        ("sms", "Анализы {when} {link}", "Анализы"),
        ("sms", "кашель? {when} {link}", "кашель"),
        ("sms", "J45.1 {when} {link}", "J45.1"),
        ("subject", "Результаты", "Результаты"),
        ("body", "Приём у кардиолога {when} {link}", "кардиолога"),
        ("sms", "", ""),
        ("sms", "а" * 150 + " {when} {link}", "2"),
        ("body", "а" * 2001 + " {when} {link}", "2000"),
    ],
)
def test_what_is_wrong_stands_at_the_field_in_plain_words(alla, field, text, told):
    answer = save(alla, **{field: text})
    errors = " ".join(answer.context["form"].errors[field])
    assert answer.status_code == 422 and told in errors, errors
    assert versions() == []


def test_before_may_be_said_where_the_clinic_has_moved_the_visit(alla):
    assert save(alla, "/manage/messages/clinic-moved/ru/", sms="С {before} на {when}: {link}").status_code == 302


@pytest.mark.parametrize("data", [{"seen": "x"}, {"seen": "-1"}, {"seen": "9" * 30}, {}, {"sms": "\x00{when}{link}"}])
def test_hostile_posts_are_answered_with_a_page(alla, data):
    answer = alla.post(BOOKED, (OWN | data) if data else {})
    assert answer.status_code == 422 and versions() == []
    assert alla.post(f"{BOOKED}standard/", data).status_code in (400, 409)


@pytest.mark.parametrize("path", ["nothing/ru/", "booked/de/", "booked/RU/", "booked/ru/", "__class__/ru/"])
def test_only_what_there_is_has_a_page(alla, path):
    right = path == "booked/ru/"
    assert alla.get(PAGE + path).status_code == (200 if right else 404)
    assert alla.post(f"{PAGE}{path}preview/", OWN).status_code == (200 if right else 404)


def test_markup_stays_text(alla):
    script = "<script>alert(1)</script> {when} {link}"
    part = alla.post(f"{BOOKED}preview/", OWN | {"seen": "0", "sms": script}, HTTP_HX_REQUEST="true").content.decode()
    assert "<script" not in part and "&lt;script&gt;" in part


# --- the look --------------------------------------------------------------------------------------------------------


def test_the_preview_comes_alone_with_htmx_and_as_a_page_without(alla):
    typed = OWN | {"seen": "0", "subject": "Совсем другая тема"}
    part = alla.post(f"{BOOKED}preview/", typed, HTTP_HX_REQUEST="true").content.decode()
    page = alla.post(f"{BOOKED}preview/", typed).content.decode()
    assert part.count("Совсем другая тема") == 1 and "<html" not in part and "<html" in page
    assert page.count("Совсем другая тема") == 2 and versions() == []


def test_the_preview_says_what_is_wrong_and_what_sounds_like_an_advertisement(alla):
    part = alla.post(
        f"{BOOKED}preview/", OWN | {"subject": "Скидка на анализы"}, HTTP_HX_REQUEST="true"
    ).content.decode()
    assert "Похоже на рекламу" in part and "«анализы»" in part


def test_an_advertisement_is_only_warned_of(alla):
    assert save(alla, subject="Скидка ждёт вас").status_code == 302
    assert "Похоже на рекламу" in alla.get(BOOKED).content.decode()


def place(name):
    return Location(name_ru=name, name_en=name, zone="Europe/Moscow")


def test_parts_are_those_of_the_longest_branch(settings):
    settings.PUBLIC_URL = "https://lk.bereg-clinic.ru"
    short, long = place("Речная, 12"), place("проспект Космонавтов-Испытателей, дом 118, корпус 4, подъезд 2")
    text = Text(OWN["sms"], "", OWN["body"])
    alone, both = (drafts.look("booked", "ru", places, text) for places in ([short], [long, short]))
    assert alone.segments.parts == 2 and both.segments.parts == 3
    assert both.segments == count_segments(both.words.sms) and long.name_ru in both.words.sms
    assert drafts.too_long(both.segments) and not drafts.too_long(alone.segments)


def test_a_long_branch_makes_a_long_text_refused(alla, sql):
    sql("UPDATE people_location SET name_ru = %s", "проспект Космонавтов-Испытателей, дом 118, корпус 4, подъезд 2")
    answer = save(alla)
    assert answer.status_code == 422 and "3" in answer.context["form"].errors["sms"][0]


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("kind", [kind for kind, how in KINDS.items() if how.is_the_clinics])
def test_every_standard_text_passes_the_check_of_its_own_page(alla, kind, language):
    text = standard_text(kind, language)
    answer = alla.post(
        f"{PAGE}{kind}/{language}/", {"seen": "0", "sms": text.sms, "subject": text.subject, "body": text.body}
    )
    assert answer.status_code == 302, answer.context["form"].errors


def test_every_kind_has_a_title():
    assert set(TITLES) == set(KINDS) == set(TEXTS)


def test_a_branch_whose_name_tells_is_shown_to_the_administrator(alla, sql):
    assert "говорит лишнее" not in alla.get(PAGE).content.decode()
    sql("UPDATE people_location SET name_ru = %s", "Кабинет кардиолога")
    assert "Кабинет кардиолога" in alla.get(PAGE).content.decode()


# --- what is said ----------------------------------------------------------------------------------------------------


def test_the_newest_own_text_is_said_and_remembered(alla, gateways, booked, sql):
    save(alla)
    save(alla, seen=1, sms="Второй: {when} {link}")
    tell(booked())
    assert gateways.sms.sent[0].text.startswith("Второй: ")
    assert gateways.email.sent[0].subject == "Вы записаны"
    assert sql("SELECT DISTINCT template_version FROM notifications_message WHERE kind = 'booked'") == [(2,)]


def test_the_standard_text_is_said_again_after_going_back(alla, gateways, booked, sql):
    save(alla)
    alla.post(f"{BOOKED}standard/", {"seen": "1"})
    tell(booked())
    assert gateways.sms.sent[0].text.startswith("Запись ")
    assert sql("SELECT DISTINCT template_version FROM notifications_message WHERE kind = 'booked'") == [(None,)]


def test_the_text_of_another_language_or_clinic_is_not_said(as_actor, alla):
    save(alla)
    with as_actor("alla"):
        assert said_by(uid("shore"), "booked", "ru").version == 1
        assert said_by(uid("shore"), "booked", "en") is None and said_by(uid("far"), "booked", "ru") is None


def test_one_transaction_reads_the_texts_of_a_clinic_once(as_actor, alla):
    save(alla)
    with as_actor("alla"), CaptureQueriesContext(connection) as captured:
        for _turn in range(5):
            said_by(uid("shore"), "booked", "ru")
            said_by(uid("shore"), "moved", "en")
    assert len(captured.captured_queries) == 1
    with as_actor("alla"):
        assert len(texts_of(uid("shore"))) == 1


# --- how much a page costs -------------------------------------------------------------------------------------------


def statements(client, path, most):
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    assert len(captured.captured_queries) <= most, "\n".join(q["sql"][:110] for q in captured.captured_queries)


def test_pages_cost_the_same_however_much_has_been_written(alla):
    for number in range(6):
        save(alla, seen=number, subject=f"Тема {number}")
    statements(alla, PAGE, 14)
    statements(alla, BOOKED, 15)
