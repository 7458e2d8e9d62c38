"""Weekly rules and exceptions → day sheets, rewritten in the transaction of every change, and onwards by a nightly job.

A rule changed under an appointment never deletes it: the visit stands outside the sheets and is shown as a conflict
(`selectors.conflicts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.people.models import Master, PractitionerRole
from portal.scheduling.models import DaySheet, Rule, RuleException, ScheduleHorizon
from portal.scheduling.opening import Opening, openings
from portal.scheduling.selectors import WRITTEN_AHEAD, today_in
from portal.scheduling.selectors_sql import lock_practitioners

BATCH = 1000


@command("DaySheet.write", roles={Role.SYSTEM, Role.CLINIC_ADMIN})
def write_sheets(*, actor: Actor, role_ids: list[UUID], first: date, last: date) -> int:
    """Rewrite the sheets of these roles for the days first…last, both included. Returns how many were written."""
    return rewrite(role_ids, first, last)


@command("DaySheet.extend", roles={Role.SYSTEM})
def extend_sheets(*, actor: Actor, role_ids: list[UUID]) -> int:
    """Write the days that have come into sight since the last time. Returns how many sheets were written."""
    written = dict(ScheduleHorizon.objects.filter(role_id__in=role_ids).values_list("role_id", "written_to"))
    count = 0
    ruled = PractitionerRole.objects.filter(pk__in=role_ids, is_active=True, master=Master.PORTAL)
    for role in ruled.select_related("location"):
        today = today_in(role.location.zone)
        first = max(today, written.get(role.pk, today - timedelta(days=1)) + timedelta(days=1))
        if first <= today + WRITTEN_AHEAD:
            count += rewrite([role.pk], first, today + WRITTEN_AHEAD)
    return count


def rewrite(role_ids: Sequence[UUID], first: date, last: date) -> int:
    """Holds queue behind the same lock, so none is judged by a sheet that is just being replaced.

    Where the clinic's own system is the master, rules do not count (`write_openings`).
    """
    ruled = PractitionerRole.objects.filter(pk__in=role_ids, master=Master.PORTAL)
    roles = list(ruled.select_related("location"))
    role_ids = [role.pk for role in roles]
    lock_practitioners(role.practitioner_id for role in roles)
    DaySheet.objects.filter(role_id__in=role_ids, date__range=(first, last)).delete()
    rows = [sheet for role in roles for sheet in _sheets(role, first, last)]
    DaySheet.objects.bulk_create(rows, batch_size=BATCH)
    _note_horizon(role_ids, first, last)
    return len(rows)


@command("DaySheet.write-openings", roles={Role.SYSTEM})
def write_openings(*, actor: Actor, role_id: UUID, first: date, last: date, openings: Sequence[Opening]) -> int:
    """What a clinic's own system has open for a role on the days first…last becomes its sheets. Returns how many.

    Nothing is written when it is what stands there already: live pickers hear of changes alone.
    """
    role = get_one(PractitionerRole.objects.select_related("location"), pk=role_id, master=Master.MIS)
    lock_practitioners([role.practitioner_id])
    zone = ZoneInfo(role.location.zone)
    rows = [sheet_of(role, one.start.astimezone(zone).date(), one) for one in openings]
    there = DaySheet.objects.filter(role=role, date__range=(first, last))
    if {_face(sheet) for sheet in rows} == {_face(sheet) for sheet in there}:
        return 0
    there.delete()
    DaySheet.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)


def _face(sheet: DaySheet) -> tuple[Any, ...]:
    modes = tuple(sorted(sheet.modes))
    return sheet.date, sheet.start, sheet.end, sheet.anchor, sheet.step_minutes, modes, sheet.room_id


def rewrite_ahead(role: PractitionerRole) -> int:
    """All days from today on: after any change of a rule or an exception."""
    today = today_in(role.location.zone)
    return rewrite([role.pk], today, today + WRITTEN_AHEAD)


def _sheets(role: PractitionerRole, first: date, last: date) -> Iterator[DaySheet]:
    zone = ZoneInfo(role.location.zone)
    rules = list(Rule.objects.filter(role=role))
    exceptions = list(RuleException.objects.filter(role=role, first_day__lte=last, last_day__gte=first))
    for day in _days(first, last):
        for one in openings(day, zone, rules, exceptions, role.room_id):
            yield sheet_of(role, day, one)


def sheet_of(role: PractitionerRole, day: date, one: Opening) -> DaySheet:
    return DaySheet(
        role=role,
        date=day,
        start=one.start,
        end=one.end,
        anchor=one.anchor,
        step_minutes=one.step_minutes,
        modes=list(one.modes),
        room_id=one.room_id,
    )


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _note_horizon(role_ids: Iterable[UUID], first: date, last: date) -> None:
    """Only what joins the days already written: the job would never come back to a gap."""
    known = {row.role_id: row for row in ScheduleHorizon.objects.filter(role_id__in=role_ids)}
    for role_id in role_ids:
        row = known.get(role_id) or ScheduleHorizon(role_id=role_id, written_to=last)
        if first <= row.written_to + timedelta(days=1):
            row.written_to = max(row.written_to, last)
            row.save()
