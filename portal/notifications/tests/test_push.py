"""Notifications in browsers: tried first, believed only when shown, and never the last word."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from portal.kernel.ports import PortFailure, PortUnknown, override_port
from portal.notifications import jobs, routes
from portal.notifications.forbidden import find
from portal.notifications.kinds import KINDS
from portal.notifications.models import MessageWishes
from portal.notifications.ports_push import FakePush, PushBusy, PushOff
from portal.notifications.selectors_ways import Way, taken
from portal.notifications.tests.conftest import subscription_of, tell
from portal.notifications.tests.test_forbidden import KNOWN
from portal.notifications.tests.test_tell import book_a_course
from tests.cast import at, uid

SHOWN = "/push/shown/"
STREAMS, CHANNELS = ("visits", "reminders", "offers", "documents"), ("push", "sms", "email")
ALL_ON = [f"{stream}:{channel}" for stream in STREAMS for channel in CHANNELS]


def payload(push, n=-1):
    return json.loads(push.sent[n].payload)


@pytest.fixture
def patience_is_over(sql, later):
    """So long after it was accepted that the browser should have shown it."""

    def run():
        sql("UPDATE notifications_message SET accepted_at = now() - interval '301 s' WHERE channel = 'push'")
        later()

    return run


# --- in which order --------------------------------------------------------------------------------------------------


def test_a_reminder_goes_as_a_notification_and_costs_no_sms(gateways, push, turn_on, booked, remind, reminders):
    turn_on()
    tell(booked())
    texts = len(gateways.sms.sent)
    remind()
    assert reminders() == [("push", "accepted")]
    assert len(gateways.sms.sent) == texts and len(push.sent) == 2, "the booking and the reminder"


def test_news_go_to_browsers_too(gateways, push, turn_on, booked, states):
    turn_on()
    tell(booked())
    assert sorted(states()) == [("email", "accepted", 1), ("push", "accepted", 1), ("sms", "accepted", 1)]


def test_every_browser_of_the_person_shows_it(gateways, push, turn_on, booked):
    turn_on("phone")
    turn_on("laptop")
    tell(booked())
    assert {one.subscription for one in push.sent} == {subscription_of("phone"), subscription_of("laptop")}
    assert len({one.key for one in push.sent}) == 1


def test_the_wished_way_comes_first(gateways, push, turn_on, client_of, booked, remind, reminders):
    turn_on()
    client_of("anna").post("/me/messages/", {"form": "wishes", "on": ALL_ON, "first": "sms", "zone": ""})
    tell(booked())
    remind()
    assert reminders() == [("sms", "accepted")]


def test_who_has_switched_notifications_off_for_reminders_gets_an_sms(
    gateways, push, turn_on, client_of, booked, remind, reminders
):
    turn_on()
    on = ["visits:push", "visits:sms", "visits:email", "reminders:sms"]
    client_of("anna").post("/me/messages/", {"form": "wishes", "on": on, "first": "", "zone": ""})
    tell(booked())
    remind()
    assert reminders() == [("sms", "accepted")]
    assert len(push.sent) == 1, "the booking alone"


def test_a_change_never_goes_to_a_browser_alone(gateways, push, turn_on, client_of, booked):
    turn_on()
    client_of("anna").post("/me/messages/", {"form": "wishes", "on": ["visits:push"], "first": "", "zone": ""})
    tell(booked())
    assert len(push.sent) == 1 and len(gateways.sms.sent) == 1


def test_what_was_settled_of_notifications_outlives_the_last_browser(push, turn_on, client_of, sql):
    device, client = turn_on(), client_of("anna")
    form = {"form": "wishes", "on": ["visits:sms", "reminders:sms"], "first": "", "zone": ""}
    client.post("/me/messages/", form)
    client.post(f"/me/messages/devices/{device}/remove/")
    client.post("/me/messages/", form)
    ((off,),) = sql("SELECT off FROM notifications_messagewishes")
    assert {"visits:push", "reminders:push"} <= set(off)


def test_a_course_of_visits_is_one_notification(gateways, push, turn_on, as_actor):
    turn_on()
    for visit in reversed(book_a_course(as_actor)):
        tell({"appointment_id": visit.pk, "patient_id": uid("anna"), "recipient_id": uid("anna")})
    assert len(push.sent) == 1 and len(gateways.email.sent) == 3


def test_a_new_document_is_told_by_a_notification_then_by_mail_and_by_sms_last(
    gateways, push, turn_on, sql, later, patience_is_over, client_of
):
    turn_on()
    client_of("anna").post("/me/messages/", {"form": "wishes", "on": ALL_ON, "first": "", "zone": "Asia/Kamchatka"})
    jobs.tell_document(document_id=uuid4(), patient_id=uid("anna"))
    sql("UPDATE notifications_message SET next_at = now(), due_at = now()")
    gateways.email.fail_with.append(PortFailure(permanent=True, code="bad-address"))
    later()
    patience_is_over()
    ways = "SELECT channel, state FROM notifications_message ORDER BY sequence"
    assert sql(ways) == [("push", "unknown"), ("email", "failed"), ("sms", "accepted")]


def test_without_a_browser_a_document_still_costs_nothing(gateways, push, sql, later):
    jobs.tell_document(document_id=uuid4(), patient_id=uid("anna"))
    sql("UPDATE notifications_message SET next_at = now(), due_at = now()")
    later()
    assert sql("SELECT channel, state FROM notifications_message") == [("email", "accepted")]


def test_what_is_no_news_goes_to_a_browser_alone_where_that_is_the_wish(push, turn_on):
    """A freed time that nobody wants to hear of by SMS costs no SMS; a change of a visit does."""
    ways = [Way("push"), Way("sms"), Way("email"), Way("chat")]
    wishes = MessageWishes(off=[f"{s}:{c}" for s in ("offers", "visits") for c in ("sms", "email", "chat")])
    assert [way.channel for way in taken(KINDS["offer"], ways, wishes)] == ["push"]
    assert [way.channel for way in taken(KINDS["clinic-moved"], ways, wishes)] == ["push", "sms"]
    by_chat = MessageWishes(off=[f"offers:{c}" for c in ("push", "sms", "email")])
    assert [way.channel for way in taken(KINDS["offer"], ways, by_chat)] == ["sms", "chat"]
    nothing = MessageWishes(off=[f"offers:{c}" for c in ("push", "sms", "email", "chat")])
    assert taken(KINDS["offer"], ways, nothing) == []


# --- the way is settled when it is due -------------------------------------------------------------------------------


def test_a_browser_turned_on_after_the_booking_gets_the_reminder(gateways, push, turn_on, booked, remind, reminders):
    tell(booked())
    turn_on()
    remind()
    assert reminders() == [("push", "accepted")]


def test_a_browser_turned_off_meanwhile_leaves_the_reminder_to_sms(
    gateways, push, turn_on, client_of, booked, remind, reminders
):
    device = turn_on()
    tell(booked())
    client_of("anna").post(f"/me/messages/devices/{device}/remove/")
    remind()
    assert reminders() == [("sms", "accepted")]


def test_where_push_is_switched_off_by_then_an_sms_goes(gateways, push, turn_on, booked, remind, reminders):
    turn_on()
    tell(booked())
    with override_port("push", PushOff()):
        remind()
    assert reminders() == [("sms", "accepted")]


def test_who_represents_a_patient_hears_in_their_own_browser(gateways, push, turn_on, booked, remind, reminders):
    turn_on()
    tell(booked("mila"))
    remind()
    assert reminders() == [("push", "accepted")]


# --- accepted is not shown -------------------------------------------------------------------------------------------


def test_what_no_browser_shows_within_five_minutes_goes_by_sms(
    gateways, push, turn_on, booked, remind, reminders, patience_is_over
):
    turn_on()
    tell(booked())
    remind()
    patience_is_over()
    assert reminders() == [("push", "unknown"), ("sms", "accepted")]
    patience_is_over()
    assert reminders() == [("push", "unknown"), ("sms", "accepted")], "once"


def test_within_the_five_minutes_nothing_follows(gateways, push, turn_on, booked, remind, reminders, later):
    turn_on()
    tell(booked())
    remind()
    later()
    later()
    assert reminders() == [("push", "accepted")]


def test_the_browsers_word_delivers_it_and_no_sms_follows(
    gateways, push, turn_on, booked, remind, reminders, patience_is_over, client_of
):
    turn_on()
    tell(booked())
    remind()
    answers = [client_of().post(SHOWN, {"id": payload(push)["id"]}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204, 204, 204]
    patience_is_over()
    assert reminders() == [("push", "delivered")]


def test_a_late_word_still_delivers_it(gateways, push, turn_on, booked, remind, reminders, patience_is_over, client_of):
    turn_on()
    tell(booked())
    remind()
    patience_is_over()
    client_of().post(SHOWN, {"id": payload(push)["id"]})
    assert reminders() == [("push", "delivered"), ("sms", "accepted")]


def test_a_word_that_is_faster_than_our_own_note_is_kept(gateways, turn_on, booked, remind, reminders, client_of):
    class Quick(FakePush):
        def send(self, subscription, payload, *, key, ttl):
            accepted = super().send(subscription, payload, key=key, ttl=ttl)
            assert client_of().post(SHOWN, {"id": json.loads(payload)["id"]}).status_code == 204
            return accepted

    turn_on()
    tell(booked())
    with override_port("push", Quick(extra="")):
        remind()
    assert reminders() == [("push", "delivered")]


@pytest.mark.parametrize(
    ("said", "status"),
    [({"id": "0" * 22}, 404), ({"id": "x"}, 400), ({}, 400), ({"id": "0" * 23}, 400), ({"id": "0" * 22 + "\n"}, 400)],
)
def test_an_invented_word_delivers_nothing(gateways, push, turn_on, booked, states, client_of, said, status):
    turn_on()
    tell(booked())
    assert client_of().post(SHOWN, said).status_code == status
    assert "delivered" not in {state for _, state, _ in states()}


def test_guessing_is_stopped(client_of):
    statuses = [client_of().post(SHOWN, {"id": f"{n:022}"}).status_code for n in range(25)]
    assert set(statuses) == {404, 429}


def test_another_site_says_nothing_for_a_browser(db, client_of):
    client = client_of(enforce_csrf_checks=True)
    assert client.post(SHOWN, {"id": "0" * 22}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post(SHOWN, {"id": "0" * 22}, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 404


def test_the_id_opens_no_page(gateways, push, turn_on, booked, client_of):
    turn_on()
    tell(booked())
    assert client_of().get(f"/m/{payload(push)['id']}/").status_code == 404


def test_an_sms_has_no_such_word(gateways, booked, sql, states, client_of):
    tell(booked())
    link = gateways.sms.sent[0].text.rpartition("/m/")[2].strip("/")
    assert client_of().post(SHOWN, {"id": link}).status_code == 404
    assert "delivered" not in {state for _, state, _ in states()}


def test_where_nothing_else_is_wished_reception_calls(
    gateways, push, turn_on, client_of, booked, remind, reminders, patience_is_over
):
    turn_on()
    on = ["visits:push", "visits:sms", "visits:email", "reminders:push"]
    client_of("anna").post("/me/messages/", {"form": "wishes", "on": on, "first": "", "zone": ""})
    tell(booked())
    remind()
    rita = client_of("rita")
    assert "Позвоните, пожалуйста" not in rita.get("/desk/").content.decode()
    patience_is_over()
    assert reminders() == [("push", "unknown")]
    page = rita.get("/desk/").content.decode()
    assert "Позвоните, пожалуйста" in page and "ни один браузер не показал его вовремя" in page
    client_of().post(SHOWN, {"id": payload(push)["id"]})
    assert "Позвоните, пожалуйста" not in rita.get("/desk/").content.decode()


def test_a_notification_not_shown_is_no_reason_to_call_where_an_sms_followed(
    gateways, push, turn_on, client_of, booked, remind, patience_is_over
):
    """Nor on the page of somebody who is called for another reason."""
    turn_on()
    tell(booked())
    remind()
    patience_is_over()
    gateways.sms.fail_with.append(PortFailure(permanent=True, code="bad-phone"))
    gateways.email.fail_with.append(PortFailure(permanent=True, code="bad-address"))
    push.fail_with.append(PortFailure(permanent=True, code="wrong-key"))
    tell(booked(start=at(12, days=12)))
    page = client_of("rita").get("/desk/").content.decode()
    assert "Позвоните, пожалуйста" in page and "ни один браузер не показал его вовремя" not in page


def test_reception_is_not_offered_to_send_a_notification_again(gateways, push, turn_on, booked, client_of, sql):
    turn_on()
    tell(booked())
    sql("UPDATE notifications_message SET state = 'unknown', next_at = NULL WHERE channel = 'push'")
    ((message,),) = sql("SELECT id FROM notifications_message WHERE channel = 'push' AND kind = 'booked'")
    rita = client_of("rita")
    page = rita.get(f"/desk/messages/{message}/").content.decode()
    assert "Откройте личный кабинет" in page and "resend" not in page
    assert rita.post(f"/desk/messages/{message}/resend/").status_code == 409


# --- what push services answer ---------------------------------------------------------------------------------------


def devices(sql):
    return sql("SELECT count(*) FROM notifications_pushdevice")[0][0]


def test_a_browser_that_is_gone_is_forgotten_and_an_sms_follows_at_once(
    gateways, push, turn_on, booked, remind, reminders, sql
):
    turn_on()
    tell(booked())
    push.gone.add(subscription_of().endpoint)
    remind()
    assert reminders() == [("push", "failed"), ("sms", "accepted")]
    assert devices(sql) == 0


def test_one_browser_that_is_gone_does_not_stop_the_other(gateways, push, turn_on, booked, remind, reminders, sql):
    turn_on("phone")
    turn_on("laptop")
    tell(booked())
    push.gone.add(subscription_of("phone").endpoint)
    remind()
    assert reminders() == [("push", "accepted")]
    assert devices(sql) == 1


def test_a_browser_of_another_key_is_kept(gateways, push, turn_on, booked, remind, reminders, sql):
    turn_on()
    tell(booked())
    push.fail_with.append(PortFailure(permanent=True, code="wrong-key"))
    remind()
    assert reminders() == [("push", "failed"), ("sms", "accepted")]
    assert devices(sql) == 1


def test_a_busy_service_is_asked_again_when_it_said(gateways, push, turn_on, booked, remind, reminders, sql, later):
    turn_on()
    tell(booked())
    push.fail_with.append(PushBusy(code="http-429", retry_after=90))
    remind()
    ((wait,),) = sql("SELECT next_at - now() FROM notifications_message WHERE kind = 'reminder-day'")
    assert timedelta(seconds=85) < wait <= timedelta(seconds=90)
    later()
    assert reminders() == [("push", "accepted")]


def test_a_service_that_is_busy_for_long_is_not_waited_for(gateways, push, turn_on, booked, remind, reminders):
    turn_on()
    tell(booked())
    push.fail_with.append(PushBusy(code="http-503", retry_after=3600))
    remind()
    assert reminders() == [("push", "failed"), ("sms", "accepted")]


def test_a_service_that_stays_busy_is_given_up_after_five_minutes(
    gateways, push, turn_on, booked, remind, reminders, sql, later
):
    turn_on()
    tell(booked())
    push.fail_with += [PushBusy(code="http-503")] * 2
    remind()
    assert reminders() == [("push", "planned")]
    sql("UPDATE notifications_message SET due_at = now() - interval '301 s' WHERE kind = 'reminder-day'")
    later()
    assert reminders() == [("push", "failed"), ("sms", "accepted")]


def test_silence_is_answered_by_a_repeat_that_takes_its_place(gateways, turn_on, booked, remind, reminders, later):
    class Silent(FakePush):
        def send(self, subscription, payload, *, key, ttl):
            super().send(subscription, payload, key=key, ttl=ttl)
            raise PortUnknown(code="no-answer")

    turn_on()
    tell(booked())
    with override_port("push", Silent(extra="")) as silent:
        remind()
        later()
        assert reminders() == [("push", "planned")] and len(silent.sent) == 1


def test_a_worker_that_died_while_sending_repeats(gateways, push, turn_on, booked, remind, reminders, sql, later):
    turn_on()
    tell(booked())
    remind()
    sql("UPDATE notifications_message SET state = 'sending', next_at = now() WHERE kind = 'reminder-day'")
    later()
    assert reminders() == [("push", "accepted")] and len(push.sent) == 2


def test_a_strangers_subscription_does_not_switch_the_channel_off(gateways, push, turn_on, booked, remind, later):
    turn_on()
    tell(booked())
    push.fail_with += [PushBusy(code="http-503", retry_after=1)] * 10
    remind()
    for _ in range(5):
        later()
    assert len(push.fail_with) <= 5, "more refusals than open the breaker of a provider"
    assert not routes.breaker("push").is_open()


# --- what is said ----------------------------------------------------------------------------------------------------


def test_a_notification_holds_an_id_and_general_words(gateways, push, turn_on, booked):
    args = booked()
    turn_on()
    tell(args)
    said = payload(push)
    assert set(said) == {"id", "title", "text"} and len(said["id"]) == 22
    words = f"{said['title']} {said['text']}"
    assert (said["title"], said["text"]) == ("Есть новое сообщение", "Откройте личный кабинет, чтобы прочитать.")
    assert not any(letter.isdigit() for letter in words) and find(words, KNOWN) == []
    assert str(args["appointment_id"]) not in push.sent[-1].payload.decode()


def test_it_speaks_the_persons_language(gateways, push, turn_on, booked, sql):
    sql("UPDATE people_patient SET language = 'en' WHERE id = %s", uid("anna"))
    turn_on()
    tell(booked())
    assert payload(push)["title"] == "There is a new message for you"


def test_it_is_kept_by_its_service_no_longer_than_it_is_of_use(gateways, push, turn_on, booked, remind, sql):
    turn_on()
    tell(booked())
    sql("UPDATE notifications_message SET expires_at = now() + interval '30 min' WHERE kind = 'reminder-day'")
    remind()
    assert push.sent[0].ttl == 86400 and 1700 < push.sent[-1].ttl <= 1800


def test_nothing_of_a_browser_is_stored_in_plain(push, turn_on, sql):
    turn_on()
    ((row,),) = sql("SELECT row_to_json(d)::text FROM notifications_pushdevice d")
    one = subscription_of()
    assert not any(word in row for word in ("mozilla", one.endpoint, one.p256dh, one.auth))
    assert "Chrome, Android" in row
