"""Messages in words: what each is, how it travels, what became of it."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.notifications.models import Message, MessageState

KIND_WORDS: dict[str, Promise] = {
    "booked": _("Confirmation of a booking"),
    "requested": _("Request received"),
    "moved": _("Moved by the patient"),
    "cancelled": _("Cancelled by the patient"),
    "clinic-moved": _("Moved by the clinic"),
    "clinic-cancelled": _("Cancelled by the clinic"),
    "reminder-day": _("Reminder the day before"),
    "reminder-hours": _("Reminder shortly before"),
}
STATE_WORDS: dict[str, tuple[Promise, str]] = {
    MessageState.PLANNED: (_("will be sent"), ""),
    MessageState.SENDING: (_("being sent"), "now"),
    MessageState.UNKNOWN: (_("not known whether it arrived"), "now"),
    MessageState.ACCEPTED: (_("sent"), "ok"),
    MessageState.DELIVERED: (_("delivered"), "ok"),
    MessageState.FAILED: (_("did not arrive"), "bad"),
    MessageState.SUPERSEDED: (_("replaced by a newer one"), ""),
    MessageState.CANCELED: (_("not needed: cancelled"), ""),
    MessageState.SKIPPED: (_("not sent"), ""),
}
WHY_WORDS: dict[str, Promise] = {
    "no-contact": _("there is no confirmed contact"),
    "expired": _("it would have come too late"),
    "no-longer-true": _("the appointment has changed meanwhile"),
    "unwished": _("the patient has switched this off"),
    "bad-phone": _("the number is wrong"),
    "bad-address": _("the address is wrong"),
    "undeliverable": _("the operator cannot deliver to this number"),
    "forbidden": _("the operator forbids this text or sender"),
    "no-money": _("the account at the gateway is empty"),
    "unreachable": _("the gateway does not answer"),
    "fault": _("a fault of ours, see the log"),
}


def kind_words(message: Message) -> str:
    return str(KIND_WORDS.get(message.kind, message.kind))


def state_words(message: Message) -> tuple[str, str, str]:
    """(word, tone, why): the reason only where the word alone is not the whole truth."""
    word, tone = STATE_WORDS[MessageState(message.state)]
    settled_well = message.state in (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.SUPERSEDED)
    why = "" if settled_well or not message.error else str(WHY_WORDS.get(message.error, message.error))
    return str(word), tone, why
