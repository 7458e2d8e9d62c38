"""Commands of notifications: plan a message once, claim it, write down what became of it."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.notifications.models import Message, MessageState
from portal.notifications.selectors_sql import next_sequence
from portal.people.models import Contact

CHANNEL = {Contact.Kind.PHONE: "sms", Contact.Kind.EMAIL: "email"}
OPEN = (MessageState.PLANNED, MessageState.SENDING, MessageState.UNKNOWN)


@command("Message.plan", roles={Role.SYSTEM})
def plan_messages(
    *, actor: Actor, patient_id: UUID, kind: str, subject_id: UUID, version: int, contacts: list[Contact]
) -> list[UUID]:
    """One message a channel; planning twice plans once (unique key). Returns ids still to be sent."""
    rows = [
        Message(
            patient_id=patient_id,
            kind=kind,
            subject_id=subject_id,
            subject_version=version,
            channel=CHANNEL[Contact.Kind(contact.kind)],
            contact_id=contact.pk,
            sequence=next_sequence(),
        )
        for contact in contacts
    ]
    Message.objects.bulk_create(rows, ignore_conflicts=True)
    planned = Message.objects.visible_to(actor).filter(
        kind=kind, subject_id=subject_id, subject_version=version, state__in=OPEN
    )
    return [message.pk for message in planned.order_by("sequence")]


@command("Message.claim", roles={Role.SYSTEM})
def claim_message(*, actor: Actor, message_id: UUID, attempts: int) -> bool:
    """Say "being sent" and commit before the gateway is called.

    False when it has been sent meanwhile, or when another worker has claimed it since `attempts` was read.
    """
    mine = Message.objects.visible_to(actor).filter(pk=message_id, state__in=OPEN, attempts=attempts)
    return bool(mine.update(state=MessageState.SENDING, attempts=F("attempts") + 1))


@command("Message.settle", roles={Role.SYSTEM})
def settle_message(
    *, actor: Actor, message_id: UUID, state: MessageState, provider_ref: str = "", segments: int = 0, error: str = ""
) -> None:
    """What the gateway answered, or that it did not."""
    Message.objects.visible_to(actor).filter(pk=message_id).exclude(state=MessageState.ACCEPTED).update(
        state=state,
        provider_ref=provider_ref,
        segments=segments,
        error=error,
        accepted_at=Now() if state == MessageState.ACCEPTED else None,
    )
