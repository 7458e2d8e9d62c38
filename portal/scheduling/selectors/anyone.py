"""“Any doctor, the earliest”: the times that somebody has, and who gets a patient who does not mind (docs/adr/0007)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from portal.scheduling.selectors.choices import Choice, Day, When, days_of
from portal.scheduling.selectors_sql import booked_counts, free_slots

WEEK = timedelta(days=7)
WINDOW = timedelta(days=3)


def earliest_of_anyone(found: Sequence[Choice], when: When, *, most: int = 6) -> list[Day]:
    """The earliest different times that at least one of `found` has, by day. All of `found` share a zone."""
    free = [choice for choice in found if choice.nearest]
    if not free:
        return []
    first = min(choice.nearest.start for choice in free if choice.nearest)
    windows = [when.window(choice).between(first, first + WINDOW) for choice in free]
    seen: set[datetime] = set()
    slots = []
    for slot in free_slots(windows, mode=when.mode, hours=when.hours, limit=most * len(windows)):
        if slot.start not in seen and len(seen) < most:
            seen.add(slot.start)
            slots.append(slot)
    return days_of(slots, free[0].zone, free[0].offer.service, when.mode)


def in_fair_order(found: Sequence[Choice], start: datetime) -> list[Choice]:
    """Who is asked first for a patient who chose a time and no doctor.

    The fewest visits booked and held in the seven days around it; equal ones by a hash of the time and the doctor, so
    that nobody is always first. A documented order, so that a clinic can explain it to its doctors.
    """
    counts = booked_counts([c.role.pk for c in found], start - WEEK / 2, start + WEEK / 2)
    return sorted(found, key=lambda c: (counts.get(c.role.pk, 0), _draw(c.role.pk, start)))


def _draw(role_id: UUID, start: datetime) -> int:
    return zlib.crc32(f"{role_id}{start.timestamp():.0f}".encode())
