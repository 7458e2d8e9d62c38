"""Servers that promise more than they keep, and what becomes of a visit then."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import unquote_plus
from uuid import uuid4

import pytest

from portal.adapters.mis.fhir_r4 import parse, system, write
from portal.adapters.mis.fhir_r4.options import Options
from portal.adapters.mis.fhir_r4.tests.contract import WHOLE, peer
from portal.kernel.ports import PortError
from portal.mis.ports import (
    TAKES_TIME,
    Capability,
    Changed,
    MisBroken,
    RuleViolation,
    TimeTaken,
    VisitStatus,
    Wanted,
)
from tests.contracts.mis.between import between
from tests.contracts.mis.scripted import DAY, a_slot, a_statement, a_visit, an_outcome, said, scripted, to
from tests.contracts.mis.test_patients import EMPTY
from tests.contracts.mis.world import nobody
from tests.peers import servers

HOUR = timedelta(hours=1)


# A server that takes a transaction for a batch -----------------------------------------------------------------


def boasting(path, body):
    """The same statement, with transactions in it that the server does not have."""
    if not path.endswith("/metadata"):
        return body
    told = json.loads(body)
    told["rest"][0]["interaction"] = [{"code": "transaction"}]
    return json.dumps(told).encode()


@pytest.fixture(scope="module")
def torn_world():
    with peer(servers.medplum, WHOLE) as world:
        yield world


@pytest.fixture
def torn(torn_world):
    """Medplum's router without its transactions, and the adapter that was told it has them."""
    with between(torn_world.mapping.url) as road:
        road.rewrite, road.on = boasting, torn_world.is_write
        mis = torn_world.another(url=road.url)
        assert Capability.ATOMIC in mis.capabilities()
        yield torn_world, road, mis


@pytest.mark.peer
def test_a_torn_booking_leaves_nothing_of_ours_behind(torn):
    world, road, mis = torn
    slot = world.free(minutes=60)
    wanted = world.wanted(slot)
    first, second = world.mis.get_slots(world.doctor_ref, slot.start, slot.end)
    other = world.wanted(second, patient_ref=world.stranger)
    taken = []
    road.meanwhile = lambda: taken.append(world.mis.book(other))
    with pytest.raises(TimeTaken):
        mis.book(wanted)
    assert [one.status for one in mis.find_visits(wanted)] == [VisitStatus.ENTERED_IN_ERROR]
    assert world.live_at(other) == taken and world.live_at(replace(other, start=first.start)) == taken
    shown = sorted(world.mis.get_slots(world.doctor_ref, slot.start, slot.end), key=lambda one: one.start)
    assert [one.is_free for one in shown] == [True, False]


@pytest.mark.peer
def test_a_torn_move_leaves_the_visit_where_it_was(torn):
    world, road, mis = torn
    wanted, visit = world.booked()
    visit = mis.get_visit(visit.ref)
    new = replace(world.wanted(), key=wanted.key)
    other = replace(new, key=uuid4(), patient_ref=world.stranger)
    road.meanwhile = lambda: world.mis.book(other)
    with pytest.raises((TimeTaken, Changed)):
        mis.move(visit, new)
    assert [one.ref for one in world.live_at(wanted)] == [visit.ref]
    assert [one.patient_ref for one in world.live_at(new)] == [world.stranger]
    assert not world.now_at(wanted).is_free and not world.now_at(new).is_free


@pytest.mark.peer
def test_a_torn_cancellation_is_asked_for_again_and_then_done(torn):
    world, road, mis = torn
    wanted, visit = world.booked()
    busy = _slot_of(world, wanted)
    road.meanwhile = lambda: _touch(world, busy)
    with pytest.raises(Changed):
        mis.cancel(visit)
    mis.cancel(visit)
    assert world.live_at(wanted) == [] and world.now_at(wanted).is_free


def _slot_of(world, wanted):
    (_slot, raw), *_ = world.mis._grid.slots_at(world.doctor_ref, wanted.start, wanted.end)
    return raw


def _touch(world, slot):
    world.mis._wire.update("Slot", slot["id"], {**slot, "comment": "переставили стол"}, "")


def test_a_refused_part_that_nobody_raced_for_is_a_rule_and_leaves_nothing():
    def special(seen):
        if seen.path not in ("", "/") or seen.method != "POST":
            return None
        visit = json.loads(seen.body)["entry"][-1]["resource"]
        server._keep(visit)
        parts = [("422", "Slot/slot0"), ("201 Created", f"Appointment/{visit['id']}/_history/1")]
        entries = [{"response": {"status": status, "location": place}} for status, place in parts]
        return said({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})

    with scripted(special=special) as server:
        server.statement["rest"][0]["interaction"] = [{"code": "transaction"}]
        wanted = _wanted(server)
        with pytest.raises(RuleViolation, match="torn"):
            server.mis().book(wanted)
        assert [one["status"] for one in server.kept["Appointment"]] == ["entered-in-error"]


def _wanted(server, n=0):
    start = datetime.fromisoformat(a_slot(n)["start"])
    return Wanted(uuid4(), "r1", "p1", start, start + HOUR / 2)


# A time that two visits have -----------------------------------------------------------------------------------


def test_a_time_that_was_given_away_twice_stays_taken_when_one_of_the_two_goes(here, double):
    wanted, other = here.booked(patient_ref=here.stranger)
    double.order("overlap", on="create")
    mine = replace(wanted, key=uuid4(), patient_ref=here.patient)
    visit = _forced(here, mine)
    here.mis.cancel(visit)
    assert here.live_at(wanted) == [other] and not here.now_at(wanted).is_free


def _forced(world, wanted):
    """Written down past all rules, as a careless front desk does."""
    grid, wire = world.mis._grid, world.mis._wire
    slots = [raw for _slot, raw in grid.slots_at(wanted.doctor_ref, wanted.start, wanted.end)]
    body = write.appointment(wanted, grid.parts(wanted.doctor_ref), slots, Options())
    return world.mis._visit(wire.create("Appointment", body).body)


def test_a_visit_that_was_written_down_for_another_patient_is_told_as_it_is(here, double):
    wanted = here.wanted()
    double.order("wrong-patient", on="transaction")
    visit = here.mis.book(wanted)
    assert not visit.is_as(wanted)


# Pages of what is private ----------------------------------------------------------------------------------------


def test_the_next_page_of_a_private_search_is_private_too(caplog):
    caplog.set_level(logging.DEBUG)
    person = nobody()

    def special(seen):
        if "_search" not in seen.path:
            return None
        own = {"telecom": [{"system": "phone", "value": person.phones[0]}]}
        found = {"resourceType": "Patient", "id": f"p{len(server.seen)}", **own}
        link = {"relation": "next", "url": f"{server.url}/Patient?phone={person.phones[0][1:]}&page={len(server.seen)}"}
        more = [link] if len(server.seen) < 3 else []
        return said({"resourceType": "Bundle", "link": more, "entry": [{"resource": found}]})

    with scripted(special=special) as server:
        found = server.mis().find_patients(replace(EMPTY, phones=person.phones))
    assert len(found) == 3
    paths = unquote_plus(" ".join(one.path for one in server.seen))
    assert person.phones[0][1:] not in paths + caplog.text


def test_what_a_server_says_about_a_person_goes_into_no_error():
    person = nobody()
    for status in (400, 401, 404, 409, 412, 422, 500, 503):
        rude = said(an_outcome(person.family_name, text=f"{person.snils} уже есть"), status)
        with scripted(special=lambda seen, rude=rude: rude) as server, pytest.raises(PortError) as error:
            server.mis().find_patients(person)
        told = f"{error.value!r} {error.value} {vars(error.value)}"
        assert person.family_name not in told and person.snils not in told


# Less than the whole of FHIR -------------------------------------------------------------------------------------


def test_a_server_without_services_has_a_directory_all_the_same():
    with scripted() as server:
        told = server.mis().directory()
    assert (len(told.doctors), list(told.services)) == (1, [])


def test_a_server_that_cannot_be_searched_for_doctors_is_broken_and_not_empty():
    def special(seen):
        return said(an_outcome("not-supported"), 404) if seen.path.startswith("/PractitionerRole") else None

    with scripted(special=special) as server, pytest.raises(MisBroken, match="not-offered"):
        server.mis().directory()


def test_a_server_that_takes_no_patients_says_so():
    with scripted() as server:
        (rest,) = server.statement["rest"]
        rest["resource"] = [one for one in a_statement()["rest"][0]["resource"] if one["type"] != "Patient"]
        mis = server.mis()
        assert Capability.PATIENTS not in mis.capabilities()
        with pytest.raises(MisBroken, match="not-offered"):
            mis.create_patient(nobody(), key=uuid4())


def test_a_visit_that_took_place_names_its_doctor_by_role_or_in_person():
    period = {"start": DAY.isoformat()}
    ended = {"resourceType": "Encounter", "status": "finished", "subject": to("Patient/p1"), "period": period}
    actors = [to("PractitionerRole/r1"), to("Practitioner/d1"), to("Practitioner/unknown")]
    with scripted() as server:
        for n, actor in enumerate(actors):
            server.kept.setdefault("Encounter", []).append(
                {**ended, "id": f"e{n}", "participant": [{"individual": actor}]}
            )
        told = server.mis().list_visits("p1", DAY - HOUR)
    assert [one.doctor_ref for one in told] == ["r1", "r1", ""]


def test_a_state_that_nobody_has_mapped_is_undefined_takes_its_time_and_keeps_its_name():
    mapped = {"на приёме": VisitStatus.ARRIVED}
    told = [
        parse.visit(a_visit(0, status=said), Options(), mapped, {}) for said in ("на приёме", "думает", "undefined")
    ]
    assert [one.status for one in told] == ["arrived", "undefined", "undefined"]
    assert [one.raw_status for one in told] == ["", "думает", "undefined"]
    assert told[1].status in TAKES_TIME


# Changes ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def many_changes():
    """Thirty-five visits of one instant, then one by one: as after an import."""
    with scripted(cap=10) as server:
        instant = [{"meta": {"versionId": "1", "lastUpdated": DAY.isoformat()}}] * 35
        later = [{"meta": {"versionId": "1", "lastUpdated": (DAY + HOUR * n).isoformat()}} for n in range(1, 20)]
        rows = [a_visit(n, **meta) for n, meta in enumerate([*instant, *later])]
        server.special = partial(_changed, server, rows)
        yield server.mis(fresh={"overlap": 60})


def _changed(server, rows, seen):
    """What `_lastUpdated=ge…` asks for, in pages."""
    if "_lastUpdated=" not in seen.path:
        return None
    since = datetime.fromisoformat(unquote_plus(seen.path).partition("_lastUpdated=ge")[2].partition("&")[0])
    live = [one for one in rows if datetime.fromisoformat(one["meta"]["lastUpdated"]) >= since]
    first = int(seen.path.partition("&_from=")[2] or 0)
    path = seen.path.partition("&_from=")[0]
    more = [{"relation": "next", "url": f"{server.url}{path}&_from={first + 10}"}] if len(live) > first + 10 else []
    return said(
        {"resourceType": "Bundle", "link": more, "entry": [{"resource": one} for one in live[first : first + 10]]}
    )


def test_many_changes_of_one_instant_on_many_pages_are_all_told(many_changes, monkeypatch):
    monkeypatch.setattr(system, "MOST_AT_ONCE", 7)
    cursor, seen = (DAY - HOUR).isoformat(), set()
    for _ in range(20):
        told = many_changes.changes_since(cursor)
        assert told.visits and (told.cursor != cursor or told.is_all)
        seen |= {one.ref for one in told.visits}
        cursor = told.cursor
        if told.is_all:
            break
    assert seen == {f"visit{n}" for n in range(54)}


def test_a_cursor_goes_back_by_the_overlap_and_no_further(many_changes):
    last = many_changes.changes_since((DAY + HOUR * 18).isoformat())
    assert [one.ref for one in last.visits] == ["visit52", "visit53"]
    again = many_changes.changes_since(last.cursor)
    assert ([one.ref for one in again.visits], again.cursor) == (["visit53"], last.cursor)
