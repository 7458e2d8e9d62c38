"""Write down what is to be said: once, however often the job runs (the unique key of `Message`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.kernel.outbox import emit
from portal.notifications import timing
from portal.notifications.kinds import KINDS, OF_A_BATCH
from portal.notifications.models import Channel, Message, MessageState, MessageWishes
from portal.notifications.selectors import (
    contacts_to_warn,
    timing_of,
    told_elsewhere,
    told_together,
    ways_to,
    wishes_of,
)
from portal.notifications.selectors_ways import BY_CONTACT, Way, taken
from portal.notifications.services.write import Matter, Said, write
from portal.notifications.subjects import ELSEWHERE
from portal.people.models import Contact
from portal.scheduling.models import Appointment, AppointmentStatus, WaitlistOffer
from portal.scheduling.selectors_sql import database_now

PLANNED = (MessageState.PLANNED,)
NOTICE_LASTS = timedelta(days=1)
DOCUMENT_LASTS = timedelta(days=7)


@command("Message.plan", roles={Role.SYSTEM})
def plan_visit(*, actor: Actor, visit: Appointment, patient_id: UUID, recipient_id: UUID, news: str) -> list[UUID]:
    """The news of a visit now, and its reminders later, to one person; their ids, none when nothing reaches them.

    What was planned about earlier versions of the visit is withdrawn.
    """
    now = database_now()
    _withdraw(actor, visit)
    if news in OF_A_BATCH and visit.version > 1:
        leave_to_next(visit.pk, patient_id, recipient_id)
    wishes = wishes_of(actor, recipient_id)
    ways = ways_to(actor, recipient_id, wishes)
    if not ways:
        return []
    rules = timing_of(visit.organization_id)
    zone = ZoneInfo(wishes.zone or visit.location.zone)
    until = visit.start if visit.status != AppointmentStatus.CANCELLED else max(visit.start, now + timing.URGENT)
    news_ways = taken(KINDS[news], ways, wishes)
    if news in OF_A_BATCH and told_together(actor, visit)[0] != visit.pk:
        news_ways = [way for way in news_ways if way.channel == Channel.EMAIL]
    said = [Said(news, way, _news_at(news, visit, now, zone, rules), until) for way in news_ways]
    if visit.status == AppointmentStatus.BOOKED:
        said += _reminders(visit, now, zone, rules, ways, wishes)
    elsewhere = told_elsewhere(visit)
    said = [one for one in said if one.kind not in elsewhere]
    write(Matter(visit.pk, visit.version, visit.organization_id, patient_id, recipient_id), said)
    mine = Message.objects.visible_to(actor).filter(subject_id=visit.pk, subject_version=visit.version)
    return list(mine.filter(recipient_id=recipient_id).values_list("pk", flat=True))


@command("Message.plan-turn", roles={Role.SYSTEM})
def plan_turn(*, actor: Actor, visit: Appointment, patient_id: UUID, recipient_id: UUID, news: str) -> list[UUID]:
    """The SMS about visits booked together, from the one whose turn it is now. Each has had its e-mail already."""
    if news in told_elsewhere(visit):
        return []
    wishes, now = wishes_of(actor, recipient_id), database_now()
    rules, zone = timing_of(visit.organization_id), ZoneInfo(wishes.zone or visit.location.zone)
    at = _news_at(news, visit, now, zone, rules)
    ways = taken(KINDS[news], ways_to(actor, recipient_id, wishes), wishes)
    said = [Said(news, way, at, visit.start) for way in ways if way.channel != Channel.EMAIL]
    write(Matter(visit.pk, visit.version, visit.organization_id, patient_id, recipient_id), said)
    return _planned(actor, visit.pk, recipient_id)


def leave_to_next(visit_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    """Inside a command: what this visit was to say of those booked with it is left to the next of them."""
    emit("course.untold", appointment_id=visit_id, patient_id=patient_id, recipient_id=recipient_id)


def _news_at(news: str, visit: Appointment, now: datetime, zone: ZoneInfo, rules: timing.Timing) -> datetime:
    may_wait = KINDS[news].obeys_night and visit.start - now > timing.URGENT
    return timing.quiet_ends(now, zone, rules) if may_wait and timing.is_quiet(now, zone, rules) else now


def _reminders(
    visit: Appointment,
    now: datetime,
    zone: ZoneInfo,
    rules: timing.Timing,
    ways: Sequence[Way],
    wishes: MessageWishes,
) -> Iterable[Said]:
    """One way each; which one is looked at again when it is due (`services/reroute.py`)."""
    for due in timing.reminders(visit.start, now, zone, rules):
        for way in taken(KINDS[due.kind], ways, wishes)[:1]:
            yield Said(due.kind, way, due.at, due.until)


@command("Message.plan-offer", roles={Role.SYSTEM})
def plan_offer(*, actor: Actor, offer: WaitlistOffer, patient_id: UUID, recipient_id: UUID) -> list[UUID]:
    """A time that is kept for this person a few minutes: every way they want to hear of it, at once."""
    wishes, now = wishes_of(actor, recipient_id), database_now()
    ways = taken(KINDS["offer"], ways_to(actor, recipient_id, wishes), wishes)
    said = [Said("offer", way, now, offer.expires_at) for way in ways]
    write(Matter(offer.pk, 1, offer.role.organization_id, patient_id, recipient_id), said)
    return _planned(actor, offer.pk, recipient_id)


@command("Message.plan-notice", roles={Role.SYSTEM})
def plan_notice(
    *, actor: Actor, kind: str, patient_id: UUID, subject_id: UUID, except_digest: bytes = b""
) -> list[UUID]:
    """To every address of the person, the one with this digest left out: that one knows."""
    now = database_now()
    contacts = [one for one in contacts_to_warn(actor, patient_id, subject_id) if bytes(one.digest) != except_digest]
    for n, one in enumerate(contacts, 1):  # two phones: one message each, told apart by the version
        way = Way(BY_CONTACT[Contact.Kind(one.kind)], one.pk)
        matter = Matter(subject_id, n, None, patient_id, patient_id)
        write(matter, [Said(kind, way, now, now + NOTICE_LASTS)])
    return _planned(actor, subject_id, patient_id)


@command("Message.plan-document", roles={Role.SYSTEM})
def plan_document(*, actor: Actor, document_id: UUID, patient_id: UUID, recipient_id: UUID) -> list[UUID]:
    """By the first way that costs nothing and is wished; not at night."""
    wishes, now = wishes_of(actor, recipient_id), database_now()
    ways = taken(KINDS["document"], ways_to(actor, recipient_id, wishes), wishes)
    rules, zone = timing.Timing(), ZoneInfo(wishes.zone or ELSEWHERE)
    at = timing.quiet_ends(now, zone, rules) if timing.is_quiet(now, zone, rules) else now
    said = [Said("document", way, at, at + DOCUMENT_LASTS) for way in ways[:1]]
    write(Matter(document_id, 1, None, patient_id, recipient_id), said)
    return _planned(actor, document_id, recipient_id)


def _planned(actor: Actor, subject_id: UUID, recipient_id: UUID) -> list[UUID]:
    mine = Message.objects.visible_to(actor).filter(subject_id=subject_id, recipient_id=recipient_id)
    return list(mine.values_list("pk", flat=True))


@command("Message.withdraw", roles={Role.SYSTEM})
def withdraw(*, actor: Actor, visit: Appointment) -> None:
    """What was planned about earlier versions of this visit is not said any more."""
    _withdraw(actor, visit)


def _withdraw(actor: Actor, visit: Appointment) -> None:
    is_cancelled = visit.status == AppointmentStatus.CANCELLED
    stale = Message.objects.visible_to(actor).filter(
        subject_id=visit.pk, subject_version__lt=visit.version, state__in=PLANNED
    )
    if visit.batch:
        spoke_for_all = stale.filter(kind__in=OF_A_BATCH).exclude(channel=Channel.EMAIL)
        for patient_id, recipient_id in spoke_for_all.values_list("patient_id", "recipient_id").distinct():
            leave_to_next(visit.pk, patient_id, recipient_id)
    stale.update(state=MessageState.CANCELED if is_cancelled else MessageState.SUPERSEDED, next_at=None)


@command("Message.plan-next-way", roles={Role.SYSTEM})
def plan_next_way(*, actor: Actor, message_id: UUID) -> UUID | None:
    """The same by the next way that was not tried yet; None when there is none: reception has to call."""
    failed = Message.objects.visible_to(actor).filter(pk=message_id).first()
    if failed is None or KINDS[failed.kind].every_way:
        return None
    wishes = wishes_of(actor, failed.recipient_id)
    tried = set(_same_news(actor, failed).values_list("channel", flat=True))
    for way in taken(KINDS[failed.kind], ways_to(actor, failed.recipient_id, wishes), wishes, tried)[:1]:
        return say_by(failed, way)
    return None


def _same_news(actor: Actor, message: Message):  # type: ignore[no-untyped-def]
    return Message.objects.visible_to(actor).filter(
        kind=message.kind,
        subject_id=message.subject_id,
        subject_version=message.subject_version,
        recipient_id=message.recipient_id,
    )


def say_by(message: Message, way: Way) -> UUID:
    """The same news by this way too, now. Inside a command."""
    matter = Matter(
        message.subject_id,
        message.subject_version,
        message.organization_id,
        message.patient_id,
        message.recipient_id,
    )
    return write(matter, [Said(message.kind, way, database_now(), message.expires_at)])[0]
