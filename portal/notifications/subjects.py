"""What a message is about: does it still hold, in whose name and on whose clock, in which words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from portal.kernel.actor import Actor
from portal.notifications.kinds import KINDS, OF_A_BATCH, About
from portal.notifications.models import Message, MessageState
from portal.notifications.selectors import told_elsewhere, told_together
from portal.notifications.texts import Text
from portal.notifications.words import Words, notice_words, offer_words, visit_words
from portal.scheduling.models import Appointment, AppointmentStatus, WaitlistOffer

ELSEWHERE = "Europe/Moscow"  # the clock of what takes place nowhere


class Subject(Protocol):
    """`zone` is where it takes place; `organization_id` in whose name it is told, None: the portal's own."""

    @property
    def organization_id(self) -> UUID | None: ...

    @property
    def zone(self) -> str: ...

    def ended(self, message: Message) -> MessageState | None:
        """What becomes of a message that does not hold any more; None while it holds."""

    def is_told_elsewhere(self, kind: str) -> bool:
        """Does the clinic's own system say it by now?"""

    def words(self, kind: str, language: str, link: str, own: Text | None) -> Words:
        """`own`: the clinic's text instead of the standard one."""


@dataclass(frozen=True, slots=True)
class OfVisit:
    actor: Actor
    visit: Appointment

    @property
    def organization_id(self) -> UUID:
        return self.visit.organization_id

    @property
    def zone(self) -> str:
        return self.visit.location.zone

    def ended(self, message: Message) -> MessageState | None:
        status = self.visit.status
        if message.subject_version != self.visit.version:
            return MessageState.CANCELED if status == AppointmentStatus.CANCELLED else MessageState.SUPERSEDED
        return None if status == self._status_for(message.kind) else MessageState.SKIPPED

    def is_told_elsewhere(self, kind: str) -> bool:
        return kind in told_elsewhere(self.visit)

    @staticmethod
    def _status_for(kind: str) -> AppointmentStatus:
        if kind.endswith("cancelled") or kind == "refused":
            return AppointmentStatus.CANCELLED
        return AppointmentStatus.PENDING if kind == "requested" else AppointmentStatus.BOOKED

    def words(self, kind: str, language: str, link: str, own: Text | None) -> Words:
        more = len(told_together(self.actor, self.visit)) - 1 if kind in OF_A_BATCH else 0
        return visit_words(kind, self.visit, language, link, own, more=more)


@dataclass(frozen=True, slots=True)
class OfOffer:
    offer: WaitlistOffer

    @property
    def organization_id(self) -> UUID:
        return self.offer.role.organization_id

    @property
    def zone(self) -> str:
        return self.offer.role.location.zone

    def ended(self, message: Message) -> MessageState | None:
        return None if self.offer.state == WaitlistOffer.State.OPEN else MessageState.CANCELED

    def is_told_elsewhere(self, kind: str) -> bool:
        return False

    def words(self, kind: str, language: str, link: str, own: Text | None) -> Words:
        return offer_words(self.offer, language, link, own)


@dataclass(frozen=True, slots=True)
class OfNotice:
    """True for ever: it tells what has happened."""

    message: Message
    zone: str

    @property
    def organization_id(self) -> UUID | None:
        return self.message.organization_id

    def ended(self, message: Message) -> MessageState | None:
        return None

    def is_told_elsewhere(self, kind: str) -> bool:
        return False

    def words(self, kind: str, language: str, link: str, own: Text | None) -> Words:
        return notice_words(kind, self.message.created_at, self.zone, language)


def load(actor: Actor, messages: Sequence[Message]) -> dict[UUID, Subject]:
    """The subject of each message, by the message's id; read once for all of them. What is gone is absent."""
    ids: dict[About, set[UUID]] = {about: set() for about in About}
    for message in messages:
        ids[KINDS[message.kind].about].add(message.subject_id)
    visits = Appointment.objects.visible_to(actor).select_related("location", "role").filter(pk__in=ids[About.VISIT])
    known: dict[UUID, Subject] = {visit.pk: OfVisit(actor, visit) for visit in visits}
    if ids[About.OFFER]:
        offers = WaitlistOffer.objects.visible_to(actor).select_related("role__location")
        known |= {offer.pk: OfOffer(offer) for offer in offers.filter(pk__in=ids[About.OFFER])}
    notices: dict[UUID, Subject] = {
        message.pk: OfNotice(message, ELSEWHERE) for message in messages if message.subject_id in ids[About.NOTICE]
    }
    return notices | {message.pk: known[message.subject_id] for message in messages if message.subject_id in known}
