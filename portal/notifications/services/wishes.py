"""What a person wants to hear, and by which way."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.notifications.models import MessageWishes
from portal.people.models import Patient


@command("MessageWishes.set", roles={Role.PATIENT})
def set_wishes(*, actor: Actor, patient_id: UUID, off: Sequence[str], first: str, zone: str) -> MessageWishes:
    """Replace what was settled; the last word counts. Each change is an event of its own on the trail."""
    get_one(Patient.objects.visible_to(actor), pk=patient_id)
    values = {"off": sorted(off), "first": first, "zone": zone}
    known = MessageWishes.objects.visible_to(actor).filter(patient_id=patient_id)
    if not known.update(**values):
        MessageWishes.objects.bulk_create([MessageWishes(patient_id=patient_id, **values)], ignore_conflicts=True)
        known.update(**values)
    return get_one(known)
