"""When the visits that took place are read of a patient's record. One row a verified link; claimed by `next_at`."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.mis.models import PastLook, PatientRef
from portal.mis.selectors_sql import verified_links
from portal.scheduling.models import MisLine
from portal.scheduling.selectors_sql import database_now


@command("PastLook.open", roles={Role.SYSTEM})
def open_pasts(*, actor: Actor, organization_id: UUID) -> int:
    """Every verified link of the clinic is read from now on. Returns how many were not yet."""
    known = set(PastLook.objects.filter(organization_id=organization_id).values_list("link_id", flat=True))
    now = database_now()
    fresh = [
        PastLook(organization_id=organization_id, link_id=link_id, next_at=now)
        for link_id in verified_links(organization_id)
        if link_id not in known
    ]
    return len(PastLook.objects.bulk_create(fresh, ignore_conflicts=True))


@command("PastLook.soon", roles={Role.SYSTEM})
def read_soon(*, actor: Actor, organization_id: UUID, patient_id: UUID) -> bool:
    """Something has happened to this patient's past there, or to whose record it is. False: nobody is sure of it."""
    links = PatientRef.objects.visible_to(actor).filter(patient_id=patient_id, organization_id=organization_id)
    link = links.first()
    if link is None:
        return False
    rows = PastLook.objects.filter(link_id=link.pk)
    if link.state == PatientRef.State.VERIFIED:
        fresh = PastLook(organization_id=organization_id, link_id=link.pk, next_at=database_now())
        PastLook.objects.bulk_create([fresh], ignore_conflicts=True)
    return bool(rows.update(next_at=Now(), attempts=0))


@command("PastLook.claim", roles={Role.SYSTEM})
def claim_pasts(*, actor: Actor, organization_id: UUID, most: int, lease: timedelta) -> list[PastLook]:
    """A few that are due of a clinic whose line is up, those that wait longest first."""
    if MisLine.objects.filter(organization_id=organization_id, down_since__isnull=False).exists():
        return []
    due = PastLook.objects.filter(organization_id=organization_id, next_at__lte=Now())
    rows = list(due.select_for_update(skip_locked=True).order_by("next_at")[:most])
    PastLook.objects.filter(pk__in=[row.pk for row in rows]).update(next_at=Now() + lease)
    return rows


@command("PastLook.done", roles={Role.SYSTEM})
def past_read(*, actor: Actor, look_id: UUID, digest: bytes, next_at: datetime) -> None:
    """Read; again then, or at once when something has happened meanwhile."""
    rows = PastLook.objects.filter(pk=look_id)
    rows.update(digest=digest, read_at=Now(), attempts=0)
    rows.filter(next_at__gt=Now()).update(next_at=next_at)


@command("PastLook.later", roles={Role.SYSTEM})
def past_later(*, actor: Actor, look_id: UUID, pause: timedelta) -> None:
    """Not told now: once more after a pause."""
    PastLook.objects.filter(pk=look_id).update(next_at=Now() + pause, attempts=F("attempts") + 1)


@command("PastLook.end", roles={Role.SYSTEM})
def end_past(*, actor: Actor, look_id: UUID) -> None:
    """Nobody is sure whose record it is any more."""
    PastLook.objects.filter(pk=look_id).delete()
