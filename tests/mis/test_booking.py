"""A booking that the clinic's own system decides about: taken meanwhile, unheard of, lost on the way, never twice."""

import pytest

from portal.scheduling.models import Occupancy
from tests.mis.conftest import clinic_with


def taken_there(clinic, start):
    """The front desk gives this time of the first doctor to somebody who rang."""
    for slot in clinic.slots(clinic.roles[0]):
        if slot["at"] == start:
            return clinic.desk("book", slot=slot["id"])
    raise LookupError(start)


def live(clinic, visit_id):
    return [one for one in clinic.there() if str(visit_id) in str(one["identifier"])]


def causes(clinic):
    return clinic.sql("SELECT state, code FROM mis_outgoing")


def topics(clinic):
    return [row[0] for row in clinic.sql("SELECT task_name FROM procrastinate_jobs ORDER BY id")]


def test_a_time_given_away_at_the_desk_is_refused_and_the_patient_hears_of_it(clinic):
    start = clinic.free()
    visit_id = clinic.book(start=start)
    taken_there(clinic, start)
    clinic.work()
    visit = clinic.visit(visit_id)
    assert (visit.status, visit.cancelled_by) == ("cancelled", "system")
    assert not Occupancy.objects.filter(owner=visit_id).exists()
    assert "notifications.jobs.tell_refused" in topics(clinic)
    assert (live(clinic, visit_id), causes(clinic)) == ([], [])


def test_a_time_that_is_refused_again_and_again_is_not_offered(clinic):
    start = clinic.free()
    role = clinic.roles[0]
    clinic.sql(
        "INSERT INTO mis_refusedtime (id, role_id, start, \"end\", times, last_at)"
        " VALUES (gen_random_uuid(), %s, %s, %s::timestamptz + interval '30 minutes', 2, now())",
        role.pk, start, start,
    )  # fmt: skip
    clinic.tend()
    assert clinic.free() != start


@pytest.mark.parametrize("mode", ["lost", "after:500", "outcome", "drop", "error:503"])
@pytest.mark.parametrize("on", ["transaction", "search", "read"])
def test_whatever_is_lost_on_the_way_the_visit_stands_once(clinic, mode, on):
    visit_id = clinic.book()
    clinic.double.order(mode, on=on)
    clinic.settle()
    assert clinic.visit(visit_id).status == "booked"
    assert len(live(clinic, visit_id)) == 1
    assert causes(clinic) == []


def test_a_write_for_another_patient_is_taken_back(clinic):
    visit_id = clinic.book()
    clinic.double.order("wrong-patient", on="transaction")
    clinic.settle()
    assert clinic.visit(visit_id).status == "cancelled"
    assert live(clinic, visit_id) == []


def test_a_move_that_is_refused_leaves_the_visit_where_it_was(clinic):
    visit_id = clinic.book()
    clinic.work()
    old, new = clinic.visit(visit_id).start, clinic.free(n=2)
    clinic.move(visit_id, new)
    taken_there(clinic, new)
    clinic.work()
    visit = clinic.visit(visit_id)
    assert (visit.start, visit.status) == (old, "booked")
    assert [row.start for row in Occupancy.objects.filter(owner=visit_id)] == [old]
    assert "notifications.jobs.tell_move_refused" in topics(clinic)


def test_cancelled_before_it_was_written_down_it_never_appears_there(clinic):
    visit_id = clinic.book()
    clinic.cancel(visit_id)
    clinic.settle()
    assert live(clinic, visit_id) == []
    assert not Occupancy.objects.filter(owner=visit_id).exists()


def test_a_move_that_was_asked_for_is_dropped_when_the_visit_is_cancelled(clinic):
    visit_id = clinic.book()
    clinic.work()
    clinic.move(visit_id, clinic.free(n=2))
    clinic.cancel(visit_id)
    clinic.settle()
    assert live(clinic, visit_id) == []
    assert not Occupancy.objects.filter(owner=visit_id).exists()


def test_down_it_is_taken_as_a_request_and_confirmed_when_the_line_is_up(clinic):
    clinic.double.control("down", down=True)
    for _ in range(2):
        clinic.tend()
    visit_id = clinic.book()
    clinic.work()
    assert clinic.visit(visit_id).status == "pending"
    assert "notifications.jobs.tell_requested" in topics(clinic)
    clinic.double.control("down", down=False)
    clinic.tend()
    clinic.settle()
    assert clinic.visit(visit_id).status == "booked"


def test_down_it_is_not_taken_where_the_clinic_wants_that(double, token, sql, db):
    from portal.scheduling.errors import MisAway

    with clinic_with(double, token, sql, when_down="later") as clinic:
        double.control("down", down=True)
        for _ in range(2):
            clinic.tend()
        with pytest.raises(MisAway):
            clinic.book()
        double.control("down", down=False)
        clinic.tend()
        clinic.book()


def test_what_waits_for_one_clinic_waits_while_its_line_is_down_and_no_attempt_is_counted(clinic):
    visit_id = clinic.book()
    clinic.double.control("down", down=True)
    for _ in range(3):
        clinic.tend()
        clinic.work()
    ((state, _code),) = causes(clinic)
    assert state == "waiting"
    clinic.double.control("down", down=False)
    clinic.settle()
    assert clinic.visit(visit_id).status == "booked"


def test_held_there_what_is_pressed_here(token, sql, db, held_double):
    with clinic_with(held_double, token, sql) as clinic:
        start = clinic.free()
        clinic.hold(start)
        clinic.work()
        ((ref,),) = clinic.sql("SELECT ref FROM mis_holdref")
        (held,) = [one for one in clinic.there() if one["status"] == "pending"]
        clinic.release()
        clinic.tend()
        assert held["id"] == ref
        assert ref not in [one["id"] for one in clinic.there()]


def test_what_is_held_there_is_booked_there(token, sql, db, held_double):
    with clinic_with(held_double, token, sql) as clinic:
        visit_id = clinic.book(start=clinic.free(), between=clinic.work)
        clinic.work()
        assert clinic.visit(visit_id).status == "booked"
        assert [one["status"] for one in live(clinic, visit_id)] == ["booked"]
        assert clinic.sql("SELECT 1 FROM mis_holdref") == []


def test_a_time_that_is_taken_there_ends_the_hold_before_anything_is_filled_in(clinic):
    start = clinic.free()
    taken_there(clinic, start)
    clinic.hold(start)
    clinic.work()
    ((is_over,),) = clinic.sql("SELECT expires_at <= now() FROM scheduling_occupancy WHERE kind = 'hold'")
    assert is_over


def test_a_visit_moved_before_its_answer_is_confirmed_at_its_new_time(clinic):
    visit_id = clinic.book()
    new = clinic.free(n=2)
    clinic.move(visit_id, new)
    clinic.settle()
    visit = clinic.visit(visit_id)
    assert (visit.status, visit.awaits, visit.start) == ("booked", "", new)
    assert "notifications.jobs.tell_booked" in topics(clinic)
    assert [one["start"] for one in live(clinic, visit_id)] and causes(clinic) == []


def test_a_refused_wish_leaves_a_visit_that_is_answered_too(clinic):
    old = clinic.free()
    visit_id = clinic.book(start=old)
    new = clinic.free(n=2)
    clinic.move(visit_id, new)
    taken_there(clinic, new)
    clinic.settle()
    visit = clinic.visit(visit_id)
    assert (visit.status, visit.awaits, visit.start) == ("booked", "", old)
    assert len(live(clinic, visit_id)) == 1 and causes(clinic) == []


def test_a_cancelled_visit_waits_for_nobody(clinic):
    visit_id = clinic.book()
    clinic.cancel(visit_id)
    clinic.settle()
    assert (clinic.visit(visit_id).status, clinic.visit(visit_id).awaits) == ("cancelled", "")
