"""A provider that calls back makes the message be asked about at once, and nothing else, whatever it says."""

import json
import math
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from portal import settings as typed
from portal.adapters.sms.exolve import ExolveSender
from portal.adapters.sms.smsc import SmscSender
from portal.adapters.sms.smsru import SmsRuSender
from portal.kernel.ports import PortUnknown, override_port
from portal.notifications import jobs
from portal.notifications.ports import Accepted, DeliveryState, DeliveryStatus, FakeSms
from portal.notifications.tests.conftest import tell

SECRET = "5xK2mQ9rT7vB1nC4pW8zL3"
ROW = "SELECT state, next_at <= now(), asked FROM notifications_message WHERE channel = 'sms' AND kind = 'booked'"
REF = {"smsc": "41", "smsru": "202648-1000041", "exolve": "439166538239000041"}


def posted(vendor, ref):
    """What this provider sends about a message: (query, body, its type)."""
    if vendor == "smsc":
        return urlencode({"id": ref, "phone": "79990000001", "status": 1}), b"", "text/plain"
    if vendor == "smsru":
        form = urlencode({"data[0]": f"sms_status\n{ref}\n103\n1700000000", "hash": "00"})
        return "", form.encode(), "application/x-www-form-urlencoded"
    return "", json.dumps({"message_id": ref, "delivery_status": "DELIVERED"}).encode(), "application/json"


class Vendor(FakeSms):
    """Keeps messages in memory and reads callbacks as the vendor's adapter does."""

    def __init__(self, vendor):
        super().__init__()
        adapter = {"smsc": SmscSender, "smsru": SmsRuSender, "exolve": ExolveSender}[vendor]
        self.knows_our_number = adapter.knows_our_number
        self.callback_answer = adapter.callback_answer
        self.mentioned = adapter.from_settings(typed.portal).mentioned
        self.asked = []
        self.vendor = vendor

    def send(self, to, text, *, key, sequence):
        super().send(to, text, key=key, sequence=sequence)
        return Accepted(self.ref(sequence), 1)

    def ref(self, sequence):
        return str(sequence) if self.vendor == "smsc" else REF[self.vendor][: -len(str(sequence))] + str(sequence)

    def status(self, ref, to):
        self.asked.append(ref)
        return self.states.get(ref, DeliveryStatus(DeliveryState.SENT))


@pytest.fixture(params=["smsc", "smsru", "exolve"])
def vendor(request, gateways, monkeypatch):
    """This provider is the first one, and may call."""
    update = {"sms_vendor": request.param, "sms_hook_secret": SECRET}
    monkeypatch.setattr(typed, "portal", typed.portal.model_copy(update=update))
    monkeypatch.setattr("django.conf.settings.PORTAL", typed.portal)
    with override_port("sms", Vendor(request.param)) as sender:
        yield sender


@pytest.fixture
def call(client_of, vendor):
    """The provider's call, by default about the message it has; the answer."""

    def run(*refs, name=vendor.vendor, secret=SECRET, **more):
        answers = []
        for ref in refs or [vendor.ref(vendor.sent[0].sequence)]:
            query, body, kind = posted(vendor.vendor, ref)
            address = reverse("notifications:sms-hook", args=[name, secret]) + (f"?{query}" if query else "")
            client = client_of(enforce_csrf_checks=True)
            method = "GET" if query else "POST"
            answers.append(client.generic(method, address, body, content_type=kind, **more))
        return answers[0]

    return run


def test_a_call_makes_the_message_be_asked_about_at_once(vendor, call, booked, sql):
    tell(booked())
    assert sql(ROW) == [("accepted", False, 0)], "its turn comes in a minute"
    answer = call()
    assert (answer.status_code, answer.content.decode()) == (200, {"smsru": "100"}.get(vendor.vendor, "OK"))
    assert sql(ROW) == [("accepted", True, 0)], "the call itself says nothing about the message"
    ref = vendor.ref(vendor.sent[0].sequence)
    vendor.states[ref] = DeliveryStatus(DeliveryState.DELIVERED)
    jobs.deliver()
    assert sql(ROW)[0][0] == "delivered" and vendor.asked == [ref]


def test_what_it_says_is_not_believed(vendor, call, booked, sql):
    tell(booked())
    call()
    jobs.deliver()
    assert sql(ROW) == [("accepted", False, 1)], "the provider itself says it is on its way"


def test_a_lost_call_is_made_up_for_by_asking(vendor, booked, sql, later):
    tell(booked())
    vendor.states[vendor.ref(vendor.sent[0].sequence)] = DeliveryStatus(DeliveryState.DELIVERED)
    later()
    assert sql(ROW)[0][0] == "delivered"


def test_a_call_after_the_end_changes_nothing(vendor, call, booked, sql, later):
    tell(booked())
    vendor.states[vendor.ref(vendor.sent[0].sequence)] = DeliveryStatus(DeliveryState.FAILED)
    later()
    before = sql("SELECT id, state, next_at, asked FROM notifications_message ORDER BY 1")
    call()
    jobs.deliver()
    assert sql("SELECT id, state, next_at, asked FROM notifications_message ORDER BY 1") == before


def test_many_calls_neither_use_up_the_questions_nor_give_the_message_up(vendor, call, booked, sql):
    tell(booked())
    for _ in range(20):
        call()
        jobs.deliver()
    assert sql(ROW) == [("accepted", False, 1)]
    assert len(vendor.sent) == 1


def test_a_message_followed_to_the_end_is_asked_about_once_more(vendor, call, booked, sql, later):
    tell(booked())
    for _ in range(8):
        later()
    assert sql(ROW) == [("accepted", None, 7)], "nobody asks any more"
    call()
    assert sql(ROW) == [("accepted", True, 6)]
    vendor.states[vendor.ref(vendor.sent[0].sequence)] = DeliveryStatus(DeliveryState.DELIVERED)
    jobs.deliver()
    assert sql(ROW)[0][0] == "delivered"


def test_a_call_before_the_gateways_answer_is_about_nothing_yet(vendor, call, booked, sql, monkeypatch):
    """Out of order: the provider is quicker than our own transaction."""
    send, early = vendor.send, []

    def and_calls(to, text, **given):
        accepted = send(to, text, **given)
        early.append(call(accepted.provider_ref).status_code)
        return accepted

    monkeypatch.setattr(vendor, "send", and_calls)
    monkeypatch.setattr(jobs.post, "carry", lambda letters: [jobs.post._carry(letter, math.inf) for letter in letters])
    tell(booked())
    assert early == [200] and sql(ROW) == [("accepted", False, 0)]


def test_a_message_in_doubt_is_asked_about_where_the_provider_knows_our_number(vendor, call, booked, sql, monkeypatch):
    send = vendor.send

    def silent(to, text, **given):
        send(to, text, **given)
        raise PortUnknown(code="timeout")

    monkeypatch.setattr(vendor, "send", silent)
    tell(booked())
    call()
    assert sql(ROW) == [("unknown", vendor.knows_our_number, 0)]


def test_callbacks_never_make_a_message_in_doubt_go_twice(vendor, call, booked, sql, monkeypatch):
    monkeypatch.setattr(vendor, "send", lambda *_, **__: (_ for _ in ()).throw(PortUnknown(code="timeout")))
    tell(booked())
    ((sequence,),) = sql("SELECT sequence FROM notifications_message WHERE channel = 'sms' AND kind = 'booked'")
    vendor.states[vendor.ref(sequence)] = DeliveryStatus(DeliveryState.UNKNOWN)
    for _ in range(5):
        call(vendor.ref(sequence))
        jobs.deliver()
    state, _, asked = sql(ROW)[0]
    assert state == "unknown" and asked <= 1


@pytest.mark.parametrize(
    "refs", [["7"], ["2147483647"], ["000000-1"], ["9" * 18], ["9" * 9000], ["' OR 1=1 --"], ["0"]]
)
def test_a_call_about_what_we_never_sent_changes_nothing_and_is_taken(vendor, call, booked, sql, refs):
    tell(booked())
    before = sql(ROW)
    assert call(*refs).status_code == 200
    assert sql(ROW) == before


def test_reminders_that_are_not_sent_yet_are_left_alone(vendor, call, booked, sql):
    tell(booked())
    planned = "SELECT id, state, next_at FROM notifications_message WHERE state = 'planned' ORDER BY 1"
    before = sql(planned)
    for (sequence,) in sql("SELECT sequence FROM notifications_message WHERE state = 'planned'"):
        call(vendor.ref(sequence))
    assert before and sql(planned) == before


def test_a_message_of_the_other_provider_is_left_alone(vendor, call, booked, sql):
    tell(booked())
    sql("UPDATE notifications_message SET provider = 'sms_second' WHERE channel = 'sms'")
    call()
    assert sql(ROW) == [("accepted", False, 0)]


@pytest.mark.parametrize(
    "wrong",
    [{"secret": SECRET[:-1]}, {"secret": SECRET + "x"}, {"secret": "x" * 22}, {"secret": "ё"}, {"name": "other"}],
)
def test_without_the_secret_the_address_does_not_exist(vendor, call, booked, sql, wrong):
    tell(booked())
    assert call(**wrong).status_code == 404
    assert sql(ROW) == [("accepted", False, 0)]


def test_a_provider_that_is_not_in_use_does_not_exist(vendor, call, booked):
    tell(booked())
    other = next(name for name in REF if name != vendor.vendor)
    assert call(name=other).status_code == 404


@pytest.mark.parametrize("secret", ["", "x" * 22])
def test_switched_off_no_address_exists(gateways, client_of, secret):
    assert client_of().post(f"/hooks/sms/smsc/{secret or 'x'}/").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(vendor, client_of, method):
    address = reverse("notifications:sms-hook", args=[vendor.vendor, SECRET])
    assert client_of().generic(method, address).status_code == 405


def test_a_large_body_is_refused_unread(vendor, client_of, booked, sql):
    tell(booked())
    address = reverse("notifications:sms-hook", args=[vendor.vendor, SECRET])
    body = b"x" * (64 * 1024 + 1)
    assert client_of().post(address, body, content_type="text/plain").status_code == 400
    assert sql(ROW) == [("accepted", False, 0)]


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"[" * 60_000, b"a=b&" * 10_000, b'{"message_id": {}}', b"%"])
def test_a_body_that_is_not_understood_is_taken_all_the_same(vendor, client_of, body):
    """Whatever is not understood would only be sent again."""
    address = reverse("notifications:sms-hook", args=[vendor.vendor, SECRET])
    for kind in ("application/x-www-form-urlencoded", "application/json", "text/plain", "multipart/form-data"):
        assert client_of().post(address, body, content_type=kind).status_code == 200


def test_a_signed_in_person_who_calls_opens_nothing(vendor, client_of, booked, sql):
    tell(booked())
    query, body, kind = posted(vendor.vendor, vendor.ref(vendor.sent[0].sequence))
    address = reverse("notifications:sms-hook", args=[vendor.vendor, SECRET]) + f"?{query}"
    assert client_of("boris").generic("POST", address, body, content_type=kind).status_code == 200
    events = sql("SELECT actor_kind, user_id, opens FROM guard.audit_event WHERE action = 'Message.ask-now'")
    assert events == [("hook", None, False)]


def test_nobody_else_may_have_messages_asked_about(as_actor):
    from django.db import DatabaseError

    from portal.notifications.selectors_sql import ask_at_once

    for who in ("visitor", "anna", "rita", "job"):
        with pytest.raises(DatabaseError, match="only a provider"), as_actor(who):
            ask_at_once(["sms"], ["1"], [1])


def test_the_secret_is_in_no_log(vendor, call, booked, caplog):
    caplog.set_level("DEBUG")
    tell(booked())
    call()
    call(secret="x" * 22)
    text = " ".join(str(record.__dict__) for record in caplog.records if record.name == "portal.request")
    assert text and SECRET not in text
