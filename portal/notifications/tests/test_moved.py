"""A moved visit: the new time is told, the old one never after it."""

from uuid import uuid4

import pytest

from portal.notifications import jobs
from portal.people.models import HealthcareService
from portal.scheduling import services
from portal.scheduling.tests.conftest import press
from portal.scheduling.tests.test_hold_times import stage
from tests.cast import at, uid


@pytest.fixture
def moved(as_actor):
    def run(args, start):
        owner = uuid4()
        with as_actor("anna") as trail:
            held = services.hold_time(
                actor=trail.actor, owner=owner, replaces=args["appointment_id"], **press(start=start)
            )
            services.move_appointment(
                actor=trail.actor, appointment_id=args["appointment_id"], hold_id=held.pk, owner=owner
            )

    return run


def test_the_new_time_is_told_by_sms_and_by_mail_with_a_calendar(gateways, booked, moved):
    args = booked()
    moved(args, at(15, days=8))
    jobs.tell_moved(**args)
    (sms,), (mail,) = gateways.sms.sent, gateways.email.sent
    assert "15:00" in sms.text and "перенесена" in sms.text
    assert b"SEQUENCE:1" in mail.calendar and b"T150000\r\n" in mail.calendar


def test_a_confirmation_that_comes_late_says_the_new_time(gateways, booked, moved):
    args = booked()
    moved(args, at(15, days=8))
    jobs.tell_booked(**args)
    (late,) = gateways.sms.sent
    assert "15:00" in late.text and "10:00" not in late.text
    jobs.tell_moved(**args)
    assert {m.text.split(",")[0].split()[-1] for m in gateways.sms.sent} == {"15:00"}


def test_moved_twice_only_the_last_time_is_told(gateways, booked, moved):
    args = booked()
    moved(args, at(15, days=8))
    moved(args, at(16, days=8))
    jobs.tell_moved(**args)
    jobs.tell_moved(**args)
    assert len(gateways.sms.sent) == 1 and "16:00" in gateways.sms.sent[0].text


def test_a_request_is_told_as_a_request(gateways, booked):
    stage(lambda: HealthcareService.objects.filter(pk=uid("therapist-first")).update(online="request"))
    args = booked()
    jobs.tell_booked(**args)
    assert gateways.sent() == 0
    jobs.tell_requested(**args)
    assert "Заявка на" in gateways.sms.sent[0].text


def by_request():
    stage(lambda: HealthcareService.objects.filter(pk=uid("therapist-first")).update(online="request"))


def status_of(sql, args):
    ((status,),) = sql("SELECT status FROM scheduling_appointment WHERE id = %s", args["appointment_id"])
    return status


@pytest.mark.parametrize("was_confirmed", [True, False], ids=["confirmed before", "asked for before"])
def test_another_time_of_a_service_by_request_is_asked_for_and_told_so(gateways, booked, moved, sql, was_confirmed):
    if not was_confirmed:
        by_request()
    args = booked()
    by_request()
    moved(args, at(15, days=8))
    ((task,),) = sql("SELECT task_name FROM procrastinate_jobs ORDER BY id DESC LIMIT 1")
    assert (status_of(sql, args), task) == ("pending", "notifications.jobs.tell_requested")
    jobs.tell_requested(**args)
    (sms,) = gateways.sms.sent
    assert "Заявка на" in sms.text and "15:00" in sms.text


def test_a_request_that_the_clinic_moves_is_agreed_to_and_told(gateways, booked, as_actor, sql, no_night):
    by_request()
    args, owner = booked(), uuid4()
    with as_actor("rita") as trail:
        held = services.hold_time(
            actor=trail.actor, owner=owner, replaces=args["appointment_id"], **press(start=at(15, days=8))
        )
        services.move_appointment(
            actor=trail.actor, appointment_id=args["appointment_id"], hold_id=held.pk, owner=owner
        )
    assert status_of(sql, args) == "booked"
    jobs.tell_moved(**args, by_clinic=1)
    assert "15:00" in gateways.sms.sent[0].text and "перенесла" in gateways.sms.sent[0].text
