"""VTIMEZONE (RFC 5545, 3.6.5) from the system's zones: what a clock showed in the years of a calendar's visits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@lru_cache(maxsize=256)
def zone_lines(name: str, first: int, last: int) -> tuple[str, ...]:
    """The zone from the year before `first` to the year after `last`, each change of its clock written out."""
    zone = ZoneInfo(name)
    begin, end = datetime(first - 1, 1, 1, tzinfo=UTC), datetime(last + 2, 1, 1, tzinfo=UTC)
    found = [*_observance(zone, begin, begin, "19700101T000000")]
    day = begin
    while day < end:
        if _offset(zone, day) != _offset(zone, day + DAY):
            before, after = _change(zone, day)
            # the onset is told on the clock as it went before it (3.8.2.4 with 3.8.3.3)
            onset = (after + _offset(zone, before)).strftime("%Y%m%dT%H%M%S")
            found += _observance(zone, before, after, onset)
        day += DAY
    return ("BEGIN:VTIMEZONE", f"TZID:{name}", *found, "END:VTIMEZONE")


def _change(zone: ZoneInfo, day: datetime) -> tuple[datetime, datetime]:
    """The last second of the old time and the first of the new, in UTC."""
    before, after = day, day + DAY
    while after - before > SECOND:
        middle = before + (after - before) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        if _offset(zone, middle) == _offset(zone, before):
            before = middle
        else:
            after = middle
    return before, after


def _observance(zone: ZoneInfo, before: datetime, after: datetime, onset: str) -> tuple[str, ...]:
    kind = "DAYLIGHT" if after.astimezone(zone).dst() else "STANDARD"
    return (
        f"BEGIN:{kind}",
        f"DTSTART:{onset}",
        f"TZOFFSETFROM:{_signed(_offset(zone, before))}",
        f"TZOFFSETTO:{_signed(_offset(zone, after))}",
        f"END:{kind}",
    )


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _signed(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    sign, minutes = "-" if minutes < 0 else "+", abs(minutes)
    return f"{sign}{minutes // 60:02d}{minutes % 60:02d}"
