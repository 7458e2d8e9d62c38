"""The web push adapter against the service's double: each refusal, each silence, the body and the token."""

import base64
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from portal.adapters.push import webpush
from portal.adapters.push.webpush import WebPushSender, encrypt
from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports_push import PushBusy, PushSubscription
from tests.contracts.processes import Double, closed_port
from tests.contracts.push_keys import OURS, SUBJECT, encoded, pem_of, public_of, raw_of, subscribe

TEXT = b'{"say":"987654"}'
KEY = UUID("11111111-2222-4333-8444-555555555555")
IMPATIENT = 2.5  # seconds; only where an answer never comes


@cache
def build(url: str, **changes) -> WebPushSender:
    return WebPushSender(**{"private_key": raw_of(OURS), "subject": SUBJECT, "extra_hosts": url, **changes})


def send(sender: WebPushSender, subscription: PushSubscription, **changes):
    return sender.send(subscription, **{"payload": TEXT, "key": KEY, "ttl": 3600, **changes})


@pytest.fixture
def sender(push_double) -> WebPushSender:
    return build(push_double.url)


# Refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "bad-request"),
        (401, "wrong-key"),
        (403, "wrong-key"),
        (404, "gone"),
        (410, "gone"),
        (413, "too-big"),
        (302, "http-302"),
        (307, "http-307"),
        (418, "http-418"),
    ],
)
def test_each_refusal_is_about_this_subscription_only(sender, push_double, status, code):
    push_double.order(f"error:{status}")
    with pytest.raises(PortFailure) as refused:
        send(sender, subscribe(push_double))
    failure = refused.value
    assert (failure.code, failure.permanent, failure.stops_provider) == (code, True, False)
    assert push_double.messages() == []


@pytest.mark.parametrize(
    ("order", "retry_after"),
    [("429/30", 30), ("429", None), ("503/120", 120), ("503/999999999999", 86400), ("406", None), ("408", None)],
)
def test_a_busy_service_says_when_to_come_again(sender, push_double, order, retry_after):
    push_double.order(f"error:{order}")
    with pytest.raises(PushBusy) as busy:
        send(sender, subscribe(push_double))
    assert (busy.value.retry_after, busy.value.permanent, busy.value.stops_provider) == (retry_after, False, False)
    assert busy.value.code == f"http-{order[:3]}"


@pytest.mark.parametrize(
    ("header", "seconds"), [("", None), ("soon", None), ("-5", None), ("0", 0), ("７", None), ("1.5", None)]
)
def test_how_long_to_wait_is_a_whole_number(header, seconds):
    assert webpush._seconds(header) == seconds


@pytest.mark.parametrize(("ahead", "low", "high"), [(90, 80, 90), (-90, 0, 0), (10**6, 86400, 86400)])
def test_or_a_date(ahead, low, high):
    at = datetime.now(UTC) + timedelta(seconds=ahead)
    assert low <= webpush._seconds(format_datetime(at, usegmt=True)) <= high


def test_an_unknown_subscription_is_gone(sender, push_double):
    unknown = PushSubscription(f"{push_double.url}/push/nobody", public_of(OURS), encoded(bytes(16)))
    with pytest.raises(PortFailure, match="gone"):
        send(sender, unknown)


def test_a_subscription_made_for_another_key_of_ours_is_refused_for_good(sender, push_double):
    other = public_of(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(PortFailure) as refused:
        send(sender, subscribe(push_double, key=other))
    assert (refused.value.code, refused.value.permanent) == ("wrong-key", True)


def test_a_service_that_is_away_is_a_temporary_failure_and_does_not_stop_the_others():
    url = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(PortFailure) as refused:
        send(build(url), PushSubscription(f"{url}/push/1", public_of(OURS), encoded(bytes(16))))
    assert (refused.value.code, refused.value.permanent, refused.value.stops_provider) == ("unreachable", False, False)


# Unknown outcomes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("silence", ["timeout", "lost"])
def test_after_silence_the_outcome_is_unknown_and_a_repeat_leaves_one_message(push_double, silence):
    subscription = subscribe(push_double)
    push_double.order(silence)
    with pytest.raises(PortUnknown, match="no-answer"):
        send(build(push_double.url, timeout=IMPATIENT), subscription)
    assert len(push_double.messages()) == 1
    send(build(push_double.url), subscription)
    assert [message["repeats"] for message in push_double.messages()] == [1]


def test_when_nothing_was_taken_the_outcome_is_unknown_too(sender, push_double):
    push_double.order("drop")
    with pytest.raises(PortUnknown):
        send(sender, subscribe(push_double))
    assert push_double.messages() == []


@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_error_after_the_effect_is_repeated_without_harm(sender, push_double, status):
    subscription = subscribe(push_double)
    push_double.order(f"http:{status}")
    with pytest.raises(PushBusy):
        send(sender, subscription)
    send(sender, subscription)
    assert len(push_double.messages()) == 1


# On the wire ---------------------------------------------------------------------------------------------------


def test_the_body_is_the_example_of_rfc_8291():
    def decoded(text):
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    number = int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        point=decoded("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        secret=decoded("BTBZMqHH6r4Tts7J_aSIgg"),
        own=ec.derive_private_key(number, ec.SECP256R1()),
        salt=decoded("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert encoded(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK"
        "6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@pytest.fixture
def wire(monkeypatch) -> list[httpx.Request]:
    """Requests that would have gone out; each is answered 201."""
    requests = []

    def answer(_, request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(201)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    return requests


def fresh(**changes) -> WebPushSender:
    return WebPushSender(**{"private_key": raw_of(OURS), "subject": SUBJECT, **changes})


HERE = PushSubscription("https://fcm.googleapis.com:443/fcm/send/abc", public_of(OURS), encoded(bytes(16)))


def test_the_token_is_for_this_service_for_less_than_a_day(wire):
    send(fresh(), HERE)
    token = wire[0].headers["Authorization"].removeprefix("vapid t=").partition(",")[0]
    head, claims, _ = (part + "=" * (-len(part) % 4) for part in token.split("."))
    told = json.loads(base64.urlsafe_b64decode(claims))
    assert json.loads(base64.urlsafe_b64decode(head))["alg"] == "ES256"
    assert (told["aud"], told["sub"]) == ("https://fcm.googleapis.com", SUBJECT)
    assert 3600 < told["exp"] - time.time() < 86400


def test_every_header_a_service_wants_is_there(wire):
    send(fresh(), HERE, ttl=600)
    headers = wire[0].headers
    assert (headers["TTL"], headers["Topic"], headers["Content-Encoding"]) == ("600", KEY.hex, "aes128gcm")
    assert TEXT not in wire[0].content


def test_each_message_has_its_own_key_and_salt(wire):
    sender = fresh()
    send(sender, HERE)
    send(sender, HERE)
    first, second = (request.content for request in wire)
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]


def test_what_reached_the_service_is_what_was_asked(sender, push_double):
    send(sender, subscribe(push_double), ttl=600)
    (message,) = push_double.messages()
    assert (message["text"], message["ttl"], message["topic"]) == (TEXT.decode(), 600, KEY.hex)
    assert message["subject"] == SUBJECT


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(monkeypatch, status):
    asked = []

    def elsewhere(_, request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(status, headers={"Location": "http://169.254.169.254/"})

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", elsewhere)
    with pytest.raises(PortFailure, match=f"http-{status}"):
        send(fresh(), HERE)
    assert len(asked) == 1


def test_a_proxy_of_the_environment_sees_nothing(push_double, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    send(fresh(extra_hosts=push_double.url), subscribe(push_double))
    assert len(push_double.messages()) == 1


def test_nothing_is_logged(sender, push_double, caplog):
    caplog.set_level(logging.DEBUG)
    subscription = subscribe(push_double)
    send(sender, subscription)
    push_double.order("error:410")
    with pytest.raises(PortFailure):
        send(sender, subscription)
    assert subscription.endpoint.rpartition("/")[2] not in caplog.text
    assert "987654" not in caplog.text


# Settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [raw_of(OURS), raw_of(OURS) + "=", pem_of(OURS), f"  {pem_of(OURS)}\n"],
    ids=["raw", "padded", "pem", "spaced"],
)
def test_our_key_in_any_of_its_writings(push_double, key):
    sender = fresh(private_key=key, extra_hosts=push_double.url)
    send(sender, subscribe(push_double))
    assert sender.public_key() == public_of(OURS)


@pytest.mark.parametrize(
    "changes",
    [
        {"private_key": ""},
        {"private_key": "   "},
        {"private_key": "x"},
        {"private_key": "ключ"},
        {"private_key": encoded(bytes(32))},
        {"private_key": encoded(bytes(31))},
        {"private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"},
        {"private_key": pem_of(ec.generate_private_key(ec.SECP384R1()))},
        {"private_key": pem_of(rsa.generate_private_key(65537, 2048))},
        {"subject": ""},
        {"subject": "portal@clinic.example"},
        {"subject": "mailto:"},
        {"subject": "mailto:nobody@clinic"},
    ],
)
def test_without_a_proper_account_nothing_is_even_asked(push_double, changes):
    sender = fresh(extra_hosts=push_double.url, **changes)
    with pytest.raises(PortFailure) as refused:
        send(sender, subscribe(push_double))
    failure = refused.value
    assert (failure.code, failure.permanent, failure.stops_provider) == ("not-configured", False, True)
    assert push_double.requests() == 0
    if "private_key" in changes:
        assert sender.public_key() == ""


def test_from_settings_takes_the_three_values(push_double: Double):
    class Portal:
        vapid_private_key, vapid_subject, push_extra_hosts = raw_of(OURS), SUBJECT, push_double.url

    send(WebPushSender.from_settings(Portal), subscribe(push_double))
    assert len(push_double.messages()) == 1


def test_no_timeout_is_unlimited():
    timeout = fresh()._client.timeout
    assert isinstance(timeout, httpx.Timeout)
    assert all(0 < limit <= 10 for limit in timeout.as_dict().values())
