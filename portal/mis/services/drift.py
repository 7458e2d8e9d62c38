"""Differences between the portal and the MIS, as they are found and as they go away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.mis.models import Drift, Exchange
from portal.mis.ports import MisVisit
from portal.mis.selectors import VisitHere

MET = (Drift.Kind.PATIENT, Drift.Kind.UNDEFINED)  # found while a visit is followed; comparing times does not see them
VANISHED = "visits-vanished"


@dataclass(frozen=True, slots=True)
class Difference:
    """`key` is what it is about: the same difference has the same key in every comparison."""

    kind: str
    key: str
    role_id: UUID | None = None
    appointment_id: UUID | None = None
    ref: str = ""
    start: datetime | None = None


@command("Drift.note", roles={Role.SYSTEM})
def note(*, actor: Actor, organization_id: UUID, kind: str, visit: MisVisit, here: VisitHere) -> None:
    """One difference, met on the way."""
    one = Difference(kind, str(here.appointment_id), here.role_id, here.appointment_id, visit.ref, here.start)
    _keep(organization_id, one)


@command("Drift.settle-met", roles={Role.SYSTEM})
def settle_met(*, actor: Actor, appointment_id: UUID) -> None:
    """What was met on the way about this visit is so no more."""
    Drift.objects.filter(appointment_id=appointment_id, kind__in=MET, settled_at=None).update(settled_at=Now())


@command("Drift.compare", roles={Role.SYSTEM})
def note_all(*, actor: Actor, organization_id: UUID, found: Iterable[Difference]) -> int:
    """Everything that a comparison found; what it found no more is settled. Returns how many there are.

    What is met on the way is settled on the way, or when the visit's time is over.
    """
    rows = [_keep(organization_id, one) for one in found]
    open_ones = Drift.objects.filter(organization_id=organization_id, settled_at=None)
    gone = open_ones.exclude(pk__in=[row.pk for row in rows])
    gone.exclude(kind__in=MET, start__gt=Now()).update(settled_at=Now())
    Exchange.objects.filter(organization_id=organization_id).update(reconciled_at=Now())
    Exchange.objects.filter(organization_id=organization_id, trouble=VANISHED).update(trouble="", trouble_detail="")
    return open_ones.count()


def _keep(organization_id: UUID, one: Difference) -> Drift:
    known = Drift.objects.filter(
        organization_id=organization_id, kind=one.kind, key=one.key[:200], settled_at=None
    ).first()
    if known is not None:
        Drift.objects.filter(pk=known.pk).update(times=F("times") + 1)
        return known
    row = Drift(
        organization_id=organization_id,
        kind=one.kind,
        key=one.key[:200],
        role_id=one.role_id,
        appointment_id=one.appointment_id,
        ref=one.ref,
        start=one.start,
    )
    row.save(force_insert=True)
    return row
