"""Weekly rules → day sheets: wall-clock rules of a branch become intervals in UTC, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.scheduling.models import DaySheet, Rule


@command("DaySheet.write", roles={Role.SYSTEM, Role.CLINIC_ADMIN})
def write_sheets(*, actor: Actor, role_ids: list[UUID], first: date, last: date) -> int:
    """Rewrite the sheets of these roles for the days first…last, both included. Returns how many were written."""
    DaySheet.objects.filter(role_id__in=role_ids, date__range=(first, last)).delete()
    rules = Rule.objects.filter(role_id__in=role_ids).select_related("role__location")
    return len(DaySheet.objects.bulk_create(list(_sheets(rules, first, last)), batch_size=1000))


def _sheets(rules: Iterable[Rule], first: date, last: date) -> Iterator[DaySheet]:
    for rule in rules:
        zone = ZoneInfo(rule.role.location.zone)
        for day in _days(rule, first, last):
            start, end = _instant(day, rule.start, zone), _instant(day, rule.end, zone)
            if start < end:  # a night when clocks jump may swallow the interval
                yield DaySheet(
                    role_id=rule.role_id,
                    date=day,
                    start=start,
                    end=end,
                    step_minutes=rule.step_minutes,
                    modes=rule.modes,
                )


def _days(rule: Rule, first: date, last: date) -> Iterator[date]:
    day = max(first, rule.valid_from)
    until = min(last, rule.valid_to or last)
    day += timedelta(days=(rule.weekday - day.weekday()) % 7)
    while day <= until:
        yield day
        day += timedelta(days=7)


def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """Wall-clock time of a branch as an instant. A time skipped by a clock change moves forward with the clock."""
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)
