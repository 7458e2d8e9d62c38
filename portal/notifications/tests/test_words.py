"""Texts are neutral: whoever looks over a shoulder learns the day and the place, never the doctor or the reason."""

import re

import pytest
from icalendar import Calendar

from portal.notifications import words
from portal.notifications.segments import count_segments
from portal.notifications.tests.conftest import tell
from portal.people.models import HealthcareService, Practitioner, Specialty
from tests.cast import at, uid


def secrets():
    """Every name in the cast that a message must not tell."""
    for doctor in Practitioner.objects.all():
        yield from (doctor.family_name_ru, doctor.given_name_ru, doctor.family_name_en, doctor.slug)
    for thing in (*Specialty.objects.all(), *HealthcareService.objects.all()):
        yield from (thing.name_ru, thing.name_en, thing.slug)
    for specialty in Specialty.objects.all():
        yield from (specialty.plural_ru, specialty.plural_en, specialty.nsi_name, *specialty.words)
    yield from ("врач", "доктор", "doctor", "анализ", "диагноз", "Anna", "Annaова", "Mila", "1961", "2400")


def unfolded(calendar):
    return calendar.decode().replace("\r\n ", "")


@pytest.fixture(params=["ru", "en"])
def told(request, gateways, booked, cancelled, sql):
    """Everything that goes out about a visit, in a language and in each way of meeting."""
    sql("UPDATE people_patient SET language = %s", request.param)

    def run(mode):
        args = booked("mila" if mode == "video" else "anna", mode=mode, start=at(11))
        tell(args)
        cancelled(args)
        tell(args, "cancelled")
        return gateways

    return run


@pytest.mark.parametrize("mode", ["in-person", "video"])
def test_no_text_names_doctor_specialty_service_or_patient(told, mode):
    sent = told(mode)
    texts = [m.text for m in sent.sms.sent]
    texts += [part for m in sent.email.sent for part in (m.subject, m.text, m.html, unfolded(m.calendar))]
    assert len(texts) == 2 + 2 * 4
    for word in secrets():
        for text in texts:
            assert word.casefold() not in text.casefold(), f"{word!r} in {text!r}"


@pytest.mark.parametrize("mode", ["in-person", "video"])
def test_a_message_says_when_where_and_how_to_cancel(told, mode):
    sent = told(mode)
    local = at(11).astimezone(words.ZoneInfo("Europe/Moscow"))
    for text in (sent.sms.sent[0].text, sent.email.sent[0].text):
        assert f"{local:%d.%m}" in text and "11:00" in text and "http://testserver/m/" in text
        assert ("Речная, 12" in text or "Rechnaya 12" in text) == (mode == "in-person")


def test_the_language_is_the_recipients(gateways, booked, sql):
    sql("UPDATE people_patient SET language = 'en' WHERE id = %s", uid("anna"))
    tell(booked("mila"))
    assert "Appointment" in gateways.sms.sent[0].text
    assert not re.search("[а-яё]", gateways.sms.sent[0].text.replace("Речная", ""), re.I)


@pytest.mark.parametrize("mode", ["in-person", "video"])
def test_an_sms_of_a_visit_takes_two_parts_at_most(told, mode, settings):
    settings.PUBLIC_URL = "https://portal.clinic-bereg.ru"
    for message in told(mode).sms.sent:
        assert count_segments(message.text).parts <= 2


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "https://bereg.ru", "https://lk.bereg-clinic.ru"])
def test_a_code_takes_one_part_and_is_bound_to_our_origin(settings, language, origin):
    settings.PUBLIC_URL = origin
    said = words.code_words("012345", language)
    assert count_segments(said.sms).parts == 1
    assert said.sms.splitlines()[-1] == f"@{origin.split('://')[1]} #012345"
    assert "012345" in said.text and "012345" not in said.subject


# --- the calendar ----------------------------------------------------------------------------------------------------


def event_of(calendar):
    (event,) = Calendar.from_ical(calendar).walk("VEVENT")
    return event


def test_the_calendar_says_the_same_as_the_message(told):
    for message in told("in-person").email.sent:
        event = event_of(message.calendar)
        assert (event["DTSTART"].dt, event["DTEND"].dt) == (at(11), at(11, 30))
        assert event["CLASS"] == "PRIVATE" and event["SUMMARY"] in ("Запись", "Appointment")
        assert "Речная, 12" in event["LOCATION"] or "Rechnaya 12" in event["LOCATION"]
        assert event["DESCRIPTION"].startswith("http://testserver/me/visits/")


def test_cancelling_replaces_the_same_event(told):
    calendars = [Calendar.from_ical(message.calendar) for message in told("in-person").email.sent]
    first, last = (calendar.walk("VEVENT")[0] for calendar in calendars)
    assert first["UID"] == last["UID"] and last["SEQUENCE"] > first["SEQUENCE"]
    assert [calendar["METHOD"] for calendar in calendars] == ["REQUEST", "CANCEL"]
    assert (first["STATUS"], last["STATUS"]) == ("CONFIRMED", "CANCELLED")


def test_a_place_with_commas_and_lines_does_not_break_the_calendar(gateways, booked, sql):
    sql("UPDATE people_location SET name_ru = %s", "ул. Длинная; д. 1, корп. 2\\3\r\nBEGIN:VALARM " + "ё" * 80)
    tell(booked())
    raw = gateways.email.sent[0].calendar
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert event_of(raw)["LOCATION"].endswith("2\\3\nBEGIN:VALARM " + "ё" * 80)
    assert not Calendar.from_ical(raw).walk("VALARM")
