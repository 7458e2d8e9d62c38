"""Browsers that show notifications: turned on, turned off, gone; a notification was shown."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from portal.kernel import crypto
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.errors import Conflict, NotFound
from portal.notifications.models import Channel, Message, MessageState
from portal.notifications.models_ways import PushDevice
from portal.notifications.ports_push import PushSubscription
from portal.notifications.selectors_sql import release_push_device
from portal.people.models import Patient

MOST_DEVICES = 5  # a message goes to each in turn, within one lease
MAY_BE_SHOWN = (
    MessageState.PLANNED,  # some browsers have it, the rest is tried again
    MessageState.SENDING,
    MessageState.UNKNOWN,
    MessageState.ACCEPTED,
    MessageState.FAILED,
)


@command("PushDevice.add", roles={Role.PATIENT})
def add_device(*, actor: Actor, patient_id: UUID, subscription: PushSubscription, name: str) -> PushDevice:
    """Notify the person in this browser from now on, and nobody else in it. The oldest of too many goes."""
    get_one(Patient.objects.visible_to(actor), pk=patient_id)
    digest = crypto.blind_index("push-endpoint", subscription.endpoint)
    release_push_device(digest)
    kept = list(_devices(actor, patient_id).order_by("-created_at").values_list("pk", flat=True)[: MOST_DEVICES - 1])
    _devices(actor, patient_id).exclude(pk__in=kept).delete()
    device = PushDevice(
        patient_id=patient_id,
        endpoint=subscription.endpoint,
        p256dh=subscription.p256dh,
        auth=subscription.auth,
        digest=digest,
        name=name[:40],
    )
    try:
        with transaction.atomic():
            device.save(force_insert=True)
    except IntegrityError:  # the same press twice at once
        raise Conflict from None
    return device


@command("PushDevice.remove", roles={Role.PATIENT})
def remove_device(*, actor: Actor, patient_id: UUID, device_id: UUID) -> None:
    if not _devices(actor, patient_id).filter(pk=device_id).delete()[0]:
        raise NotFound


@command("PushDevice.forget", roles={Role.SYSTEM})
def forget_devices(*, actor: Actor, device_ids: Sequence[UUID]) -> None:
    """Their push services know them no more."""
    PushDevice.objects.visible_to(actor).filter(pk__in=device_ids).delete()


@command("Message.shown", roles={Role.LINK})
def note_shown(*, actor: Actor, message_id: UUID) -> None:
    """A browser has shown it: delivered, however often it is said and however late."""
    mine = Message.objects.visible_to(actor).filter(pk=message_id, channel=Channel.PUSH, state__in=MAY_BE_SHOWN)
    mine.update(state=MessageState.DELIVERED, delivered_at=Now(), next_at=None, error="")


def _devices(actor: Actor, patient_id: UUID):  # type: ignore[no-untyped-def]
    return PushDevice.objects.visible_to(actor).filter(patient_id=patient_id)
