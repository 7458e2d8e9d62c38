"""Writing visits down, moving and cancelling them, and finding them again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from portal.mis import carry
from portal.mis.line import Line
from portal.mis.ports import (
    TAKES_TIME,
    Capability,
    Changed,
    Gone,
    MisBroken,
    MisFailure,
    PatientUnknown,
    RuleViolation,
    Slot,
    TimeTaken,
    VisitStatus,
)


def nothing():
    """What is done before the first write: nothing here."""


@pytest.fixture
def line(world, mis):
    return Line(mis, world.mapping)


def test_a_booked_visit_reads_back_as_it_was_asked_for(world, mis):
    wanted, visit = world.booked()
    assert visit.is_as(wanted) and visit.status == VisitStatus.BOOKED
    assert visit.key == (wanted.key if Capability.KEYS in world.has else None)
    assert mis.get_visit(visit.ref) == visit
    assert world.live_at(wanted) == [visit]


def test_a_visit_may_be_longer_than_one_stretch_of_the_day(world):
    slot = world.free(minutes=60)
    wanted, visit = world.booked(slot)
    assert visit.is_as(wanted)
    shown = world.mis.get_slots(world.doctor_ref, slot.start, slot.end)
    assert [one.is_free for one in shown] == [False] * len(shown) and len(shown) > 1


def test_a_service_stays_with_its_visit(world, mis):
    (doctor,) = [one for one in mis.directory().doctors if one.ref == world.doctor_ref]
    if not doctor.services:
        return
    _wanted, visit = world.booked(service_ref=doctor.services[-1])
    assert visit.service_ref == doctor.services[-1]


def test_a_taken_time_is_refused_or_the_mis_does_not_promise_it(world, mis):
    wanted, first = world.booked()
    second = replace(wanted, key=uuid4(), patient_ref=world.stranger)
    if Capability.ATOMIC in world.has:
        with pytest.raises(TimeTaken):
            mis.book(second)
        assert world.live_at(wanted) == [first]
        assert mis.find_visits(second) == []


def test_on_the_way_the_portal_takes_a_taken_time_is_always_refused(world, line):
    wanted, first = world.booked()
    second = replace(wanted, key=uuid4(), patient_ref=world.stranger)
    word = carry.bring(line, second, "", is_unsure=True, writing=nothing)
    assert word.refused and word.visit is None
    assert world.live_at(wanted) == [first]


def test_a_time_outside_the_grid_is_refused(world, mis, line):
    slot = world.free()
    night = slot.start.replace(hour=0, minute=10) + timedelta(days=400)
    wanted = world.wanted(slot, start=night, end=night + timedelta(minutes=30))
    assert carry.bring(line, wanted, "", is_unsure=False, writing=nothing).refused
    assert world.live_at(wanted) == []


def test_a_time_that_is_past_is_refused(world, mis):
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    wanted = world.wanted(Slot(world.doctor_ref, yesterday, yesterday + timedelta(minutes=30), True))
    with pytest.raises((TimeTaken, RuleViolation)):
        mis.book(wanted)


def test_a_patient_whom_nobody_knows_cannot_come(world, mis):
    wanted = world.wanted(patient_ref="999999999")
    with pytest.raises((PatientUnknown, RuleViolation)):
        mis.book(wanted)
    assert world.now_at(wanted).is_free and world.live_at(wanted) == []


def test_a_visit_is_found_again_by_what_was_asked_for(world, mis):
    wanted, visit = world.booked()
    assert mis.find_visits(wanted) == [visit]
    assert mis.find_visits(world.wanted()) == []


def test_of_two_attempts_with_one_key_every_visit_is_found(world, mis):
    wanted, visit = world.booked()
    try:
        again = mis.book(wanted)
    except TimeTaken:
        again = visit
    assert sorted(one.ref for one in mis.find_visits(wanted)) == sorted({visit.ref, again.ref})


def test_a_visit_whose_answer_was_lost_is_found_and_not_made_again(world, line, mis):
    wanted, visit = world.booked()
    word = carry.bring(line, wanted, "", is_unsure=True, writing=nothing)
    assert word.visit == visit and world.live_at(wanted) == [visit]


def test_a_cancelled_visit_frees_its_time(world, mis):
    wanted, visit = world.booked()
    done = mis.cancel(visit)
    assert done is None or done.status not in TAKES_TIME
    assert world.now_at(wanted).is_free and world.live_at(wanted) == []
    again = mis.get_visit(visit.ref)
    assert again is None or again.status == VisitStatus.CANCELLED


def test_cancelling_twice_changes_nothing(world, mis):
    wanted, visit = world.booked()
    mis.cancel(visit)
    there = mis.get_visit(visit.ref)
    other_wanted, other = world.booked(Slot(world.doctor_ref, wanted.start, wanted.end, True))
    done = mis.cancel(visit)
    assert done == there
    assert world.live_at(other_wanted) == [other] and not world.now_at(wanted).is_free


def test_a_visit_that_never_was_is_cancelled_already(world, mis):
    _wanted, visit = world.booked()
    assert mis.get_visit("999999999") is None
    assert mis.cancel(replace(visit, ref="999999999")) is None


def test_the_time_of_a_cancelled_visit_is_booked_again_with_the_same_key(world, mis):
    wanted, visit = world.booked()
    mis.cancel(visit)
    again = mis.book(wanted)
    assert again.is_as(wanted) and world.live_at(wanted) == [again]


def test_a_visit_is_moved_in_one_step_or_the_mis_says_that_it_cannot(world, mis):
    wanted, visit = world.booked()
    new = replace(world.wanted(), key=wanted.key)
    if Capability.MOVE not in world.has:
        with pytest.raises(MisBroken, match="not-offered"):
            mis.move(visit, new)
        assert world.live_at(wanted) == [visit]
        return
    moved = mis.move(visit, new)
    assert (moved.ref, moved.is_as(new), moved.key) == (visit.ref, True, wanted.key)
    assert moved.version != visit.version
    assert world.now_at(wanted).is_free and not world.now_at(new).is_free


def test_on_the_way_the_portal_takes_a_visit_is_always_moved(world, line):
    wanted, visit = world.booked()
    new = replace(world.wanted(), key=wanted.key)
    word = carry.bring(line, new, visit.ref, is_unsure=False, writing=nothing)
    assert word.visit is not None and not word.refused
    assert world.live_at(wanted) == [] and world.live_at(new) == [word.visit]
    assert world.now_at(wanted).is_free and not world.now_at(new).is_free


def test_a_visit_that_is_moved_to_a_taken_time_stays_where_it_was(world, line):
    taken, other = world.booked(patient_ref=world.stranger)
    wanted, visit = world.booked()
    new = replace(wanted, start=taken.start, end=taken.end)
    word = carry.bring(line, new, visit.ref, is_unsure=False, writing=nothing)
    assert word.refused and word.visit == visit
    assert (world.live_at(wanted), world.live_at(taken)) == ([visit], [other])


def test_a_visit_is_moved_by_half_of_its_length(world, mis):
    long = world.free(minutes=90)
    half = timedelta(minutes=30)
    wanted, visit = world.booked(replace(long, end=long.end - half))
    new = replace(wanted, start=long.start + half, end=long.end)
    if Capability.MOVE in world.has:
        assert mis.move(visit, new).is_as(new)
        shown = sorted(mis.get_slots(world.doctor_ref, long.start, long.end), key=lambda slot: slot.start)
        assert [one.is_free for one in shown] == [True, False, False]


def test_a_visit_that_somebody_changed_meanwhile_is_not_moved(world, mis):
    if Capability.MOVE not in world.has:
        return
    wanted, visit = world.booked()
    second = replace(world.wanted(), key=wanted.key)
    mis.move(visit, second)
    with pytest.raises(Changed):
        mis.move(visit, replace(world.wanted(), key=wanted.key))
    assert [one.ref for one in world.live_at(second)] == [visit.ref]


def test_a_visit_that_is_gone_or_cancelled_is_not_moved(world, mis):
    if Capability.MOVE not in world.has:
        return
    wanted, visit = world.booked()
    cancelled = mis.cancel(visit)
    new = replace(world.wanted(), key=wanted.key)
    for one in (replace(visit, ref="999999999"), cancelled):
        with pytest.raises((Gone, RuleViolation)):
            mis.move(one, new)
    assert world.now_at(new).is_free and world.now_at(wanted).is_free


def test_a_time_is_held_for_one_alone_or_the_mis_says_that_it_cannot(world, mis):
    wanted = world.wanted()
    if Capability.HOLD not in world.has:
        with pytest.raises(MisBroken, match="not-offered"):
            mis.hold_slot(wanted)
        return
    held = replace(wanted, hold_ref=mis.hold_slot(wanted))
    assert not world.now_at(wanted).is_free
    with pytest.raises(TimeTaken):
        mis.book(replace(wanted, key=uuid4(), patient_ref=world.stranger))
    assert mis.book(held).is_as(held)


def test_visits_of_a_window_are_told_each_once(world, mis):
    pairs = [world.booked() for _ in range(3)]
    times = sorted(wanted.start for wanted, _visit in pairs)
    found = mis.booked_between(times[0], times[-1] + timedelta(seconds=1))
    assert len({one.ref for one in found}) == len(found)
    assert {visit.ref for _wanted, visit in pairs} <= {one.ref for one in found}
    assert all(times[0] <= one.start <= times[-1] for one in found)
    before = mis.booked_between(times[0] - timedelta(days=1), times[0])
    assert not {visit.ref for _wanted, visit in pairs} & {one.ref for one in before}


def test_errors_of_visits_are_those_of_the_port(world, mis):
    wanted = world.wanted(doctor_ref="999999999")
    with pytest.raises(MisFailure):
        mis.book(wanted)
    assert mis.find_visits(wanted) == []
