"""The reception has said who it is: visits of ours move to that record, and what stands at it comes in."""

from __future__ import annotations

import pytest

from portal.mis import jobs
from portal.mis.models import Drift, Outgoing
from portal.mis.ports import Capability, MisBusy
from portal.scheduling.models import Occupancy
from tests.cast import uid
from tests.mis.test_encounters import fhir, record_of, ref_of


@pytest.fixture
def boris(clinic):
    """The id of Boris's record there, known by his telephone alone."""
    return record_of(clinic, "Борис")


@pytest.fixture
def visit_id(clinic, boris):
    """Written down there under a record that was made for him."""
    made = clinic.book("boris")
    clinic.work()
    assert under(clinic, made)[0] != boris
    return made


def settle(client_of, chosen):
    answer = client_of("rita").post(f"/desk/mis/patients/{uid('boris')}/", {"chosen": chosen})
    assert answer.status_code == 302


def under(clinic, visit_id):
    """Under which records the visit stands there."""
    live = [one for one in clinic.there() if str(visit_id) in str(one["identifier"])]
    return [one["patient"].removeprefix("Patient/") for one in live]


def causes(clinic):
    return clinic.sql("SELECT state, code FROM mis_outgoing")


def told(clinic):
    rows = clinic.sql("SELECT task_name FROM procrastinate_jobs WHERE task_name LIKE 'notifications.%%'")
    return sorted(name for (name,) in rows)


def free_slot(clinic, start):
    (slot,) = [one for one in clinic.slots(clinic.roles[0]) if one["at"] == start]
    return slot["id"]


def test_a_visit_moves_to_the_chosen_record_and_nobody_hears_of_it(clinic, client_of, boris, visit_id):
    start, before = clinic.visit(visit_id, "boris").start, told(clinic)
    settle(client_of, boris)
    clinic.work()
    assert under(clinic, visit_id) == [boris]
    for _ in range(3):
        clinic.tend()
    visit = clinic.visit(visit_id, "boris")
    assert (visit.status, visit.start, visit.version) == ("booked", start, 2)
    assert (causes(clinic), told(clinic)) == ([], before)
    assert Drift.objects.count() == 0
    assert Occupancy.objects.filter(owner=visit_id).count() == 1


def test_run_twice_it_is_the_same(clinic, client_of, boris, visit_id):
    settle(client_of, boris)
    clinic.work()
    ref = ref_of(clinic, visit_id)
    jobs.follow_match(patient_id=uid("boris"), organization_id=clinic.organization.pk, is_other=1)
    clinic.work()
    assert (ref_of(clinic, visit_id), under(clinic, visit_id), causes(clinic)) == (ref, [boris], [])


def test_none_of_them_moves_nothing(clinic, client_of, visit_id):
    ref = ref_of(clinic, visit_id)
    settle(client_of, "")
    clinic.work()
    clinic.tend()
    assert (ref_of(clinic, visit_id), clinic.visit(visit_id, "boris").status) == (ref, "booked")


def test_what_stands_at_the_chosen_record_comes_in(clinic, client_of, boris, visit_id):
    start = clinic.free(n=5)
    clinic.desk("book", slot=free_slot(clinic, start), patient=boris)
    clinic.tend()
    assert not clinic.sql("SELECT 1 FROM scheduling_appointment WHERE start = %s", start)
    settle(client_of, boris)
    clinic.work()
    clinic.tend()
    ((patient, status),) = clinic.sql("SELECT patient_id, status FROM scheduling_appointment WHERE start = %s", start)
    assert (patient, status) == (uid("boris"), "booked")


def test_what_was_written_down_at_our_own_record_comes_in(clinic, client_of, visit_id):
    """Nobody was sure of that either, until the reception said that it is none of the others."""
    (made,) = under(clinic, visit_id)
    start = clinic.free(n=5)
    clinic.desk("book", slot=free_slot(clinic, start), patient=made)
    clinic.tend()
    settle(client_of, "")
    clinic.work()
    clinic.tend()
    assert len(clinic.sql("SELECT 1 FROM scheduling_appointment WHERE start = %s", start)) == 1


@pytest.mark.parametrize("mode", ["lost", "after:500", "outcome", "drop", "error:503"])
@pytest.mark.parametrize("nth", [0, 1])
def test_whatever_is_lost_on_the_way_it_stands_once_under_the_chosen_record(
    clinic, client_of, boris, visit_id, mode, nth
):
    settle(client_of, boris)
    write = clinic.line.mis.book if nth else clinic.line.mis.cancel

    def trouble(*args):
        setattr(clinic.line.mis, write.__name__, write)
        clinic.double.order(mode, on="transaction")
        return write(*args)

    trouble.__name__ = write.__name__
    setattr(clinic.line.mis, write.__name__, trouble)
    clinic.settle()
    clinic.tend()
    assert under(clinic, visit_id) == [boris]
    assert (clinic.visit(visit_id, "boris").status, causes(clinic)) == ("booked", [])


def test_a_record_that_takes_no_visits_leaves_it_where_it_was(clinic, client_of, boris, visit_id):
    (made,) = under(clinic, visit_id)
    record = fhir(clinic, "GET", f"Patient/{boris}").json()
    settle(client_of, boris)
    assert fhir(clinic, "PUT", f"Patient/{boris}", **{**record, "active": False}).is_success
    clinic.work()
    for _ in range(2):
        clinic.tend()
    assert under(clinic, visit_id) == [made]
    assert clinic.visit(visit_id, "boris").status == "booked"
    ((state, _code),) = causes(clinic)
    assert state == "dead"
    assert fhir(clinic, "PUT", f"Patient/{boris}", **{**record, "active": True}).is_success
    (row,) = Outgoing.objects.all()
    client_of("alla").post(f"/manage/mis/out/{row.pk}/replay/")
    clinic.settle()
    assert (under(clinic, visit_id), causes(clinic)) == ([boris], [])


def test_somebody_quicker_gets_the_time_and_a_person_is_told_instead_of_a_visit_lost(
    clinic, client_of, boris, visit_id
):
    start = clinic.visit(visit_id, "boris").start
    settle(client_of, boris)
    book = clinic.line.mis.book

    def late(wanted):
        if wanted.patient_ref == boris:
            clinic.desk("book", slot=free_slot(clinic, start))
        return book(wanted)

    late.__name__ = "book"
    clinic.line.mis.book = late
    before = told(clinic)
    clinic.work()
    for _ in range(2):
        clinic.tend()
    assert under(clinic, visit_id) == []
    assert causes(clinic) == [("dead", "time-taken")]
    assert (clinic.visit(visit_id, "boris").status, told(clinic)) == ("booked", before)


def test_cancelled_there_meanwhile_it_is_not_written_down_again(clinic, client_of, boris, visit_id):
    settle(client_of, boris)
    clinic.desk("cancel", appointment=ref_of(clinic, visit_id))
    clinic.work()
    assert under(clinic, visit_id) == []
    assert causes(clinic) == [("dead", "gone")]


def test_whoever_has_come_is_seen_under_the_old_record(clinic, client_of, boris, visit_id):
    (made,) = under(clinic, visit_id)
    settle(client_of, boris)
    clinic.desk("arrive", appointment=ref_of(clinic, visit_id))
    clinic.work()
    assert (under(clinic, visit_id), causes(clinic)) == ([made], [])


def test_a_move_that_was_asked_for_ends_under_the_chosen_record(clinic, client_of, boris, visit_id):
    new = clinic.free(n=3)
    clinic.move(visit_id, new, "boris")
    settle(client_of, boris)
    clinic.work()
    clinic.tend()
    assert under(clinic, visit_id) == [boris]
    assert (clinic.visit(visit_id, "boris").start, causes(clinic)) == (new, [])


def test_a_move_that_is_refused_leaves_it_at_its_time_under_the_chosen_record(clinic, client_of, boris, visit_id):
    old, new = clinic.visit(visit_id, "boris").start, clinic.free(n=3)
    clinic.move(visit_id, new, "boris")
    clinic.desk("book", slot=free_slot(clinic, new))
    settle(client_of, boris)
    clinic.settle()
    clinic.tend()
    assert under(clinic, visit_id) == [boris]
    assert (clinic.visit(visit_id, "boris").start, causes(clinic)) == (old, [])


def test_down_it_moves_when_the_line_is_up(clinic, client_of, boris, visit_id):
    settle(client_of, boris)
    clinic.double.control("down", down=True)
    with pytest.raises(MisBusy):  # the queue runs it again
        clinic.work()
    clinic.double.control("down", down=False)
    clinic.settle()
    assert under(clinic, visit_id) == [boris]
    jobs.follow_match(patient_id=uid("boris"), organization_id=clinic.organization.pk, is_other=1)
    clinic.settle()
    assert (under(clinic, visit_id), causes(clinic)) == ([boris], [])


@pytest.mark.parametrize("lacks", [Capability.ATOMIC, Capability.MOVE])
def test_a_system_that_can_do_less_has_it_under_the_chosen_record_too(
    clinic, client_of, boris, visit_id, monkeypatch, lacks
):
    has = clinic.line.mis.capabilities() - {lacks}
    monkeypatch.setattr(clinic.line.mis, "capabilities", lambda: has)
    settle(client_of, boris)
    clinic.work()
    clinic.tend()
    assert (under(clinic, visit_id), causes(clinic)) == ([boris], [])
    assert clinic.visit(visit_id, "boris").status == "booked"


def test_a_visit_that_was_booked_anew_for_its_move_is_not_cancelled_with_the_old_one(clinic, monkeypatch):
    """A system that moves nothing: the new one is booked, the old one cancelled, and both carry our id."""
    has = clinic.line.mis.capabilities() - {Capability.MOVE}
    monkeypatch.setattr(clinic.line.mis, "capabilities", lambda: has)
    visit_id = clinic.book("anna")
    clinic.work()
    new = clinic.free(n=3)
    clinic.move(visit_id, new)
    clinic.work()
    for _ in range(2):
        clinic.tend()
    visit = clinic.visit(visit_id)
    assert (visit.status, visit.start) == ("booked", new)


def test_only_what_is_ahead_moves(clinic, client_of, boris, visit_id):
    (made,) = under(clinic, visit_id)
    clinic.sql("UPDATE scheduling_appointment SET start = now() - interval '1 hour' WHERE id = %s", visit_id)
    settle(client_of, boris)
    clinic.work()
    assert (under(clinic, visit_id), causes(clinic)) == ([made], [])
