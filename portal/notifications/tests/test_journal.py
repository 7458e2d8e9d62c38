"""Reception sees what became of each message and whom to call; a person sees what was sent to them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.kernel.ports import PortFailure
from portal.notifications import jobs
from portal.notifications.tests.conftest import tell
from portal.scheduling import services
from tests.cast import PHONES, at

REFUSED = PortFailure(permanent=True, code="bad-phone")


def message_of(sql, where="true"):
    return sql(f"SELECT id FROM notifications_message WHERE {where} ORDER BY sequence")[0][0]


def test_the_journal_of_a_day_names_patient_message_and_state(client_of, gateways, booked):
    gateways.sms.fail_with.append(REFUSED)
    tell(booked())
    page = client_of("rita").get("/desk/messages/").content.decode()
    assert "Annaова" in page and "Подтверждение записи" in page
    assert "не дошло" in page and "номер неверный" in page and "отправлено" in page


def test_another_clinic_sees_nothing_of_it(client_of, gateways, booked, sql):
    tell(booked())
    message = message_of(sql)
    assert "Annaова" not in client_of("foma").get("/desk/messages/").content.decode()
    assert client_of("foma").get(f"/desk/messages/{message}/").status_code == 404
    assert client_of("foma").post(f"/desk/messages/{message}/resend/").status_code == 404
    assert client_of("foma").post(f"/desk/messages/{message}/called/").status_code == 404


def test_the_text_is_stored_encrypted_and_reading_it_is_on_the_trail(client_of, gateways, booked, sql):
    tell(booked())
    message = message_of(sql, "channel = 'sms'")
    page = client_of("rita").get(f"/desk/messages/{message}/").content.decode()
    assert gateways.sms.sent[0].text in page.replace("&amp;", "&")
    ((stored,),) = sql("SELECT text FROM notifications_message WHERE id = %s", message)
    assert "Речная".encode() not in bytes(stored)
    assert sql("SELECT count(*) FROM guard.audit_event WHERE purpose = 'message' AND role = 'registrar'") == [(1,)]


def test_what_did_not_arrive_is_sent_again(client_of, gateways, booked, sql):
    gateways.sms.fail_with.append(REFUSED)
    tell(booked())
    message = message_of(sql, "channel = 'sms' AND kind = 'booked'")
    assert client_of("rita").post(f"/desk/messages/{message}/resend/").status_code == 302
    assert client_of("rita").post(f"/desk/messages/{message}/resend/").status_code == 409, "it is on its way"
    jobs.deliver()
    assert len(gateways.sms.sent) == 1
    assert sql("SELECT state, resent FROM notifications_message WHERE id = %s", message) == [("accepted", 1)]


def test_sent_again_it_is_another_message_to_the_gateway(client_of, gateways, booked, sql):
    """A gateway that knows our number would swallow the second one as a repeat of the first."""
    tell(booked())
    message = message_of(sql, "channel = 'sms' AND kind = 'booked'")
    sql("UPDATE notifications_message SET state = 'delivered', next_at = NULL WHERE id = %s", message)
    client_of("rita").post(f"/desk/messages/{message}/resend/")
    jobs.deliver()
    first, second = gateways.sms.sent
    assert first.text == second.text and first.sequence != second.sequence


@pytest.fixture
def cancelled_by_the_clinic(as_actor, booked, gateways, no_night):
    def run():
        args = booked()
        tell(args)
        with as_actor("rita") as trail:
            services.cancel_appointment(actor=trail.actor, appointment_id=args["appointment_id"])
        tell(args | {"by_clinic": 1}, "cancelled")
        return args

    return run


def test_a_change_by_the_clinic_goes_both_ways_and_wants_an_answer(cancelled_by_the_clinic, gateways, sql):
    cancelled_by_the_clinic()
    assert "Клиника отменила" in gateways.sms.sent[-1].text and "Клиника отменила" in gateways.email.sent[-1].text
    assert sql("SELECT count(*) FROM notifications_message WHERE wants_answer AND answered_at IS NULL") == [(2,)]


def test_who_does_not_answer_is_called(client_of, cancelled_by_the_clinic, sql):
    cancelled_by_the_clinic()
    rita = client_of("rita")
    assert "Позвоните, пожалуйста" not in rita.get("/desk/").content.decode(), "there is still time to answer"
    sql("UPDATE notifications_message SET due_at = due_at - interval '3 hours' WHERE wants_answer")
    page = rita.get("/desk/").content.decode()
    assert "Позвоните, пожалуйста" in page and PHONES["anna"] in page and "ответа пока нет" in page
    assert "Позвоните, пожалуйста" not in client_of("foma").get("/desk/").content.decode()
    rita.post(f"/desk/messages/{message_of(sql, 'wants_answer')}/called/")
    assert "Позвоните, пожалуйста" not in rita.get("/desk/").content.decode()


def test_whom_no_message_reaches_is_called(client_of, gateways, booked):
    gateways.sms.fail_with.append(REFUSED)
    gateways.email.fail_with.append(REFUSED)
    tell(booked())
    page = client_of("rita").get("/desk/").content.decode()
    assert "Позвоните, пожалуйста" in page and "номер неверный" in page


def test_one_visit_to_call_about_brings_no_other_of_that_person(
    client_of, gateways, booked, cancelled_by_the_clinic, sql
):
    """A lost message about a visit that is over, and a change that can still be answered, are no calls."""
    cancelled_by_the_clinic()
    gateways.sms.fail_with += [REFUSED] * 2
    gateways.email.fail_with += [REFUSED] * 2
    over, coming = booked(start=at(11, days=8)), booked(start=at(13, days=10))
    tell(over)
    tell(coming)
    sql(
        "UPDATE scheduling_appointment SET start = start - interval '60 d', \"end\" = \"end\" - interval '60 d'"
        " WHERE id = %s",
        over["appointment_id"],
    )
    page = client_of("rita").get("/desk/").content.decode()
    assert page.count("/called/") == 1 and "13:00" in page


def test_one_way_that_works_is_enough(client_of, gateways, booked):
    gateways.sms.fail_with.append(REFUSED)
    tell(booked())
    assert "Позвоните, пожалуйста" not in client_of("rita").get("/desk/").content.decode()


def test_a_person_sees_what_was_and_what_will_be_sent(client_of, gateways, booked):
    tell(booked("mila"))
    page = client_of("anna").get("/me/messages/").content.decode()
    assert "Будет отправлено" in page and "Первое напоминание" in page
    assert "Подтверждение записи: Mila" in page
    assert "Mila" not in client_of("boris").get("/me/messages/").content.decode()


def test_wishes_are_kept_and_followed(client_of, gateways, booked, sql):
    client = client_of("anna")
    wanted = {
        "form": "wishes",
        "on": ["visits:sms", "visits:email", "reminders:email"],
        "first": "email",
        "zone": "Asia/Omsk",
    }
    assert client.post("/me/messages/", wanted).status_code == 302
    tell(booked())
    assert sql("SELECT DISTINCT channel FROM notifications_message WHERE kind LIKE 'reminder%%'") == [("email",)]
    page = client.get("/me/messages/").content.decode()
    assert 'value="reminders:email" checked' in page and 'value="reminders:sms" checked' not in page
    assert client.post("/me/messages/", wanted | {"zone": "Mars/Olympus"}).status_code == 422


def test_reminders_switched_off_after_planning_are_not_sent(client_of, gateways, booked, sql):
    tell(booked())
    client_of("anna").post("/me/messages/", {"form": "wishes", "on": ["visits:sms"], "first": "", "zone": ""})
    sql("UPDATE notifications_message SET next_at = now(), due_at = now() WHERE kind = 'reminder-day'")
    before = gateways.sent()
    jobs.deliver()
    assert gateways.sent() == before
    assert sql("SELECT state, error FROM notifications_message WHERE kind = 'reminder-day'") == [
        ("skipped", "unwished")
    ]


def test_with_everything_switched_off_a_change_still_reaches_the_person(client_of, gateways, booked):
    client_of("anna").post("/me/messages/", {"form": "wishes", "first": "", "zone": ""})
    tell(booked())
    assert gateways.sent() == 1


def test_a_post_that_is_not_of_this_form_switches_nothing_off(client_of, sql):
    assert client_of("anna").post("/me/messages/", {}).status_code == 422
    assert client_of("anna").post("/me/messages/", "x", content_type="text/plain").status_code == 422
    assert sql("SELECT count(*) FROM notifications_messagewishes") == [(0,)]


def test_the_journal_turns_its_pages_and_refuses_nonsense(client_of, gateways, booked):
    tell(booked())
    rita = client_of("rita")
    assert "Annaова" not in rita.get(f"/desk/messages/?day={at(10) - timedelta(days=300):%Y-%m-%d}").content.decode()
    assert rita.get("/desk/messages/?page=2").status_code == 200
    for query in ("day=yesterday", "page=0", "page=x"):
        assert rita.get(f"/desk/messages/?{query}").status_code == 400


def test_a_full_page_costs_no_more_statements_than_a_short_one(client_of, gateways, booked, count_statements):
    rita = client_of("rita")
    tell(booked(start=at(10, days=10)))
    rita.get("/desk/messages/")
    short = count_statements(lambda: rita.get("/desk/messages/"))
    for hour in (11, 12, 13):
        tell(booked(start=at(hour, days=hour)))
    assert count_statements(lambda: rita.get("/desk/messages/")) == short


@pytest.fixture
def count_statements(db):
    def count(run):
        with CaptureQueriesContext(connection) as statements:
            run()
        return len(statements)

    return count
