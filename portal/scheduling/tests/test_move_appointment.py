"""Another time: the old one is kept until the new one is won."""

from datetime import timedelta
from uuid import uuid4

import pytest

from portal.kernel.errors import NotFound
from portal.people.models import CareTeam
from portal.scheduling import services
from portal.scheduling.errors import HoldOver, NotOffered, OneADay, PatientBusy, TooLateToMove
from portal.scheduling.models import Appointment, BookingPolicy, Occupancy
from portal.scheduling.tests.conftest import book, chip, press
from portal.scheduling.tests.test_hold_times import stage
from tests.cast import at, uid

VISIT = uid("visit-anna")
OLD = at(16, days=9)


def move(as_actor, who="anna", *, start=None, visit=VISIT, **more):
    """Hold and move in one transaction."""
    owner = uuid4()
    with as_actor(who) as trail:
        held = services.hold_time(
            actor=trail.actor, owner=owner, replaces=visit, **press(start=start or at(10, days=9), **more)
        )
        return services.move_appointment(actor=trail.actor, appointment_id=visit, hold_id=held.pk, owner=owner)


def taken(start):
    return Occupancy.objects.filter(start=start, kind="booked").count()


def test_a_moved_visit_keeps_its_id_and_gives_the_old_time_back(as_actor, jobs):
    moved = move(as_actor)
    assert (moved.pk, moved.start, moved.moved_from, moved.version) == (VISIT, at(10, days=9), OLD, 2)
    assert (taken(at(10, days=9)), taken(OLD)) == (1, 0)
    assert Occupancy.objects.get(start=at(10, days=9)).owner == VISIT
    assert [task for task, _ in jobs()][-1] == "notifications.jobs.tell_moved"


def test_to_another_doctor_of_the_specialty_the_care_goes_along(as_actor):
    assert move(as_actor, doctor="gleb").practitioner_id == uid("gleb")
    with as_actor("anna") as trail:
        from portal.kernel.access import open_door

        open_door(trail.actor, [uid("anna")], purpose="test")
        team = CareTeam.objects.visible_to(trail.actor).get(appointment_id=VISIT)
        assert (team.practitioner_id, team.department) == (uid("gleb"), "therapist")


def test_to_another_specialty_it_is_refused_and_nothing_changes(as_actor):
    with pytest.raises(NotOffered):
        move(as_actor, doctor="dina")
    assert (taken(OLD), taken(at(10, days=9))) == (1, 0)


def test_a_lost_hold_leaves_the_old_time(as_actor):
    with pytest.raises(HoldOver), as_actor("anna") as trail:
        services.move_appointment(actor=trail.actor, appointment_id=VISIT, hold_id=uuid4(), owner=uuid4())
    assert taken(OLD) == 1


def test_a_hold_made_for_booking_moves_nothing(as_actor):
    owner = uuid4()
    with pytest.raises(NotOffered), as_actor("anna") as trail:
        held = services.hold_time(actor=trail.actor, owner=owner, **press())
        services.move_appointment(actor=trail.actor, appointment_id=VISIT, hold_id=held.pk, owner=owner)
    assert taken(OLD) == 1


def test_a_hold_made_for_moving_books_nothing(as_actor):
    owner = uuid4()
    with pytest.raises(NotOffered), as_actor("anna") as trail:
        held = services.hold_time(actor=trail.actor, owner=owner, replaces=VISIT, **press())
        services.book_appointment(actor=trail.actor, patient_id=uid("anna"), hold_id=held.pk, owner=owner)


def test_a_strangers_visit_does_not_exist(as_actor):
    with pytest.raises(NotFound):
        move(as_actor, "boris")


def test_a_parent_moves_a_childs_visit_and_reception_anyones(as_actor):
    assert move(as_actor, "anna", visit=uid("visit-mila")).version == 2
    assert move(as_actor, "rita", start=at(11, days=9)).version == 2


def test_onto_another_visit_of_the_same_person_is_refused(as_actor):
    with as_actor("anna") as trail:
        book(trail, "anna", doctor="dina", start=at(10, days=9))
    with pytest.raises(PatientBusy):
        move(as_actor)
    assert taken(OLD) == 1


def test_to_a_day_with_a_visit_of_the_same_specialty_is_refused(as_actor):
    with as_actor("anna") as trail:
        book(trail, "anna", start=at(10, days=8))
    with pytest.raises(OneADay):
        move(as_actor, start=at(12, days=8))


def test_after_the_cut_off_only_reception_moves(as_actor):
    stage(lambda: BookingPolicy(organization_id=uid("shore"), cancel_minutes=60 * 24 * 20).save(force_insert=True))
    with pytest.raises(TooLateToMove):
        move(as_actor)
    assert move(as_actor, "rita").version == 2


def test_a_visit_is_moved_on_the_pages(client_of):
    client = client_of("anna")
    page = client.get(f"/me/visits/{VISIT}/move/")
    assert f'name="move" value="{VISIT}"' in page.content.decode()
    held = client.post("/book/hold/", chip(start=at(10, days=9)) | {"move": str(VISIT)})
    check = client.get(held["Location"])
    assert "Перенести приём на это время?" in check.content.decode()
    done = client.post(f"{held['Location']}confirm/")
    assert done["Location"] == f"/me/visits/{VISIT}/?moved=1"
    assert "Перенесли: ждём вас" in client.get(done["Location"]).content.decode()
    again = client.post(f"{held['Location']}confirm/")
    assert again["Location"] == f"/me/visits/{VISIT}/", "pressed twice it leads to the same visit"


def test_a_stranger_who_presses_move_for_anothers_visit_sees_nothing(client_of):
    client = client_of("boris")
    held = client.post("/book/hold/", chip(start=at(10, days=9)) | {"move": str(VISIT)})
    assert client.get(held["Location"]).status_code == 404
    assert client.post(f"{held['Location']}confirm/").status_code == 404
    assert taken(OLD) == 1


def test_version_and_times_are_what_the_database_says(as_actor):
    for hour in (10, 11, 12):
        move(as_actor, start=at(hour, days=9))
    with as_actor("anna") as trail:
        from portal.kernel.access import open_door

        open_door(trail.actor, [uid("anna")], purpose="test")
        row = Appointment.objects.visible_to(trail.actor).get(pk=VISIT)
    assert (row.version, row.start, row.end) == (4, at(12, days=9), at(12, days=9) + timedelta(minutes=30))
