"""Jobs that speak to people. Each looks again before it speaks, and is safe to run twice.

    plan (unique key) → claim and commit → call the gateway → settle and commit
A job killed after the call finds its message `sending`: it asks the gateway by our own number before it repeats.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from portal.kernel.actor import Actor
from portal.kernel.base import get_one
from portal.kernel.outbox import as_system, on
from portal.kernel.ports import PortFailure, PortUnknown, port
from portal.kernel.system_door import system_door
from portal.notifications import words
from portal.notifications.models import Message, MessageState
from portal.notifications.ports import Accepted, DeliveryState
from portal.notifications.services import claim_message, plan_messages, settle_message
from portal.people.models import Contact, OneTimeCode, Patient, StaffInvite
from portal.people.services.codes import forget_code
from portal.people.services.staff import forget_sent_invite
from portal.scheduling.models import Appointment, AppointmentStatus
from portal.scheduling.selectors_sql import database_now

logger = logging.getLogger(__name__)


@on("code.requested", queue="urgent")
def send_code(*, code_id: UUID) -> None:
    """The one-time code itself. A code already sent, used or expired is not sent again."""
    with as_system("notifications.send_code") as trail:
        waiting = OneTimeCode.objects.filter(pk=code_id, sent_at=None, used_at=None, sealed_code__isnull=False)
        row = waiting.filter(expires_at__gt=Now()).first()
        if row is None:
            forget_code(actor=trail.actor, code_id=code_id)
            return
        said, to, channel = words.code_words(row.sealed_code, row.language), row.destination, row.channel
    try:
        _call(channel, to, said, key=code_id, sequence=_own_number(code_id))
    except PortFailure as failure:
        if not failure.permanent:
            raise
        logger.warning("code not sent", extra={"code": str(code_id), "why": failure.code})
    with as_system("notifications.send_code") as trail:
        forget_code(actor=trail.actor, code_id=code_id, is_sent=True)


def _own_number(key: UUID) -> int:
    """The same number for the same key: a repeat is recognised by the gateway."""
    return key.int % (2**31 - 1) + 1


@on("staff.invited")
def send_invite(*, invite_id: UUID) -> None:
    """The link of an invitation. It is readable until it is sent, and is sent once."""
    with as_system("notifications.send_invite"):
        live = StaffInvite.objects.select_related("account").filter(used_at=None, expires_at__gt=Now())
        invite = live.filter(pk=invite_id).first()
        if invite is None or invite.sealed_token is None:
            return
        said, to = words.invite_words(invite.sealed_token), invite.account.email
    _call("email", to, said, key=invite_id, sequence=_own_number(invite_id))
    with as_system("notifications.send_invite") as trail:
        forget_sent_invite(actor=trail.actor, invite_id=invite_id)


@on("appointment.booked")
def tell_booked(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    _tell("booked", appointment_id, patient_id, recipient_id)


@on("appointment.requested")
def tell_requested(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    _tell("requested", appointment_id, patient_id, recipient_id)


@on("appointment.moved")
def tell_moved(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    _tell("moved", appointment_id, patient_id, recipient_id)


@on("appointment.cancelled")
def tell_cancelled(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    _tell("cancelled", appointment_id, patient_id, recipient_id)


def _tell(kind: str, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    doors = {patient_id, recipient_id}
    with _open(doors) as actor:
        visit = Appointment.objects.visible_to(actor).filter(pk=appointment_id).first()
        if visit is None:
            return
        contacts = [c for c in Contact.objects.visible_to(actor).filter(patient_id=recipient_id) if c.verified_at]
        ids = plan_messages(
            actor=actor,
            patient_id=patient_id,
            kind=kind,
            subject_id=appointment_id,
            version=visit.version,
            contacts=contacts,
        )
    failures = [error for message_id in ids if (error := _deliver(message_id, doors))]
    if failures:
        raise failures[0]


@contextmanager
def _open(patient_ids: set[UUID]) -> Iterator[Actor]:
    """A system transaction with exactly these doors open."""
    with as_system("notifications.tell") as trail:
        system_door("notifications.tell", patient_ids)
        yield trail.actor


@dataclass(frozen=True)
class _Letter:
    channel: str
    to: str
    words: words.Words
    sequence: int
    is_repeat: bool


def _deliver(message_id: UUID, doors: set[UUID]) -> Exception | None:
    """Send one message. Returns what must be retried; a permanent refusal is settled and is not an error of the job."""
    with _open(doors) as actor:
        letter = _prepare(actor, message_id)
    if letter is None:
        return None
    try:
        accepted = _known_already(letter) or _call(
            letter.channel, letter.to, letter.words, key=message_id, sequence=letter.sequence
        )
    except PortUnknown as unknown:
        _settle(message_id, doors, MessageState.UNKNOWN, error=unknown.code)
        return unknown
    except PortFailure as failure:
        # a repeat that failed, perhaps while asking, is still to be asked about before the next one
        again = MessageState.UNKNOWN if letter.is_repeat else MessageState.PLANNED
        _settle(message_id, doors, MessageState.FAILED if failure.permanent else again, error=failure.code)
        return None if failure.permanent else failure
    _settle(message_id, doors, MessageState.ACCEPTED, provider_ref=accepted.provider_ref, segments=accepted.segments)
    return None


def _prepare(actor: Actor, message_id: UUID) -> _Letter | None:
    """Look again: is it still to be said, in time, and to whom? Then claim."""
    message = get_one(Message.objects.visible_to(actor).select_related("contact"), pk=message_id)
    visit = get_one(Appointment.objects.visible_to(actor).select_related("location"), pk=message.subject_id)
    is_current = message.subject_version == visit.version  # a later move or cancelling says it better
    if not (is_current and _is_true(message.kind, visit)) or message.contact is None:
        settle_message(actor=actor, message_id=message_id, state=MessageState.SKIPPED, error="no-longer-true")
        return None
    is_repeat = message.state in (MessageState.SENDING, MessageState.UNKNOWN)
    if not claim_message(actor=actor, message_id=message_id, attempts=message.attempts):
        return None
    person = get_one(Patient.objects.visible_to(actor), pk=message.contact.patient_id)
    said = WORDS[message.kind](visit, person.language)
    return _Letter(message.channel, message.contact.value, said, message.sequence, is_repeat)


WORDS = {
    "booked": words.booked_words,
    "requested": words.requested_words,
    "moved": words.moved_words,
    "cancelled": words.cancelled_words,
}


def _is_true(kind: str, visit: Appointment) -> bool:
    """Is this still to be said of the visit?"""
    if kind == "cancelled":
        return visit.status == AppointmentStatus.CANCELLED
    return visit.is_ahead(database_now()) and (visit.status == AppointmentStatus.PENDING) == (kind == "requested")


def _known_already(letter: _Letter) -> Accepted | None:
    """After a crash or a timeout: does the gateway know our number? Only SMS can be asked."""
    if not letter.is_repeat or letter.channel != "sms":
        return None
    status = port("sms").status(letter.sequence, letter.to)
    return None if status.state == DeliveryState.UNKNOWN else Accepted(provider_ref=str(letter.sequence), segments=0)


def _call(channel: str, to: str, said: words.Words, *, key: UUID, sequence: int) -> Accepted:
    sent: Accepted
    if channel == "sms":
        sent = port("sms").send(to, said.sms, key=key, sequence=sequence)
    else:
        sent = port("email").send(to, said.subject, said.text, key=key, calendar=said.calendar)
    return sent


def _settle(message_id: UUID, doors: set[UUID], state: MessageState, **values: Any) -> None:
    with _open(doors) as actor:
        settle_message(actor=actor, message_id=message_id, state=state, **values)
