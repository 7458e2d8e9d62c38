"""Opening hours once more, minute by minute and the other way round: `opening.py` is compared with this.

Here nobody asks when a wall-clock time is. A day is walked in UTC and each minute is asked what its clock shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
SHORTEST = 5  # minutes
CLOSING = {"vacation", "sick", "blocked"}


class Open(NamedTuple):
    start: datetime
    end: datetime
    anchor: datetime
    step_minutes: int
    modes: tuple[str, ...]
    room_id: object


class Day:
    """Every minute whose clock shows this day, and at which of them a clock shows a time first."""

    def __init__(self, day: date, zone: str) -> None:
        self.day = day
        noon = datetime.combine(day, time(12), tzinfo=UTC)
        near = noon - timedelta(hours=12) - noon.astimezone(ZoneInfo(zone)).utcoffset()
        walk = [near + n * MINUTE for n in range(-3 * 60, 28 * 60)]
        shown = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in walk]
        self.minutes = [moment for moment, clock in zip(walk, shown, strict=True) if clock.date() == day]
        self.end = self.minutes[-1] + MINUTE if self.minutes else noon
        self.first: dict[datetime, int] = {}
        for n, clock in enumerate(clock for clock in shown if clock.date() == day):
            self.first.setdefault(clock, n)
        self.jumps = [(before, after) for before, after in pairwise(shown) if after - before > MINUTE]

    def index(self, wall: time) -> int:
        """The minute of the day that shows `wall` first. A skipped time comes as much later as the clock jumped."""
        clock = datetime.combine(self.day, wall)
        if clock in self.first:
            return self.first[clock]
        for before, after in self.jumps:
            if before < clock < after:
                return self.first.get(clock + (after - before - MINUTE), len(self.minutes))
        return len(self.minutes)

    def span(self, start: time | None, end: time | None) -> range:
        is_to_midnight = end is None or end == time(0)
        return range(
            0 if start is None else self.index(start), len(self.minutes) if is_to_midnight else self.index(end)
        )


@lru_cache(maxsize=500)
def walked(day: date, zone: str) -> Day:
    return Day(day, zone)


def sources(day: date, rules: Iterable[Any], exceptions: Iterable[Any]) -> list[Any]:
    """Rules and extra hours that apply, the one that keeps a minute wanted by several first."""
    ruled = [
        rule
        for rule in rules
        if rule.weekday == int(day.strftime("%w")) - 1 + 7 * (day.strftime("%w") == "0")
        and not day < rule.valid_from
        and not (rule.valid_to and rule.valid_to < day)
        and rule.weeks in ("every", ("even", "odd")[int(day.strftime("%V")) % 2])
    ]
    extra = [e for e in exceptions if e.kind == "extra" and not (day < e.first_day or e.last_day < day)]
    return sorted(ruled, key=lambda rule: (rule.start, rule.pk.bytes)) + extra


def closed_minutes(walk: Day, exceptions: Iterable[Any]) -> set[int]:
    found: set[int] = set()
    for e in exceptions:
        if e.kind in CLOSING and not (walk.day < e.first_day or e.last_day < walk.day):
            found.update(walk.span(e.start, e.end))
    return found


def expected(
    day: date, zone: str, rules: Iterable[Any], exceptions: Iterable[Any], room_id: object = None
) -> list[Open]:
    """Each minute belongs to the first who wants it, if it is not closed; runs of one owner are open together."""
    walk, exceptions = walked(day, zone), list(exceptions)
    wanted = sources(day, rules, exceptions)
    owner: list[int | None] = [None] * len(walk.minutes)
    for n, source in reversed(list(enumerate(wanted))):
        for minute in walk.span(source.start, source.end):
            owner[minute] = n
    for minute in closed_minutes(walk, exceptions):
        owner[minute] = None
    found = []
    for who, run in groupby(range(len(owner)), key=lambda minute: owner[minute]):
        minutes = list(run)
        if who is not None and len(minutes) >= SHORTEST:
            source = wanted[who]
            anchor = walk.minutes[walk.span(source.start, source.end)[0]]
            room = getattr(source, "room_id", None) or room_id
            start, end = walk.minutes[minutes[0]], walk.minutes[minutes[-1]] + MINUTE
            found.append(Open(start, end, anchor, source.step_minutes, tuple(source.modes), room))
    return found
