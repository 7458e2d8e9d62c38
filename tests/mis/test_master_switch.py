"""Whose word counts is changed while people book, hold and move: no visit is lost, none stands twice."""

import threading

import pytest
from django.db import connections

from conftest import actor_named
from portal.kernel.access import acting
from portal.mis.services.masters import set_master
from portal.people.models import PractitionerRole
from portal.scheduling.errors import HoldOver, NotOffered
from portal.scheduling.models import DaySheet, Occupancy
from tests.cast import uid


def hand(clinic, role, master):
    """The administrator presses the button; the job of it waits."""
    with acting(actor_named("alla")) as trail:
        set_master(actor=trail.actor, role_id=role.pk, master=master)
    role.refresh_from_db()


def rules(clinic, role):
    """The portal has hours of its own for this doctor, the same as the MIS."""
    clinic.sql(
        "INSERT INTO scheduling_rule (id, role_id, weekday, weeks, start, \"end\", step_minutes, modes, valid_from)"
        " SELECT gen_random_uuid(), %s, day, 'every', '09:00', '17:00', 30, '{in-person}', '2020-01-01'"
        " FROM generate_series(0, 6) AS day",
        role.pk,
    )  # fmt: skip


@pytest.fixture
def role(clinic):
    role = clinic.roles[0]
    rules(clinic, role)
    return role


def live(clinic, visit_id):
    return [one for one in clinic.there() if str(visit_id) in str(one["identifier"])]


def stands_here(clinic, visit_id, start, who="anna"):
    """Booked, at this time, which it takes once."""
    visit = clinic.visit(visit_id, who)
    assert (visit.status, visit.start) == ("booked", start)
    assert [row.start for row in Occupancy.objects.filter(owner=visit_id)] == [start]


def both_settle(clinic):
    """Until nothing is on its way, then what came of it in the MIS is heard here, too."""
    clinic.settle()
    for _ in range(2):
        clinic.tend()
        clinic.work()


# Standing visits ---------------------------------------------------------------------------------------------------


def test_to_the_portal_a_visit_stays_here_and_is_expected_there_no_more(clinic, role):
    visit_id, _ref = clinic.stands()
    start = clinic.visit(visit_id).start
    hand(clinic, role, "portal")
    both_settle(clinic)
    stands_here(clinic, visit_id, start)
    assert live(clinic, visit_id) == []
    assert clinic.news(visit_id) == ["booked"]


def test_back_to_the_mis_it_is_written_down_there_again_once(clinic, role):
    visit_id, _ref = clinic.stands()
    start = clinic.visit(visit_id).start
    for master in ("portal", "mis", "portal", "mis"):
        hand(clinic, role, master)
        both_settle(clinic)
        stands_here(clinic, visit_id, start)
        assert len(live(clinic, visit_id)) == int(master == "mis")
    assert clinic.news(visit_id) == ["booked"]
    clinic.desk("cancel", appointment=clinic.visit_ref(visit_id))
    clinic.tend()
    assert clinic.visit(visit_id).status == "cancelled"


def test_to_and_fro_before_any_job_has_run_leaves_it_as_it_was(clinic, role):
    visit_id, _ref = clinic.stands()
    start = clinic.visit(visit_id).start
    hand(clinic, role, "portal")
    hand(clinic, role, "mis")
    both_settle(clinic)
    stands_here(clinic, visit_id, start)
    assert len(live(clinic, visit_id)) == 1


def test_a_visit_whose_time_is_taken_in_the_mis_stays_and_somebody_is_asked(clinic, role):
    hand(clinic, role, "portal")
    both_settle(clinic)
    taken = next(slot["at"] for slot in clinic.slots(role) if slot["status"] == "busy")
    visit_id = clinic.book(role=role, start=taken)
    hand(clinic, role, "mis")
    both_settle(clinic)
    stands_here(clinic, visit_id, taken)
    assert clinic.sql("SELECT state, code FROM mis_outgoing") == [("dead", "time-taken")]
    assert live(clinic, visit_id) == []


def test_while_the_portal_decides_the_front_desk_there_changes_nothing_here(clinic, role):
    record = clinic.known_there("zoya")
    visit_id, ref = clinic.stands()
    start = clinic.visit(visit_id).start
    slot = clinic.free_slot(role, n=4)
    hand(clinic, role, "portal")
    clinic.desk("cancel", appointment=ref)  # before the portal could
    clinic.desk("book", patient=record, slot=slot["id"])
    both_settle(clinic)
    stands_here(clinic, visit_id, start)
    assert not Occupancy.objects.filter(role=role, start=slot["at"]).exists()


def test_the_times_are_those_of_whose_word_counts(clinic, role):
    busy = next(slot["at"] for slot in clinic.slots(role) if slot["status"] == "busy")
    offered = lambda: DaySheet.objects.filter(role=role, start__lte=busy, end__gt=busy).exists()  # noqa: E731
    assert not offered()
    hand(clinic, role, "portal")
    assert offered()
    clinic.work()
    clinic.tend()
    assert offered()  # no look there writes over it
    hand(clinic, role, "mis")
    clinic.work()
    clinic.tend()
    assert not offered()


# Holds and bookings under way --------------------------------------------------------------------------------------


def test_held_under_the_mis_and_booked_under_the_portal(clinic, role):
    start = clinic.free(role)
    visit_id = clinic.book(role=role, start=start, between=lambda: hand(clinic, role, "portal"))
    assert clinic.visit(visit_id).status == "booked"  # the portal agrees by itself
    both_settle(clinic)
    stands_here(clinic, visit_id, start)
    assert live(clinic, visit_id) == []


def test_held_under_the_portal_and_booked_under_the_mis(clinic, role):
    hand(clinic, role, "portal")
    both_settle(clinic)
    start = next(slot["at"] for slot in clinic.slots(role) if slot["status"] == "free")
    visit_id = clinic.book(role=role, start=start, between=lambda: hand(clinic, role, "mis"))
    assert clinic.visit(visit_id).status == "pending"
    both_settle(clinic)
    stands_here(clinic, visit_id, start)
    assert len(live(clinic, visit_id)) == 1


def test_held_under_the_portal_what_the_mis_has_given_away_is_refused(clinic, role):
    hand(clinic, role, "portal")
    both_settle(clinic)
    taken = next(slot["at"] for slot in clinic.slots(role) if slot["status"] == "busy")
    visit_id = clinic.book(role=role, start=taken, between=lambda: hand(clinic, role, "mis"))
    both_settle(clinic)
    assert (clinic.visit(visit_id).status, clinic.visit(visit_id).cancelled_by) == ("cancelled", "system")
    assert not Occupancy.objects.filter(owner=visit_id).exists()
    assert "refused" in clinic.news(visit_id)


def test_submitted_to_the_mis_and_not_yet_answered_it_is_the_portals_to_agree(clinic, role):
    visit_id = clinic.book(role=role)
    start = clinic.visit(visit_id).start
    hand(clinic, role, "portal")
    both_settle(clinic)
    stands_here(clinic, visit_id, start)
    assert live(clinic, visit_id) == []
    assert clinic.news(visit_id) == ["booked"]


def test_written_down_there_with_the_answer_lost_it_stands_here_alone(clinic, role):
    visit_id = clinic.book(role=role)
    start = clinic.visit(visit_id).start
    clinic.double.order("lost", on="transaction")
    clinic.work()
    assert len(live(clinic, visit_id)) == 1
    hand(clinic, role, "portal")
    both_settle(clinic)
    stands_here(clinic, visit_id, start)
    assert live(clinic, visit_id) == []


# Moves under way ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_move_that_was_asked_of_the_mis_ends_in_one_visit_at_one_time(clinic, role, is_taken):
    visit_id, _ref = clinic.stands()
    old, slot = clinic.visit(visit_id).start, clinic.free_slot(role, n=3)
    clinic.move(visit_id, slot["at"])
    if is_taken:
        clinic.desk("book", slot=slot["id"])
    hand(clinic, role, "portal")
    both_settle(clinic)
    stands_here(clinic, visit_id, old if is_taken else slot["at"])
    assert live(clinic, visit_id) == []


def test_a_visit_of_the_portal_is_moved_while_it_is_handed_over(clinic, role):
    hand(clinic, role, "portal")
    both_settle(clinic)
    free = [slot["at"] for slot in clinic.slots(role) if slot["status"] == "free"]
    visit_id = clinic.book(role=role, start=free[5])
    hand(clinic, role, "mis")
    clinic.move(visit_id, free[8])  # nothing of the hand-over has run
    both_settle(clinic)
    stands_here(clinic, visit_id, free[8])
    (there,) = live(clinic, visit_id)
    assert there["id"] == clinic.visit_ref(visit_id)


def test_cancelled_in_the_same_moment_it_stands_nowhere(clinic, role):
    visit_id, _ref = clinic.stands()
    hand(clinic, role, "portal")
    clinic.cancel(visit_id)
    both_settle(clinic)
    assert clinic.visit(visit_id).status == "cancelled"
    assert live(clinic, visit_id) == [] and not Occupancy.objects.filter(owner=visit_id).exists()


# Live --------------------------------------------------------------------------------------------------------------


def test_switched_again_and_again_while_three_people_book_nothing_is_lost_and_nothing_twice(clinic, role):
    free = [slot["at"] for slot in clinic.slots(role) if slot["status"] == "free"][4:]
    booked, over = {}, threading.Event()

    def person(who, mine):
        try:
            for start in mine:
                try:
                    booked.setdefault(who, []).append((clinic.book(who, role=role, start=start), start))
                except (NotOffered, HoldOver):  # no sheet yet, or the hold was taken back: said honestly
                    continue
        finally:
            connections.close_all()

    def switch():
        try:
            while not over.is_set():
                for master in ("portal", "mis"):
                    hand(clinic, PractitionerRole.objects.get(pk=role.pk), master)
        finally:
            connections.close_all()

    days = {start.date(): start for start in reversed(free)}  # one a day and person
    starts = [days[day] for day in sorted(days)][:9]
    people = [
        threading.Thread(target=person, args=(who, starts[n::3])) for n, who in enumerate(("anna", "boris", "zoya"))
    ]
    switching = threading.Thread(target=switch)
    for one in (*people, switching):
        one.start()
    for one in people:
        one.join()
    over.set()
    switching.join()
    hand(clinic, PractitionerRole.objects.get(pk=role.pk), "mis")
    both_settle(clinic)
    made = [(who, *one) for who, rows in booked.items() for one in rows]
    assert made
    for who, visit_id, start in made:
        stands_here(clinic, visit_id, start, who)
        assert len(live(clinic, visit_id)) == 1


# The command itself ------------------------------------------------------------------------------------------------


def test_a_doctor_whom_the_mis_does_not_list_cannot_be_handed_to_it(clinic):
    vera = PractitionerRole.objects.get(pk=uid("role-vera"))
    with pytest.raises(NotOffered), acting(actor_named("alla")) as trail:
        set_master(actor=trail.actor, role_id=vera.pk, master="mis")
    vera.refresh_from_db()
    assert vera.master == "portal"


def test_nor_one_whom_it_listed_once(clinic, role):
    hand(clinic, role, "portal")
    clinic.sql("UPDATE mis_directoryref SET gone_at = now() WHERE object_id = %s", role.pk)
    with pytest.raises(NotOffered), acting(actor_named("alla")) as trail:
        set_master(actor=trail.actor, role_id=role.pk, master="mis")
    assert PractitionerRole.objects.get(pk=role.pk).master == "portal"
