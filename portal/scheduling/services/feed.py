"""The private calendar: switched on by its owner, off at any time, one at once."""

from __future__ import annotations

from uuid import UUID

from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.outbox import emit
from portal.people.models import Patient
from portal.scheduling.models import CalendarFeed
from portal.scheduling.selectors_sql import lock_patient


@command("CalendarFeed.open", roles={Role.PATIENT})
def open_feed(*, actor: Actor, patient_id: UUID, digest: bytes) -> CalendarFeed:
    """A new address for the person's own calendar; the one before it ends. All its contacts are told."""
    _end(actor, patient_id)
    feed = CalendarFeed(patient_id=patient_id, digest=digest)
    feed.save(force_insert=True)
    emit("calendar.opened", feed_id=feed.pk, patient_id=patient_id)
    return feed


@command("CalendarFeed.revoke", roles={Role.PATIENT})
def revoke_feed(*, actor: Actor, patient_id: UUID) -> None:
    """The address leads nowhere from now on. Twice changes nothing."""
    _end(actor, patient_id)


@command("CalendarFeed.end", roles={Role.SYSTEM})
def end_feed(*, actor: Actor, patient_id: UUID, account_id: UUID) -> None:
    """The account has been signed out everywhere: the address of its own calendar leads nowhere."""
    if Patient.objects.visible_to(actor).filter(pk=patient_id, user_id=account_id).exists():
        _revoke(actor, patient_id)


def _end(actor: Actor, patient_id: UUID) -> None:
    get_one(Patient.objects.visible_to(actor), pk=patient_id, user_id=actor.account)
    _revoke(actor, patient_id)


def _revoke(actor: Actor, patient_id: UUID) -> None:
    lock_patient(patient_id)
    CalendarFeed.objects.visible_to(actor).filter(patient_id=patient_id, revoked_at__isnull=True).update(
        revoked_at=Now()
    )
