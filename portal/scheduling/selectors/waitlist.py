"""The queue for freed times: what could be offered to whom, and what a person sees of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from portal.kernel.actor import Actor
from portal.people.models import Online, PractitionerRole, ServiceOffer
from portal.scheduling.models import HOLDS_TIME, Appointment, WaitlistEntry, WaitlistOffer
from portal.scheduling.selectors.choices import MODES, OFFER_RELATIONS, Choice, When, choice_of
from portal.scheduling.selectors.policies import policy_of
from portal.scheduling.selectors.visits import upcoming, visits
from portal.scheduling.selectors_sql import Slot, Wanted, free_slots
from portal.scheduling.selectors_sql.waitlist import Freed, Kind, waited_days

LONGEST_ANSWER, SHORTEST_ANSWER = timedelta(minutes=15), timedelta(minutes=5)
MOST_OFFERS, DAY = 10, timedelta(days=1)
ENTRY_RELATIONS = ("specialty", "practitioner", "location", "service", "organization")
WAITLIST_OFFER_RELATIONS = (
    "entry",
    "service",
    "role__practitioner",
    "role__specialty",
    "role__location__organization",
    "role__organization",
)


def answer_within(left: timedelta) -> timedelta | None:
    """How long a time is kept for one person when so much is left until booking it closes; None: too late to ask."""
    if left < 2 * SHORTEST_ANSWER:
        return None
    return min(LONGEST_ANSWER, max(SHORTEST_ANSWER, left / 6))


def bookable_offers(role_id: UUID) -> list[ServiceOffer]:
    """What patients book of a doctor by themselves; what a person most likely wants first."""
    rows = ServiceOffer.objects.filter(role_id=role_id, role__is_active=True).exclude(service__online=Online.VIEW)
    best = ("-service__is_first_choice", "service__position", "pk")
    return list(rows.select_related(*OFFER_RELATIONS).order_by(*best))


@dataclass(frozen=True, slots=True)
class Offered:
    """What a doctor has free, a slot a service and instant, and what those get who ask for no service."""

    slots: list[Slot]
    kinds: list[Kind]


def times_to_offer(freed: Freed, now: datetime) -> Offered | None:
    """The free times of this doctor, where something was freed, on days somebody waits for, with enough left to ask;
    None without any."""
    days = waited_days(freed.role_id)
    choices = [choice_of(offer, now) for offer in bookable_offers(freed.role_id)] if days else []
    when = When(first=days[0], last=days[1]) if days else When()
    ways = {choice.offer.service_id: set(choice.offer.service.modes) for choice in choices}
    found = free_slots([_open(choice, when, freed) for choice in choices])
    slots = [replace(slot, modes=tuple(m for m in slot.modes if m in ways[slot.service_id])) for slot in found]
    free = [choice.offer.service for choice in choices if not choice.offer.service.needs_referral]
    return Offered(slots, [Kind(one.pk, one.modes, one.payers) for one in free]) if slots else None


def _open(choice: Choice, when: When, freed: Freed) -> Wanted:
    """A longer visit may begin before the freed time: what lies before it was free already."""
    wanted = when.window(choice)
    wanted = wanted.between(choice.bounds.since + 2 * SHORTEST_ANSWER, wanted.until)
    if freed.start and freed.end:
        wanted = wanted.between(freed.start - timedelta(minutes=wanted.busy), freed.end)
    return wanted


def choice_for(entry: WaitlistEntry, role_id: UUID, now: datetime) -> Choice | None:
    """The service of this doctor that the entry asks for; None when there is none."""
    for offer in bookable_offers(role_id):
        service = offer.service
        is_asked = entry.service_id in (None, service.pk) and (not entry.mode or entry.mode in service.modes)
        if is_asked and entry.payer in service.payers and not service.needs_referral:
            return choice_of(offer, now)
    return None


def slots_for(entry: WaitlistEntry, choice: Choice) -> list[Slot]:
    """The free times within the entry's days and hours, earliest first."""
    when = When(mode=entry.mode, first=entry.first_day, last=entry.last_day, hours=(entry.hour_from, entry.hour_until))
    return free_slots([when.window(choice)], mode=entry.mode, hours=when.hours)


def mode_for(entry: WaitlistEntry, slot: Slot, choice: Choice) -> str:
    """As asked for, or the first way that the time and the service allow; empty: none."""
    possible = [mode.value for mode in MODES if mode in slot.modes and mode in choice.offer.service.modes]
    return next((mode for mode in possible if entry.mode in ("", mode)), "")


def is_busy(actor: Actor, patient_id: UUID, choice: Choice, start: datetime) -> bool:
    """Has the person a visit then, or one of this specialty that day where the clinic allows one a day?"""
    end = start + timedelta(minutes=choice.offer.minutes)
    overlaps = Q(start__lt=end, end__gt=start)
    if policy_of(choice.role.organization_id).is_one_a_day:
        overlaps |= Q(specialty_id=choice.role.specialty_id, local_date=start.astimezone(choice.zone).date())
    mine = Appointment.objects.visible_to(actor).filter(patient_id=patient_id, status__in=HOLDS_TIME)
    return mine.filter(overlaps).exists()


def waits(actor: Actor) -> QuerySet[WaitlistEntry]:
    """Live entries of everyone whose door is open, the oldest first."""
    live = [WaitlistEntry.State.WAITING, WaitlistEntry.State.PAUSED]
    rows: QuerySet[WaitlistEntry] = WaitlistEntry.objects.visible_to(actor).filter(state__in=live)
    return rows.select_related(*ENTRY_RELATIONS).order_by("created_at")


def offers_open(actor: Actor) -> QuerySet[WaitlistOffer]:
    """Times kept now for those whose door is open, the most urgent answer first."""
    rows: QuerySet[WaitlistOffer] = WaitlistOffer.objects.visible_to(actor)
    still = rows.filter(state=WaitlistOffer.State.OPEN, expires_at__gt=Now())
    return still.select_related(*WAITLIST_OFFER_RELATIONS).order_by("expires_at")


def later_ones(actor: Actor, visit: Appointment) -> list[Appointment]:
    """Later visits of this specialty, if this one came out of the queue: the person may have been waiting to come
    sooner than that. Earliest first.
    """
    offers = WaitlistOffer.objects.visible_to(actor)
    if not offers.filter(hold=visit.pk, state=WaitlistOffer.State.ACCEPTED).exists():
        return []
    mine = upcoming(visits(actor).filter(patient_id=visit.patient_id, specialty_id=visit.specialty_id))
    return list(mine.filter(start__gt=visit.start))


def asked_enough_until(actor: Actor, patient_id: UUID) -> datetime | None:
    """When the person may be offered a time again, after so many within a day; None: now.

    Each offer is a message that somebody pays for, and declining one brings the next.
    """
    offers = WaitlistOffer.objects.visible_to(actor).filter(patient_id=patient_id, created_at__gt=Now() - DAY)
    told = offers.exclude(state=WaitlistOffer.State.PASSED).order_by("-created_at").values_list("created_at", flat=True)
    earliest = list(told[MOST_OFFERS - 1 : MOST_OFFERS])
    return earliest[0] + DAY if earliest else None


def waited_for(entry: WaitlistEntry) -> QuerySet[PractitionerRole]:
    """Doctors at branches who would do."""
    exact = {"practitioner_id": entry.practitioner_id, "location_id": entry.location_id}
    rows = PractitionerRole.objects.filter(
        organization_id=entry.organization_id, specialty_id=entry.specialty_id, is_active=True
    )
    return rows.filter(**{key: value for key, value in exact.items() if value})
