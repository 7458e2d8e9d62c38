"""Reads about e-mail: which mail of ours another one follows."""

from __future__ import annotations

from portal.kernel.actor import Actor
from portal.notifications.models import Channel, Message


def first_mail(actor: Actor, message: Message) -> str:
    """Message-ID of the first mail to this person about the same visit; empty for itself and for an SMS."""
    if message.channel != Channel.EMAIL:
        return ""
    same = Message.objects.visible_to(actor).filter(subject_id=message.subject_id, recipient_id=message.recipient_id)
    sent = same.filter(channel=Channel.EMAIL).exclude(provider_ref="").exclude(pk=message.pk)
    return sent.order_by("accepted_at", "sequence").values_list("provider_ref", flat=True).first() or ""
