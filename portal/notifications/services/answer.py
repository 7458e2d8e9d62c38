"""What a person does with a message: the link is used, a change of ours has been read, reception has called."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.errors import Conflict
from portal.notifications.models import Message, MessageState
from portal.notifications.selectors_sql import next_sequences

RESENDABLE = (MessageState.FAILED, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.DELIVERED)


@command("Message.answer", roles={Role.LINK, Role.REGISTRAR})
def answer(*, actor: Actor, message_id: UUID) -> Message:
    """It has been read, or the patient was called: all messages of this news are answered. Twice changes nothing."""
    message: Message = get_one(Message.objects.visible_to(actor), pk=message_id)
    Message.objects.visible_to(actor).filter(
        subject_id=message.subject_id,
        subject_version=message.subject_version,
        patient_id=message.patient_id,
        kind=message.kind,
        answered_at=None,
    ).update(answered_at=Now())
    return message


@command("Message.resend", roles={Role.REGISTRAR})
def resend(*, actor: Actor, message_id: UUID) -> Message:
    """Send once more what did not arrive or may not have. `Conflict` for what is on its way or would come too late."""
    mine = Message.objects.visible_to(actor).filter(pk=message_id, organization_id=actor.clinic)
    again = mine.filter(state__in=RESENDABLE, next_at=None, expires_at__gt=Now(), contact__isnull=False)
    anew = {"sequence": next_sequences(1)[0], "provider_ref": "", "asked": 0, "error": ""}  # another one at the gateway
    if not again.update(state=MessageState.PLANNED, next_at=Now(), due_at=Now(), resent=F("resent") + 1, **anew):
        get_one(mine)
        raise Conflict(_("This message cannot be sent again: it is on its way, or it would come too late."))
    return get_one(mine)
