"""What the clinic's people do in their own system appears on the portal, and the patient hears of it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.mis import exchanging, jobs_in
from portal.mis.ports import MisBusy, VisitStatus
from portal.scheduling.errors import HoldOver
from portal.scheduling.models import Occupancy
from tests.cast import uid
from tests.mis.conftest import clinic_with


def state(clinic, visit_id, who="anna"):
    visit = clinic.visit(visit_id, who)
    return visit.status, visit.cancelled_by


def times(visit_id):
    return [row.start for row in Occupancy.objects.filter(owner=visit_id)]


def patients(clinic):
    ((count,),) = clinic.sql("SELECT count(*) FROM people_patient")
    return count


def drifts(clinic):
    return clinic.sql("SELECT kind FROM mis_drift WHERE settled_at IS NULL")


# A visit of ours ---------------------------------------------------------------------------------------------------


def test_moved_there_to_another_time_it_is_moved_here_and_the_patient_hears_it_was_the_clinic(clinic):
    visit_id, ref = clinic.stands()
    role, old = clinic.roles[0], clinic.visit(visit_id).start
    slot = clinic.free_slot(role, n=4)
    clinic.desk("move", appointment=ref, slot=slot["id"])
    clinic.tend()
    visit = clinic.visit(visit_id)
    assert (visit.start, visit.moved_from, visit.status, visit.role_id) == (slot["at"], old, "booked", role.pk)
    assert times(visit_id) == [slot["at"]]
    clinic.tend()
    assert clinic.free(role) == old
    assert clinic.news(visit_id) == ["booked", "clinic-moved"]


def test_moved_there_to_another_doctor_that_doctor_has_it_here_too(clinic):
    visit_id, ref = clinic.stands()
    other = clinic.roles[1]
    slot = clinic.free_slot(other, n=2)
    clinic.desk("move", appointment=ref, slot=slot["id"])
    clinic.tend()
    visit = clinic.visit(visit_id)
    assert (visit.role_id, visit.practitioner_id, visit.start) == (other.pk, other.practitioner_id, slot["at"])
    assert visit.service_id in set(other.offers.values_list("service_id", flat=True))
    assert [row.practitioner_id for row in Occupancy.objects.filter(owner=visit_id)] == [other.practitioner_id]
    assert clinic.news(visit_id) == ["booked", "clinic-moved"]
    ((doctor,),) = clinic.sql("SELECT practitioner_id FROM people_careteam WHERE appointment_id = %s", visit_id)
    assert doctor == other.practitioner_id


def test_cancelled_there_it_is_cancelled_here_free_again_and_told(clinic):
    visit_id, ref = clinic.stands()
    start = clinic.visit(visit_id).start
    clinic.desk("cancel", appointment=ref)
    clinic.tend()
    assert state(clinic, visit_id) == ("cancelled", "registrar")
    assert times(visit_id) == []
    clinic.tend()
    assert clinic.free() == start
    assert clinic.news(visit_id) == ["booked", "clinic-cancelled"]
    ((is_over,),) = clinic.sql("SELECT upper(period) <= now() FROM people_careteam WHERE appointment_id = %s", visit_id)
    assert is_over


@pytest.mark.parametrize(
    ("acts", "becomes", "takes_time"),
    [
        (["arrive"], "arrived", True),
        (["noshow"], "noshow", False),
        (["fulfil"], "fulfilled", False),
        (["arrive", "fulfil"], "fulfilled", False),
    ],
)
def test_what_the_desk_ticks_off_is_so_here_and_nobody_is_told_of_it(clinic, acts, becomes, takes_time):
    visit_id, ref = clinic.stands()
    for act in acts:
        clinic.desk(act, appointment=ref)
        clinic.tend()
    assert state(clinic, visit_id) == (becomes, "")
    assert bool(times(visit_id)) is takes_time
    assert clinic.news(visit_id) == ["booked"]


def test_a_visit_that_is_deleted_there_is_cancelled_here_by_the_nightly_comparison(clinic):
    visit_id, ref = clinic.stands()
    clinic.desk("delete", appointment=ref)
    clinic.tend()
    assert clinic.visit(visit_id).status == "booked"  # no list of changes tells of what is gone
    exchanging.reconcile(clinic.organization)
    assert state(clinic, visit_id) == ("cancelled", "registrar")
    assert times(visit_id) == [] and drifts(clinic) == []
    assert clinic.news(visit_id) == ["booked", "clinic-cancelled"]


# Told again, told late ---------------------------------------------------------------------------------------------


def test_the_same_change_told_twice_is_done_once(clinic):
    visit_id, ref = clinic.stands()
    clinic.desk("move", appointment=ref)
    for _ in range(2):
        clinic.tend()
        clinic.sql("UPDATE mis_incoming SET version = '', state = 'waiting', next_at = now()")
    clinic.tend()
    visit = clinic.visit(visit_id)
    assert visit.version == 3  # submitted, settled, moved
    assert clinic.news(visit_id) == ["booked", "clinic-moved"]


def test_an_older_change_that_comes_late_does_not_bring_back_what_was(clinic):
    visit_id, ref = clinic.stands()
    clinic.desk("move", appointment=ref)
    clinic.tend()
    clinic.desk("cancel", appointment=ref)
    clinic.tend()
    clinic.sql("UPDATE mis_incoming SET version = '2', state = 'waiting', next_at = now() WHERE ref = %s", ref)
    clinic.tend()
    assert state(clinic, visit_id) == ("cancelled", "registrar")
    assert times(visit_id) == []
    assert clinic.news(visit_id) == ["booked", "clinic-moved", "clinic-cancelled"]


def test_several_changes_between_two_looks_end_where_they_ended_there(clinic):
    visit_id, ref = clinic.stands()
    for n in (3, 5):
        clinic.desk("move", appointment=ref, slot=clinic.free_slot(clinic.roles[0], n=n)["id"])
    (there,) = clinic.there(id=ref)
    clinic.tend()
    assert clinic.visit(visit_id).start == datetime.fromisoformat(there["start"])
    assert times(visit_id) == [clinic.visit(visit_id).start]
    assert clinic.news(visit_id) == ["booked", "clinic-moved"]


def copied(clinic, ref, slot):
    """Somebody there copies a visit to another time, with the portal's id in it."""
    whole = clinic.resource("Appointment", ref)
    body = {name: whole[name] for name in ("resourceType", "status", "identifier", "participant")}
    return clinic.create(body | {key: slot[key] for key in ("start", "end")} | {"slot": [reference(slot)]})


def reference(slot):
    return {"reference": f"Slot/{slot['id']}"}


def test_a_copy_of_a_visit_comes_and_goes_and_the_visit_stands_where_it_stood(clinic):
    visit_id, ref = clinic.stands()
    start = clinic.visit(visit_id).start
    copy = copied(clinic, ref, clinic.free_slot(clinic.roles[0], n=4))
    clinic.tend()
    assert (clinic.visit(visit_id).start, clinic.visit_ref(visit_id)) == (start, ref)
    clinic.desk("cancel", appointment=copy["id"])
    clinic.tend()
    assert (*state(clinic, visit_id), clinic.visit(visit_id).start) == ("booked", "", start)
    assert clinic.news(visit_id) == ["booked"]


@pytest.mark.parametrize("slip", ["arrive", "noshow", "fulfil"])
def test_a_slip_that_is_taken_back_there_is_taken_back_here(clinic, slip):
    visit_id, ref = clinic.stands()
    start = clinic.visit(visit_id).start
    clinic.desk(slip, appointment=ref)
    clinic.tend()
    assert clinic.visit(visit_id).status != "booked"
    get_visit = clinic.line.mis.get_visit
    clinic.line.mis.get_visit = lambda ref: replace(get_visit(ref), status=VisitStatus.BOOKED)  # not every system may
    clinic.line.mis.get_visit.__name__ = "get_visit"
    clinic.sql("UPDATE mis_incoming SET state = 'waiting' WHERE ref = %s", ref)
    clinic.tend()
    assert (clinic.visit(visit_id).status, clinic.visit(visit_id).start) == ("booked", start)
    assert times(visit_id) == [start]
    assert clinic.news(visit_id) == ["booked"]


def test_a_system_that_goes_away_in_the_middle_of_a_turn_does_not_hold_the_turn(clinic, monkeypatch):
    """However soon the changes are due again: the turn ends, so that somebody notices."""
    monkeypatch.setattr(jobs_in, "SOON", timedelta(0))
    for n in range(3):
        clinic.desk("book", slot=clinic.free_slot(clinic.roles[0], n=n)["id"])
    asked = []

    def get_visit(ref):
        asked.append(ref)
        if len(asked) > 1000:
            pytest.fail("this turn never ends")
        clinic.rested()
        raise MisBusy("unreachable")

    clinic.line.mis.get_visit = get_visit
    clinic.tend()
    assert asked
    assert len(asked) <= clinic.sql("SELECT count(*) FROM mis_incoming")[0][0]


@pytest.mark.parametrize("old_first", [True, False])
def test_a_visit_that_is_moved_there_by_a_copy_follows_the_copy(clinic, old_first):
    visit_id, ref = clinic.stands()
    slot = clinic.free_slot(clinic.roles[0], n=4)
    copy = copied(clinic, ref, slot)
    clinic.desk("cancel", appointment=ref)
    ((cursor,),) = clinic.sql("SELECT cursor FROM mis_exchange")
    jobs_in.pull(clinic.organization.pk, clinic.line, cursor)
    clinic.sql("UPDATE mis_incoming SET next_at = now() WHERE state = 'waiting'")
    clinic.sql(f"UPDATE mis_incoming SET next_at = now() - interval '1 h' WHERE (ref = %s) = {old_first}", ref)
    jobs_in.follow_due(clinic.organization.pk)
    clinic.settle()
    assert (clinic.visit(visit_id).start, clinic.visit_ref(visit_id)) == (slot["at"], copy["id"])
    assert (clinic.visit(visit_id).status, times(visit_id)) == ("booked", [slot["at"]])
    assert [one["id"] for one in clinic.there() if str(visit_id) in str(one["identifier"])] == [copy["id"]]
    assert clinic.news(visit_id) == ["booked", "clinic-moved"]


def test_a_state_that_nobody_has_mapped_is_shown_and_changes_nothing(double, token, sql, db):
    with clinic_with(double, token, sql, statuses={"arrived": VisitStatus.UNDEFINED}) as clinic:
        visit_id, ref = clinic.stands()
        before = clinic.visit(visit_id)
        clinic.desk("arrive", appointment=ref)
        clinic.tend()
        visit = clinic.visit(visit_id)
        assert (visit.status, visit.version, visit.start) == ("booked", before.version, before.start)
        assert times(visit_id) == [before.start]
        assert drifts(clinic) == [("undefined",)]
        assert clinic.news(visit_id) == ["booked"]


# What the desk writes down itself ----------------------------------------------------------------------------------


def written_down(clinic, who):
    """Visits of a patient of ours, by what the MIS calls them."""
    rows = clinic.sql(
        "SELECT a.id, v.ref FROM scheduling_appointment a JOIN mis_visitref v ON v.appointment_id = a.id"
        " WHERE a.patient_id = %s AND a.status = 'booked'",
        uid(who),
    )
    return {ref: visit_id for visit_id, ref in rows}


def test_booked_by_telephone_a_verified_patient_sees_it_here_and_hears_of_it(clinic):
    record = clinic.known_there("zoya")
    slot = clinic.free_slot(clinic.roles[1], n=3)
    made = clinic.desk("book", patient=record, slot=slot["id"])
    clinic.tend()
    visit_id = written_down(clinic, "zoya")[made["id"]]
    visit = clinic.visit(visit_id, "zoya")
    assert (visit.start, visit.role_id, visit.status) == (slot["at"], clinic.roles[1].pk, "booked")
    assert times(visit_id) == [slot["at"]]
    assert clinic.news(visit_id) == ["booked"]
    clinic.cancel(visit_id, "zoya")
    clinic.settle()
    assert clinic.there(id=made["id"]) == []


def test_booked_for_somebody_whom_nobody_here_knows_it_takes_the_time_and_nothing_else(clinic):
    count, role = patients(clinic), clinic.roles[0]
    slot = clinic.free_slot(role)
    ((visits,),) = clinic.sql("SELECT count(*) FROM scheduling_appointment")
    clinic.desk("book", slot=slot["id"])
    clinic.tend()
    clinic.tend()
    assert clinic.free(role) != slot["at"]
    assert patients(clinic) == count
    assert clinic.sql("SELECT count(*) FROM scheduling_appointment") == [(visits,)]
    assert clinic.sql("SELECT 1 FROM mis_patientref") == []


def test_booked_for_a_patient_who_is_not_verified_yet_nothing_of_it_is_shown(clinic):
    _visit_id, ref = clinic.stands("anna")  # somebody there has her telephone: to be looked at
    record = clinic.there(id=ref)[0]["patient"].removeprefix("Patient/")
    made = clinic.desk("book", patient=record, slot=clinic.free_slot(clinic.roles[1])["id"])
    clinic.tend()
    assert made["id"] not in written_down(clinic, "anna")


# In the way of the portal ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_known", [True, False])
def test_a_time_that_is_held_gives_way_to_the_desk_and_the_patient_is_told_so(clinic, is_known):
    record = clinic.known_there("zoya") if is_known else None
    role, slot = clinic.roles[0], clinic.free_slot(clinic.roles[0], n=2)

    def desk_takes_it():
        clinic.desk("book", slot=slot["id"], **({"patient": record} if record else {}))
        clinic.tend()

    with pytest.raises(HoldOver):
        clinic.book("anna", role=role, start=slot["at"], between=desk_takes_it)
    clinic.tend()
    assert clinic.sql("SELECT 1 FROM scheduling_occupancy WHERE kind = 'hold' AND expires_at > now()") == []
    assert len(clinic.there(slot=[f"Slot/{slot['id']}"])) == 1
    assert len(written_down(clinic, "zoya")) == int(is_known)


def test_a_time_booked_here_and_not_yet_there_that_the_desk_gives_to_a_patient_of_ours(clinic):
    record = clinic.known_there("zoya")
    slot = clinic.free_slot(clinic.roles[0], n=2)
    visit_id = clinic.book("anna", start=slot["at"])
    made = clinic.desk("book", patient=record, slot=slot["id"])
    clinic.tend()
    assert written_down(clinic, "zoya") == {}  # ours is in the way still
    clinic.settle()
    assert state(clinic, visit_id) == ("cancelled", "system")
    clinic.tend()
    assert list(written_down(clinic, "zoya")) == [made["id"]]
    assert times(written_down(clinic, "zoya")[made["id"]]) == [slot["at"]]
    assert clinic.news(visit_id) == ["refused"]
