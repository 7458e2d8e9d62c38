"""Visits that the clinic confirms, and what insurance and referrals ask for."""

from uuid import uuid4

import psycopg
import pytest

from portal.kernel.errors import Conflict
from portal.people.models import HealthcareService
from portal.scheduling import services
from portal.scheduling.models import Appointment, Occupancy
from portal.scheduling.tests.conftest import book, chip, press
from portal.scheduling.tests.test_hold_times import stage
from tests.cast import at, uid

SEEN = {"version": 1}


def by(**changes):
    stage(lambda: HealthcareService.objects.filter(slug="therapist-first").update(**changes))


def press_and_confirm(client, **data):
    held = client.post("/book/hold/", chip())["Location"]
    return client.post(f"{held}confirm/", {"patient": uid("anna")} | data)


def the_visit(as_actor):
    from portal.kernel.access import open_door

    with as_actor("anna") as trail:
        open_door(trail.actor, [uid("anna")], purpose="test")
        return Appointment.objects.visible_to(trail.actor).exclude(pk=uid("visit-anna")).get()


def test_a_request_waits_for_the_clinic_and_keeps_the_time(client_of, as_actor, jobs):
    by(online="request")
    done = press_and_confirm(client_of("anna"))
    page = client_of("anna").get(done["Location"]).content.decode()
    assert "Клиника получила заявку" in page
    visit = the_visit(as_actor)
    assert visit.status == "pending" and Occupancy.objects.filter(owner=visit.pk, kind="booked").exists()
    assert [task for task, _ in jobs()] == ["notifications.jobs.tell_requested"]


def test_the_registrar_sees_and_confirms_it(client_of, as_actor, jobs):
    by(online="request")
    press_and_confirm(client_of("anna"))
    visit = the_visit(as_actor)
    desk = client_of("rita").get("/desk/").content.decode()
    assert "Заявки без ответа" in desk and f"/desk/visits/{visit.pk}/confirm/" in desk
    assert "Заявки без ответа" not in client_of("foma").get("/desk/").content.decode()
    client_of("rita").post(f"/desk/visits/{visit.pk}/confirm/", SEEN)
    assert the_visit(as_actor).status == "booked"
    assert [task for task, _ in jobs()][-1] == "notifications.jobs.tell_booked"
    client_of("rita").post(f"/desk/visits/{visit.pk}/confirm/", SEEN)
    assert len(jobs()) == 2, "confirming twice says it once"


def test_the_registrar_declines_and_the_time_is_free(client_of, as_actor):
    by(online="request")
    press_and_confirm(client_of("anna"))
    visit = the_visit(as_actor)
    client_of("rita").post(f"/desk/visits/{visit.pk}/decline/", SEEN)
    assert the_visit(as_actor).status == "cancelled"
    assert not Occupancy.objects.filter(owner=visit.pk).exists()


def test_what_another_registrar_has_confirmed_is_not_declined(client_of, as_actor):
    by(online="request")
    press_and_confirm(client_of("anna"))
    visit = the_visit(as_actor)
    client_of("rita").post(f"/desk/visits/{visit.pk}/confirm/", SEEN)
    assert client_of("rita").post(f"/desk/visits/{visit.pk}/decline/", SEEN).status_code == 409
    assert the_visit(as_actor).status == "booked"
    assert Occupancy.objects.filter(owner=visit.pk, kind="booked").exists()


@pytest.mark.parametrize("answer", ["confirm", "decline"])
def test_an_answer_is_to_the_time_that_was_seen(client_of, as_actor, answer):
    """The registrar looks at ten o'clock; meanwhile the patient asks for another time."""
    by(online="request")
    press_and_confirm(client_of("anna"))
    visit, owner = the_visit(as_actor), uuid4()
    with as_actor("anna") as trail:
        held = services.hold_time(actor=trail.actor, owner=owner, replaces=visit.pk, **press(start=at(15, days=8)))
        services.move_appointment(actor=trail.actor, appointment_id=visit.pk, hold_id=held.pk, owner=owner)
    assert client_of("rita").post(f"/desk/visits/{visit.pk}/{answer}/", SEEN).status_code == 409
    assert the_visit(as_actor).status == "pending"
    assert client_of("rita").post(f"/desk/visits/{visit.pk}/{answer}/", {"version": 2}).status_code == 302
    assert the_visit(as_actor).status == ("booked" if answer == "confirm" else "cancelled")


@pytest.mark.parametrize("seen", [{}, {"version": ""}, {"version": "x"}, {"version": "-1"}, {"version": "9" * 40}])
def test_an_answer_to_nothing_is_refused(client_of, as_actor, seen):
    by(online="request")
    press_and_confirm(client_of("anna"))
    visit = the_visit(as_actor)
    assert client_of("rita").post(f"/desk/visits/{visit.pk}/confirm/", seen).status_code == 400
    assert the_visit(as_actor).status == "pending"


def test_a_cancelled_request_cannot_be_confirmed(as_actor):
    by(online="request")
    with as_actor("anna") as trail:
        visit = book(trail, "anna")
        services.cancel_appointment(actor=trail.actor, appointment_id=visit.pk)
    with pytest.raises(Conflict), as_actor("rita") as trail:
        services.confirm_appointment(actor=trail.actor, appointment_id=visit.pk, version=1)


def test_who_pays_is_asked_when_there_is_a_choice_and_kept(client_of, as_actor):
    by(payers=["self", "oms"])
    client = client_of("anna")
    held = client.post("/book/hold/", chip())["Location"]
    assert "Кто платит" in client.get(held).content.decode()
    client.post(f"{held}confirm/", {"patient": uid("anna"), "payer": "oms"})
    assert the_visit(as_actor).payer == "oms"


def test_a_payer_the_service_does_not_take_is_refused_at_the_field(client_of):
    response = press_and_confirm(client_of("anna"), payer="dms")
    assert response.status_code == 422
    assert "Выберите из списка, кто платит" in response.content.decode()


def test_a_referral_is_asked_for_and_kept_encrypted(client_of, as_actor, database_url):
    by(needs_referral=True)
    client = client_of("anna")
    response = press_and_confirm(client)
    assert response.status_code == 422 and "номер или кем" in response.content.decode()
    press_and_confirm(client, referral="№ 77 от 1 ноября")
    with as_actor("anna") as trail:
        from portal.kernel.access import open_door

        open_door(trail.actor, [uid("anna")], purpose="test")
        rows = Appointment.objects.visible_to(trail.actor).exclude(pk=uid("visit-anna"))
        assert rows.get().referral == "№ 77 от 1 ноября"
    with psycopg.connect(database_url("postgres")) as direct:
        stored = direct.execute("SELECT referral FROM scheduling_appointment WHERE referral IS NOT NULL").fetchone()[0]
    assert "77" not in bytes(stored).decode("latin-1")


def test_a_service_for_other_ages_is_refused_at_the_field(client_of):
    by(min_age=70)
    response = press_and_confirm(client_of("anna"))
    assert response.status_code == 422
    assert "Выберите другого человека или другого врача" in response.content.decode()
