"""By which way a message goes is settled when it is due: weeks may lie between that and the planning of a reminder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from portal.kernel.actor import Actor
from portal.notifications.kinds import KINDS
from portal.notifications.models import Channel, Message, MessageWishes
from portal.notifications.selectors_ways import Reach, Way, reach_of, taken

News = tuple[str, UUID, int, UUID]


def _news(message: Message) -> News:
    return (message.kind, message.subject_id, message.subject_version, message.recipient_id)


def _is_untouched(message: Message) -> bool:
    """One of those that take one way, not sent by it yet."""
    return not (KINDS[message.kind].every_way or message.attempts or message.channel == Channel.CHAT)


@dataclass
class Ways:
    """How the people of a batch can be reached, and by which ways their news went already."""

    reach: dict[UUID, Reach]
    told: dict[News, dict[UUID, str]]

    @classmethod
    def of(cls, actor: Actor, messages: Sequence[Message]) -> Ways:
        told: dict[News, dict[UUID, str]] = defaultdict(dict)
        if subjects := {message.subject_id for message in messages if _is_untouched(message)}:
            rows = Message.objects.visible_to(actor).filter(subject_id__in=subjects)
            for row in rows.only("kind", "subject_id", "subject_version", "recipient_id", "channel"):
                told[_news(row)][row.pk] = row.channel
        return cls(reach_of(actor, {message.recipient_id for message in messages}), told)

    def are_open(self, message: Message, wishes: MessageWishes) -> list[Way]:
        """What the message would take now, itself left aside."""
        tried = {channel for pk, channel in self.told.get(_news(message), {}).items() if pk != message.pk}
        return taken(KINDS[message.kind], self.reach[message.recipient_id].ways(wishes), wishes, tried)

    def turn(self, message: Message, wishes: MessageWishes) -> Way | None:
        """Give an untouched message the way that is the first one now. A messenger that is told besides, if any."""
        if not _is_untouched(message):
            return None
        ways = self.are_open(message, wishes)
        contacts = {contact.pk: contact for contact in self.reach[message.recipient_id].contacts}
        for way in [way for way in ways if way.channel != Channel.CHAT][:1]:
            message.channel = way.channel
            message.contact = contacts[way.contact_id] if way.contact_id else None
        return next((way for way in ways if way.channel == Channel.CHAT), None)
