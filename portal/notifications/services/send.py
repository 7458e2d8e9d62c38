"""Take up what is due, and write down what came of it. Between the two the provider is called, outside a transaction.

planned ──take_up──▶ sending ──call──▶ accepted ──asked──▶ delivered | failed
                         └─ silence ─▶ unknown  ──asked──▶ accepted, or planned again
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import F

from portal.kernel import crypto
from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.notifications import parcels, routes, subjects, timing, words
from portal.notifications.kinds import KINDS, OF_A_BATCH, patience_of
from portal.notifications.models import Channel, Message, MessageState, MessageText, MessageWishes
from portal.notifications.ports_mail import Fault
from portal.notifications.selectors import representatives, timing_of
from portal.notifications.selectors_mail import first_mail
from portal.notifications.selectors_texts import own_words, said_by
from portal.notifications.selectors_ways import SURE
from portal.notifications.services.plan import leave_to_next, say_by
from portal.notifications.services.reroute import Ways
from portal.notifications.subjects import Subject
from portal.people.models import Contact, Patient
from portal.people.selectors import addresses_off
from portal.scheduling.selectors_sql import database_now

logger = logging.getLogger(__name__)
OUTDATED = (MessageState.SUPERSEDED, MessageState.CANCELED)
IN_DOUBT = (MessageState.SENDING, MessageState.UNKNOWN)
WHILE_ALL_REST = timedelta(seconds=15)
LATE = timedelta(minutes=10)
AFTER_A_FAULT = timedelta(minutes=5)
MOST_FAULTS = 5
WRITTEN = ["channel", "contact", "text", "language", "template_version", "link_digest", "state", "provider", "attempts"]
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Letter:
    """What the provider is to be called with. `asks`: only asked what became of it; `is_off`: mail comes back from
    there, so it goes another way. `follows`: the first mail about the same visit.
    """

    message_id: UUID
    patient_id: UUID
    recipient_id: UUID
    channel: str
    to: str
    sequence: int
    carrier: str
    asks: bool
    state: str
    provider_ref: str
    attempts: int
    asked: int
    may_repeat: bool
    is_overdue: bool = False
    is_off: bool = False
    follows: str = ""
    words: words.Words | None = None
    parcel: parcels.Parcel | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is written down. `wait`: how long until the message is looked at again; None: it is settled."""

    letter: Letter
    state: MessageState
    wait: timedelta | None = None
    values: dict[str, Any] = field(default_factory=dict)
    needs_next_way: bool = False
    sim_replaced: bool = False
    gone: tuple[UUID, ...] = ()  # browsers that do not take notifications any more
    mailbox_refused: Fault | None = None


@dataclass
class _Batch:
    """What a batch of messages needs to know, read once for all of them."""

    actor: Actor
    now: datetime
    subjects: dict[UUID, Subject]  # of each message
    people: dict[UUID, Patient]
    wishes: dict[UUID, MessageWishes]
    ways: Ways
    represented: set[tuple[UUID, UUID]]  # (patient, account) of everyone who represents a patient now
    off: set[bytes]
    rules: dict[UUID, timing.Timing] = field(default_factory=dict)
    texts: dict[tuple[UUID, str, str], MessageText | None] = field(default_factory=dict)

    @classmethod
    def of(cls, actor: Actor, messages: Sequence[Message]) -> _Batch:
        hearers = {message.recipient_id for message in messages}
        wishes = MessageWishes.objects.visible_to(actor).filter(patient_id__in=hearers)
        mailed = [bytes(m.contact.digest) for m in messages if m.contact and m.channel == Channel.EMAIL]
        return cls(
            actor=actor,
            now=database_now(),
            subjects=subjects.load(actor, messages),
            people={p.pk: p for p in Patient.objects.visible_to(actor).filter(pk__in=hearers)},
            wishes={row.patient_id: row for row in wishes},
            ways=Ways.of(actor, messages),
            represented=representatives(actor, {m.patient_id for m in messages if m.patient_id != m.recipient_id}),
            off=addresses_off(mailed),
        )

    def may_hear(self, message: Message) -> bool:
        """The patient always; somebody else only while they represent the patient."""
        account = self.people[message.recipient_id].user_id
        return message.patient_id == message.recipient_id or (message.patient_id, account) in self.represented

    def wishes_of(self, patient_id: UUID) -> MessageWishes:
        return self.wishes.get(patient_id) or MessageWishes(patient_id=patient_id)

    def rules_of(self, organization_id: UUID | None) -> timing.Timing:
        if organization_id is None:
            return timing.Timing()
        if organization_id not in self.rules:
            self.rules[organization_id] = timing_of(organization_id)
        return self.rules[organization_id]

    def text_of(self, organization_id: UUID | None, kind: str, language: str) -> MessageText | None:
        if organization_id is None:
            return None
        key = (organization_id, kind, language)
        if key not in self.texts:
            self.texts[key] = said_by(*key)
        return self.texts[key]


@command("Message.take-up", roles={Role.SYSTEM})
def take_up(*, actor: Actor, ids: Sequence[UUID]) -> list[Letter]:
    """Look again at claimed messages: still true, in time, wished, reachable? Those to be sent are marked so.

    A message that cannot even be looked at does not hold up the others: it is tried again, five times.
    """
    rows = Message.objects.visible_to(actor).filter(pk__in=ids).select_related("contact")
    messages = list(rows.order_by("sequence"))
    batch = _Batch.of(actor, messages)
    letters = []
    for message in messages:
        try:
            with transaction.atomic():
                letter = _look(batch, message)
        except Exception as fault:
            logger.error("message not understood", extra={"id": str(message.pk)}, exc_info=fault)
            _put_off(actor, message, batch.now)
        else:
            letters += [letter] if letter else []
    return letters


def _look(batch: _Batch, message: Message) -> Letter | None:
    """What to do with one message now: a letter to carry, or None when it is settled or put off."""
    actor, now, kind = batch.actor, batch.now, KINDS[message.kind]
    if message.state == MessageState.ACCEPTED:
        is_overdue = now - (message.accepted_at or now) > patience_of(kind, message.channel)
        return _letter(message, asks=True, is_overdue=is_overdue)
    subject = batch.subjects[message.pk]
    if stale := _why_not(message, subject, now):
        _finish(actor, message, *stale)
        if stale[0] in OUTDATED and message.kind in OF_A_BATCH and message.channel != Channel.EMAIL:
            leave_to_next(message.subject_id, message.patient_id, message.recipient_id)
        return None
    if message.state in IN_DOUBT:
        return _letter(message, asks=True)
    if wakes := _night(batch, message, subject):
        _of(actor, message).update(next_at=wakes)
        return None
    besides = batch.ways.turn(message, batch.wishes_of(message.recipient_id)) if batch.may_hear(message) else None
    if unheard := _nobody_to_hear(batch, message, subject):
        _finish(actor, message, MessageState.SKIPPED, unheard)
        return None
    if message.contact and bytes(message.contact.digest) in batch.off:
        return _letter(message, is_off=True)
    if not (carrier := routes.choose(message.channel)):
        _of(actor, message).update(next_at=now + WHILE_ALL_REST)
        return None
    letter = _begin(batch, message, subject, carrier)
    if besides:
        say_by(message, besides)
    return letter


def _nobody_to_hear(batch: _Batch, message: Message, subject: Subject) -> str:
    """Why this way is closed; empty when it is open."""
    if not batch.may_hear(message):
        return "no-longer-theirs"
    if message.channel in SURE and not (message.contact and _is_theirs(message.kind, message.contact)):
        return "no-contact"
    if timing.is_switched_off(message.kind, batch.rules_of(subject.organization_id)):
        return "switched-off"
    if subject.is_told_elsewhere(message.kind):
        return "told-elsewhere"
    kind, wishes = KINDS[message.kind], batch.wishes_of(message.recipient_id)
    if kind.must_reach or wishes.allows(kind.stream, message.channel):
        return ""
    is_besides = message.channel in {way.channel for way in batch.ways.are_open(message, wishes)}
    return "" if is_besides else "unwished"


def _is_theirs(kind: str, contact: Contact) -> bool:
    """A confirmed contact; one that was removed hears of its removal and of nothing else."""
    return contact.verified_at is not None or (kind == "contact-removed" and contact.removed_at is not None)


def _why_not(message: Message, subject: Subject, now: datetime) -> tuple[MessageState, str] | None:
    """A later version says it better; what comes too late is not said."""
    if ended := subject.ended(message):
        return ended, "no-longer-true"
    return (MessageState.SKIPPED, "expired") if now >= message.expires_at else None


def _night(batch: _Batch, message: Message, subject: Subject) -> datetime | None:
    """When to wake up with it, if it is night at the recipient's and the message can wait."""
    is_late = batch.now - message.due_at > LATE  # what is due now was planned around the night already
    if not KINDS[message.kind].obeys_night or not is_late:
        return None
    rules = batch.rules_of(subject.organization_id)
    zone = ZoneInfo(batch.wishes_of(message.recipient_id).zone or subject.zone)
    wakes = timing.quiet_ends(batch.now, zone, rules)
    return wakes if timing.is_quiet(batch.now, zone, rules) and wakes < message.expires_at else None


def _begin(batch: _Batch, message: Message, subject: Subject, carrier: str) -> Letter:
    """Render, keep the text, say `sending` and commit before the provider is called."""
    token = token_of(message.pk)
    message.language = batch.people[message.recipient_id].language
    if message.channel in SURE:
        own = batch.text_of(subject.organization_id, message.kind, message.language)
        said = subject.words(message.kind, message.language, f"{settings.PUBLIC_URL}/m/{token}/", own_words(own))
        message.template_version, message.link_digest = (own.version if own else None), token_digest(token)
    else:
        said = _neutral(message, token)
    message.text = said.sms if message.channel == Channel.SMS else said.text
    message.state, message.provider = MessageState.SENDING, carrier
    message.attempts += 1
    message.save(update_fields=WRITTEN)
    return _addressed(batch, message, _letter(message, said=said, follows=first_mail(batch.actor, message)), token)


def _neutral(message: Message, token: str) -> words.Words:
    if message.channel == Channel.CHAT:
        return parcels.chat_words(message.language)
    message.link_digest = parcels.shown_digest(token)
    return parcels.push_words(message.language)


def _addressed(batch: _Batch, message: Message, letter: Letter, token: str) -> Letter:
    """With what is no contact: the browsers of a notification, the dialog of a messenger."""
    reach, said = batch.ways.reach[message.recipient_id], letter.words
    if message.channel == Channel.CHAT:
        return replace(letter, to=(reach.binding and reach.binding.chat_id) or "")
    if message.channel != Channel.PUSH or said is None:
        return letter
    parcel = parcels.pack(reach.devices, said, token, message.expires_at - batch.now)
    is_overdue = batch.now - message.due_at > patience_of(KINDS[message.kind], message.channel)
    return replace(letter, parcel=parcel, is_overdue=is_overdue)


def token_of(message_id: UUID) -> str:
    """128 bits in 22 letters and digits that only the installation's key gives; the same in every attempt."""
    number = int.from_bytes(crypto.blind_index("message-token", str(message_id))[:16])
    digits = []
    for _ in range(22):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(digits)


def token_digest(token: str) -> bytes:
    return crypto.blind_index("message-link", token)


def _letter(
    message: Message,
    *,
    asks: bool = False,
    is_overdue: bool = False,
    is_off: bool = False,
    said: words.Words | None = None,
    follows: str = "",
) -> Letter:
    return Letter(
        message_id=message.pk,
        patient_id=message.patient_id,
        recipient_id=message.recipient_id,
        channel=message.channel,
        to=message.contact.value if message.contact else "",
        sequence=message.sequence,
        carrier=message.provider or message.channel,
        asks=asks,
        state=message.state,
        provider_ref=message.provider_ref,
        attempts=message.attempts,
        asked=message.asked,
        may_repeat=KINDS[message.kind].may_repeat and not message.resent,
        is_overdue=is_overdue,
        is_off=is_off,
        follows=follows,
        words=said,
    )


def _of(actor: Actor, message: Message):  # type: ignore[no-untyped-def]
    return Message.objects.visible_to(actor).filter(pk=message.pk)


def _finish(actor: Actor, message: Message, state: MessageState, why: str) -> None:
    _of(actor, message).update(state=state, error=why, next_at=None)


def _put_off(actor: Actor, message: Message, now: datetime) -> None:
    is_hopeless = message.attempts >= MOST_FAULTS
    fails = is_hopeless and message.state == MessageState.PLANNED  # whatever has left stays what it was
    _of(actor, message).update(
        attempts=F("attempts") + 1,
        error="fault",
        next_at=None if is_hopeless else now + AFTER_A_FAULT,
        state=MessageState.FAILED if fails else message.state,
    )


@command("Message.settle", roles={Role.SYSTEM})
def settle(*, actor: Actor, outcomes: Sequence[Outcome]) -> list[UUID]:
    """Write down what the provider said, or that it said nothing. Returns messages that need another way.

    A message settled meanwhile (by a worker that got it after this one's lease had run out) is left as it is.
    """
    now = database_now()
    lost = []
    for outcome in outcomes:
        mine = Message.objects.visible_to(actor).filter(pk=outcome.letter.message_id, state=outcome.letter.state)
        times = {"accepted_at": now} if outcome.state == MessageState.ACCEPTED != outcome.letter.state else {}
        times |= {"delivered_at": now} if outcome.state == MessageState.DELIVERED else {}
        next_at = now + outcome.wait if outcome.wait is not None else None
        changed = mine.update(state=outcome.state, next_at=next_at, **times, **outcome.values)
        if changed and outcome.needs_next_way:
            lost.append(outcome.letter.message_id)
    return lost
