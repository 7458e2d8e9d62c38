"""Reads of notifications: how somebody can be reached, what a clinic and a person have settled."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models.functions import Now

from portal.kernel.actor import Actor
from portal.notifications.kinds import Stream
from portal.notifications.models import Channel, Message, MessagePolicy, MessageState, MessageWishes
from portal.notifications.selectors_ways import Way, reach_of
from portal.notifications.timing import Timing, is_quiet, quiet_ends
from portal.people.models import Contact, Master, Proxy
from portal.people.selectors import contacts_of
from portal.scheduling.models import Appointment, AppointmentStatus, MisLine, WaitlistEntry
from portal.scheduling.selectors_sql import database_now

NEVER_SAID = (MessageState.SUPERSEDED, MessageState.CANCELED, MessageState.SKIPPED)
UNREACHED = timedelta(days=1)  # then it is tried again


def ways_to(actor: Actor, patient_id: UUID, wishes: MessageWishes) -> list[Way]:
    """One way a channel, those that work now; the wished one first, then a notification, SMS, e-mail."""
    return reach_of(actor, [patient_id])[patient_id].ways(wishes)


def contacts_to_warn(actor: Actor, patient_id: UUID, subject_id: UUID) -> list[Contact]:
    """Every confirmed address, and the removed one that the warning is about."""
    removed = Contact.objects.visible_to(actor).filter(pk=subject_id, patient_id=patient_id, removed_at__isnull=False)
    return [*(one for one in contacts_of(actor, patient_id) if one.verified_at), *removed]


def told_elsewhere(visit: Appointment) -> frozenset[str]:
    """Kinds of messages that the clinic's own system sends about this visit, so that nobody hears of it twice."""
    if visit.role.master != Master.MIS:
        return frozenset()
    told = MisLine.objects.filter(organization_id=visit.organization_id).values_list("tells", flat=True).first()
    return frozenset(told or ())


def told_together(actor: Actor, visit: Appointment) -> list[UUID]:
    """Visits booked with this one and unchanged since, itself among them: one SMS speaks of all, the first one's."""
    if visit.batch is None or visit.version > 1:
        return [visit.pk]
    rows = Appointment.objects.visible_to(actor).filter(batch=visit.batch, version=1, status=visit.status)
    return list(rows.order_by("start", "pk").values_list("pk", flat=True))


def untold_together(actor: Actor, visit: Appointment) -> list[tuple[Appointment, str]]:
    """Of what was booked with this visit and no SMS has spoken of: whose turn it is to speak of it, and the news."""
    if visit.batch is None:
        return []
    together = Appointment.objects.visible_to(actor).filter(batch=visit.batch)
    of_batch = Message.objects.visible_to(actor).filter(subject_id__in=together.values("pk"), subject_version=1)
    spoken = of_batch.exclude(channel=Channel.EMAIL).exclude(state__in=NEVER_SAID)
    said = set(spoken.values_list("kind", flat=True))
    found = []
    for news, status in (("booked", AppointmentStatus.BOOKED), ("requested", AppointmentStatus.PENDING)):
        left = together.filter(version=1, status=status, start__gt=Now()).select_related("location")
        if news not in said and (first := left.order_by("start", "pk").first()):
            found.append((first, news))
    return found


def representatives(actor: Actor, patient_ids: set[UUID]) -> set[tuple[UUID, UUID]]:
    """(patient, account) of those who represent these patients now."""
    if not patient_ids:
        return set()
    rows = Proxy.objects.visible_to(actor).filter(patient_id__in=patient_ids, period__contains=database_now())
    return set(rows.values_list("patient_id", "user_id"))


def wishes_of(actor: Actor, patient_id: UUID) -> MessageWishes:
    """What the person has settled, or the defaults as an unsaved row."""
    known = MessageWishes.objects.visible_to(actor).filter(patient_id=patient_id).first()
    return known or MessageWishes(patient_id=patient_id)


def not_before(actor: Actor, entry: WaitlistEntry, zone: str) -> datetime | None:
    """Until when a waiting person is not to be asked: it is night, or no way to reach them is left. None: now."""
    wishes, now = wishes_of(actor, entry.recipient_id), database_now()
    if not any(wishes.allows(Stream.OFFERS, way.channel) for way in ways_to(actor, entry.recipient_id, wishes)):
        return now + UNREACHED
    if entry.at_night:
        return None
    rules, clock = timing_of(entry.organization_id), ZoneInfo(wishes.zone or zone)
    return quiet_ends(now, clock, rules) if is_quiet(now, clock, rules) else None


def policy_of(organization_id: UUID) -> MessagePolicy:
    """The clinic's own timings, or the defaults as an unsaved row."""
    known = MessagePolicy.objects.filter(organization_id=organization_id).first()
    return known or MessagePolicy(organization_id=organization_id)


def timing_of(organization_id: UUID) -> Timing:
    policy = policy_of(organization_id)
    return Timing(
        day=timedelta(hours=policy.day_hours) or None,
        hours=timedelta(minutes=policy.last_minutes) or None,
        quiet_from=policy.quiet_from,
        quiet_until=policy.quiet_until,
    )
