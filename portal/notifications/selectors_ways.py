"""By which ways a person can be reached, and which of them a message takes.

A confirmed phone or e-mail is a sure way: somebody has proved it. A browser's notification is tried first where one way
is enough, because it costs nothing and says itself whether it was shown. A messenger only ever comes on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from portal.kernel.actor import Actor
from portal.kernel.ports import port
from portal.notifications.kinds import Kind
from portal.notifications.models import Channel, Message, MessageWishes
from portal.notifications.models_ways import ChatBinding, PushDevice
from portal.people.models import Contact
from portal.people.selectors import in_order

BY_CONTACT = {Contact.Kind.PHONE: Channel.SMS, Contact.Kind.EMAIL: Channel.EMAIL}
SURE = (Channel.SMS, Channel.EMAIL)
ORDER = [Channel.PUSH, Channel.SMS, Channel.EMAIL, Channel.CHAT]
ANY_LINK = "0" * 22  # asked for only to see whether there is a bot


@dataclass(frozen=True, slots=True)
class Way:
    """One way to reach a person; `contact_id` for a phone or an e-mail."""

    channel: str
    contact_id: UUID | None = None


@dataclass
class Reach:
    """All that is known of how to reach one person, as it is now."""

    contacts: list[Contact] = field(default_factory=list)
    devices: list[PushDevice] = field(default_factory=list)
    binding: ChatBinding | None = None

    def ways(self, wishes: MessageWishes) -> list[Way]:
        """One way a channel; the wished one first, a messenger always last."""
        found = {way.channel: way for way in reversed(list(self._ways()))}
        first = wishes.first if wishes.first != Channel.CHAT else ""
        return sorted(found.values(), key=lambda way: (way.channel != first, ORDER.index(Channel(way.channel))))

    def _ways(self) -> Iterator[Way]:
        proved = [c for c in self.contacts if c.verified_at and not c.comes_back]
        yield from (Way(BY_CONTACT[Contact.Kind(c.kind)], c.pk) for c in proved)
        if self.devices:
            yield Way(Channel.PUSH)
        if self.binding:
            yield Way(Channel.CHAT)


def reach_of(actor: Actor, patient_ids: Iterable[UUID]) -> dict[UUID, Reach]:
    """By person. What no vendor carries now is left out."""
    ids = list(patient_ids)
    found = {patient_id: Reach() for patient_id in ids}
    contacts = Contact.objects.visible_to(actor).filter(patient_id__in=ids, removed_at=None)
    for contact in in_order(contacts):
        found[contact.patient_id].contacts.append(contact)
    if push_key():
        for device in PushDevice.objects.visible_to(actor).filter(patient_id__in=ids).order_by("-created_at"):
            found[device.patient_id].devices.append(device)
    if has_bot():
        for binding in ChatBinding.objects.visible_to(actor).filter(patient_id__in=ids, bound_at__isnull=False):
            found[binding.patient_id].binding = binding
    return found


def push_key() -> str:
    """What a page subscribes with; empty while web push is off."""
    key: str = port("push").public_key()
    return key


def has_bot() -> bool:
    return bool(port("chat").start_link(ANY_LINK))


def binding_of(actor: Actor, patient_id: UUID) -> ChatBinding | None:
    return ChatBinding.objects.visible_to(actor).filter(patient_id=patient_id).first()


def devices_of(actor: Actor, patient_id: UUID) -> list[PushDevice]:
    """Newest first, also while web push is off: they can be removed then too."""
    return list(PushDevice.objects.visible_to(actor).filter(patient_id=patient_id).order_by("-created_at"))


def reaches(actor: Actor, message_ids: Sequence[UUID]) -> bool:
    """Goes any of these by more than a messenger, which nobody may be left with alone?"""
    mine = Message.objects.visible_to(actor).filter(pk__in=message_ids)
    return bool(message_ids) and mine.exclude(channel=Channel.CHAT).exists()


def taken(kind: Kind, ways: Sequence[Way], wishes: MessageWishes, tried: Iterable[str] = ()) -> list[Way]:
    """The ways that a message of this kind takes now, of those not tried yet.

    To each wished way at once, or to the first and to the messenger. What must reach takes a sure way besides
    those that are not, and a messenger is never alone.
    """
    if kind.free_first:
        ways = sorted(ways, key=lambda way: way.channel == Channel.SMS)
    wished = [way for way in ways if wishes.allows(kind.stream, way.channel) and way.channel not in tried]
    by_chat = [way for way in wished if way.channel == Channel.CHAT]
    others = [way for way in wished if way.channel != Channel.CHAT]
    if not kind.every_way:
        others = others[:1]
    needs_sure = kind.must_reach and not any(way.channel in SURE for way in others)
    if needs_sure or (by_chat and not others):
        others += [way for way in ways if way.channel in SURE and way.channel not in tried][:1]
    return others + by_chat
