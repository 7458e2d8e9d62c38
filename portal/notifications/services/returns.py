"""What becomes of a message that came back, and of one that nobody can be told by any way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.notifications import timing
from portal.notifications.models import Channel, Message, MessageState
from portal.notifications.ports_mail import Fault
from portal.notifications.returned import DELAYED, Returned, Told
from portal.notifications.selectors import ways_to, wishes_of
from portal.notifications.selectors_ways import Way
from portal.notifications.services.write import Matter, Said, write
from portal.people.contacts import Address
from portal.people.models import Contact
from portal.people.selectors import contacts_of
from portal.scheduling.models import Appointment
from portal.scheduling.selectors_sql import database_now

SENT = (MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED)  # nobody ever tells that e-mail arrived
OFF = "mail-returns"
LATE = "mail-delayed"


@dataclass(frozen=True, slots=True)
class Came:
    """A message of ours that came back, or is late: whose address, when it was sent, why, and whether it is lost.

    `counts`: against the address. A message that is late does not: a whole course may wait for one server.
    """

    digest: bytes
    sent_at: datetime
    fault: Fault
    is_lost: bool
    counts: bool


@command("Message.note-returned", roles={Role.SYSTEM})
def note_came_back(*, actor: Actor, message_id: UUID, returned: Returned) -> Came | None:
    """Believe a report as far as our own rows bear it out; None when it says nothing new about this message.

    Believed is a report that names the Message-ID we sent, or the envelope's id, and the very address we sent it to:
    ids are random and known to nobody but the recipient. Each message fails once, and is late once.
    """
    mine = Message.objects.visible_to(actor).filter(pk=message_id, channel=Channel.EMAIL, state__in=SENT)
    message = mine.select_related("contact").first()
    if message is None or message.contact is None or not _is_named(message, returned):
        return None
    told = _told_of(message.contact, returned)
    if told is None:
        return None
    if told.action == DELAYED:
        is_new = mine.exclude(error=LATE).update(error=LATE)
    else:
        is_new = mine.update(state=MessageState.FAILED, next_at=None, error=_why(told))
    if not is_new:
        return None
    is_lost = told.action != DELAYED
    return Came(
        digest=bytes(message.contact.digest),
        sent_at=message.accepted_at or message.created_at,
        fault=told.fault,
        is_lost=is_lost,
        counts=is_lost and told.fault != Fault.OTHER,
    )


def _is_named(message: Message, returned: Returned) -> bool:
    """By the Message-ID as it was sent. It is not known yet where the mail server never answered."""
    refs = returned.names().get(message.pk)
    if refs is None:
        return False
    return not refs or not message.provider_ref or message.provider_ref.lower() in refs


def _told_of(contact: Contact, returned: Returned) -> Told | None:
    digest = bytes(contact.digest)
    return next((one for one in returned.told if any(_digest(address) == digest for address in one.addresses)), None)


def _digest(address: str) -> bytes:
    return Address(Contact.Kind.EMAIL, address).digest


def _why(told: Told) -> str:
    """A code of `labels_mail.py`."""
    if told.fault == Fault.OTHER:
        return "mail-refused"
    if told.fault == Fault.FOR_NOW:
        return "mail-expired"
    if told.fault == Fault.UNCLEAR:
        return "mail-unclear"
    known = {"5.1.2": "no-mail-host", "5.4.4": "no-mail-host", "5.2.2": "mailbox-full", "5.2.1": "mailbox-closed"}
    return known.get(told.status, "no-mailbox")


@command("Message.note-unreached", roles={Role.SYSTEM})
def note_unreached(*, actor: Actor, visit: Appointment, patient_id: UUID, recipient_id: UUID, news: str) -> UUID | None:
    """Mail is this person's only sure way and comes back: the news is noted as failed, so that reception calls."""
    if any(way.channel != Channel.CHAT for way in ways_to(actor, recipient_id, wishes_of(actor, recipient_id))):
        return None
    known = (c for c in contacts_of(actor, recipient_id) if c.verified_at and c.comes_back)
    contact = next(known, None)
    if contact is None:
        return None
    now = database_now()
    way = Way(Channel.EMAIL, contact.pk)
    matter = Matter(visit.pk, visit.version, visit.organization_id, patient_id, recipient_id)
    return write(matter, [Said(news, way, now, max(visit.start, now + timing.URGENT), error=OFF)])[0]
