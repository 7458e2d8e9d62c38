"""When a reminder is due, on the recipient's clock. Pure: instants in, instants out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

TOO_SOON = timedelta(minutes=10)  # who has just booked needs no reminder
EVENING = timedelta(minutes=30)  # so long before the quiet hours what would fall into them is said
ENOUGH = timedelta(minutes=60)  # so much is left after the morning's reminder, or it is said the evening before
DAY_ENDS, HOURS_END = timedelta(hours=4), timedelta(minutes=30)  # before the visit: later it is of no use
URGENT = timedelta(hours=18)  # a change of a visit so near is told at night too


@dataclass(frozen=True, slots=True)
class Timing:
    """The clinic's own: how long before a visit (None: not at all), and the hours of rest."""

    day: timedelta | None = timedelta(hours=24)
    hours: timedelta | None = timedelta(hours=2)
    quiet_from: time = time(21)
    quiet_until: time = time(9)


@dataclass(frozen=True, slots=True)
class Due:
    """A reminder: from `at` on it is sent, from `until` on it is of no use."""

    kind: str
    at: datetime
    until: datetime


def reminders(start: datetime, now: datetime, zone: ZoneInfo, timing: Timing) -> list[Due]:
    """What is to be said before a visit that begins at `start`, with the recipient living in `zone`."""
    due = [*_day(start, zone, timing), *_hours(start, zone, timing)]
    kept = [one for one in due if one.at > now + TOO_SOON]
    is_doubled = len(kept) == 2 and kept[1].at - kept[0].at < timedelta(hours=2)
    return kept[:1] if is_doubled else kept  # both fell on one evening: it is said once


def _day(start: datetime, zone: ZoneInfo, timing: Timing) -> Iterator[Due]:
    if timing.day:
        at = start.astimezone(UTC) - timing.day
        if is_quiet(at, zone, timing):
            at = evening_before(at, zone, timing)
        yield Due("reminder-day", at, start - DAY_ENDS)


def _hours(start: datetime, zone: ZoneInfo, timing: Timing) -> Iterator[Due]:
    if timing.hours:
        at = start.astimezone(UTC) - timing.hours
        if is_quiet(at, zone, timing):
            morning = quiet_ends(at, zone, timing)
            at = morning if start - morning >= ENOUGH else evening_before(at, zone, timing)
        yield Due("reminder-hours", at, start - HOURS_END)


def is_switched_off(kind: str, timing: Timing) -> bool:
    """Does the clinic not want this reminder any more?"""
    return (kind == "reminder-day" and timing.day is None) or (kind == "reminder-hours" and timing.hours is None)


def is_quiet(moment: datetime, zone: ZoneInfo, timing: Timing) -> bool:
    """[quiet_from, quiet_until) on the clock of `zone`; over midnight when it begins later than it ends."""
    clock = moment.astimezone(zone).time()
    if timing.quiet_from <= timing.quiet_until:
        return timing.quiet_from <= clock < timing.quiet_until
    return clock >= timing.quiet_from or clock < timing.quiet_until


def quiet_ends(moment: datetime, zone: ZoneInfo, timing: Timing) -> datetime:
    """The first end of the quiet hours after `moment`, in UTC."""
    return _turn(moment, zone, timing.quiet_until, +1)


def evening_before(moment: datetime, zone: ZoneInfo, timing: Timing) -> datetime:
    """Half an hour before the quiet hours that `moment` lies in, in UTC."""
    return _turn(moment, zone, timing.quiet_from, -1) - EVENING


def _turn(moment: datetime, zone: ZoneInfo, clock: time, step: int) -> datetime:
    """The nearest instant that shows `clock` after (+1) or not after (-1) `moment`."""
    day = moment.astimezone(zone).date()
    turns = [datetime.combine(day + timedelta(days=n), clock, zone).astimezone(UTC) for n in (-1, 0, 1)]
    return min(t for t in turns if t > moment) if step > 0 else max(t for t in turns if t <= moment)
