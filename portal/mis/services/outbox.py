"""Outbox: visits of ours that the MIS has to hear of. Claimed, looked at anew, done, settled.

A row is a cause and not an order: what is to be done is read from the visit when it is done, so that a change that
came meanwhile is done with it and none is done in the wrong order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.mis.models import HoldRef, Outgoing, RefusedTime, VisitRef
from portal.scheduling.models import MisLine
from portal.scheduling.selectors_sql import database_now

MOST_ATTEMPTS = 12


class ClaimLost(Exception):
    """Too slow: the lease was over, and somebody else is at it. Nothing may be written any more."""


@dataclass(slots=True)
class Task:
    """One claimed row. `until`: the end of the lease, which tells this claim from any other.

    written_at: a write may have taken effect there; is_misfiled: as of `Outgoing`
    """

    appointment_id: UUID
    organization_id: UUID
    slug: str
    round: int
    attempts: int
    written_at: datetime | None
    is_misfiled: bool
    until: datetime


@command("Outgoing.cause", roles={Role.SYSTEM})
def cause(*, actor: Actor, organization_id: UUID, appointment_id: UUID, is_misfiled: bool = False) -> None:
    """The MIS has to hear of this visit, again if it has before.

    is_misfiled: also if nothing of it has changed, because its patient's record there is another one now
    """
    if not _again(appointment_id, is_misfiled):
        fresh = Outgoing(organization_id=organization_id, appointment_id=appointment_id, next_at=database_now())
        fresh.is_misfiled = is_misfiled
        Outgoing.objects.bulk_create([fresh], ignore_conflicts=True)
        if Outgoing.objects.filter(appointment_id=appointment_id).exclude(pk=fresh.pk).exists():
            _again(appointment_id, is_misfiled)  # another cause was faster by an instant


def _again(appointment_id: UUID, is_misfiled: bool) -> int:
    """A row that is there already: another round; whoever is at it now will see that it has grown."""
    rows = Outgoing.objects.filter(appointment_id=appointment_id)
    if is_misfiled:
        rows.update(is_misfiled=True)
    return rows.update(round=F("round") + 1, state=Outgoing.State.WAITING)


@command("Outgoing.claim", roles={Role.SYSTEM})
def claim(*, actor: Actor, most: int, lease: timedelta, among: Sequence[UUID] | None = None) -> list[Task]:
    """What is due, of clinics whose line is up. Whoever dies with a claim loses it when the lease is over."""
    down = MisLine.objects.filter(down_since__isnull=False).values("organization_id")
    due = Outgoing.objects.filter(state=Outgoing.State.WAITING, next_at__lte=Now()).exclude(organization_id__in=down)
    if among is not None:
        due = due.filter(appointment_id__in=among)
    rows = list(
        due.select_for_update(skip_locked=True, of=("self",)).select_related("organization").order_by("next_at")[:most]
    )
    until = database_now() + lease
    Outgoing.objects.filter(pk__in=[row.pk for row in rows]).update(next_at=until)
    return [_task(row, until) for row in rows]


def _task(row: Outgoing, until: datetime) -> Task:
    return Task(
        appointment_id=row.appointment_id,
        organization_id=row.organization_id,
        slug=row.organization.slug,
        round=row.round,
        attempts=row.attempts,
        written_at=row.written_at,
        is_misfiled=row.is_misfiled,
        until=until,
    )


def _mine(task: Task) -> QuerySet[Outgoing]:
    """The row while it is ours."""
    return Outgoing.objects.filter(appointment_id=task.appointment_id, next_at=task.until)


@command("Outgoing.note-writing", roles={Role.SYSTEM})
def note_writing(*, actor: Actor, task: Task, lease: timedelta) -> None:
    """Before the first byte of a write: from now on it may have taken effect. The lease begins anew. `ClaimLost`."""
    until = database_now() + lease
    if not _mine(task).filter(next_at__gt=Now()).update(written_at=Now(), next_at=until):
        raise ClaimLost
    task.until = until


@command("Outgoing.done", roles={Role.SYSTEM})
def done(*, actor: Actor, task: Task) -> bool:
    """Nothing is left to do; False when another cause has come meanwhile: then once more, at once. `ClaimLost`."""
    if _mine(task).filter(round=task.round).delete()[0]:
        return True
    if not _mine(task).update(next_at=Now(), written_at=None, attempts=0, code=""):
        raise ClaimLost
    return False


@command("Outgoing.later", roles={Role.SYSTEM})
def later(
    *, actor: Actor, task: Task, code: str, pause: timedelta, counts: bool = True, is_hopeless: bool = False
) -> None:
    """Again after a pause. After too many attempts that count a person has to look; the visit stays as it is.

    `ClaimLost`.
    """
    attempts = task.attempts + int(counts)
    values = {"code": code[:40], "next_at": database_now() + pause, "attempts": attempts}
    if is_hopeless or (counts and attempts >= MOST_ATTEMPTS):
        values["state"] = Outgoing.State.DEAD
    if not _mine(task).update(**values):
        raise ClaimLost


@command("Outgoing.replay", roles={Role.CLINIC_ADMIN, Role.REGISTRAR, Role.SYSTEM})
def replay(*, actor: Actor, outgoing_id: UUID) -> bool:
    """Somebody has looked: try once more from the beginning."""
    rows = Outgoing.objects.filter(pk=outgoing_id)
    if actor.is_staff:
        rows = rows.filter(organization_id=actor.clinic)
    return bool(rows.update(state=Outgoing.State.WAITING, attempts=0, code="", next_at=Now()))


@command("VisitRef.keep", roles={Role.SYSTEM})
def keep_ref(*, actor: Actor, organization_id: UUID, appointment_id: UUID, ref: str, version: str) -> None:
    """Which visit there this one is, and its state as last seen."""
    VisitRef.objects.update_or_create(
        appointment_id=appointment_id,
        defaults={"organization_id": organization_id, "ref": ref, "version": version[:100]},
    )


@command("VisitRef.forget", roles={Role.SYSTEM})
def forget_ref(*, actor: Actor, appointment_id: UUID) -> None:
    """It is not there any more."""
    VisitRef.objects.filter(appointment_id=appointment_id).delete()


@command("HoldRef.keep", roles={Role.SYSTEM})
def keep_hold(*, actor: Actor, organization_id: UUID, occupancy_id: UUID, ref: str) -> None:
    """The MIS holds the same time."""
    HoldRef.objects.update_or_create(
        occupancy_id=occupancy_id, defaults={"organization_id": organization_id, "ref": ref}
    )


@command("HoldRef.forget", roles={Role.SYSTEM})
def forget_holds(*, actor: Actor, occupancy_ids: Sequence[UUID]) -> None:
    """They are booked there, or were let go there."""
    HoldRef.objects.filter(occupancy_id__in=list(occupancy_ids)).delete()


@command("RefusedTime.note", roles={Role.SYSTEM})
def note_refused(*, actor: Actor, role_id: UUID, start: datetime, end: datetime) -> int:
    """A time that the MIS does not book. Returns how often it was refused."""
    row = RefusedTime.objects.filter(role_id=role_id, start=start).first()
    if row is None:
        RefusedTime(role_id=role_id, start=start, end=end, last_at=database_now()).save(force_insert=True)
        return 1
    row.times, row.last_at = row.times + 1, database_now()
    row.save()
    return row.times


def appointment_of(organization_id: UUID, ref: str) -> UUID | None:
    """Which visit of ours a visit of the MIS is."""
    rows = VisitRef.objects.filter(organization_id=organization_id, ref=ref)
    return rows.values_list("appointment_id", flat=True).first()


def ref_of_visit(appointment_id: UUID) -> str:
    """Which visit of the MIS a visit of ours is; "" when we know of none."""
    return VisitRef.objects.filter(appointment_id=appointment_id).values_list("ref", flat=True).first() or ""


def was_lost_refiling(appointment_id: UUID) -> bool:
    """Did a visit lose its time there while it went over to another record, and a person has to look?"""
    rows = Outgoing.objects.filter(appointment_id=appointment_id, state=Outgoing.State.DEAD)
    return rows.filter(is_misfiled=True, written_at__isnull=False).exists()
