"""When a doctor's day is open: weekly rules minus closed hours plus extra ones. Pure; property-tested over zones.

Wall-clock times become instants here and nowhere else. Intervals are half-open and never overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.scheduling.models import Rule, RuleException

SHORTEST = timedelta(minutes=5)
MIDNIGHT = time(0)


@dataclass(frozen=True, slots=True)
class Opening:
    """Times of this interval begin at `anchor` + n × `step_minutes`."""

    start: datetime
    end: datetime
    anchor: datetime
    step_minutes: int
    modes: tuple[str, ...]
    room_id: UUID | None


def openings(
    day: date, zone: ZoneInfo, rules: Iterable[Rule], exceptions: Iterable[RuleException], room_id: UUID | None = None
) -> list[Opening]:
    """What is open on a branch's calendar day, earliest first. `room_id` is used where a rule names none."""
    today = [e for e in exceptions if e.first_day <= day <= e.last_day]
    opened: list[Opening] = []
    for fresh in (*_by_rules(day, zone, rules, room_id), *_by_extra_hours(day, zone, today, room_id)):
        opened += _without(fresh, [(known.start, known.end) for known in opened])
    closed = [_span(day, zone, e.start, e.end) for e in today if e.kind != RuleException.Kind.EXTRA]
    left = [piece for one in opened for piece in _without(one, closed)]
    return sorted((piece for piece in left if piece.end - piece.start >= SHORTEST), key=lambda piece: piece.start)


def _by_rules(day: date, zone: ZoneInfo, rules: Iterable[Rule], room_id: UUID | None) -> Iterator[Opening]:
    for rule in sorted(rules, key=lambda rule: (rule.start, rule.pk.bytes)):
        if _applies(rule, day):
            start, end = _span(day, zone, rule.start, rule.end)
            if start < end:  # a night when clocks jump may swallow the interval
                yield Opening(start, end, start, rule.step_minutes, tuple(rule.modes), rule.room_id or room_id)


def _applies(rule: Rule, day: date) -> bool:
    is_even = day.isocalendar().week % 2 == 0
    return (
        rule.weekday == day.weekday()
        and rule.valid_from <= day
        and (rule.valid_to is None or day <= rule.valid_to)
        and (rule.weeks == Rule.Weeks.EVERY or is_even == (rule.weeks == Rule.Weeks.EVEN))
    )


def _by_extra_hours(
    day: date, zone: ZoneInfo, today: Sequence[RuleException], room_id: UUID | None
) -> Iterator[Opening]:
    for extra in today:
        if extra.kind == RuleException.Kind.EXTRA:
            start, end = _span(day, zone, extra.start, extra.end)
            if start < end:
                yield Opening(start, end, start, extra.step_minutes, tuple(extra.modes), room_id)


def _without(one: Opening, taken: Iterable[tuple[datetime, datetime]]) -> list[Opening]:
    """`one` minus every taken interval; the grid of what is left stays where it was."""
    pieces = [one]
    for start, end in taken:
        cut: list[Opening] = []
        for piece in pieces:
            if start >= end or end <= piece.start or piece.end <= start:
                cut.append(piece)
                continue
            if piece.start < start:
                cut.append(replace(piece, end=start))
            if end < piece.end:
                cut.append(replace(piece, start=end))
        pieces = cut
    return pieces


def _span(day: date, zone: ZoneInfo, start: time | None, end: time | None) -> tuple[datetime, datetime]:
    """[start, end) of a local day as instants; without times, and for an end of 0:00, up to midnight.

    Empty, `start` not before `end`, where a clock change swallows it.
    """
    midnight = instant(day + timedelta(days=1), MIDNIGHT, zone)
    begins = instant(day, start or MIDNIGHT, zone)
    ends = midnight if end is None or end == MIDNIGHT else instant(day, end, zone)
    return begins, min(ends, midnight)


def instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """Wall-clock time of a branch as an instant, UTC. A time skipped by a clock change moves forward with the clock."""
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)
