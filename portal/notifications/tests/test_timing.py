"""When reminders are due: any zone, any hour, the days when clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.notifications.timing import ENOUGH, TOO_SOON, Timing, evening_before, is_quiet, quiet_ends, reminders

RUSSIAN = [
    "Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk", "Asia/Krasnoyarsk",
    "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan", "Asia/Kamchatka",
]  # fmt: skip
CHANGING = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca"]
ZONES = st.sampled_from([ZoneInfo(name) for name in (*RUSSIAN, *CHANGING)])
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC, second=0, microsecond=0)
)
QUIET = st.tuples(st.times(), st.times()).map(lambda pair: Timing(quiet_from=pair[0], quiet_until=pair[1]))
USUAL = Timing()
MOSCOW = ZoneInfo("Europe/Moscow")


def moscow(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=MOSCOW)


def said(start, now, timing=USUAL, zone=MOSCOW):
    return [(due.kind, due.at.astimezone(zone)) for due in reminders(start, now, zone, timing)]


@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=60)), ZONES)
def test_no_reminder_at_night_too_soon_or_too_late(now, ahead, zone):
    start = now + ahead
    for due in reminders(start, now, zone, USUAL):
        assert not is_quiet(due.at, zone, USUAL)
        assert now + TOO_SOON < due.at < due.until < start


@given(INSTANTS, st.timedeltas(timedelta(days=3), timedelta(days=60)), ZONES)
def test_who_books_days_ahead_is_always_reminded(now, ahead, zone):
    kinds = [due.kind for due in reminders(now + ahead, now, zone, USUAL)]
    assert kinds in (["reminder-day", "reminder-hours"], ["reminder-day"])


@given(INSTANTS, QUIET, ZONES)
def test_quiet_hours_end_and_begin_around_the_moment(moment, timing, zone):
    assume(timing.quiet_from != timing.quiet_until and is_quiet(moment, zone, timing))
    assert moment < quiet_ends(moment, zone, timing) <= moment + timedelta(hours=26)
    assert moment - timedelta(hours=27) <= evening_before(moment, zone, timing) < moment


@given(INSTANTS, ZONES)
def test_without_quiet_hours_the_intervals_are_exact(now, zone):
    start = now + timedelta(days=3)
    never = Timing(quiet_from=time(0), quiet_until=time(0))
    assert [start - due.at for due in reminders(start, now, zone, never)] == [timedelta(hours=24), timedelta(hours=2)]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (moscow(25, 15), [moscow(24, 15), moscow(25, 13)]),
        (moscow(25, 10, 30), [moscow(24, 10, 30), moscow(25, 9)]),  # 8:30 waits for the morning
        (moscow(25, 9, 30), [moscow(24, 9, 30), moscow(24, 20, 30)]),  # half an hour is not enough: the evening before
        (moscow(25, 8), [moscow(23, 20, 30), moscow(24, 20, 30)]),
        (moscow(25, 22), [moscow(24, 20, 30), moscow(25, 20)]),
    ],
)
def test_the_hours_of_the_day(start, expected):
    assert [at for _, at in said(start, moscow(20, 12))] == expected


def test_in_the_morning_an_hour_is_left():
    start = moscow(25, 10)
    (_, last) = said(start, moscow(20, 12))[1]
    assert start - last == ENOUGH


def test_the_recipients_own_night_counts():
    """A visit at noon in Kaliningrad is at night in Kamchatka, where the person is."""
    start = datetime(2026, 11, 25, 12, tzinfo=ZoneInfo("Europe/Kaliningrad"))
    east = ZoneInfo("Asia/Kamchatka")
    for due in reminders(start, start - timedelta(days=5), east, USUAL):
        assert not is_quiet(due.at, east, USUAL)


def test_booked_an_hour_before_nothing_is_reminded_of():
    assert said(moscow(25, 12), moscow(25, 11)) == []


def test_booked_the_evening_before_only_the_last_hours_are():
    assert said(moscow(25, 15), moscow(24, 16)) == [("reminder-hours", moscow(25, 13))]


def test_a_clinic_may_switch_either_off():
    assert said(moscow(25, 15), moscow(20, 12), Timing(day=None)) == [("reminder-hours", moscow(25, 13))]
    assert said(moscow(25, 15), moscow(20, 12), Timing(hours=None)) == [("reminder-day", moscow(24, 15))]
    assert said(moscow(25, 15), moscow(20, 12), Timing(day=None, hours=None)) == []


def test_over_the_change_of_clocks_the_interval_is_by_the_hour_not_by_the_clock():
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 29, 15, tzinfo=berlin)  # the night before lost an hour
    day = said(start, start - timedelta(days=5), zone=berlin)[0][1]
    assert (day.day, day.hour) == (28, 14)
