"""Calendars, read back by two programs that did not write them: `icalendar`, and `dateutil` for the zones."""

import io
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from django.utils.translation import override
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from portal.demo.invented import LOCATIONS
from portal.notifications.forbidden import Why, find
from portal.notifications.tests.test_forbidden import KNOWN
from portal.people.models import Location
from portal.scheduling import services
from portal.scheduling.calendar import calendar_file, feed_file
from portal.scheduling.models import Appointment
from portal.scheduling.tests.conftest import book, press
from tests.cast import at, uid

RUSSIA = [
    "Europe/Kaliningrad",
    "Europe/Moscow",
    "Europe/Simferopol",
    "Europe/Kirov",
    "Europe/Volgograd",
    "Europe/Astrakhan",
    "Europe/Saratov",
    "Europe/Ulyanovsk",
    "Europe/Samara",
    "Asia/Yekaterinburg",
    "Asia/Omsk",
    "Asia/Novosibirsk",
    "Asia/Barnaul",
    "Asia/Tomsk",
    "Asia/Novokuznetsk",
    "Asia/Krasnoyarsk",
    "Asia/Irkutsk",
    "Asia/Chita",
    "Asia/Yakutsk",
    "Asia/Khandyga",
    "Asia/Vladivostok",
    "Asia/Ust-Nera",
    "Asia/Magadan",
    "Asia/Sakhalin",
    "Asia/Srednekolymsk",
    "Asia/Kamchatka",
    "Asia/Anadyr",
]
DST = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Antarctica/Troll",
]
EMPTY = {"ORGANIZER", "ATTENDEE", "VALARM", "URL", "CONTACT", "COMMENT", "CATEGORIES", "GEO", "RRULE"}


def visit(start, zone="Europe/Moscow", *, mode="in-person", status="booked", version=1, **place):
    names = {"name_ru": "Речная, 12", "name_en": "Rechnaya 12", "city_ru": "Казань", "city_en": "Kazan"} | place
    return Appointment(
        start=start,
        end=start + timedelta(minutes=30),
        location=Location(zone=zone, **names),
        mode=mode,
        status=status,
        version=version,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def file(one, method="REQUEST"):
    return calendar_file(one, f"http://testserver/me/visits/{one.pk}/", method=method)


def read(raw):
    """The one event of a calendar, after everything about its bytes that RFC 5545 asks for."""
    assert raw.endswith(b"\r\n") and not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    for line in lines:
        line.decode()  # never cut inside a character
    calendar = Calendar.from_ical(raw)
    assert not calendar.errors
    (event,) = calendar.walk("VEVENT")
    assert not event.errors
    return calendar, event


def instants(raw):
    """When the event is, by the VTIMEZONE of the file alone: what a program says that knows no zone by name."""
    _, event = read(raw)
    zones = tzical(io.StringIO(raw.decode()))
    for name in ("DTSTART", "DTEND"):
        zone = event[name].params.get("TZID")
        naive = event[name].dt.replace(tzinfo=None)
        yield (naive - zones.get(zone).utcoffset(naive) if zone else naive).replace(tzinfo=UTC)


def edges(zone):
    """Around each midnight that ends a year, a leap day, and each change of the clock in four years."""
    clock = ZoneInfo(zone)
    for day in (datetime(2026, 12, 31), datetime(2027, 1, 1), datetime(2028, 2, 29), datetime(2027, 6, 30)):
        for minutes in (0, 24 * 60 - 45, 24 * 60 - 30, 24 * 60 - 1):
            yield (day + timedelta(minutes=minutes)).replace(tzinfo=clock).astimezone(UTC)
    hour = datetime(2026, 1, 1, tzinfo=UTC)
    while hour.year < 2029:
        later = hour + timedelta(hours=1)
        if hour.astimezone(clock).utcoffset() != later.astimezone(clock).utcoffset():
            yield from (hour + timedelta(minutes=minutes) for minutes in range(-150, 151, 30))
        hour = later


@pytest.mark.parametrize("zone", [*RUSSIA, *DST])
def test_an_event_is_at_its_moment_in_every_zone(zone):
    for start in edges(zone):
        raw = file(visit(start, zone))
        _, event = read(raw)
        assert [event[name].dt.astimezone(UTC) for name in ("DTSTART", "DTEND")] == [
            start,
            start + timedelta(minutes=30),
        ]
        assert list(instants(raw)) == [start, start + timedelta(minutes=30)], start


def test_zones_with_summer_time_change_in_these_years_and_russian_ones_do_not():
    assert all(len(list(edges(zone))) == 16 for zone in RUSSIA)
    assert all(len(list(edges(zone))) > 16 for zone in DST)


def test_the_hour_shown_twice_is_told_in_utc():
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert b"DTSTART;TZID=Europe/Berlin:20261025T023000\r\n" in file(visit(first, "Europe/Berlin"))
    assert b"DTSTART:20261025T013000Z\r\n" in file(visit(second, "Europe/Berlin"))


def test_the_onset_of_summer_is_told_on_the_clock_before_it():
    raw = file(visit(datetime(2026, 7, 1, tzinfo=UTC), "America/New_York"))
    summer = (
        b"\r\nBEGIN:DAYLIGHT\r\nDTSTART:20260308T020000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\nEND:DAYLIGHT\r\n"
    )
    assert summer in raw


def test_a_calendar_of_several_branches_has_each_zone_once_and_for_all_its_years():
    starts = [datetime(year, 7, 1, 9, tzinfo=UTC) for year in (2025, 2027, 2028)]
    visits = [visit(start, zone) for start in starts for zone in ("Europe/Berlin", "Asia/Omsk")]
    raw = feed_file(visits, str)
    calendar = Calendar.from_ical(raw)
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Asia/Omsk", "Europe/Berlin"]
    zones = tzical(io.StringIO(raw.decode()))
    for event, one in zip(calendar.walk("VEVENT"), visits, strict=True):
        naive = event["DTSTART"].dt.replace(tzinfo=None)
        zone = zones.get(event["DTSTART"].params["TZID"])
        assert (naive - zone.utcoffset(naive)).replace(tzinfo=UTC) == one.start


def test_what_an_event_holds_and_what_it_does_not():
    one = visit(at(10))
    calendar, event = read(file(one))
    assert calendar["METHOD"] == "REQUEST" and calendar["VERSION"] == "2.0" and calendar["PRODID"]
    assert event["UID"] == f"{one.pk}@portal" and event["SEQUENCE"] == 0
    assert event["DESCRIPTION"] == f"http://testserver/me/visits/{one.pk}/"
    assert (event["CLASS"], event["TRANSP"], event["STATUS"]) == ("PRIVATE", "OPAQUE", "CONFIRMED")
    assert event["DTSTAMP"].dt - datetime.now(UTC) < timedelta(minutes=1)
    assert not EMPTY & {component.name for component in calendar.walk()} and not EMPTY & set(event)


@pytest.mark.parametrize(("language", "title", "place", "video", "chat"), [
    ("ru", "Запись", "Казань, Речная, 12", "по видео", "в чате"),
    ("en", "Appointment", "Kazan, Rechnaya 12", "by video", "by chat"),
])  # fmt: skip
def test_title_and_place_in_each_language(language, title, place, video, chat):
    with override(language):
        events = [read(file(visit(at(10), mode=mode)))[1] for mode in ("in-person", "video", "chat")]
    assert [event["LOCATION"] for event in events] == [place, video, chat]
    assert {str(event["SUMMARY"]) for event in events} == {title}


@pytest.mark.parametrize(("status", "method", "said"), [
    ("booked", "REQUEST", ("REQUEST", "CONFIRMED")),
    ("pending", "PUBLISH", ("PUBLISH", "TENTATIVE")),
    ("arrived", "PUBLISH", ("PUBLISH", "CONFIRMED")),
    ("cancelled", "REQUEST", ("CANCEL", "CANCELLED")),
    ("cancelled", "PUBLISH", ("PUBLISH", "CANCELLED")),
])  # fmt: skip
def test_method_and_status(status, method, said):
    calendar, event = read(file(visit(at(10), status=status), method))
    assert (calendar["METHOD"], event["STATUS"]) == said


def test_booked_then_moved_then_cancelled_is_one_event(as_actor):
    def say(do):
        with as_actor("anna") as trail:
            done = do(trail)
            mine = Appointment.objects.visible_to(trail.actor).select_related("location").get(pk=done.pk)
            return mine.pk, *read(file(mine))

    pk, *first = say(lambda trail: book(trail, start=at(10)))
    _, *second = say(lambda trail: move(trail, pk, at(12)))
    _, *third = say(lambda trail: services.cancel_appointment(actor=trail.actor, appointment_id=pk))
    told = [(str(c["METHOD"]), e["SEQUENCE"], str(e["STATUS"])) for c, e in (first, second, third)]
    assert told == [("REQUEST", 0, "CONFIRMED"), ("REQUEST", 1, "CONFIRMED"), ("CANCEL", 2, "CANCELLED")]
    assert {str(e["UID"]) for _, e in (first, second, third)} == {f"{pk}@portal"}
    assert [e["DTSTART"].dt.astimezone(UTC) for _, e in (first, second, third)] == [at(10), at(12), at(12)]


def move(trail, pk, start):
    owner = uuid4()
    held = services.hold_time(actor=trail.actor, owner=owner, replaces=pk, **press(start=start))
    return services.move_appointment(actor=trail.actor, appointment_id=pk, hold_id=held.pk, owner=owner)


TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('ёЩ\\;,:"\r\n\t\x0b\u2028 😀'), max_size=200)


@settings(max_examples=300, deadline=None)
@given(city=TEXT, name=TEXT)
def test_whatever_a_branch_is_called_comes_back_whole_and_breaks_nothing(city, name):
    one = visit(at(10), city_ru=city, name_ru=name)
    with override("ru"):
        calendar, event = read(file(one))
    expected = "\n".join(f"{city}, {name}".splitlines())
    assert event["LOCATION"] == re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", expected)
    assert [component.name for component in calendar.walk()] == ["VCALENDAR", "VTIMEZONE", "STANDARD", "VEVENT"]
    assert event["UID"] == f"{one.pk}@portal" and event["STATUS"] == "CONFIRMED"


@pytest.mark.parametrize("size", range(20, 50))
def test_cyrillic_at_the_fold(size):
    _, event = read(file(visit(at(10), city_ru="я" * size, name_ru="😀щ" * size)))
    assert event["LOCATION"] == f"{'я' * size}, {'😀щ' * size}"


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("mode", ["in-person", "video", "chat"])
def test_no_medical_word_in_any_property_over_the_demo_clinic(language, mode):
    for row in LOCATIONS:
        place = dict(zip(("name_ru", "name_en", "city_ru", "city_en"), row[1:5], strict=True))
        one = visit(at(10), mode=mode, **place)
        with override(language):
            raws = [file(one), file(one, "PUBLISH"), feed_file([one], lambda pk: f"http://testserver/me/visits/{pk}/")]
        for raw in raws:
            for component in Calendar.from_ical(raw).walk():
                for name, value in component.items():
                    shown = value.to_ical()
                    found = find(shown if isinstance(shown, str) else shown.decode(), KNOWN)
                    assert {one for one in found if not allowed(name, one)} == set(), (name, shown)


def allowed(name, finding):
    """A street may bear a name, and a visit by video says so, as messages do."""
    return name == "LOCATION" and (finding.why == Why.DOCTOR or finding.said == "video")


def test_the_feed_is_the_same_bytes_each_time():
    visits = [visit(at(hour)) for hour in (9, 11)]
    assert feed_file(visits, str) == feed_file(visits, str)


def test_an_empty_feed_is_a_calendar():
    calendar = Calendar.from_ical(feed_file([], str))
    assert not calendar.walk("VEVENT") and calendar["X-WR-CALNAME"] == calendar["NAME"]


def test_the_file_of_a_visit(client_of):
    answer = client_of("anna").get(f"/me/visits/{uid('visit-anna')}/calendar.ics")
    calendar, event = read(answer.content)
    assert calendar["METHOD"] == "PUBLISH" and event["UID"] == f"{uid('visit-anna')}@portal"
    assert event["DTSTART"].dt == at(16, days=9)
