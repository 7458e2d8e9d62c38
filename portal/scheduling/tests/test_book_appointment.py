from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from portal.kernel.access import open_door
from portal.kernel.errors import Forbidden, NotFound
from portal.people.models import CareTeam
from portal.scheduling import services
from portal.scheduling.errors import AgeNotServed, HoldOver, NotOffered, PatientBusy, SlotTaken
from portal.scheduling.models import Appointment, Occupancy
from portal.scheduling.tests.conftest import book, press
from tests.cast import at, uid


def everything():
    """Counts of all that a booking writes, read past the wall."""
    tables = ("scheduling_occupancy", "scheduling_appointment", "people_careteam", "procrastinate_jobs")
    name = connection.settings_dict["NAME"]
    with psycopg.connect(f"postgresql://postgres@/{name}?host={connection.settings_dict['HOST']}") as direct:
        return {table: direct.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def test_a_booking_takes_the_time_joins_the_care_team_and_causes_a_message(as_actor, jobs):
    with as_actor("boris") as trail:
        visit = book(trail, "boris")
    with as_actor("vera") as trail:
        open_door(trail.actor, [uid("boris")], purpose="test")
        assert Appointment.objects.visible_to(trail.actor).get(pk=visit.pk).status == "booked"
        assert CareTeam.objects.visible_to(trail.actor).filter(appointment_id=visit.pk).count() == 1
    assert Occupancy.objects.get(pk=visit.pk).kind == "booked"
    args = {"appointment_id": str(visit.pk), "patient_id": str(uid("boris")), "recipient_id": str(uid("boris"))}
    assert jobs()[-1] == ("notifications.jobs.tell_booked", args)


def test_a_parent_books_for_her_child_and_hears_of_it_herself(as_actor, jobs):
    with as_actor("anna") as trail:
        book(trail, "mila")
    assert jobs()[-1][1]["recipient_id"] == str(uid("anna"))


def test_nobody_books_for_a_stranger(as_actor):
    before = everything()
    with pytest.raises(NotFound), as_actor("boris") as trail:
        book(trail, "anna")
    assert everything() == before


def test_a_doctor_does_not_book(as_actor):
    with pytest.raises(Forbidden), as_actor("vera") as trail:
        services.book_appointment(actor=trail.actor, patient_id=uid("anna"), hold_id=uuid4(), owner=uuid4())


def test_a_taken_time_cannot_be_held(as_actor):
    with as_actor("boris") as trail:
        book(trail, "boris")
    with pytest.raises(SlotTaken), as_actor("anna") as trail:
        services.hold_time(actor=trail.actor, owner=uuid4(), **press())


def test_an_overlap_by_a_minute_is_taken_too(as_actor):
    with as_actor("boris") as trail:
        book(trail, "boris", start=at(10))
    with pytest.raises(NotOffered), as_actor("anna") as trail:
        services.hold_time(actor=trail.actor, owner=uuid4(), **press(start=at(10, 29)))


def test_a_person_is_not_in_two_places(as_actor):
    with as_actor("boris") as trail:
        book(trail, "boris", doctor="vera")
    with pytest.raises(PatientBusy), as_actor("boris") as trail:
        book(trail, "boris", doctor="gleb")


def test_a_child_is_not_booked_with_a_doctor_for_adults(as_actor):
    before = everything()
    with pytest.raises(AgeNotServed), as_actor("anna") as trail:
        book(trail, "mila", doctor="dina")
    assert everything() == before


def test_a_hold_belongs_to_its_browser(as_actor):
    with as_actor("boris") as trail:
        held = services.hold_time(actor=trail.actor, owner=uuid4(), **press())
    with pytest.raises(HoldOver), as_actor("anna") as trail:
        services.book_appointment(actor=trail.actor, patient_id=uid("anna"), hold_id=held.pk, owner=uuid4())


def test_an_expired_hold_books_nothing_and_blocks_nobody(as_actor, database_url):
    owner = uuid4()
    with as_actor("boris") as trail:
        held = services.hold_time(actor=trail.actor, owner=owner, **press())
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        direct.execute("UPDATE scheduling_occupancy SET expires_at = now() - interval '1 second' WHERE kind = 'hold'")
    with pytest.raises(HoldOver), as_actor("boris") as trail:
        services.book_appointment(actor=trail.actor, patient_id=uid("boris"), hold_id=held.pk, owner=owner)
    with as_actor("anna") as trail:
        assert book(trail, "anna").status == "booked"


def test_a_browser_holds_one_time(as_actor):
    owner = uuid4()
    with as_actor("visitor") as trail:
        services.hold_time(actor=trail.actor, owner=owner, **press(start=at(10)))
        services.hold_time(actor=trail.actor, owner=owner, **press(start=at(11)))
    assert [o.start for o in Occupancy.objects.filter(owner=owner)] == [at(11)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": at(8, 30)},
        {"start": at(16, 45)},
        {"start": at(10, 7)},
        {"start": at(10, days=-3)},
        {"start": at(10, days=300)},
        {"mode": "chat"},
    ],
)
def test_what_no_page_offers_is_refused(as_actor, wrong):
    before = everything()
    with pytest.raises(NotOffered), as_actor("anna") as trail:
        services.hold_time(actor=trail.actor, owner=uuid4(), **press(**wrong))
    assert everything() == before


def test_a_service_the_doctor_does_not_give_is_refused(as_actor):
    with pytest.raises(NotFound), as_actor("anna") as trail:
        services.hold_time(actor=trail.actor, owner=uuid4(), **(press() | {"service_id": uid("cardiologist-first")}))


def test_every_failing_statement_leaves_nothing_behind(as_actor):
    """The booking's statements are made to fail one after another; each time the database is as before."""
    owner = uuid4()
    with as_actor("boris") as trail:
        held = services.hold_time(actor=trail.actor, owner=owner, **press())
    before, failed = everything(), 0
    for victim in range(1, 200):
        counter = {"n": 0}

        def fail(execute, sql, params, many, context, counter=counter, victim=victim):
            counter["n"] += 1
            if counter["n"] == victim:
                raise RuntimeError("planted")
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(fail), as_actor("boris") as trail:
                services.book_appointment(actor=trail.actor, patient_id=uid("boris"), hold_id=held.pk, owner=owner)
        except RuntimeError:
            failed += 1
            assert everything() == before, f"statement {victim} left something behind"
        else:
            break
    assert failed >= 15
    after = everything()
    assert after["scheduling_appointment"] == before["scheduling_appointment"] + 1
    assert after["procrastinate_jobs"] == before["procrastinate_jobs"] + 1
