"""What every MIS tells of itself: that it is there, who works in it, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from portal.mis.ports import Capability, MisBroken
from tests.contracts.mis.world import HORIZON, SOON


def test_it_can_do_what_its_contract_says_and_no_more(world, mis):
    assert mis.capabilities() == world.has


def test_it_says_what_it_is_and_what_time_it_has(mis):
    health = mis.ping()
    assert health.product and health.version
    assert health.skew is None or abs(health.skew) < timedelta(seconds=60)


def test_the_self_check_finds_nothing_wrong_and_names_no_patient(world, mis):
    findings = list(mis.check())
    assert [one for one in findings if not one.is_good and not one.what.startswith("times of")] == []
    assert world.person.family_name not in repr(findings)
    assert world.person.phones[0] not in repr(findings)


def test_the_self_check_of_a_mis_that_is_away_says_so_and_raises_nothing(world, closed):
    findings = list(world.another(url=closed).check())
    assert [one.is_good for one in findings] == [False]


def test_the_directory_has_the_doctor_with_a_place_and_a_specialty(world, mis):
    told = mis.directory()
    (doctor,) = [one for one in told.doctors if one.ref == world.doctor_ref]
    assert doctor.family_name and doctor.given_name and doctor.specialty and doctor.practitioner_ref
    assert doctor.branch_ref in [branch.ref for branch in told.branches]
    assert set(doctor.services) <= {service.ref for service in told.services}


def test_the_directory_names_each_thing_once(mis):
    told = mis.directory()
    for things in (told.doctors, told.branches, told.services):
        refs = [one.ref for one in things]
        assert len(refs) == len(set(refs)) and all(refs)


def test_times_are_aware_and_belong_to_the_doctor_who_was_asked_for(world):
    slots = world.slots()
    assert slots
    assert {slot.doctor_ref for slot in slots} == {world.doctor_ref}
    assert all(slot.start.utcoffset() is not None and slot.start < slot.end for slot in slots)
    assert len({slot.start for slot in slots}) == len(slots)


def test_a_window_has_its_first_moment_and_not_its_last(world, mis):
    first, second = world.slots()[4:6]
    found = mis.get_slots(world.doctor_ref, first.start, second.start)
    assert [slot.start for slot in found] == [first.start]
    assert mis.get_slots(world.doctor_ref, first.start + timedelta(seconds=1), first.end) == []


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=12)), timezone(timedelta(hours=-11))])
def test_a_window_is_the_same_in_whatever_zone_it_is_asked(world, mis, zone):
    slots = world.slots()
    since, until = slots[3].start, slots[9].start
    found = mis.get_slots(world.doctor_ref, since.astimezone(zone), until.astimezone(zone))
    assert sorted(slot.start for slot in found) == [slot.start for slot in slots[3:9]]


def test_many_days_are_the_days_one_by_one(world, mis):
    now = datetime.now(UTC) + SOON
    days = [(now + timedelta(days=n), now + timedelta(days=n + 1)) for n in range(HORIZON.days)]
    single = [slot for since, until in days for slot in mis.get_slots(world.doctor_ref, since, until)]
    whole = mis.get_slots(world.doctor_ref, now, days[-1][1])
    assert sorted(slot.start for slot in single) == sorted(slot.start for slot in whole)


def test_nobody_works_in_ten_years_and_a_doctor_nobody_knows_never(world, mis):
    later = datetime.now(UTC) + timedelta(days=3650)
    assert mis.get_slots(world.doctor_ref, later, later + timedelta(days=7)) == []
    assert mis.get_slots("999999999", datetime.now(UTC), datetime.now(UTC) + timedelta(days=7)) == []


def test_a_time_that_was_given_away_is_not_free_any_more(world):
    wanted, _visit = world.booked()
    assert not world.now_at(wanted).is_free


def test_visits_that_took_place_are_told_or_the_mis_says_that_it_cannot(world, mis):
    if Capability.VISITS in world.has:
        since = datetime.now(UTC) - timedelta(days=400)
        found = mis.list_visits(world.patient, since)
        assert all(one.start >= since and one.start < datetime.now(UTC) for one in found)
        assert mis.list_visits(world.patient, datetime.now(UTC)) == []
        return
    with pytest.raises(MisBroken, match="not-offered"):
        mis.list_visits(world.patient, datetime.now(UTC))


def test_results_and_documents_are_promised_by_nobody_yet(mis):
    assert not mis.capabilities() & {Capability.RESULTS, Capability.DOCUMENTS}
