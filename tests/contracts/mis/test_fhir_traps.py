"""The twenty traps of FHIR servers that others have met, one by one, and those that come with them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from portal.adapters.mis import _http
from portal.adapters.mis.fhir_r4 import parse, text
from portal.adapters.mis.fhir_r4.options import Options
from portal.mis.ports import (
    Changed,
    MisBroken,
    MisUnknown,
    PatientUnknown,
    TimeTaken,
    VisitStatus,
)
from tests.contracts.mis.scripted import DAY, a_slot, a_visit, an_outcome, said, scripted, to
from tests.contracts.mis.test_patients import EMPTY
from tests.contracts.mis.world import nobody

WEEK = timedelta(days=7)


def test_trap_01_a_server_that_ignores_what_it_is_asked_tells_of_nobody(double, here):
    double.order("ignore-params", times=9, on="search")
    assert here.mis.find_patients(nobody()) == []


def test_trap_01_without_a_self_link_everybody_is_looked_at_again():
    own = {"telecom": [{"system": "phone", "value": "8 916 000-00-01"}]}
    with scripted() as server:
        server.kept["Patient"] = [{"resourceType": "Patient", "id": f"p{n}"} for n in range(5)]
        server.kept["Patient"][3] |= own
        found = server.mis().find_patients(replace(EMPTY, phones=("+79160000001",)))
    assert [one.ref for one in found] == ["p3"]


def test_trap_01_times_of_others_and_of_other_days_are_not_ours(double, here):
    since = datetime.now(UTC) + timedelta(days=2)
    asked = here.mis.get_slots(here.doctor_ref, since, since + WEEK)
    double.order("ignore-params", times=50, on="search")
    ignored = here.another().get_slots(here.doctor_ref, since, since + WEEK)
    assert {one.start for one in ignored} <= {one.start for one in asked}


def test_trap_02_a_next_page_on_another_host_is_not_fetched(double, here):
    double.order("foreign-next", times=9, on="search")
    with pytest.raises(MisBroken, match="foreign-page"):
        here.another().directory()


REFERENCES = {
    "relative": (to("Patient/p7"), "p7"),
    "of a version": (to("Patient/p7/_history/3"), "p7"),
    "of another kind": (to("Group/p7"), ""),
    "urn:uuid": (to("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"), ""),
    "by identifier alone": ({"identifier": {"system": "urn:x", "value": "7"}}, ""),
    "contained": (to("#p7"), ""),
    "nothing": ({}, ""),
    "no object": ("Patient/p7", ""),
}


@pytest.mark.parametrize("form", REFERENCES)
def test_trap_03_a_reference_is_understood_in_each_form_or_leads_nowhere(form):
    given, id_ = REFERENCES[form]
    within = {"contained": [{"resourceType": "Patient", "id": "p7"}]}
    assert parse.reference(given, "Patient", within=within) == id_


def test_trap_03_an_absolute_reference_is_ours_only_on_our_server():
    with scripted() as server:
        ours, theirs = f"{server.url}/Patient/p1", "https://elsewhere.example/fhir/Patient/p1"
        for n, target in enumerate((ours, theirs, "http://inside:8080/fhir/Patient/p1")):
            visit = a_visit(n)
            visit["participant"][1]["actor"] = to(target)
            server.kept.setdefault("Appointment", []).append(visit)
        mis = server.mis(options={"bases": ["http://inside:8080/fhir"]})
        assert [mis.get_visit(f"visit{n}").patient_ref for n in range(3)] == ["p1", "", "p1"]


def test_trap_03_a_server_may_call_itself_by_a_name_of_its_own():
    with scripted() as server:
        server.statement["implementation"] = {"url": "http://inside:8080/fhir"}
        server.kept["Schedule"][0]["actor"] = [to("http://inside:8080/fhir/PractitionerRole/r1")]
        mis = server.mis()
        mis.capabilities()
        assert len(mis.get_slots("r1", DAY, DAY + WEEK)) == 6


@pytest.mark.parametrize("has_total", [True, False])
def test_trap_04_pages_are_followed_whatever_count_and_total_say(has_total):
    with scripted(cap=4, has_total=has_total) as server:
        server.kept["Slot"] = [a_slot(n) for n in range(11)]
        assert len(server.mis().get_slots("r1", DAY, DAY + WEEK)) == 11


@pytest.mark.parametrize("has_total", [True, False])
def test_trap_04_without_next_links_a_full_page_is_not_the_end(has_total):
    with scripted(has_links=False, has_total=has_total) as server:
        server.kept["Slot"] = [a_slot(n) for n in range(35)]
        mis = server.mis(options={"page": 10})
        assert len(mis.get_slots("r1", DAY, DAY + WEEK)) == 35


def test_trap_04_a_capped_page_without_links_is_told_by_the_total():
    with scripted(has_links=False, has_total=True, cap=10) as server:
        server.kept["Slot"] = [a_slot(n) for n in range(35)]
        assert len(server.mis().get_slots("r1", DAY, DAY + WEEK)) == 35


def test_trap_04_half_of_a_list_is_never_taken_for_the_whole():
    with scripted(has_links=False, knows_offset=False) as server:
        server.kept["Slot"] = [a_slot(n) for n in range(35)]
        with pytest.raises(MisBroken, match="incomplete"):
            server.mis(options={"page": 10}).get_slots("r1", DAY, DAY + WEEK)


NINE = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
INSTANTS = {
    "2026-11-24T06:00:00Z": NINE,
    "2026-11-24T09:00:00+03:00": NINE,
    "2026-11-23T18:00:00-12:00": NINE,
    "2026-11-24T06:00Z": NINE,
    "2026-11-24T06:00:00.5Z": NINE + timedelta(milliseconds=500),
    "2026-11-24T06:00:00.123456789+00:00": NINE + timedelta(microseconds=123456),
    "2026-11-24T09:00:00": None,
    "2026-11-24": None,
    "2026-13-24T09:00:00Z": None,
    "": None,
}


@pytest.mark.parametrize("written", INSTANTS)
def test_trap_05_an_instant_is_a_time_and_not_a_text(written):
    assert parse.instant(written) == INSTANTS[written]


def test_trap_05_a_slot_in_another_offset_is_the_same_slot():
    odd = {"start": (DAY + timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S.000+05:00")}
    with scripted() as server:
        server.kept["Slot"] = [a_slot(0, **odd)]
        (slot,) = server.mis().get_slots("r1", DAY, DAY + WEEK)
    assert slot.start == DAY


def test_trap_06_decimals_keep_every_digit_when_a_visit_is_moved():
    price = {"url": "https://clinic.example/price", "valueDecimal": "@"}
    told = json.dumps(a_visit(0, extension=[price])).replace('"@"', "72.50").encode()
    sent = []

    def special(seen):
        if seen.method == "GET" and "Appointment/visit0" in seen.path:
            return 200, {}, told
        sent.append(seen.body) if seen.method == "PUT" and "Appointment" in seen.path else None
        return None

    with scripted(special=special) as server:
        server.mis().cancel(server.mis().get_visit("visit0"))
    assert b'"valueDecimal": 72.50}' in sent[0]


@pytest.mark.parametrize("number", ["72.50", "0.0", "1e3", "1.50E-7", "100000000000000000000000.10", "-3.140"])
def test_trap_06_a_number_is_written_as_it_was_read(number):
    body = text.decoded(b'{"resourceType":"Basic","x":[' + number.encode() + b"]}")
    assert body["x"] == [Decimal(number)]
    assert text.encoded(body) == b'{"resourceType": "Basic", "x": [' + number.encode() + b"]}"


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
def test_trap_06_what_is_no_number_is_no_fhir(word):
    assert text.decoded(b'{"resourceType":"Basic","x":' + word + b"}") is None


def test_trap_07_what_we_do_not_understand_stays_as_it_was():
    odd = {"url": "https://clinic.example/why", "extension": [{"url": "absent", "valueString": "<0.5"}]}
    with scripted() as server:
        server.kept["Appointment"] = [a_visit(0, extension=[odd], _status={"id": "s"}, priority=3)]
        server.mis().cancel(server.mis().get_visit("visit0"))
        (kept,) = server.kept["Appointment"]
    assert (kept["extension"], kept["_status"], kept["priority"]) == ([odd], {"id": "s"}, 3)


@pytest.mark.parametrize(("written", "born"), [("1980", None), ("1980-05", None), ("1980-05-06", date(1980, 5, 6))])
def test_trap_08_a_part_of_a_date_is_nobodys_birthday(written, born):
    made = {"resourceType": "Patient", "id": "p1", "birthDate": written, "_birthDate": {"extension": []}}
    assert parse.patient(made, Options()).person.birth_date == born


@pytest.mark.parametrize("mode", ["outcome", "outcome:error"])
def test_trap_09_an_outcome_in_place_of_a_visit_is_not_taken_for_one(here, double, mode):
    wanted, mis = here.wanted(), here.mis
    double.order(mode, on="transaction")
    with pytest.raises(MisUnknown):
        mis.book(wanted)
    assert len(mis.find_visits(wanted)) == (1 if mode == "outcome" else 0)


def test_trap_09_a_write_answered_with_a_word_that_it_is_done_is_read_again():
    with scripted() as server:
        server.kept["Appointment"] = [a_visit(0)]

        def special(seen):
            if seen.method != "PUT" or "Appointment" not in seen.path:
                return None
            server._keep(json.loads(seen.body))
            return said(an_outcome("informational", "information"))

        server.special = special
        mis = server.mis()
        assert mis.cancel(mis.get_visit("visit0")).status == VisitStatus.CANCELLED


def test_trap_09_an_empty_answer_to_an_update_is_read_again_too():
    with scripted() as server:
        server.kept["Appointment"] = [a_visit(0)]

        def special(seen):
            return server._keep(json.loads(seen.body)) and (200, {}, b"") if seen.method == "PUT" else None

        server.special = special
        mis = server.mis()
        assert mis.cancel(mis.get_visit("visit0")).status == VisitStatus.CANCELLED


def test_trap_10_behind_a_proxy_that_loses_etags_nobody_overwrites_anybody(here, road):
    road.lose = frozenset({"etag", "last-modified"})
    mis = here.another(url=road.url)
    wanted = here.wanted()
    visit = mis.book(wanted)
    moved = here.mis.move(visit, replace(here.wanted(), key=wanted.key))
    assert visit.version and moved.version != visit.version
    with pytest.raises(Changed):
        mis.move(visit, replace(here.wanted(), key=wanted.key))


XML = (200, {"Content-Type": "application/fhir+xml"}, b'<Bundle xmlns="http://hl7.org/fhir"/>')


@pytest.mark.parametrize("answer", [XML, (406, {}, b""), (415, {}, b"")])
def test_trap_11_a_server_of_xml_alone_is_refused_in_plain_words(answer):
    with scripted(special=lambda seen: answer) as server:
        with pytest.raises(MisBroken, match=r"JSON"):
            server.mis().ping()
        findings = list(server.mis().check())
    assert [one.is_good for one in findings] == [False] and "JSON" in findings[0].detail


@pytest.mark.parametrize("status", [404, 410])
def test_trap_12_deleted_or_never_there_is_the_same_nothing(status):
    def special(seen):
        return said(an_outcome("deleted"), status) if seen.path.count("/") == 2 else None

    with scripted(special=special) as server:
        mis = server.mis()
        visit = parse.visit(a_visit(0), Options(), {}, {})
        assert mis.get_visit("visit0") is None and mis.cancel(visit) is None
        with pytest.raises(PatientUnknown):
            mis.get_patient("p1")


def test_trap_13_new_ids_of_slots_every_night_change_nothing(here, double):
    wanted, visit = here.booked()
    double.control("slots", regenerate=True)
    visit = here.mis.get_visit(visit.ref)
    new = replace(here.wanted(), key=wanted.key)
    double.control("slots", regenerate=True)
    moved = here.mis.move(here.mis.get_visit(visit.ref), new)
    assert moved.is_as(new) and here.now_at(wanted).is_free and not here.now_at(new).is_free
    double.control("slots", regenerate=True)
    here.mis.cancel(moved)
    assert here.now_at(new).is_free


@pytest.mark.parametrize("act", ["book", "cancel"])
def test_trap_13_the_night_may_come_between_looking_and_writing(here, double, road, act):
    mis = here.another(url=road.url)
    wanted = here.wanted()
    visit = mis.book(wanted) if act == "cancel" else None
    road.on, road.meanwhile = here.is_write, lambda: double.control("slots", regenerate=True)
    if visit is None:
        assert mis.book(wanted).is_as(wanted)
        return
    with pytest.raises(Changed):
        mis.cancel(visit)
    mis.cancel(visit)
    assert here.now_at(wanted).is_free


def test_trap_14_a_merged_patient_says_who_they_are_now():
    with scripted() as server:
        server.kept["Patient"][0] |= {"active": False, "link": [{"type": "replaced-by", "other": to("Patient/p2")}]}
        known = server.mis().get_patient("p1")
    assert (known.is_active, known.replaced_by) == (False, "p2")


def test_trap_14_a_link_that_leads_nowhere_still_says_that_the_record_is_over():
    link = [{"type": "seealso", "other": to("Patient/p3")}, {"type": "replaced-by", "other": {"display": "…"}}]
    known = parse.patient({"resourceType": "Patient", "id": "p1", "link": link}, Options())
    assert known.replaced_by == "?"


def test_trap_15_what_was_entered_in_error_is_no_time_no_visit_and_took_place_never():
    ended = {
        "resourceType": "Encounter",
        "id": "e1",
        "subject": to("Patient/p1"),
        "period": {"start": "2026-01-01T09:00:00Z"},
    }
    with scripted() as server:
        server.kept["Slot"] = [a_slot(0, status="entered-in-error"), a_slot(1)]
        server.kept["Appointment"] = [a_visit(0, status="entered-in-error")]
        server.kept["Encounter"] = [
            {**ended, "status": "entered-in-error"},
            {**ended, "id": "e2", "status": "finished"},
        ]
        mis = server.mis()
        assert len(mis.get_slots("r1", DAY, DAY + WEEK)) == 1
        assert mis.get_visit("visit0").status == VisitStatus.ENTERED_IN_ERROR
        assert [one.ref for one in mis.list_visits("p1", NINE - timedelta(days=400))] == ["e2"]


def test_trap_16_after_a_lost_answer_a_repeat_makes_nothing_twice(here, double):
    wanted, person, key = here.wanted(), nobody(), uuid4()
    double.order("lost", on="transaction")
    with pytest.raises(MisUnknown):
        here.mis.book(wanted)
    with pytest.raises(TimeTaken):
        here.mis.book(wanted)
    assert [one.key for one in here.live_at(wanted)] == [wanted.key]
    double.order("lost", on="create")
    with pytest.raises(MisUnknown):
        here.mis.create_patient(person, key=key)
    made = here.mis.create_patient(person, key=key)
    assert [one.ref for one in here.mis.find_patients(person)] == [made.ref]


def test_trap_17_ten_thousand_slots_come_page_by_page():
    with scripted(cap=500, has_total=True) as server:
        server.kept["Slot"] = [a_slot(n) for n in range(10_000)]
        found = server.mis(options={"page": 500}).get_slots("r1", DAY, DAY + timedelta(days=300))
        assert len(found) == 10_000
        assert sum("Slot" in one.path for one in server.seen) == 20


@pytest.mark.parametrize(
    ("version", "name"), [("1.0.2", "DSTU2"), ("3.0.2", "STU3"), ("4.3.0", "R4B"), ("5.0.0", "R5")]
)
def test_trap_18_another_fhir_behind_the_same_address_is_refused_by_its_name(version, name):
    with scripted() as server:
        server.statement["fhirVersion"] = version
        for ask in (server.mis().ping, server.mis().capabilities):
            with pytest.raises(MisBroken, match=f"{name}.*R4"):
                ask()


def test_trap_18_the_statement_of_old_was_called_otherwise():
    old = {"resourceType": "Conformance", "fhirVersion": "1.0.2"}
    with scripted(statement=old) as server, pytest.raises(MisBroken, match="DSTU2"):
        server.mis().ping()


HTML = {"status": "generated", "div": "<div><script>alert(1)</script>Иванов</div>"}


def test_trap_19_the_words_of_a_server_are_neither_kept_nor_sent_back():
    with scripted() as server:
        for rows in server.kept.values():
            rows[:] = [{**one, "text": HTML} for one in rows]
        server.kept["Appointment"] = [a_visit(0, text=HTML)]
        mis = server.mis()
        told = [mis.directory(), mis.get_patient("p1").person, mis.get_visit("visit0")]
        assert "script" not in repr([vars_of(one) for one in told])
        mis.cancel(mis.get_visit("visit0"))
        assert "text" not in server.kept["Appointment"][0]


def vars_of(value):
    return [getattr(value, name) for name in type(value).__slots__]


@pytest.mark.parametrize("is_write", [False, True])
def test_trap_20_an_answer_that_is_too_large_is_not_read_to_its_end(monkeypatch, is_write):
    monkeypatch.setattr(_http, "LARGEST", 100_000)
    large = said({"resourceType": "Patient", "id": "p1", "photo": [{"data": "A" * 200_000}]})

    def special(seen):
        return large if seen.path == "/Patient/p1" or (seen.method == "POST" and seen.path == "/Patient") else None

    with scripted(special=special) as server:
        mis = server.mis()
        with pytest.raises(MisUnknown if is_write else MisBroken, match="too-large"):
            mis.create_patient(nobody(), key=uuid4()) if is_write else mis.get_patient("p1")
