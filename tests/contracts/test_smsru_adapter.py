"""The SMS.ru adapter against the gateway's double: each refusal, each silence, each status, each callback."""

import logging
from functools import cache
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest

from portal.adapters.sms.smsru import ERRORS, STATES, SmsRuSender
from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports import DeliveryState, Signal
from tests.contracts.processes import Double, closed_port

PHONE = "+79123456789"
TEXT = "Код 987654. Никому не сообщайте."
KEY = UUID("11111111-2222-4333-8444-555555555555")
IMPATIENT = 2.5  # seconds; only where an answer never comes


def make(double: Double, **changes) -> SmsRuSender:
    return build(double.url, **changes)


@cache
def build(url: str, **changes) -> SmsRuSender:
    return SmsRuSender(**{"url": url, "api_id": "demo", "sender": "DEMOCLINIC", **changes})


@pytest.fixture
def sender(smsru_double) -> SmsRuSender:
    return make(smsru_double)


@pytest.fixture
def impatient(smsru_double) -> SmsRuSender:
    return make(smsru_double, timeout=IMPATIENT)


def send(sender: SmsRuSender, text: str = TEXT):
    return sender.send(PHONE, text, key=KEY, sequence=5)


def answering(handler) -> SmsRuSender:
    """A sender whose gateway answers what the double never would."""
    sender = SmsRuSender(url="https://sms.example", api_id="demo", sender="DEMOCLINIC")
    sender._client = httpx.Client(base_url="https://sms.example", transport=httpx.MockTransport(handler))
    return sender


def told(**beside) -> SmsRuSender:
    body = {"status": "OK", "status_code": 100, "sms": {PHONE[1:]: beside}}
    return answering(lambda _: httpx.Response(200, json=body))


# Refusals ------------------------------------------------------------------------------------------------------

REFUSALS = [
    (130, "number-limit", True, False),
    (200, "wrong-login", False, True),
    (201, "no-money", False, True),
    (202, "bad-phone", True, False),
    (203, "empty-text", True, False),
    (204, "sender-refused", False, True),
    (205, "too-long", True, False),
    (206, "day-limit", False, True),
    (207, "undeliverable", True, False),
    (209, "stop-list", True, False),
    (210, "bad-method", False, True),
    (211, "no-method", False, True),
    (212, "bad-encoding", True, False),
    (220, "unavailable", False, True),
    (230, "number-limit", True, False),
    (300, "wrong-login", False, True),
    (301, "wrong-login", False, True),
    (302, "not-confirmed", False, True),
    (303, "not-confirmed", False, True),
    (304, "not-confirmed", False, True),
    (305, "not-confirmed", False, True),
    (777, "error-777", False, True),
]


def test_every_error_of_the_table_is_tried():
    assert {code for code, *_ in REFUSALS} - {777} == set(ERRORS)


@pytest.mark.parametrize("order", ["error", "deny"])
@pytest.mark.parametrize(("error", "code", "permanent", "stops_provider"), REFUSALS)
def test_each_error_has_its_class_beside_the_number_and_for_the_whole(
    sender, smsru_double, order, error, code, permanent, stops_provider
):
    smsru_double.order(f"{order}:{error}")
    with pytest.raises(PortFailure) as refused:
        send(sender)
    failure = refused.value
    assert (failure.code, failure.permanent, failure.stops_provider) == (code, permanent, stops_provider)
    assert smsru_double.messages() == []


def test_understood_as_a_whole_is_not_taken(sender, smsru_double):
    smsru_double.control("stop", phone=PHONE)
    with pytest.raises(PortFailure, match="stop-list"):
        send(sender)
    assert smsru_double.messages() == []


def test_a_wrong_api_id_stops_the_provider(smsru_double):
    with pytest.raises(PortFailure) as refused:
        send(make(smsru_double, api_id="other"))
    assert (refused.value.code, refused.value.stops_provider) == ("wrong-login", True)


def test_an_empty_account_stops_the_provider(sender, smsru_double):
    smsru_double.control("balance", balance="1")
    with pytest.raises(PortFailure, match="no-money"):
        send(sender)
    assert smsru_double.messages() == []


def test_an_unregistered_sender_stops_the_provider(smsru_double):
    with pytest.raises(PortFailure, match="sender-refused"):
        send(make(smsru_double, sender="OTHERCLINIC"))


def test_more_than_eight_parts_are_refused(sender, smsru_double):
    with pytest.raises(PortFailure, match="too-long"):
        send(sender, "я" * 537)
    assert send(sender, "я" * 536).segments == 8


@pytest.mark.parametrize("name", ["", ".", "  ", "AB", "Клиника", "LONGERTHAN11", "A\r\nB"])
def test_without_a_proper_sender_name_nothing_is_even_asked(smsru_double, name):
    with pytest.raises(PortFailure) as refused:
        send(make(smsru_double, sender=name))
    assert (refused.value.code, refused.value.stops_provider) == ("no-sender", True)
    assert smsru_double.requests() == 0


def test_without_an_account_nothing_is_asked(smsru_double):
    with pytest.raises(PortFailure, match="not-configured"):
        send(make(smsru_double, api_id=""))
    assert smsru_double.requests() == 0


def test_a_gateway_that_is_away_is_a_temporary_failure():
    with pytest.raises(PortFailure) as refused:
        send(build(f"http://127.0.0.1:{closed_port()}"))
    assert (refused.value.code, refused.value.permanent, refused.value.stops_provider) == ("unreachable", False, True)


@pytest.mark.parametrize("status", [302, 404, 429])
def test_something_that_is_no_gateway_is_a_temporary_failure(sender, smsru_double, status):
    smsru_double.order(f"http:{status}")
    with pytest.raises(PortFailure, match=f"http-{status}") as refused:
        send(sender)
    assert not refused.value.permanent


# Unknown outcomes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("silence", "taken"), [("timeout", 1), ("lost", 1), ("http:500", 1), ("http:200", 1), ("drop", 0)]
)
def test_after_silence_the_outcome_is_unknown(impatient, smsru_double, silence, taken):
    smsru_double.order(silence)
    with pytest.raises(PortUnknown):
        send(impatient)
    assert len(smsru_double.messages()) == taken


@pytest.mark.parametrize("seconds", [0, 61])
def test_a_repeat_after_silence_is_recognised_by_its_text_and_stays_unknown(sender, smsru_double, seconds):
    smsru_double.order("lost")
    with pytest.raises(PortUnknown, match="no-answer"):
        send(sender)
    smsru_double.control("clock", forward=seconds)
    with pytest.raises(PortUnknown, match="repeated"):
        send(sender)
    assert len(smsru_double.messages()) == 1


@pytest.mark.parametrize("code", [131, 132, 231, 232])
def test_an_equal_text_is_never_a_failure_that_is_tried_again(sender, smsru_double, code):
    smsru_double.order(f"error:{code}")
    with pytest.raises(PortUnknown, match="repeated"):
        send(sender)


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"status": "OK", "status_code": 100},
        {"status": "OK", "status_code": 100, "sms_id": ""},
        {"status": "OK", "status_code": 100, "sms_id": "1,2"},
        {"status": "OK", "status_code": 101, "sms_id": "1-1"},
        {"status": "OK", "status_code": "soon"},
    ],
)
def test_an_answer_without_a_clear_word_about_the_number_is_unknown(beside):
    with pytest.raises(PortUnknown, match="bad-answer"):
        send(told(**beside))


@pytest.mark.parametrize(
    "body", [b"", b"100\n1-1", b"[]", b'{"status_code": 100, "sms": []}', b'{"status_code": 100}', b"[" * 9999]
)
def test_an_answer_of_another_shape_is_unknown(body):
    with pytest.raises(PortUnknown, match="bad-answer"):
        send(answering(lambda _: httpx.Response(200, content=body)))


def test_a_code_in_quotes_is_the_same_code():
    assert send(told(status_code="100", sms_id="1-1")).provider_ref == "1-1"


# Statuses ------------------------------------------------------------------------------------------------------

SEEN = [code for code in STATES if code != -1]


@pytest.mark.parametrize("code", SEEN)
def test_each_status_has_its_state(sender, smsru_double, code):
    smsru_double.order(f"status:{code}")
    ref = send(sender).provider_ref
    smsru_double.control("clock", forward=31)
    status = sender.status(ref, PHONE)
    assert (status.state, status.vendor_code, status.alert, status.signal) == (
        STATES[code],
        str(code),
        False,
        Signal.NONE,
    )


def test_states_say_what_became_of_the_message():
    assert {code for code in SEEN if STATES[code] is DeliveryState.DELIVERED} == {103}
    assert {code for code in SEEN if STATES[code] is DeliveryState.FAILED_TEMP} == {104}
    assert {code for code in SEEN if STATES[code] is DeliveryState.FAILED} == {105, 106, 107, 108, 130, 131, 132}


def test_a_status_we_do_not_know_alerts(sender, smsru_double):
    smsru_double.order("status:199")
    ref = send(sender).provider_ref
    smsru_double.control("clock", forward=31)
    assert sender.status(ref, PHONE).alert


@pytest.mark.parametrize("order", ["error", "deny"])
def test_a_refused_question_is_a_failure(sender, smsru_double, order):
    ref = send(sender).provider_ref
    smsru_double.order(f"{order}:220", on="status")
    with pytest.raises(PortFailure, match="unavailable"):
        sender.status(ref, PHONE)


@pytest.mark.parametrize("silence", ["timeout", "drop", "http:500", "http:200"])
def test_a_status_that_is_not_told_is_a_temporary_failure(impatient, smsru_double, silence):
    ref = send(impatient).provider_ref
    smsru_double.order(silence, on="status")
    with pytest.raises(PortFailure) as refused:
        impatient.status(ref, PHONE)
    assert (refused.value.code, refused.value.permanent) == ("no-answer", False)


def test_an_answer_about_another_message_is_no_status():
    with pytest.raises(PortFailure, match="no-answer"):
        told(status="OK", status_code=103).status("1-1", PHONE)


@pytest.mark.parametrize("ref", ["12", "1-", "-1", "1-1,1-2", "1-1\n", "１-1", "1-1&to=7"])
def test_only_the_gateways_own_ids_are_asked_about(sender, smsru_double, ref):
    with pytest.raises(PortFailure, match="bad-sequence"):
        sender.status(ref, PHONE)
    assert smsru_double.requests() == 0


# Callbacks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("data[0]", "data[1]", "data[2]"), ("data[]", "data[]", "data[]")])
def test_a_callback_tells_ids_only(sender, names):
    entries = ["sms_status\n000000-1\n103\n1700000000", "sms_status\r\n000000-2\r\n104\r\n1700000000"]
    body = urlencode([*zip(names, [*entries, entries[0]], strict=True), ("hash", "00")]).encode()
    assert sender.mentioned(body) == ["000000-1", "000000-2"]


@pytest.mark.parametrize(
    "entry",
    ["callcheck_status\n000000-1\n401\n1", "sms_status", "sms_status\n", "sms_status\n1; drop\n103", "000000-1"],
)
def test_a_callback_about_something_else_tells_nothing(sender, entry):
    assert sender.mentioned(urlencode({"data[0]": entry, "other[0]": "sms_status\n000000-1\n103\n1"}).encode()) == []


# On the wire ---------------------------------------------------------------------------------------------------


def test_the_api_id_travels_in_the_body_only():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    with pytest.raises(PortUnknown):
        send(answering(answer))
    (request,) = seen
    assert (request.method, request.url.path, request.url.query) == ("POST", "/sms/send", b"")
    assert b"api_id=demo" in request.content


def test_the_registered_sender_is_told(sender, smsru_double):
    assert send(sender).cost is None
    assert smsru_double.messages()[0]["sender"] == "DEMOCLINIC"


def test_a_proxy_of_the_environment_sees_nothing(smsru_double, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    build.cache_clear()
    send(make(smsru_double))
    assert len(smsru_double.messages()) == 1


def test_nothing_personal_is_logged(smsru_double, caplog):
    caplog.set_level(logging.DEBUG)
    sender = make(smsru_double)
    send(sender)
    smsru_double.order("error:207")
    with pytest.raises(PortFailure) as refused:
        send(sender)
    said = f"{caplog.text} {refused.value!r} {refused.value.detail}"
    assert not any(secret in said for secret in ("9123456789", "987654", "api_id", "%D0%9A"))


def test_from_settings_takes_the_three_values():
    class Portal:
        smsru_url, smsru_api_id, smsru_sender = f"http://127.0.0.1:{closed_port()}", "a", "DEMOCLINIC"

    with pytest.raises(PortFailure, match="unreachable"):
        send(SmsRuSender.from_settings(Portal))


def test_no_timeout_is_unlimited():
    timeout = SmsRuSender(url="https://sms.ru", api_id="a", sender="DEMOCLINIC")._client.timeout
    assert all(0 < limit <= 10 for limit in timeout.as_dict().values())
