"""When a doctor's times are read again: by distance, and at once when something has happened."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.mis.models import Look, RefusedTime
from portal.people.models import Master, PractitionerRole
from portal.scheduling.models import MisLine
from portal.scheduling.selectors_sql import database_now

FORGIVEN = timedelta(hours=24)


@command("Look.open", roles={Role.SYSTEM})
def open_looks(*, actor: Actor, organization_id: UUID) -> None:
    """Every doctor whose times are the MIS's is looked at; the others are not any more."""
    roles = PractitionerRole.objects.filter(organization_id=organization_id, is_active=True, master=Master.MIS)
    now = database_now()
    rows = [Look(role=role, band=band, next_at=now) for role in roles for band in Look.Band.values]
    Look.objects.bulk_create(rows, ignore_conflicts=True)
    Look.objects.filter(role__organization_id=organization_id).exclude(role__in=roles).delete()


@command("Look.soon", roles={Role.SYSTEM})
def look_soon(*, actor: Actor, role_id: UUID) -> None:
    """Something has happened to this doctor's times."""
    Look.objects.filter(role_id=role_id, next_at__gt=Now()).update(next_at=Now())


@command("Look.claim", roles={Role.SYSTEM})
def claim_looks(*, actor: Actor, organization_id: UUID, most: int, lease: timedelta) -> list[Look]:
    """What is due of a clinic whose line is up, the nearest times first."""
    if MisLine.objects.filter(organization_id=organization_id, down_since__isnull=False).exists():
        return []
    due = Look.objects.filter(role__organization_id=organization_id, next_at__lte=Now())
    rows = list(
        due.select_for_update(skip_locked=True, of=("self",))
        .select_related("role__location")
        .order_by("next_at")[:most]
    )
    Look.objects.filter(pk__in=[row.pk for row in rows]).update(next_at=Now() + lease)
    return rows


@command("Look.done", roles={Role.SYSTEM})
def looked(*, actor: Actor, look_id: UUID, pause: timedelta) -> None:
    """Read; again after so long, or at once when something has happened meanwhile."""
    rows = Look.objects.filter(pk=look_id)
    if not rows.filter(next_at__gt=Now()).update(looked_at=Now(), next_at=Now() + pause):
        rows.update(looked_at=Now())


@command("RefusedTime.forgive", roles={Role.SYSTEM})
def forgive_times(*, actor: Actor) -> int:
    """A day later a refused time is offered once more."""
    return RefusedTime.objects.filter(last_at__lt=Now() - FORGIVEN).delete()[0]
