"""A provider that fails is left alone for a while, and another way is found."""

import pytest

from portal import settings as typed
from portal.kernel import breaker
from portal.kernel.ports import PortFailure, override_port
from portal.notifications import routes
from portal.notifications.ports import DeliveryState, DeliveryStatus, FakeSms, Signal
from portal.notifications.tests.conftest import tell

STOPPED = PortFailure(permanent=False, code="no-money", stops_provider=True)
REFUSED = PortFailure(permanent=True, code="undeliverable")


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(breaker.time, "monotonic", lambda: now[0])
    return now


def test_five_failures_within_half_a_minute_open_the_breaker(clock):
    one = breaker.Breaker()
    for _ in range(4):
        one.failed()
    assert not one.is_open()
    one.failed()
    assert one.is_open()


def test_slow_failures_do_not(clock):
    one = breaker.Breaker()
    for _ in range(20):
        one.failed()
        clock[0] += 10
    assert not one.is_open()


def test_after_the_rest_one_tries_and_a_success_closes_it(clock):
    one = breaker.Breaker()
    for _ in range(5):
        one.failed()
    clock[0] += breaker.REST + 1
    assert [one.is_open() for _ in range(3)] == [False, True, True]
    one.worked()
    assert not one.is_open()


def test_a_failed_try_means_another_rest(clock):
    one = breaker.Breaker()
    for _ in range(5):
        one.failed()
    clock[0] += breaker.REST + 1
    assert not one.is_open()
    one.failed()
    assert one.is_open()
    clock[0] += breaker.REST - 1
    assert one.is_open()


@pytest.fixture
def second(gateways, monkeypatch):
    monkeypatch.setattr(typed, "portal", typed.portal.model_copy(update={"sms_second_vendor": "smsru"}))
    other = FakeSms()
    with override_port("sms_second", other):
        yield other


def test_a_stopped_provider_leaves_the_message_to_the_second(gateways, second, booked, sql):
    gateways.sms.fail_with += [STOPPED] * 5
    tell(booked())
    carriers = "SELECT provider FROM notifications_message WHERE channel = 'sms' AND kind = 'booked'"
    for _ in range(5):
        routes.breaker("sms").failed()
    sql("UPDATE notifications_message SET next_at = now() WHERE next_at IS NOT NULL AND due_at <= now()")
    from portal.notifications import jobs

    jobs.deliver()
    assert [m.to for m in second.sent] and sql(carriers) == [("sms_second",)]
    assert gateways.sms.sent == []


def test_a_message_of_unknown_outcome_is_never_given_to_the_second(gateways, second, booked, later):
    from portal.kernel.ports import PortUnknown

    gateways.sms.fail_with.append(PortUnknown(code="timeout"))
    gateways.sms.states = {}
    tell(booked())
    for _ in range(5):
        routes.breaker("sms").failed()
    later()
    later()
    assert second.sent == [], "the question is still open"


def test_a_reminder_that_cannot_be_delivered_goes_the_next_way(gateways, booked, sql, later):
    tell(booked())
    gateways.sms.fail_with.append(REFUSED)
    before = len(gateways.email.sent)
    sql("UPDATE notifications_message SET next_at = now(), due_at = now() WHERE kind = 'reminder-day'")
    later()
    assert len(gateways.email.sent) == before + 1
    states = "SELECT channel, state FROM notifications_message WHERE kind = 'reminder-day' ORDER BY sequence"
    assert sql(states) == [("sms", "failed"), ("email", "accepted")]


def test_a_reminder_nobody_confirms_in_time_goes_the_next_way_once(gateways, booked, sql, later):
    tell(booked())
    sql("UPDATE notifications_message SET next_at = now(), due_at = now() WHERE kind = 'reminder-hours'")
    later()
    sql("UPDATE notifications_message SET accepted_at = now() - interval '11 min' WHERE kind = 'reminder-hours'")
    for _ in range(3):
        later()
    states = "SELECT channel, state FROM notifications_message WHERE kind = 'reminder-hours' ORDER BY sequence"
    assert sql(states) == [("sms", "accepted"), ("email", "accepted")]


def test_what_is_delivered_in_time_goes_no_other_way(gateways, booked, sql, later):
    tell(booked())
    sql("UPDATE notifications_message SET next_at = now(), due_at = now() WHERE kind = 'reminder-hours'")
    later()
    (number,) = sql("SELECT sequence FROM notifications_message WHERE kind = 'reminder-hours'")[0]
    gateways.sms.states[number] = DeliveryStatus(DeliveryState.DELIVERED)
    later()
    states = "SELECT channel, state, delivered_at IS NOT NULL FROM notifications_message WHERE kind = 'reminder-hours'"
    assert sql(states) == [("sms", "delivered", True)]


def test_a_replaced_sim_card_stops_codes_to_that_number(gateways, booked, sql, later):
    tell(booked())
    (number,) = sql("SELECT sequence FROM notifications_message WHERE kind = 'booked' AND channel = 'sms'")[0]
    gateways.sms.states[number] = DeliveryStatus(DeliveryState.FAILED, "20/219", Signal.SIM_REPLACED)
    later()
    assert sql("SELECT count(*) FROM people_smsblock") == [(1,)]
    gateways.sms.states[number] = DeliveryStatus(DeliveryState.FAILED, "20/219", Signal.SIM_REPLACED)
    later()
    assert sql("SELECT count(*) FROM people_smsblock") == [(1,)]
