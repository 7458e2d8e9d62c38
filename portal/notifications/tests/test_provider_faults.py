"""A real adapter and the gateway's double as a process: every way a provider fails, and what is written down of it."""

import time

import pytest

from portal.adapters.sms.smsc import SmscSender
from portal.kernel.ports import override_port
from portal.notifications import jobs, routes
from portal.notifications.ports import FakeEmail
from portal.notifications.tests.conftest import tell
from tests.contracts.processes import running_smsc

PATIENCE = 0.5  # seconds the adapter waits for an answer here


@pytest.fixture(scope="module")
def gateway():
    with running_smsc() as double:
        yield double


@pytest.fixture
def sms(gateway, db):
    gateway.control("reset")
    gateway.control("balance", balance="1000")
    routes.forget()
    sender = SmscSender(url=gateway.url, login="demo", password="demo", sender="DEMOCLINIC", timeout=PATIENCE)
    with override_port("sms", sender), override_port("email", FakeEmail()) as _:
        yield gateway


@pytest.fixture
def news(sql):
    rows = "SELECT state, error, resent FROM notifications_message WHERE kind = 'booked' AND channel = 'sms'"
    return lambda: sql(rows)[0]


def taken(gateway):
    return [message["id"] for message in gateway.messages()]


# What the gateway does with the message, and with the question after it → what is known at once. `timeout` is a gateway
# that takes the message and is silent for 120 seconds.
FAULTS = [
    ("timeout", "", "accepted"),
    ("lost", "", "accepted"),
    ("http:500", "", "accepted"),
    ("timeout", "timeout", "unknown"),
    ("lost", "drop", "unknown"),
    ("http:500", "http:500", "unknown"),
    ("drop", "", "unknown"),
    ("error:4", "", "planned"),
    ("error:9", "", "unknown"),
]


@pytest.mark.parametrize(("fault", "silence", "at_once"), FAULTS)
def test_a_fault_is_asked_about_and_the_message_arrives_once(sms, booked, news, later, fault, silence, at_once):
    sms.order(fault, on="send")
    if silence:
        sms.order(silence, on="status")
    began = time.monotonic()
    tell(booked())
    assert time.monotonic() - began < 10, "nobody waits two minutes for a silent gateway"
    assert news()[0] == at_once
    for _ in range(6):
        later()
    assert news()[0] in ("accepted", "delivered") and news()[2] == 0
    assert len(taken(sms)) == len(set(taken(sms))) == 1


@pytest.mark.parametrize(
    ("mode", "error"), [("error:6", "forbidden"), ("error:7", "bad-phone"), ("error:8", "undeliverable")]
)
def test_what_will_never_go_is_settled_at_once(sms, booked, news, mode, error):
    """A success of HTTP with an error inside is an error."""
    sms.order(mode, on="send")
    tell(booked())
    assert news()[:2] == ("failed", error) and taken(sms) == []


def test_without_money_nothing_is_lost(sms, booked, news, later):
    sms.control("balance", balance="0")
    tell(booked())
    assert news()[:2] == ("planned", "no-money") and taken(sms) == []
    sms.control("balance", balance="1000")
    routes.forget()
    later()
    assert news()[0] == "accepted" and len(taken(sms)) == 1


def test_a_gateway_that_is_away_stops_no_booking_and_no_other_message(sms, booked, sql, later):
    sms.order("timeout", times=3, on="send")
    first, second = booked(), booked("mila", doctor="gleb")
    for args in (first, second):
        tell(args)
    mails = "SELECT count(*) FROM notifications_message WHERE channel = 'email' AND state = 'accepted'"
    assert sql(mails) == [(2,)]
    assert sql(
        "SELECT count(*) FROM scheduling_appointment WHERE id = ANY(%s) AND status = 'booked'",
        [first["appointment_id"], second["appointment_id"]],
    ) == [(2,)]
    for _ in range(6):
        later()
    assert len(taken(sms)) == len(set(taken(sms))) == 2
    assert jobs.post_due() == 0
