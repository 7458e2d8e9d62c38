"""Messages in words: what each is, how it travels, what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.notifications.labels_mail import MAIL_WHY
from portal.notifications.models import Message, MessageState


@dataclass(frozen=True, slots=True)
class Title:
    """What a message is called, and when it goes."""

    name: str | Promise
    when: str | Promise


TITLES: dict[str, Title] = {
    "booked": Title(_("Confirmation of a booking"), _("at once")),
    "requested": Title(_("Request received"), _("at once, where the clinic confirms")),
    "moved": Title(_("Moved by the patient"), _("at once, when the patient moves it")),
    "cancelled": Title(_("Cancelled by the patient"), _("at once, when the patient cancels it")),
    "refused": Title(_("The time was taken at the clinic"), _("at once, where the clinic’s own system decides")),
    "move-refused": Title(_("Could not be moved"), _("at once, where the clinic’s own system decides")),
    "clinic-moved": Title(_("Moved by the clinic"), _("at once, at night only within 18 hours of the visit")),
    "clinic-cancelled": Title(_("Cancelled by the clinic"), _("at once, at night only within 18 hours of the visit")),
    "reminder-day": Title(_("First reminder"), _("before the visit")),
    "reminder-hours": Title(_("Last reminder"), _("before the visit")),
    "document": Title(_("New document"), _("in waking hours")),
    "new-browser": Title(_("Signed in from a new browser"), _("at once")),
    "contact-added": Title(_("A phone or an e-mail was added"), _("at once, to the old and the new one")),
    "contact-removed": Title(_("A phone or an e-mail was removed"), _("at once, to the old ones too")),
    "calendar-opened": Title(_("A calendar may read the visits"), _("at once")),
    "offer": Title(_("A time has become free"), _("at once, to the first in the queue; at night only to who wants it")),
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
    "no-longer-theirs": _("this person does not represent the patient any more"),
    "expired": _("it would have come too late"),
    "no-longer-true": _("the appointment has changed meanwhile"),
    "unwished": _("the patient has switched this off"),
    "switched-off": _("the clinic has switched this reminder off"),
    "told-elsewhere": _("the clinic’s own system tells it"),
    "bad-phone": _("the number is wrong"),
    "bad-address": _("the address is wrong"),
    "undeliverable": _("the operator cannot deliver to this number"),
    "forbidden": _("the operator forbids this text or sender"),
    "no-money": _("the account at the gateway is empty"),
    "unreachable": _("the gateway does not answer"),
    "fault": _("a fault of ours, see the log"),
    "not-shown": _("no browser has shown it in time"),
    "no-device": _("no browser shows notifications any more"),
    "gone": _("the browser takes no notifications any more"),
    "wrong-key": _("the browser has subscribed to another key of ours"),
    "blocked": _("the person has stopped the bot"),
    "no-chat": _("the messenger knows no such dialog"),
    "bad-chat": _("the messenger is not connected any more"),
    "not-configured": _("no provider is set up for this channel"),
    **MAIL_WHY,
}


def kind_words(message: Message) -> str:
    return str(TITLES[message.kind].name) if message.kind in TITLES else message.kind


def state_words(message: Message) -> tuple[str, str, str]:
    """(word, tone, why): the reason only where the word alone is not the whole truth."""
    word, tone = STATE_WORDS[MessageState(message.state)]
    settled_well = message.state in (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.SUPERSEDED)
    why = "" if settled_well or not message.error else str(WHY_WORDS.get(message.error, message.error))
    return str(word), tone, why
