"""The drift report as rows of a table: ids and times, no names."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from portal.mis.models import Drift

COLUMNS = ("kind", "appointment", "there", "doctor", "start", "seen", "times")


def cells(row: Drift) -> tuple[object, ...]:
    """One difference. The start is on the clock of the doctor's branch."""
    zone = ZoneInfo(row.role.location.zone) if row.role else None
    start = row.start.astimezone(zone).isoformat(timespec="minutes") if row.start else ""
    seen = row.seen_at.isoformat(timespec="seconds")
    return row.kind, row.appointment_id or "", row.ref, row.role_id or "", start, seen, row.times
