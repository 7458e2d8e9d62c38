"""Telling of a visit: at least once, as rarely twice as can be, and never what is no longer true."""

import threading
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import connections

from portal.kernel.ports import PortFailure, PortUnknown, override_port
from portal.notifications import jobs, post, routes
from portal.notifications.ports import DeliveryState, DeliveryStatus, FakeSms
from portal.notifications.tests.conftest import tell
from portal.people.models import HealthcareService
from portal.scheduling import services
from portal.scheduling.services import Ask
from portal.scheduling.tests.conftest import press
from portal.scheduling.tests.test_hold_times import stage
from tests.cast import EMAILS, PHONES, ZONE, at, uid

DOWN = PortFailure(permanent=False, code="unreachable")
REFUSED = PortFailure(permanent=True, code="bad-phone")
LOST = PortUnknown(code="timeout")


def test_a_booking_is_told_by_sms_and_by_mail(gateways, booked, states):
    tell(booked())
    assert [m.to for m in gateways.sms.sent] == [PHONES["anna"]]
    assert [m.to for m in gateways.email.sent] == [EMAILS["anna"]]
    assert sorted(states()) == [("email", "accepted", 1), ("sms", "accepted", 1)]


def test_what_its_turn_comes_to_too_late_is_not_called_but_planned_again(gateways, booked, states, later, monkeypatch):
    """The lease would run out during the call, and another worker would take the message meanwhile."""
    monkeypatch.setattr(post, "time", SimpleNamespace(monotonic=count(0, 1000).__next__))
    tell(booked())
    assert gateways.sms.sent == [] and gateways.email.sent == []
    assert {state for _, state, _ in states()} == {"planned"}
    monkeypatch.undo()
    later()
    assert len(gateways.sms.sent) == len(gateways.email.sent) == 1


def test_a_childs_booking_is_told_to_the_parent(gateways, booked, sql):
    tell(booked("mila"))
    assert [m.to for m in gateways.sms.sent] == [PHONES["anna"]]
    assert sql("SELECT DISTINCT patient_id FROM notifications_message") == [(uid("mila"),)]


def test_the_job_of_a_booking_runs_from_the_queue(gateways, booked, sql):
    """The arguments as they lie in the job table are what the task takes."""
    from procrastinate.contrib.django import app

    booked()
    ((name, args),) = sql("SELECT task_name, args FROM procrastinate_jobs")
    app.tasks[name].func(**args)
    assert gateways.sent() == 2


def test_running_twice_tells_once(gateways, booked):
    args = booked()
    tell(args)
    tell(args)
    assert gateways.sent() == 2


def test_two_workers_at_once_tell_once(booked, gateways, monkeypatch):
    args, gate = booked(), threading.Barrier(2, timeout=10)
    claim, waits = jobs.claim_messages, {"one", "two"}

    def together(*values):
        name = threading.current_thread().name
        if name in waits:  # both have planned before either claims
            waits.discard(name)
            gate.wait()
        return claim(*values)

    monkeypatch.setattr(jobs, "claim_messages", together)

    def run():
        tell(args)
        connections.close_all()

    threads = [threading.Thread(target=run, name=name) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(gateways.sms.sent) == 1 and len(gateways.email.sent) == 1


def test_cancelled_before_sending_is_not_told_as_booked(gateways, booked, cancelled, states):
    args = booked()
    cancelled(args)
    tell(args)
    assert gateways.sent() == 0
    assert {state for _, state, _ in states()} == {"skipped"}


def test_a_confirmation_that_comes_after_the_visit_is_not_sent(gateways, booked, states, sql):
    args = booked()
    sql(
        "UPDATE scheduling_appointment SET start = now() - interval '2 h', \"end\" = now() - interval '1 h'"
        " WHERE id = %s",
        args["appointment_id"],
    )
    tell(args)
    assert gateways.sent() == 0
    assert {state for _, state, _ in states()} == {"skipped"}


def test_a_cancelling_is_told(gateways, booked, cancelled):
    args = booked()
    tell(args)
    cancelled(args)
    tell(args, "cancelled")
    assert gateways.sent() == 4
    assert b"METHOD:CANCEL" in gateways.email.sent[-1].calendar


def test_a_contact_removed_meanwhile_hears_nothing(gateways, booked, sql, later):
    gateways.sms.fail_with.append(DOWN)
    tell(booked())
    sql("DELETE FROM people_contact WHERE id = %s", uid("contact-phone-anna"))
    later()
    assert gateways.sms.sent == []
    assert sql("SELECT state FROM notifications_message WHERE channel = 'sms' AND kind = 'booked'") == [("skipped",)]


def test_an_unconfirmed_contact_hears_nothing(gateways, booked, sql):
    sql("UPDATE people_contact SET verified_at = NULL WHERE id = %s", uid("contact-email-anna"))
    tell(booked())
    assert gateways.email.sent == [] and len(gateways.sms.sent) == 1


def test_who_has_no_contact_is_no_error(gateways, booked, sql):
    sql("DELETE FROM people_contact WHERE patient_id = %s", uid("anna"))
    tell(booked())
    assert gateways.sent() == 0


# --- when the gateway does not do its part ---------------------------------------------------------------------------


def test_a_permanent_refusal_is_settled_and_not_repeated(gateways, booked, sql):
    args = booked()
    gateways.sms.fail_with.append(REFUSED)
    tell(args)
    tell(args)
    assert gateways.sms.sent == [] and len(gateways.email.sent) == 1
    assert sql(
        "SELECT state, error, attempts FROM notifications_message WHERE channel = 'sms' AND kind = 'booked'"
    ) == [("failed", "bad-phone", 1)]


def test_a_failure_of_one_channel_does_not_hold_up_the_other(gateways, booked):
    gateways.sms.fail_with.append(DOWN)
    tell(booked())
    assert len(gateways.email.sent) == 1


def test_after_a_temporary_failure_it_is_sent_once(gateways, booked, sql, later):
    gateways.sms.fail_with += [DOWN, DOWN]
    tell(booked())
    for _ in range(3):
        later()
    assert len(gateways.sms.sent) == 1 and len(gateways.email.sent) == 1
    assert sql("SELECT state, attempts FROM notifications_message WHERE channel = 'sms' AND kind = 'booked'") == [
        ("accepted", 3)
    ]


def test_what_failed_waits_longer_each_time(gateways, booked, sql, later):
    gateways.sms.fail_with += [DOWN] * 4
    tell(booked())
    waits = []
    for _ in range(3):
        ((before,),) = sql("SELECT clock_timestamp()")
        later()
        ((at, after),) = sql(
            "SELECT next_at, clock_timestamp() FROM notifications_message WHERE channel = 'sms' AND kind = 'booked'"
        )
        waits.append((at - after, at - before))
    assert all(least <= timedelta(seconds=n) <= most for n, (least, most) in zip((10, 20, 40), waits, strict=True))


class Swallows(FakeSms):
    """Takes the message and then does not answer."""

    def send(self, to, text, *, key, sequence):
        super().send(to, text, key=key, sequence=sequence)
        raise LOST


def test_an_unknown_outcome_is_asked_about_and_adopted(gateways, booked, sql, later, monkeypatch):
    gateways.sms.fail_with.append(LOST)
    tell(booked())
    (number,) = sql("SELECT sequence FROM notifications_message WHERE channel = 'sms' AND state = 'unknown'")[0]
    monkeypatch.setattr(gateways.sms, "status", lambda ref, to: DeliveryStatus(DeliveryState.SENT))
    later()
    assert gateways.sms.sent == [], "it was sent although the gateway knew it"
    assert sql("SELECT state, provider_ref FROM notifications_message WHERE channel = 'sms' AND kind = 'booked'") == [
        ("accepted", str(number))
    ]


def test_what_the_gateway_has_never_heard_of_is_sent_again_after_the_third_question(gateways, booked, states, later):
    gateways.sms.fail_with.append(LOST)
    tell(booked())
    for asked in range(3):
        assert gateways.sms.sent == [], f"asked {asked} times"
        later()
    assert len(gateways.sms.sent) == 1
    assert {state for _, state, _ in states()} == {"accepted"}


def test_when_even_asking_fails_it_is_asked_again_and_not_sent_blindly(gateways, booked, later, monkeypatch):
    swallows, asked = Swallows(), []

    def status(ref, to):
        asked.append(ref)
        if len(asked) == 1:
            raise DOWN
        return DeliveryStatus(DeliveryState.SENT)

    monkeypatch.setattr(swallows, "status", status)
    with override_port("sms", swallows):
        tell(booked())
        later()
        later()
    assert len(asked) == 2 and len(swallows.sent) == 1


def test_a_worker_killed_after_the_call_asks_before_it_repeats(gateways, booked, sql, later, monkeypatch):
    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(jobs, "settle", die)
        tell(booked())
    assert len(gateways.sms.sent) == len(gateways.email.sent) == 1
    assert sql("SELECT DISTINCT state FROM notifications_message WHERE kind = 'booked'") == [("sending",)]
    later()
    assert len(gateways.sms.sent) == 1
    assert sql("SELECT state FROM notifications_message WHERE channel = 'sms' AND kind = 'booked'") == [("accepted",)]


def test_a_lease_keeps_others_away_until_it_runs_out(gateways, booked, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(jobs, "settle", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
        tell(booked())
    jobs.deliver()
    assert gateways.sent() == 2


def test_mail_of_unknown_outcome_goes_once_more_and_that_is_counted(gateways, booked, sql, later):
    gateways.email.fail_with += [LOST, LOST]
    tell(booked())
    for _ in range(4):
        later()
    assert gateways.email.sent == [], "both copies are of unknown outcome: a third would be one too many"
    counted = "SELECT state, resent, attempts FROM notifications_message WHERE channel = 'email' AND kind = 'booked'"
    assert sql(counted) == [("unknown", 1, 2)]


def test_a_clinic_with_a_long_domain_is_told_once(gateways, booked, monkeypatch, states):
    send = gateways.email.send

    def long(*args, **values):
        accepted = send(*args, **values)
        return type(accepted)(accepted.provider_ref.replace("fake.invalid", f"{'long-' * 12}clinic.example.ru"), 1)

    monkeypatch.setattr(gateways.email, "send", long)
    args = booked()
    tell(args)
    tell(args)
    assert len(gateways.email.sent) == 1
    assert {state for _, state, _ in states()} == {"accepted"}


# --- what a job may and may not --------------------------------------------------------------------------------------


def test_a_job_opens_only_the_patients_it_was_given(gateways, booked, sql):
    args = booked()
    tell(args)
    opened = sql("SELECT DISTINCT patient_id FROM guard.audit_event WHERE action = 'job:notifications.tell' AND opens")
    assert opened == [(uid("anna"),)]


@pytest.mark.parametrize("stranger", ["boris", "zoya"])
def test_a_visit_of_somebody_else_is_not_told(gateways, booked, stranger):
    args = booked() | {"patient_id": uid(stranger), "recipient_id": uid(stranger)}
    tell(args)
    assert gateways.sent() == 0


def test_rows_and_jobs_hold_neither_texts_nor_addresses(gateways, booked, sql):
    tell(booked())
    rows = sql("SELECT row_to_json(m)::text FROM notifications_message m")
    rows += sql("SELECT args::text FROM procrastinate_jobs")
    text = " ".join(row for (row,) in rows)
    assert not any(word in text for word in (PHONES["anna"], PHONES["anna"][2:], EMAILS["anna"], "Речная", "Врач"))


def book_a_course(as_actor):
    starts = [at(10, days=day) for day in (7, 8, 10)]
    owner = uuid4()
    with as_actor("anna") as trail:
        held = services.hold_times(actor=trail.actor, owner=owner, asks=[Ask(**press(start=start)) for start in starts])
        return services.book_together(actor=trail.actor, patient_id=uid("anna"), batch=held[0].pk, owner=owner)


def test_a_course_is_one_sms_and_a_mail_with_its_calendar_for_each_visit(gateways, as_actor, sql):
    for visit in reversed(book_a_course(as_actor)):
        tell({"appointment_id": visit.pk, "patient_id": uid("anna"), "recipient_id": uid("anna")})
    (sms,) = gateways.sms.sent
    assert "и ещё 2 приёма" in sms.text and f"{at(10, days=7).astimezone(ZONE):%d.%m}" in sms.text
    assert len(gateways.email.sent) == 3 and len({m.calendar for m in gateways.email.sent}) == 3
    reminded = "SELECT count(DISTINCT subject_id) FROM notifications_message WHERE kind = 'reminder-day'"
    assert sql(reminded) == [(3,)]


def of_anna(visit):
    return {"appointment_id": visit.pk, "patient_id": uid("anna"), "recipient_id": uid("anna")}


def cancel_first(as_actor, visit):
    with as_actor("anna") as trail:
        services.cancel_appointment(actor=trail.actor, appointment_id=visit.pk)


@pytest.fixture
def left_to_next(sql):
    """What lies in the queue about visits whose turn to speak has come, as the worker would run it."""

    def run():
        from procrastinate.contrib.django import app

        for name, args in sql("SELECT task_name, args FROM procrastinate_jobs WHERE task_name LIKE '%%tell_untold'"):
            app.tasks[name].func(**args)

    return run


def day_of(n):
    return f"{at(10, days=n).astimezone(ZONE):%d.%m}"


def by_request():
    stage(lambda: HealthcareService.objects.filter(pk=uid("therapist-first")).update(online="request"))


@pytest.mark.parametrize("was", ["waiting", "on its way", "not planned"])
def test_when_the_first_of_a_course_changes_before_its_sms_left_the_next_one_tells(
    gateways, as_actor, later, left_to_next, sql, was
):
    first, *others = book_a_course(as_actor)
    if was != "not planned":
        gateways.sms.fail_with.append(DOWN)
        tell(of_anna(first))
    for visit in others:
        tell(of_anna(visit))
    sms = "subject_id = %s AND channel = 'sms' AND kind = 'booked'"
    on_its_way = f"UPDATE notifications_message SET state = %s WHERE {sms}"
    if was == "on its way":
        sql(on_its_way, "sending", first.pk)
    cancel_first(as_actor, first)
    jobs.tell_cancelled(**of_anna(first))
    if was == "on its way":
        left_to_next()
        sql(on_its_way, "planned", first.pk)  # the gateway did not take it
    tell(of_anna(first))
    routes.forget()
    later()
    left_to_next()
    left_to_next()
    later()
    cancelled, told = sorted((sms.text for sms in gateways.sms.sent), key=lambda text: "и ещё" in text)
    assert "отменена" in cancelled and day_of(7) in cancelled
    assert "и ещё 1 приём" in told and day_of(8) in told


@pytest.mark.parametrize("change", ["moved", "confirmed"])
def test_when_the_first_request_of_a_course_changes_the_next_one_tells(gateways, as_actor, later, left_to_next, change):
    by_request()
    first, *others = book_a_course(as_actor)
    gateways.sms.fail_with.append(DOWN)
    for visit in (first, *others):
        jobs.tell_requested(**of_anna(visit))
    if change == "moved":
        owner = uuid4()
        with as_actor("anna") as trail:
            held = services.hold_time(actor=trail.actor, owner=owner, replaces=first.pk, **press(start=at(15, days=7)))
            services.move_appointment(actor=trail.actor, appointment_id=first.pk, hold_id=held.pk, owner=owner)
        jobs.tell_requested(**of_anna(first))
    else:
        with as_actor("rita") as trail:
            services.confirm_appointment(actor=trail.actor, appointment_id=first.pk, version=1)
        jobs.tell_booked(**of_anna(first))
    routes.forget()
    later()
    left_to_next()
    later()
    own, told = sorted((sms.text for sms in gateways.sms.sent), key=lambda text: "и ещё" in text)
    assert ("15:00" in own, "Заявка" in own) == (change == "moved", change == "moved")
    assert "Заявка" in told and "и ещё 1 приём" in told and day_of(8) in told


def test_when_the_first_of_a_course_changes_later_nothing_is_told_again(gateways, as_actor, left_to_next):
    first, *others = book_a_course(as_actor)
    for visit in [first, *others]:
        tell(of_anna(visit))
    cancel_first(as_actor, first)
    jobs.tell_cancelled(**of_anna(first))
    tell(of_anna(first))
    left_to_next()
    assert ["и ещё" in sms.text for sms in gateways.sms.sent] == [True, False]


def test_who_has_only_mail_hears_nothing_twice_when_a_phone_is_added(gateways, as_actor, left_to_next, sql):
    sql("UPDATE people_contact SET verified_at = NULL WHERE id = %s", uid("contact-phone-anna"))
    first, *others = book_a_course(as_actor)
    for visit in [first, *others]:
        tell(of_anna(visit))
    sql("UPDATE people_contact SET verified_at = now() WHERE id = %s", uid("contact-phone-anna"))
    cancel_first(as_actor, first)
    jobs.tell_cancelled(**of_anna(first))
    left_to_next()
    (sms,) = gateways.sms.sent
    assert "отменена" in sms.text


def test_who_represents_the_patient_no_more_hears_nothing_more(gateways, booked, sql):
    tell(booked("mila"))
    sql("UPDATE people_proxy SET period = tstzrange(lower(period), now())")
    sql("UPDATE notifications_message SET due_at = now(), next_at = now() WHERE kind = 'reminder-day'")
    jobs.deliver()
    reminder = "SELECT state, error FROM notifications_message WHERE kind = 'reminder-day'"
    assert sql(reminder) == [("skipped", "no-longer-theirs")] and len(gateways.sms.sent) == 1


def test_a_reminder_that_the_clinic_has_switched_off_is_not_sent(gateways, booked, sql):
    tell(booked())
    sql(
        "INSERT INTO notifications_messagepolicy (id, organization_id, day_hours, last_minutes, quiet_from,"
        " quiet_until) VALUES (gen_random_uuid(), %s, 0, 120, '21:00', '9:00')",
        uid("shore"),
    )
    sql("UPDATE notifications_message SET due_at = now(), next_at = now() WHERE kind LIKE 'reminder%%'")
    jobs.deliver()
    states = dict(sql("SELECT kind, state FROM notifications_message WHERE kind LIKE 'reminder%%'"))
    assert states == {"reminder-day": "skipped", "reminder-hours": "accepted"}


def test_an_accepted_message_is_not_asked_about_for_ever(gateways, booked, later, sql, monkeypatch):
    tell(booked())

    def unable(ref, to):
        raise DOWN

    monkeypatch.setattr(gateways.sms, "status", unable)
    for _ in range(10):
        later()
    assert sql("SELECT state, next_at FROM notifications_message WHERE kind = 'booked' AND channel = 'sms'") == [
        ("accepted", None)
    ]
