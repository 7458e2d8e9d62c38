"""Why a doctor has no free time, so that the page can say it instead of “nothing found”."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from portal.scheduling.models import DaySheet, RuleException
from portal.scheduling.selectors.choices import Choice, When, with_nearest
from portal.scheduling.selectors_sql import Slot

AWAY = (RuleException.Kind.VACATION, RuleException.Kind.SICK)


@dataclass(frozen=True, slots=True)
class Reason:
    """`kind`: away (back on `day`), filtered (`slot` is the nearest without the filter), full (all taken until `day`),
    closed (no hours until `day`). The next day opens at `opens`."""

    kind: str
    day: date
    opens: datetime
    slot: Slot | None = None


def why_nothing(found: Sequence[Choice], when: When) -> dict[UUID, Reason]:
    """The reason of each choice without a free time, by role."""
    empty = [choice for choice in found if choice.nearest is None]
    if not empty:
        return {}
    back = _back_on(empty)
    working = set(_working(empty))
    elsewhere = _unfiltered(empty) if when != When() else {}
    reasons = {}
    for choice in empty:
        role, limits = choice.role.pk, choice.bounds
        if role in elsewhere:
            reasons[role] = Reason("filtered", limits.last_day, limits.next_opens, elsewhere[role])
        elif role in back and role not in working:
            reasons[role] = Reason("away", back[role], limits.next_opens)
        else:
            reasons[role] = Reason("full" if role in working else "closed", limits.last_day, limits.next_opens)
    return reasons


def _back_on(empty: Sequence[Choice]) -> dict[UUID, date]:
    """First day after a leave that goes on today or begins before the horizon ends."""
    rows = RuleException.objects.filter(
        role_id__in=[c.role.pk for c in empty], kind__in=AWAY, start__isnull=True
    ).order_by("first_day")
    limits = {c.role.pk: c for c in empty}
    back: dict[UUID, date] = {}
    for row in rows:
        choice = limits[row.role_id]
        today = choice.bounds.since.astimezone(choice.zone).date()
        if row.last_day >= today and row.first_day <= choice.bounds.last_day:
            back[choice.role.pk] = row.last_day + timedelta(days=1)
    return back


def _working(empty: Sequence[Choice]) -> list[UUID]:
    """Roles that have open hours at all before their horizon."""
    first = min(c.bounds.since for c in empty)
    last = max(c.bounds.until for c in empty)
    sheets = DaySheet.objects.filter(role_id__in=[c.role.pk for c in empty], end__gt=first, start__lt=last)
    return list(sheets.values_list("role_id", flat=True).distinct())


def _unfiltered(empty: Sequence[Choice]) -> dict[UUID, Slot]:
    """What there would be with no condition on the day, the hours and the way of the visit."""
    with_nearest(empty)
    found = {c.role.pk: c.nearest for c in empty if c.nearest}
    for choice in empty:
        choice.nearest = None
    return found
