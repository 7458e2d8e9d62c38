"""Ten minutes that belong to one person. The exclusion constraint decides who wins; no check before it is trusted."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.people.models import ServiceOffer
from portal.people.models.directory import Mode
from portal.scheduling.errors import NotOffered, SlotTaken
from portal.scheduling.models import DaySheet, Occupancy
from portal.scheduling.selectors_sql import database_now, lock_practitioner

HOLD = timedelta(minutes=10)
BOOKERS = {Role.ANONYMOUS, Role.PATIENT, Role.REGISTRAR}


@command("Slot.hold", roles=BOOKERS)
def hold_time(*, actor: Actor, owner: UUID, role_id: UUID, service_id: UUID, mode: str, start: datetime) -> Occupancy:
    """Hold [start, start + duration) for `owner`, a secret of the browser's session. Its earlier hold is let go.

    `NotOffered` when no page of ours could have offered it; `SlotTaken` when someone else has it.
    """
    offer = get_one(
        ServiceOffer.objects.select_related("role__location", "service"),
        role_id=role_id,
        service_id=service_id,
        role__is_active=True,
    )
    now = database_now()
    end = start + timedelta(minutes=offer.service.duration_minutes)
    if mode not in offer.service.modes or start <= now or not _is_on_a_sheet(role_id, mode, start, end):
        raise NotOffered
    lock_practitioner(offer.role.practitioner_id)
    Occupancy.objects.filter(owner=owner, kind=Occupancy.Kind.HOLD).delete()
    retire_expired_holds(offer.role.practitioner_id, start, end)
    hold = Occupancy(
        practitioner_id=offer.role.practitioner_id,
        role_id=role_id,
        service_id=service_id,
        mode=mode,
        room_key=f"{offer.role.location.slug}/{offer.role.room}"
        if mode == Mode.IN_PERSON and offer.role.room
        else None,
        start=start,
        end=end,
        kind=Occupancy.Kind.HOLD,
        owner=owner,
        expires_at=now + HOLD,
    )
    try:
        with transaction.atomic():
            hold.save(force_insert=True)
    except IntegrityError:
        raise SlotTaken from None
    return hold


@command("Slot.release", roles=BOOKERS)
def release_hold(*, actor: Actor, owner: UUID) -> int:
    """Let the browser's hold go. Returns how many there were."""
    return Occupancy.objects.filter(owner=owner, kind=Occupancy.Kind.HOLD).delete()[0]


def retire_expired_holds(practitioner_id: UUID, start: datetime, end: datetime) -> None:
    """An expired hold blocks nobody even when no cron runs: whoever needs the time removes it."""
    Occupancy.objects.filter(
        practitioner_id=practitioner_id, kind=Occupancy.Kind.HOLD, expires_at__lte=Now(), start__lt=end, end__gt=start
    ).delete()


def _is_on_a_sheet(role_id: UUID, mode: str, start: datetime, end: datetime) -> bool:
    sheets = DaySheet.objects.filter(role_id=role_id, start__lte=start, end__gte=end, modes__contains=[mode])
    return any((start - sheet.start) % timedelta(minutes=sheet.step_minutes) == timedelta(0) for sheet in sheets)
