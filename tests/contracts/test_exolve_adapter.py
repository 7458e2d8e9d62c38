"""The MTS Exolve adapter against the gateway's double: each refusal, each silence, each status, each callback."""

import json
import logging
from functools import cache
from uuid import UUID

import httpx
import pytest

from portal.adapters.sms.exolve import ERRORS, STATES, ExolveSender
from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports import DeliveryState
from tests.contracts.processes import Double, closed_port, running_exolve

PHONE = "+79123456789"
TEXT = "Код 987654. Никому не сообщайте."
KEY = UUID("11111111-2222-4333-8444-555555555555")
IMPATIENT = 2.5  # seconds; only where an answer never comes


def make(double: Double, **changes) -> ExolveSender:
    return build(double.url, **changes)


@cache
def build(url: str, **changes) -> ExolveSender:
    return ExolveSender(**{"url": url, "key": "demo", "sender": "DEMOCLINIC", **changes})


@pytest.fixture
def sender(exolve_double) -> ExolveSender:
    return make(exolve_double)


@pytest.fixture
def impatient(exolve_double) -> ExolveSender:
    return make(exolve_double, timeout=IMPATIENT)


def send(sender: ExolveSender, text: str = TEXT):
    return sender.send(PHONE, text, key=KEY, sequence=5)


def answering(handler) -> ExolveSender:
    """A sender whose gateway answers what the double never would."""
    sender = ExolveSender(url="https://exolve.example", key="demo", sender="DEMOCLINIC")
    sender._client = httpx.Client(base_url="https://exolve.example", transport=httpx.MockTransport(handler))
    return sender


def told(body: object) -> ExolveSender:
    return answering(lambda _: httpx.Response(200, json=body))


# Refusals ------------------------------------------------------------------------------------------------------

REFUSALS = [
    (400, "bad-request", True, False),
    (401, "wrong-login", False, True),
    (402, "no-money", False, True),
    (403, "forbidden", False, True),
    (422, "bad-request", True, False),
    (429, "too-often", False, True),
    (302, "http-302", False, True),
    (404, "http-404", False, True),
    (418, "http-418", False, True),
]


def test_every_error_of_the_table_is_tried():
    assert set(ERRORS) <= {status for status, *_ in REFUSALS}


@pytest.mark.parametrize(("status", "code", "permanent", "stops_provider"), REFUSALS)
def test_each_error_has_its_class(sender, exolve_double, status, code, permanent, stops_provider):
    exolve_double.order(f"error:{status}")
    with pytest.raises(PortFailure) as refused:
        send(sender)
    failure = refused.value
    assert (failure.code, failure.permanent, failure.stops_provider) == (code, permanent, stops_provider)
    assert exolve_double.messages() == []


def test_a_wrong_key_stops_the_provider(exolve_double):
    with pytest.raises(PortFailure) as refused:
        send(make(exolve_double, key="other"))
    assert (refused.value.code, refused.value.stops_provider) == ("wrong-login", True)


def test_an_empty_account_stops_the_provider(sender, exolve_double):
    exolve_double.control("balance", balance="1")
    with pytest.raises(PortFailure, match="no-money"):
        send(sender)
    assert exolve_double.messages() == []


def test_an_unregistered_sender_stops_the_provider(exolve_double):
    with pytest.raises(PortFailure) as refused:
        send(make(exolve_double, sender="OTHERCLINIC"))
    assert (refused.value.code, refused.value.stops_provider) == ("forbidden", True)


@pytest.mark.parametrize(
    "name",
    ["", ".", "  ", "AB", "Клиника", "LONGERTHAN11", "A\r\nB", "74951234567", "88001234567", "78001234567", "12345"],
)
def test_without_a_proper_sender_nothing_is_even_asked(exolve_double, name):
    with pytest.raises(PortFailure) as refused:
        send(make(exolve_double, sender=name))
    assert (refused.value.code, refused.value.stops_provider) == ("no-sender", True)
    assert exolve_double.requests() == 0


@pytest.mark.parametrize("key", ["", "demo\n", "de mo", "ключ"])
def test_without_a_key_that_fits_a_header_nothing_is_asked(exolve_double, key):
    with pytest.raises(PortFailure, match="not-configured"):
        send(make(exolve_double, key=key))
    assert exolve_double.requests() == 0


def test_a_registered_mobile_number_may_send():
    with running_exolve("--sender=79997654321") as double:
        send(ExolveSender(url=double.url, key="demo", sender="79997654321"))
        assert double.messages()[0]["sender"] == "79997654321"


def test_a_gateway_that_is_away_is_a_temporary_failure():
    with pytest.raises(PortFailure) as refused:
        send(build(f"http://127.0.0.1:{closed_port()}"))
    assert (refused.value.code, refused.value.permanent, refused.value.stops_provider) == ("unreachable", False, True)


# Unknown outcomes ----------------------------------------------------------------------------------------------

SILENCES = [("timeout", 1), ("lost", 1), ("http:500", 1), ("http:503", 1), ("http:200", 1), ("drop", 0)]


@pytest.mark.parametrize(("silence", "taken"), SILENCES)
def test_after_silence_the_outcome_is_unknown(impatient, exolve_double, silence, taken):
    exolve_double.order(silence)
    with pytest.raises(PortUnknown):
        send(impatient)
    assert len(exolve_double.messages()) == taken


def test_a_repeat_reaches_the_person_twice_so_nobody_may_repeat_blindly(sender, exolve_double):
    exolve_double.order("lost")
    with pytest.raises(PortUnknown):
        send(sender)
    send(sender)
    assert len(exolve_double.messages()) == 2


@pytest.mark.parametrize(
    "body",
    [{}, [], {"message_id": ""}, {"message_id": None}, {"message_id": "abc"}, {"message_id": "0"}, {"message_id": [1]}],
)
def test_an_answer_without_a_reference_is_unknown(body):
    with pytest.raises(PortUnknown, match="bad-answer"):
        send(told(body))


def test_a_reference_may_be_a_number():
    assert send(told({"message_id": 439166538239412741})).provider_ref == "439166538239412741"


# Statuses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", list(STATES))
@pytest.mark.parametrize("prefix", ["", "DELIVERY_STATUS_"])
def test_each_status_has_its_state(sender, exolve_double, word, prefix):
    exolve_double.order(f"status:{prefix}{word}")
    ref = send(sender).provider_ref
    exolve_double.control("clock", forward=31)
    status = sender.status(ref, PHONE)
    assert (status.state, status.vendor_code, status.alert) == (STATES[word], word, False)


def test_not_delivered_is_not_delivered():
    assert [word for word, state in STATES.items() if state is DeliveryState.DELIVERED] == ["DELIVERED"]


@pytest.mark.parametrize(
    "word",
    [
        "3",
        "READ",
        "NOT_DELIVERED",
        "DELIVERED_TO_NOBODY",
        "DELIVERY_STATUS_",
        7,
        None,
        "",
        ["DELIVERED", "PARTLY"],
        "доставлено",
    ],
)
def test_a_status_we_do_not_know_is_never_delivered_and_alerts(word):
    status = told({"messages": [{"message_id": "5", "delivery_status": word}]}).status("5", PHONE)
    assert (status.state, status.alert) == (DeliveryState.SENT, True)


def test_among_other_messages_ours_is_found():
    listed = [{"message_id": "4", "delivery_status": "FAILED"}, {"message_id": 5, "delivery_status": "DELIVERED"}]
    assert told({"messages": listed}).status("5", PHONE).state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    "body", [{}, {"messages": None}, {"messages": {}}, {"messages": [{"message_id": "4"}]}, {"messages": [1]}]
)
def test_a_list_that_was_not_searched_for_ours_does_not_say_unknown(body):
    with pytest.raises(PortFailure) as refused:
        told(body).status("5", PHONE)
    assert (refused.value.code, refused.value.permanent) == ("bad-answer", False)


@pytest.mark.parametrize("silence", ["timeout", "drop", "http:500", "http:200"])
def test_a_status_that_is_not_told_is_a_temporary_failure(impatient, exolve_double, silence):
    ref = send(impatient).provider_ref
    exolve_double.order(silence, on="status")
    with pytest.raises(PortFailure) as refused:
        impatient.status(ref, PHONE)
    assert (refused.value.code, refused.value.permanent) == ("no-answer", False)


def test_a_refused_question_is_a_failure(sender, exolve_double):
    ref = send(sender).provider_ref
    exolve_double.order("error:429", on="status")
    with pytest.raises(PortFailure, match="too-often"):
        sender.status(ref, PHONE)


@pytest.mark.parametrize("ref", ["0", "-1", "1\n", "１", "1.5", "9" * 20, "1,2"])
def test_only_the_gateways_own_ids_are_asked_about(sender, exolve_double, ref):
    with pytest.raises(PortFailure, match="bad-sequence"):
        sender.status(ref, PHONE)
    assert exolve_double.requests() == 0


# Callbacks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"message_id": "5"},
        {"message_id": 5, "delivery_status": "DELIVERED"},
        {"event": "sms", "data": [{"message_id": "5"}, {"message_id": "5"}]},
        [{"message": {"message_id": 5}}],
    ],
)
def test_a_callback_tells_ids_only_wherever_they_stand(sender, body):
    assert sender.mentioned(json.dumps(body).encode()) == ["5"]


@pytest.mark.parametrize(
    "body", [{"id": "5"}, {"message_id": True}, {"message_id": "5; drop"}, "5", 5, {"message_id": {"a": 1}}]
)
def test_a_callback_about_something_else_tells_nothing(sender, body):
    assert sender.mentioned(json.dumps(body).encode()) == []


# On the wire ---------------------------------------------------------------------------------------------------


def test_number_is_the_sender_and_destination_the_recipient_and_the_key_is_in_the_header():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"message_id": "5"})

    send(answering(answer))
    (request,) = seen
    assert json.loads(request.content) == {"number": "DEMOCLINIC", "destination": "79123456789", "text": TEXT}
    assert (request.method, request.url.path, request.url.query) == ("POST", "/messaging/v1/SendSMS", b"")
    assert request.headers["authorization"] == "Bearer demo"


def test_the_price_is_not_told(sender):
    assert send(sender).cost is None


def test_a_proxy_of_the_environment_sees_nothing(exolve_double, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    build.cache_clear()
    send(make(exolve_double))
    assert len(exolve_double.messages()) == 1


def test_nothing_personal_is_logged(exolve_double, caplog):
    caplog.set_level(logging.DEBUG)
    sender = make(exolve_double)
    send(sender)
    exolve_double.order("error:400")
    with pytest.raises(PortFailure) as refused:
        send(sender)
    said = f"{caplog.text} {refused.value!r} {refused.value.detail}"
    assert not any(secret in said for secret in ("9123456789", "987654", "Bearer", "\\u041a"))


def test_from_settings_takes_the_three_values():
    class Portal:
        exolve_url, exolve_key, exolve_sender = f"http://127.0.0.1:{closed_port()}", "a", "DEMOCLINIC"

    with pytest.raises(PortFailure, match="unreachable"):
        send(ExolveSender.from_settings(Portal))


def test_no_timeout_is_unlimited():
    timeout = ExolveSender(url="https://api.exolve.ru", key="a", sender="DEMOCLINIC")._client.timeout
    assert all(0 < limit <= 10 for limit in timeout.as_dict().values())
