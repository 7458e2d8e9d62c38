"""The SMSC adapter against the gateway's double: each refusal, each silence, each status."""

import logging
from decimal import Decimal
from functools import cache
from uuid import UUID

import httpx
import pytest

from portal.adapters.sms.smsc import SmscSender
from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports import DeliveryState, Signal
from tests.contracts.processes import Double, closed_port

PHONE = "+79123456789"
TEXT = "Код 987654. Никому не сообщайте."
KEY = UUID("11111111-2222-4333-8444-555555555555")
IMPATIENT = 2.5  # seconds; only where an answer never comes


def make(double: Double, **changes) -> SmscSender:
    return build(double.url, **changes)


@cache
def build(url: str, **changes) -> SmscSender:
    return SmscSender(**{"url": url, "login": "demo", "password": "demo", "sender": "DEMOCLINIC", **changes})


@pytest.fixture
def sender(smsc_double) -> SmscSender:
    return make(smsc_double)


@pytest.fixture
def impatient(smsc_double) -> SmscSender:
    return make(smsc_double, timeout=IMPATIENT)


def send(sender: SmscSender, sequence: int = 5):
    return sender.send(PHONE, TEXT, key=KEY, sequence=sequence)


# Refusals ------------------------------------------------------------------------------------------------------

REFUSALS = [
    (1, "bad-parameters", True, False),
    (2, "wrong-login", False, True),
    (3, "no-money", False, True),
    (4, "blocked", False, True),
    (5, "bad-date", True, False),
    (6, "forbidden", True, False),
    (7, "bad-phone", True, False),
    (8, "undeliverable", True, False),
    (77, "error-77", False, True),
]


@pytest.mark.parametrize(("error", "code", "permanent", "stops_provider"), REFUSALS)
def test_each_error_has_its_class(sender, smsc_double, error, code, permanent, stops_provider):
    smsc_double.order(f"error:{error}")
    with pytest.raises(PortFailure) as refused:
        send(sender)
    failure = refused.value
    assert (failure.code, failure.permanent, failure.stops_provider) == (code, permanent, stops_provider)
    assert smsc_double.messages() == []


@pytest.mark.parametrize("changes", [{"login": "other"}, {"password": "wrong"}])
def test_a_wrong_login_stops_the_provider(smsc_double, changes):
    with pytest.raises(PortFailure) as refused:
        send(make(smsc_double, **changes))
    assert (refused.value.code, refused.value.stops_provider) == ("wrong-login", True)
    assert smsc_double.messages() == []


def test_an_empty_account_stops_the_provider(sender, smsc_double):
    smsc_double.control("balance", balance="1")
    with pytest.raises(PortFailure, match="no-money"):
        send(sender)
    assert smsc_double.messages() == []


def test_an_unregistered_sender_is_forbidden(smsc_double):
    with pytest.raises(PortFailure, match="forbidden"):
        send(make(smsc_double, sender="OTHERCLINIC"))


@pytest.mark.parametrize("name", ["", ".", "  ", "AB", "Клиника", "LONGERTHAN11", "A\r\nB"])
def test_without_a_proper_sender_name_nothing_is_even_asked(smsc_double, name):
    with pytest.raises(PortFailure) as refused:
        send(make(smsc_double, sender=name))
    assert (refused.value.code, refused.value.stops_provider) == ("no-sender", True)
    assert smsc_double.requests() == 0


@pytest.mark.parametrize("changes", [{"login": ""}, {"password": ""}])
def test_without_an_account_nothing_is_asked(smsc_double, changes):
    with pytest.raises(PortFailure, match="not-configured"):
        send(make(smsc_double, **changes))
    assert smsc_double.requests() == 0


def test_a_gateway_that_is_away_is_a_temporary_failure():
    sender = SmscSender(url=f"http://127.0.0.1:{closed_port()}", login="a", password="b", sender="DEMOCLINIC")
    with pytest.raises(PortFailure) as refused:
        send(sender)
    assert (refused.value.code, refused.value.permanent, refused.value.stops_provider) == ("unreachable", False, True)


@pytest.mark.parametrize("status", [302, 404, 429])
def test_something_that_is_no_gateway_is_a_temporary_failure(sender, smsc_double, status):
    smsc_double.order(f"http:{status}")
    with pytest.raises(PortFailure, match=f"http-{status}") as refused:
        send(sender)
    assert not refused.value.permanent


# Unknown outcomes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("silence", ["timeout", "lost", "http:500", "http:502", "http:200"])
def test_after_silence_the_status_is_asked_and_the_message_adopted(impatient, smsc_double, silence):
    smsc_double.order(silence)
    accepted = send(impatient)
    assert (accepted.provider_ref, accepted.segments) == ("5", 1)
    assert len(smsc_double.messages()) == 1


def test_when_nothing_was_taken_the_outcome_stays_unknown(sender, smsc_double):
    smsc_double.order("drop")
    with pytest.raises(PortUnknown):
        send(sender)
    assert smsc_double.messages() == []
    assert sender.status(5, PHONE).state is DeliveryState.UNKNOWN


@pytest.mark.parametrize("second", ["timeout", "drop", "error:9", "error:4", "http:500"])
def test_when_the_status_cannot_be_asked_the_outcome_is_unknown(impatient, smsc_double, second):
    smsc_double.order("lost")
    smsc_double.order(second, on="status")
    with pytest.raises(PortUnknown):
        send(impatient)
    assert len(smsc_double.messages()) == 1
    assert impatient.status(5, PHONE).state is DeliveryState.SENT


def test_error_9_with_a_known_message_adopts_it(sender, smsc_double):
    first = send(sender)
    assert send(sender).provider_ref == first.provider_ref
    assert len(smsc_double.messages()) == 1


def test_error_9_without_a_known_message_is_unknown(sender, smsc_double):
    smsc_double.order("error:9")
    with pytest.raises(PortUnknown, match="repeated"):
        send(sender)
    assert smsc_double.messages() == []


def test_after_a_minute_the_gateway_sends_again_so_ask_the_status_first(sender, smsc_double):
    send(sender)
    smsc_double.control("clock", forward=61)
    assert sender.status(5, PHONE).state is DeliveryState.DELIVERED
    send(sender)
    assert len(smsc_double.messages()) == 2


def test_a_resend_after_unknown_with_nothing_taken_goes_out_once(sender, smsc_double):
    smsc_double.order("drop")
    with pytest.raises(PortUnknown):
        send(sender)
    assert send(sender).provider_ref == "5"
    assert len(smsc_double.messages()) == 1


# Statuses ------------------------------------------------------------------------------------------------------

STATUSES = [
    (-2, DeliveryState.FAILED, False),
    (-1, DeliveryState.ACCEPTED, False),
    (1, DeliveryState.DELIVERED, False),
    (2, DeliveryState.DELIVERED, False),
    (3, DeliveryState.FAILED_TEMP, False),
    (4, DeliveryState.DELIVERED, False),
    (20, DeliveryState.FAILED, False),
    (22, DeliveryState.FAILED_PERM, False),
    (23, DeliveryState.FAILED, True),
    (24, DeliveryState.FAILED, True),
    (25, DeliveryState.FAILED_PERM, False),
]


@pytest.mark.parametrize(("status", "state", "alert"), STATUSES)
def test_each_status_has_its_state(sender, smsc_double, status, state, alert):
    smsc_double.order(f"status:{status}")
    send(sender)
    smsc_double.control("clock", forward=31)
    told = sender.status(5, PHONE)
    assert (told.state, told.vendor_code, told.alert, told.signal) == (state, str(status), alert, Signal.NONE)


@pytest.mark.parametrize(("err", "signal"), [(1, Signal.PHONE_INVALID), (219, Signal.SIM_REPLACED), (6, Signal.NONE)])
def test_the_operators_word_about_the_number_is_passed_on(sender, smsc_double, err, signal):
    smsc_double.order(f"status:20/{err}")
    send(sender)
    smsc_double.control("clock", forward=31)
    told = sender.status(5, PHONE)
    assert (told.signal, told.vendor_code) == (signal, f"20/{err}")


def test_a_status_we_do_not_know_alerts(sender, smsc_double):
    smsc_double.order("status:99")
    send(sender)
    smsc_double.control("clock", forward=31)
    assert sender.status(5, PHONE).alert


def test_on_the_way_means_sent(sender):
    send(sender)
    assert sender.status(5, PHONE).state is DeliveryState.SENT


def test_asking_too_often_is_a_temporary_failure(sender):
    send(sender)
    for _ in range(5):
        sender.status(5, PHONE)
    with pytest.raises(PortFailure) as refused:
        sender.status(5, PHONE)
    assert (refused.value.code, refused.value.permanent) == ("too-often", False)


@pytest.mark.parametrize("silence", ["timeout", "drop", "http:500"])
def test_a_status_that_is_not_told_is_a_temporary_failure(impatient, smsc_double, silence):
    send(impatient)
    smsc_double.order(silence, on="status")
    with pytest.raises(PortFailure) as refused:
        impatient.status(5, PHONE)
    assert (refused.value.code, refused.value.permanent) == ("no-answer", False)


# On the wire ---------------------------------------------------------------------------------------------------


def test_the_login_travels_in_the_body_only(sender, smsc_double):
    send(sender)
    (message,) = smsc_double.messages()
    assert (message["method"], message["login_in_url"]) == ("POST", False)


def test_the_registered_sender_and_the_price_are_told(sender, smsc_double):
    assert send(sender).cost == Decimal("3.5")
    assert smsc_double.messages()[0]["sender"] == "DEMOCLINIC"


def test_a_proxy_of_the_environment_sees_nothing(smsc_double, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    build.cache_clear()
    send(make(smsc_double))
    assert len(smsc_double.messages()) == 1


def test_nothing_personal_is_logged(smsc_double, caplog):
    caplog.set_level(logging.DEBUG)
    sender = make(smsc_double)
    smsc_double.order("lost")
    send(sender)
    smsc_double.order("error:8")
    with pytest.raises(PortFailure):
        send(sender)
    assert not any(secret in caplog.text for secret in ("9123456789", "987654", "psw", "%D0%9A"))


def test_from_settings_takes_the_four_values():
    class Portal:
        smsc_url, smsc_login, smsc_password, smsc_sender = f"http://127.0.0.1:{closed_port()}", "a", "b", "DEMOCLINIC"

    with pytest.raises(PortFailure, match="unreachable"):
        send(SmscSender.from_settings(Portal))


def test_no_timeout_is_unlimited():
    timeout = SmscSender(url="https://smsc.ru", login="a", password="b", sender="DEMOCLINIC")._client.timeout
    assert isinstance(timeout, httpx.Timeout)
    assert all(0 < limit <= 10 for limit in timeout.as_dict().values())
