"""The messenger: bound by a one-time link, told besides other ways, ended by a word; forged calls do nothing."""

import re
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connections

from portal.kernel.ports import PortFailure, PortUnknown, override_port
from portal.notifications import jobs
from portal.notifications.forbidden import find
from portal.notifications.ports_chat import BINDING, ChatOff
from portal.notifications.tests.conftest import tell
from portal.notifications.tests.test_forbidden import KNOWN
from tests.cast import uid

HOOK = "/hooks/max/"
DIALOG = "182182182"
SAID = "Есть новое сообщение в кабинете: http://testserver/me/"


SECRET = "fake-secret"


def call(client, body, secret=SECRET):
    return client.post(HOOK, body, content_type="application/json", headers={"X-Max-Bot-Api-Secret": secret})


@pytest.fixture
def link_of(client_of, chat):
    """The token of a fresh link that a person has taken on their page."""

    def take(who="anna"):
        page = client_of(who).post("/me/messages/max/").content.decode()
        address = re.search(r"<code>(https://chat\.invalid/[^<]+)</code>", page)[1]
        return parse_qs(urlsplit(address).query)["start"][0]

    return take


@pytest.fixture
def hook(client_of, chat):
    """What the messenger tells: `hook("started 5 token")`."""
    return lambda said, **more: call(client_of(), said, **more)


@pytest.fixture
def bind(link_of, hook):
    def run(who="anna", dialog=DIALOG):
        assert hook(f"started {dialog} {link_of(who)}").status_code == 200

    return run


@pytest.fixture
def bound(sql):
    return lambda: {
        row for (row,) in sql("SELECT patient_id FROM notifications_chatbinding WHERE bound_at IS NOT NULL")
    }


@pytest.fixture
def run_jobs(sql):
    """The bot's own words that wait in the queue."""

    def run():
        waiting = "DELETE FROM procrastinate_jobs WHERE task_name LIKE '%%in_chat' RETURNING task_name, args"
        for name, args in sql(waiting):
            getattr(jobs, name.rpartition(".")[2])(**args)

    return run


# --- binding ---------------------------------------------------------------------------------------------------------


def test_a_link_fits_any_messenger_and_is_stored_as_a_digest(link_of, sql):
    token = link_of()
    assert BINDING.fullmatch(token)
    ((row, left),) = sql("SELECT row_to_json(b)::text, link_expires_at - now() FROM notifications_chatbinding b")
    assert token not in row and 590 < left.total_seconds() <= 600


def test_pressing_start_binds_the_dialog_and_says_so(bind, chat, bound, run_jobs, sql):
    bind()
    assert bound() == {uid("anna")}
    run_jobs()
    assert [one.chat_id for one in chat.sent] == [DIALOG]
    assert "подключён к вашему кабинету" in chat.sent[0].text
    ((row,),) = sql("SELECT row_to_json(b)::text FROM notifications_chatbinding b")
    assert DIALOG not in row


def test_the_page_says_what_is(client_of, bind, chat):
    client = client_of("anna")
    assert "Подключить MAX" in client.get("/me/messages/").content.decode()
    bind()
    page = client.get("/me/messages/").content.decode()
    assert "Отключить MAX" in page and "Подключить MAX" not in page
    page = client_of("boris").get("/me/messages/").content.decode()
    assert "Отключить MAX" not in page and "Подключить MAX" in page


def test_a_link_works_once(link_of, hook, bound, sql):
    token = link_of()
    hook(f"started {DIALOG} {token}")
    hook(f"started 999 {token}")
    hook(f"started {DIALOG} {token}")
    assert bound() == {uid("anna")}
    assert sql("SELECT count(DISTINCT digest) FROM notifications_chatbinding") == [(1,)]


def test_a_link_that_is_too_old_binds_nothing(link_of, hook, bound, sql):
    token = link_of()
    sql("UPDATE notifications_chatbinding SET link_expires_at = now() - interval '1 s'")
    assert hook(f"started {DIALOG} {token}").status_code == 200
    assert bound() == set()


def test_a_new_link_ends_the_one_before(link_of, hook, bound):
    old, new = link_of(), link_of()
    hook(f"started 5 {old}")
    assert bound() == set()
    hook(f"started 5 {new}")
    assert bound() == {uid("anna")}


@pytest.mark.parametrize("said", ["started 5", "started 5 " + "x" * 32, "started 5 short", "else 5", "", "started x y"])
def test_a_start_without_a_live_token_binds_nothing(link_of, hook, bound, said):
    link_of()
    assert hook(said).status_code == 200
    assert bound() == set()


def test_two_presses_at_once_spend_one_link(link_of, hook, bound, sql):
    token, gate = link_of(), threading.Barrier(2, timeout=10)

    def press(dialog):
        gate.wait()
        hook(f"started {dialog} {token}")
        connections.close_all()

    threads = [threading.Thread(target=press, args=[dialog]) for dialog in ("5", "6")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bound() == {uid("anna")}
    assert sql("SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE '%%greet_in_chat'") == [(1,)]


def test_a_dialog_of_another_account_stays_there_and_both_learn_of_it(bind, bound, chat, run_jobs, client_of):
    bind("anna")
    run_jobs()
    chat.sent.clear()
    bind("boris")
    assert bound() == {uid("anna")}
    run_jobs()
    assert [(one.chat_id, "уже подключён к другому кабинету" in one.text) for one in chat.sent] == [(DIALOG, True)]
    assert "Этот диалог подключён к другому кабинету" in client_of("boris").get("/me/messages/").content.decode()
    assert "Этот диалог подключён к другому" not in client_of("anna").get("/me/messages/").content.decode()


def test_after_a_stop_it_may_be_another_accounts(bind, bound, hook):
    bind("anna")
    hook(f"says {DIALOG} стоп")
    bind("boris")
    assert bound() == {uid("boris")}


def test_a_person_may_change_to_another_dialog(bind, bound, chat, gateways, booked):
    bind(dialog="5")
    bind(dialog="6")
    tell(booked())
    assert [one.chat_id for one in chat.sent] == ["6"]


# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [f"stopped {DIALOG}", f"says {DIALOG} стоп", f"says {DIALOG} STOP"])
def test_stopping_the_bot_ends_it(bind, bound, hook, said):
    bind()
    assert hook(said).status_code == 200
    assert hook(said).status_code == 200
    assert bound() == set()


def test_a_dialog_alone_spares_reception_no_call(bind, gateways, booked, sql):
    bind()
    sql("DELETE FROM people_contact WHERE id = %s", uid("contact-phone-anna"))
    sql(
        "INSERT INTO people_returningmail (id, key, off_since, delays, seen_at)"
        " SELECT gen_random_uuid(), digest, now(), '{}', now() FROM people_contact WHERE id = %s",
        uid("contact-email-anna"),
    )
    tell(booked())
    told = sql("SELECT channel, state, error FROM notifications_message WHERE kind = 'booked' ORDER BY channel")
    assert told == [("chat", "accepted", ""), ("email", "failed", "mail-returns")]


def test_other_words_end_nothing(bind, bound, hook):
    bind()
    hook(f"says {DIALOG} спасибо")
    hook("stopped 5")
    assert bound() == {uid("anna")}


def test_the_person_ends_it_on_the_page(bind, bound, client_of, sql):
    bind()
    assert client_of("anna").post("/me/messages/max/off/").status_code == 302
    assert bound() == set()
    assert sql("SELECT chat_id, digest FROM notifications_chatbinding") == [(None, None)]


def test_nobody_ends_anothers(bind, bound, client_of):
    bind()
    client_of("boris").post("/me/messages/max/off/")
    assert bound() == {uid("anna")}


def test_ending_ends_a_link_that_is_on_its_way(link_of, hook, bound, client_of):
    token = link_of()
    client_of("anna").post("/me/messages/max/off/")
    hook(f"started 5 {token}")
    assert bound() == set()


# --- forged calls ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["", "fake-secre", "FAKE-SECRET", "fake-secret ", "\xff", "x" * 5000])
def test_a_call_without_our_secret_is_refused_and_does_nothing(link_of, hook, bound, secret):
    token = link_of()
    assert hook(f"started 5 {token}", secret=secret).status_code == 403
    assert bound() == set()


def test_a_forged_stop_ends_nothing(bind, bound, hook):
    bind()
    assert hook(f"stopped {DIALOG}", secret="guessed").status_code == 403
    assert bound() == {uid("anna")}


def test_while_no_messenger_is_chosen_nobody_is_believed_and_no_link_is_made(client_of, chat):
    with override_port("chat", ChatOff()):
        assert call(client_of(), "started 5").status_code == 403
        assert client_of("anna").post("/me/messages/max/").status_code == 404
        assert "MAX" not in client_of("anna").get("/me/messages/").content.decode()


@pytest.mark.parametrize("body", [b"\xff\xfe", b"{" * 50_000, b"started " + b"9" * 5000, "started 5 \u0000".encode()])
def test_whatever_the_messenger_tells_it_is_answered(hook, body):
    assert hook(body).status_code == 200


def test_a_call_is_no_page(client_of, chat):
    assert client_of().get(HOOK).status_code == 405


def test_the_messenger_needs_no_cookie_of_ours(client_of, chat):
    answer = call(client_of(enforce_csrf_checks=True), "else")
    assert answer.status_code == 200 and not answer.cookies


# --- what it carries -------------------------------------------------------------------------------------------------


def test_news_come_there_besides_and_say_nothing(bind, chat, gateways, booked, states):
    bind()
    tell(booked())
    assert sorted(channel for channel, _, _ in states()) == ["chat", "email", "sms"]
    assert [one.text for one in chat.sent] == [SAID]
    assert find(SAID, KNOWN) == [] and not any(letter.isdigit() for letter in SAID)


def test_a_reminder_comes_there_besides_its_own_way(bind, chat, gateways, booked, remind, reminders):
    bind()
    tell(booked())
    remind()
    assert reminders() == [("sms", "accepted"), ("chat", "accepted")]
    remind()
    assert reminders() == [("sms", "accepted"), ("chat", "accepted")], "once"


def test_bound_after_the_booking_it_comes_there_too(bind, chat, gateways, booked, remind, reminders):
    tell(booked())
    bind()
    remind()
    assert reminders() == [("sms", "accepted"), ("chat", "accepted")]


def test_as_the_only_wish_it_is_not_the_only_way(bind, chat, client_of, gateways, booked, remind, reminders, states):
    bind()
    on = ["visits:chat", "reminders:chat"]
    client_of("anna").post("/me/messages/", {"form": "wishes", "on": on, "first": "", "zone": ""})
    tell(booked())
    assert sorted(states()) == [("chat", "accepted", 1), ("sms", "accepted", 1)]
    remind()
    assert reminders() == [("sms", "accepted"), ("chat", "accepted")]


def test_it_is_not_offered_as_the_first_way(bind, client_of):
    bind()
    client = client_of("anna")
    form = {"form": "wishes", "on": ["visits:chat"], "first": "chat", "zone": ""}
    assert client.post("/me/messages/", form).status_code == 422
    assert 'value="chat"' not in client.get("/me/messages/").content.decode()


def test_switched_off_for_reminders_it_gets_none(bind, chat, client_of, gateways, booked, remind, reminders):
    bind()
    on = ["visits:chat", "visits:sms", "reminders:sms"]
    client_of("anna").post("/me/messages/", {"form": "wishes", "on": on, "first": "", "zone": ""})
    tell(booked())
    remind()
    assert reminders() == [("sms", "accepted")]


def test_who_has_stopped_meanwhile_is_not_written_to(bind, hook, chat, gateways, booked, sql):
    bind()
    args = booked()
    gateways.sms.fail_with.append(PortFailure(permanent=False, code="unreachable"))
    chat.fail_with.append(PortFailure(permanent=False, code="too-often"))
    tell(args)
    hook(f"stopped {DIALOG}")
    sql("UPDATE notifications_message SET next_at = now() WHERE next_at IS NOT NULL AND due_at <= now()")
    jobs.deliver()
    assert chat.sent == []
    assert sql("SELECT state, error FROM notifications_message WHERE channel = 'chat'") == [("failed", "bad-chat")]


def test_a_dialog_that_refuses_calls_for_no_other_way(bind, chat, gateways, booked, remind, reminders, bound):
    bind()
    tell(booked())
    chat.blocked.add(DIALOG)
    remind()
    assert reminders() == [("sms", "accepted"), ("chat", "failed")]
    assert bound() == {uid("anna")}, "the messenger may answer so to everybody while it holds the bot back"


def test_after_silence_it_is_written_once_more_at_most(bind, chat, gateways, booked, sql, later):
    bind()
    chat.fail_with += [PortUnknown(code="no-answer")] * 3
    tell(booked())
    for _ in range(4):
        later()
    assert sql("SELECT state, resent FROM notifications_message WHERE channel = 'chat'") == [("unknown", 1)]


def test_a_messenger_alone_does_not_spare_reception_the_call(bind, chat, client_of, gateways, booked):
    bind()
    refused = PortFailure(permanent=True, code="bad-phone")
    gateways.sms.fail_with.append(refused)
    gateways.email.fail_with.append(refused)
    tell(booked())
    assert len(chat.sent) == 1
    assert "Позвоните, пожалуйста" in client_of("rita").get("/desk/").content.decode()


def test_who_has_no_dialog_any_more_hears_no_words_of_the_bot(chat, db):
    jobs.greet_in_chat(patient_id=uid("anna"))
    assert chat.sent == []


# --- the watchdog ----------------------------------------------------------------------------------------------------


def test_the_clock_tells_the_messenger_where_to_call(chat, db):
    jobs.keep_hook()
    assert chat.hook == "http://testserver/hooks/max/"
    chat.hook = ""
    jobs.keep_hook()
    assert chat.hook


@pytest.mark.parametrize("trouble", [PortFailure(permanent=False, code="tls-failed"), PortUnknown(code="no-answer")])
def test_a_messenger_that_cannot_be_told_is_told_of(chat, db, caplog, trouble):
    chat.fail_with.append(trouble)
    jobs.keep_hook()
    assert [(one.levelname, one.why) for one in caplog.records if hasattr(one, "why")] == [("ERROR", trouble.code)]


def test_without_a_messenger_the_clock_does_nothing(db, caplog):
    jobs.keep_hook()
    assert caplog.records == []
