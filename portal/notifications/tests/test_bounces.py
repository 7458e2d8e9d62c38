"""Mail that comes back: the message has failed, the next way is tried, the address is off until it is proved again."""

import threading
from uuid import uuid4

import pytest
from django.db import connections

from portal.kernel.ports import PortFailure, PortUnknown, override_port
from portal.notifications import jobs_mail
from portal.notifications.ports_mail import FakeReturns, Fault, MailboxRefused
from portal.notifications.tests import reports
from portal.notifications.tests.conftest import tell
from portal.notifications.tests.test_tell import book_a_course
from portal.people.contacts import parse_address
from portal.people.models import OneTimeCode
from portal.people.services.codes import check_code, request_code
from portal.people.services.own_data import add_contact
from tests.cast import EMAILS, at, uid

MAIL = EMAILS["anna"]
OFF = "SELECT off_since IS NOT NULL FROM people_returningmail"
STATES = "SELECT channel, state, error FROM notifications_message WHERE kind = '{}' ORDER BY sequence"
GONE = MailboxRefused(code="smtp-550")


@pytest.fixture
def box():
    with override_port("bounces", FakeReturns()) as fake:
        yield fake


@pytest.fixture
def mail_first(sql):
    """Anna is reminded by e-mail."""
    sql(
        "INSERT INTO notifications_messagewishes (id, patient_id, zone, off, first, changed_at)"
        " VALUES (%s, %s, '', '{}', 'email', now())",
        uuid4(),
        uid("anna"),
    )


@pytest.fixture
def due(sql, later):
    """Reminders of this kind go out."""

    def run(kind="reminder-day"):
        sql("UPDATE notifications_message SET next_at = now(), due_at = now() WHERE kind = %s", kind)
        later()

    return run


@pytest.fixture
def reminded(gateways, mail_first, booked, due):
    """Anna's reminder has gone to her e-mail alone; its Message-ID."""

    def run():
        tell(booked())
        due()
        return gateways.email.sent[-1].message_id

    return run


def returned(box, *mails):
    box.mails += mails
    jobs_mail.read_returned_mail()


def of_reminder(sql):
    return sql(STATES.format("reminder-day"))


# At once: the mail server refuses the recipient ----------------------------------------------------------------


def test_a_refused_mailbox_fails_the_message_and_switches_the_address_off(gateways, booked, sql):
    gateways.email.fail_with.append(GONE)
    tell(booked())
    assert sorted(sql(STATES.format("booked"))) == [("email", "failed", "smtp-550"), ("sms", "accepted", "")]
    assert sql(OFF) == [(True,)]


def test_a_reminder_to_a_refused_mailbox_goes_the_next_way(gateways, mail_first, booked, due, sql, later):
    tell(booked())
    gateways.email.fail_with.append(GONE)
    due()
    later()
    assert of_reminder(sql) == [("email", "failed", "smtp-550"), ("sms", "accepted", "")]
    assert sql(OFF) == [(True,)]


def test_a_refusal_that_is_not_about_the_mailbox_switches_nothing_off(gateways, booked, sql):
    gateways.email.fail_with.append(PortFailure(permanent=True, code="smtp-554"))
    tell(booked())
    assert ("email", "failed", "smtp-554") in sql(STATES.format("booked"))
    assert sql(OFF) == []


# Later: a report ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "is_off"),
    [
        (reports.postfix, True),
        (reports.exim, True),
        (reports.yandex, True),
        (reports.mailru, True),
        (reports.exchange, False),  # 5.4.1 may be said of the address, and of us
    ],
)
def test_a_report_fails_the_message_and_it_goes_the_next_way(gateways, box, reminded, sql, later, write, is_off):
    returned(box, write(reminded()))
    later()
    (mail, sms) = of_reminder(sql)
    assert (mail[:2], sms) == (("email", "failed"), ("sms", "accepted", ""))
    assert sql(OFF) == [(is_off,)] and box.seen == {0}


def test_a_report_that_cannot_be_taken_in_holds_up_no_other(gateways, box, reminded, sql, monkeypatch, caplog):
    ref = reminded()
    real = jobs_mail.read_report
    monkeypatch.setattr(jobs_mail, "read_report", lambda raw: real(raw) if b"poison" not in raw else 1 / 0)
    returned(box, b"poison", reports.postfix(ref))
    assert of_reminder(sql)[0][:2] == ("email", "failed")
    assert box.seen == {1} and "was not understood" in caplog.text


def test_many_that_cannot_be_taken_in_hold_up_no_other(gateways, box, reminded, sql, monkeypatch):
    ref = reminded()
    real = jobs_mail.read_report
    monkeypatch.setattr(jobs_mail, "read_report", lambda raw: real(raw) if b"poison" not in raw else 1 / 0)
    returned(box, *[b"poison"] * (2 * jobs_mail.AT_ONCE), reports.postfix(ref))
    assert of_reminder(sql)[0][:2] == ("email", "failed")


def test_a_refusal_that_may_be_ours_is_counted_and_switches_nothing_off(gateways, booked, sql):
    gateways.email.fail_with.append(MailboxRefused(code="smtp-550", fault=Fault.UNCLEAR))
    tell(booked())
    assert sql("SELECT off_since, cardinality(delays) FROM people_returningmail") == [(None, 1)]


def test_the_envelopes_id_is_enough(gateways, box, reminded, sql):
    returned(box, reports.with_envelope_id(reminded()[1:37]))
    assert of_reminder(sql)[0][:2] == ("email", "failed")


def test_read_again_a_report_says_nothing_new(gateways, box, reminded, sql, later):
    """Whoever is killed after the commit and before the mark reads it again."""
    report = reports.postfix(reminded())
    returned(box, report)
    later()
    before = (
        sql("SELECT count(*) FROM notifications_message"),
        sql("SELECT off_since, seen_at FROM people_returningmail"),
    )
    box.seen.clear()
    returned(box, report)
    later()
    after = (
        sql("SELECT count(*) FROM notifications_message"),
        sql("SELECT off_since, seen_at FROM people_returningmail"),
    )
    assert before == after


def test_killed_before_the_commit_nothing_is_lost(gateways, box, reminded, sql, monkeypatch):
    box.mails.append(reports.postfix(reminded()))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(jobs_mail, "note_returned", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
        jobs_mail.read_returned_mail()
    assert of_reminder(sql) == [("email", "accepted", "")] and box.seen == set() and sql(OFF) == []
    jobs_mail.read_returned_mail()
    assert of_reminder(sql)[0][:2] == ("email", "failed") and sql(OFF) == [(True,)]


def test_two_workers_that_read_the_same_report_act_once(gateways, box, reminded, sql):
    box.mails.append(reports.postfix(reminded()))
    gate = threading.Barrier(2, timeout=10)

    class Both:
        def waiting(self, most):
            found = box.waiting(most)
            if found and gate.n_waiting < 2:
                gate.wait()
            return found

        done = staticmethod(box.done)

    def run():
        jobs_mail.take_in(Both().waiting(1)[0])
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row[:2] for row in of_reminder(sql)] == [("email", "failed"), ("sms", "planned")]


def test_a_mailbox_that_cannot_be_read_or_marked_stops_nothing(gateways, box, reminded, sql, caplog):
    box.mails.append(reports.postfix(reminded()))
    box.fail_with.append(PortFailure(permanent=False, code="unreachable"))
    jobs_mail.read_returned_mail()
    assert "unreachable" in [record.why for record in caplog.records if hasattr(record, "why")]
    jobs_mail.read_returned_mail()
    assert sql(OFF) == [(True,)]


def test_more_reports_than_one_batch_are_all_read(gateways, box, reminded, sql):
    noise = reports.postfix(f"<{uuid4()}@fake.invalid>")
    returned(box, *[noise] * 40, reports.postfix(reminded()))
    assert len(box.seen) == 41 and sql(OFF) == [(True,)]


# What is not believed -------------------------------------------------------------------------------------------


def forged(ref):
    """Each a report that says something of Anna's message and is not borne out by what we know."""
    key = ref[1:37]
    return {
        "an id we never gave": reports.postfix(f"<{uuid4()}@fake.invalid>"),
        "another domain": reports.postfix(f"<{key}@evil.example>"),
        "another recipient": reports.postfix(ref, to="boris@example.ru", original=""),
        "no recipient": reports.postfix(ref, to="", original=""),
        "only words": reports.on_holiday(ref),
        "a person's answer": reports.from_a_person(ref),
        "a report sent on": reports.forwarded(ref),
        "it was delivered": reports.receipt(ref),
        "it was read": reports.read_receipt(ref),
        "an id of another kind of row": reports.with_envelope_id(str(uid("anna"))),
        "nothing": b"",
    }


@pytest.mark.parametrize("what", sorted(forged("<11111111-2222-4333-8444-555555555555@x.y>")))
def test_what_our_own_rows_do_not_bear_out_changes_nothing(gateways, box, reminded, sql, what):
    returned(box, forged(reminded())[what])
    assert of_reminder(sql) == [("email", "accepted", "")] and sql(OFF) == []


def test_a_report_about_an_sms_or_about_what_was_not_sent_changes_nothing(gateways, box, booked, sql):
    tell(booked())
    for (key,) in sql("SELECT id FROM notifications_message WHERE channel = 'sms' OR state = 'planned'"):
        returned(box, reports.postfix(f"<{key}@fake.invalid>"), reports.with_envelope_id(str(key)))
    assert {state for _, state, _ in sql(STATES.format("booked"))} == {"accepted"} and sql(OFF) == []


def test_a_mail_of_unknown_outcome_that_comes_back_was_sent(gateways, box, booked, sql):
    gateways.email.fail_with.append(PortUnknown(code="no-answer"))
    tell(booked())
    ((key,),) = sql("SELECT id FROM notifications_message WHERE channel = 'email' AND state = 'unknown'")
    returned(box, reports.postfix(f"<{key}@fake.invalid>"))
    assert ("email", "failed", "no-mailbox") in sql(STATES.format("booked")) and sql(OFF) == [(True,)]


def test_of_two_recipients_ours_counts(gateways, box, reminded, sql):
    returned(box, reports.to_two(reminded()))
    assert of_reminder(sql)[0] == ("email", "failed", "no-mailbox")


def test_a_contact_removed_meanwhile_is_nobodys_address(gateways, box, reminded, sql):
    ref = reminded()
    sql("DELETE FROM people_contact WHERE id = %s", uid("contact-email-anna"))
    returned(box, reports.postfix(ref))
    assert sql(OFF) == []


# Delays, and what is not the address's fault ---------------------------------------------------------------------


def test_a_delay_leaves_the_message_on_its_way_and_counts_for_nothing(gateways, box, reminded, sql):
    ref = reminded()
    returned(box, reports.postfix_delay(ref), reports.postfix_delay(ref))
    assert of_reminder(sql) == [("email", "accepted", "mail-delayed")]
    assert sql(OFF) == []


def test_late_first_and_lost_then_is_one_trouble(gateways, box, reminded, sql):
    ref = reminded()
    returned(box, reports.postfix_delay(ref), reports.postfix(ref, code="4.4.7", says=""))
    assert of_reminder(sql)[0] == ("email", "failed", "mail-expired")
    assert sql("SELECT off_since, cardinality(delays) FROM people_returningmail") == [(None, 1)]


def test_messages_given_up_in_five_hours_of_a_day_switch_the_address_off(gateways, box, booked, sql):
    for day in range(20, 25):
        tell(booked(start=at(10, days=day)))
    refs = [mail.message_id for mail in gateways.email.sent]
    assert len(refs) == 5
    for ref in refs:
        assert sql(OFF) in ([], [(False,)])
        returned(box, *[reports.postfix(ref, code="4.4.7", says="")] * 2)
        sql("UPDATE people_returningmail SET delays = ARRAY(SELECT d - interval '1 hour' FROM unnest(delays) d)")
    assert sql(OFF) == [(True,)]


def test_a_server_that_refuses_us_switches_nobody_off_and_the_operator_is_told(gateways, box, reminded, sql, caplog):
    returned(box, reports.postfix(reminded(), code="5.7.1", says="550 5.7.1 rejected"))
    assert of_reminder(sql)[0] == ("email", "failed", "mail-refused")
    assert len(of_reminder(sql)) == 2, "it goes the next way all the same"
    assert sql(OFF) == []
    assert "a mail server refuses our mail" in caplog.text and MAIL not in caplog.text


# Afterwards ------------------------------------------------------------------------------------------------------


def test_an_address_that_is_off_hears_nothing_until_it_is_proved(gateways, box, reminded, booked, sql, as_actor):
    returned(box, reports.postfix(reminded()))
    before = len(gateways.email.sent)
    args = booked(start=at(10, days=15))
    tell(args)
    news = "SELECT channel FROM notifications_message WHERE kind = 'booked' AND subject_id = %s"
    assert len(gateways.email.sent) == before and sql(news, args["appointment_id"]) == [("sms",)]
    prove(as_actor, MAIL)
    tell(booked(start=at(10, days=16)))
    assert len(gateways.email.sent) == before + 1


def test_what_was_planned_to_it_before_goes_another_way_when_it_is_due(gateways, box, reminded, sql, due, later):
    returned(box, reports.postfix(reminded()))
    before = len(gateways.email.sent)
    due("reminder-hours")
    later()
    assert len(gateways.email.sent) == before
    assert sql(STATES.format("reminder-hours")) == [("sms", "accepted", "")]


def test_a_second_address_is_used_instead(gateways, box, reminded, booked, as_actor):
    returned(box, reports.postfix(reminded()))
    prove(as_actor, "second@example.ru")
    tell(booked(start=at(10, days=15)))
    assert gateways.email.sent[-1].to == "second@example.ru"


def prove(as_actor, contact):
    """Anna enters the code that came there."""
    with as_actor("anna") as trail:
        given = {"actor": trail.actor, "purpose": OneTimeCode.Purpose.CONTACT}
        whose = {"user_id": trail.actor.user_id, "ip": "127.0.0.1", "language": "ru"}
        code = request_code(address=parse_address(contact), **given, **whose)
        assert not isinstance(check_code(code_id=code.pk, code=code.sealed_code, **given), int)
        add_contact(actor=trail.actor, patient_id=uid("anna"), code_id=code.pk)


def test_who_has_no_other_way_is_called(gateways, box, reminded, booked, sql, client_of):
    sql("DELETE FROM people_contact WHERE id = %s", uid("contact-phone-anna"))
    returned(box, reports.postfix(reminded()))
    args = booked(start=at(12, days=15))
    tell(args)
    tell(args)
    news = "SELECT channel, state, error FROM notifications_message WHERE kind = 'booked' AND subject_id = %s"
    assert sql(news, args["appointment_id"]) == [("email", "failed", "mail-returns")]
    assert "Annaова" in client_of("rita").get("/desk/").content.decode()


def switch_off(sql, contact="contact-email-anna"):
    sql(
        "INSERT INTO people_returningmail (id, key, off_since, delays, seen_at)"
        " SELECT gen_random_uuid(), digest, now(), '{}', now() FROM people_contact WHERE id = %s",
        uid(contact),
    )


def test_who_is_reached_by_another_way_is_not_called_about_a_course(gateways, as_actor, sql):
    """One SMS speaks for all its visits; of the others there are only mails, and here not even those."""
    switch_off(sql)
    visits = book_a_course(as_actor)
    sql("UPDATE scheduling_appointment SET status = 'pending' WHERE patient_id = %s", uid("anna"))
    for visit in visits:
        tell({"appointment_id": visit.pk, "patient_id": uid("anna"), "recipient_id": uid("anna")}, "requested")
    assert len(gateways.sms.sent) == 1
    assert sql("SELECT count(*) FROM notifications_message WHERE state = 'failed'") == [(0,)]


def test_a_childs_own_address_that_is_off_leaves_it_to_the_parent(gateways, booked, sql):
    sql("UPDATE people_contact SET patient_id = %s WHERE id = %s", uid("mila"), uid("contact-email-anna"))
    switch_off(sql)
    args = booked("mila")
    tell(args | {"recipient_id": uid("mila")})
    assert len(gateways.sms.sent) == 1 and gateways.email.sent == []


def test_pages_say_so_in_words(gateways, box, reminded, sql, client_of):
    returned(box, reports.postfix(reminded()))
    (key,) = sql("SELECT id FROM notifications_message WHERE kind = 'reminder-day' AND channel = 'email'")[0]
    own = client_of("anna").get("/me/messages/").content.decode()
    assert f"Письма на {MAIL} возвращаются" in own
    page = client_of("rita").get(f"/desk/messages/{key}/").content.decode()
    assert "не дошло" in page and "такого ящика нет" in page
    assert "возвращаются" not in client_of("boris").get("/me/messages/").content.decode()


def test_what_was_wished_of_an_address_that_is_off_is_kept(gateways, box, reminded, sql, client_of):
    returned(box, reports.postfix(reminded()))
    sql("UPDATE notifications_messagewishes SET off = '{documents:email}'")
    client_of("anna").post("/me/messages/", {"form": "wishes", "on": ["visits:sms"], "first": "", "zone": ""})
    ((off,),) = sql("SELECT off FROM notifications_messagewishes")
    assert "documents:email" in off and "reminders:sms" in off and "visits:sms" not in off


def test_reception_sees_that_mail_to_a_patient_comes_back(gateways, box, booked, sql, client_of):
    args = booked()
    tell(args)
    visit = f"/desk/visits/{args['appointment_id']}/"
    assert "письма возвращаются" not in client_of("rita").get(visit).content.decode()
    returned(box, reports.postfix(gateways.email.sent[0].message_id))
    assert "письма возвращаются" in client_of("rita").get(visit).content.decode()


def test_a_report_opens_only_the_doors_of_its_message(gateways, box, reminded, sql):
    returned(box, reports.postfix(reminded()))
    opened = sql(
        "SELECT DISTINCT patient_id FROM guard.audit_event WHERE action = 'job:notifications.returns' AND opens"
    )
    assert opened == [(uid("anna"),)]


def test_switched_off_nothing_is_read(gateways, reminded, sql):
    reminded()
    jobs_mail.read_returned_mail()
    assert sql(OFF) == []


# Threads ---------------------------------------------------------------------------------------------------------


def test_mails_about_one_visit_are_one_thread(gateways, booked, cancelled):
    args = booked()
    tell(args)
    cancelled(args)
    tell(args, "cancelled")
    tell(booked(start=at(12, days=15)))
    first, second, other = gateways.email.sent
    assert first.headers == {} and other.headers == {}
    assert second.headers == {"In-Reply-To": first.message_id, "References": first.message_id}
