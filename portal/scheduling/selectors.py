"""Reads of scheduling. Public ones join the directory with free times; a patient's start from `visible_to`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from portal.kernel.actor import Actor
from portal.people.models import HealthcareService, PractitionerRole, ServiceOffer
from portal.people.models.directory import Mode
from portal.scheduling.models import HOLDS_TIME, Appointment, Occupancy
from portal.scheduling.selectors_sql import Slot, Wanted, database_now, free_slots, nearest_slots

HORIZON = timedelta(days=56)
CARD_WINDOW = timedelta(days=6)  # a card shows two days; who has none so soon shows the nearest time
VISIT_RELATIONS = ("practitioner", "location", "service", "role__specialty", "organization")


@dataclass
class Choice:
    """A doctor at a branch with the service a person most likely wants."""

    role: PractitionerRole
    offer: ServiceOffer
    nearest: Slot | None = None
    days: list[Day] = field(default_factory=list)

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.role.pk, self.offer.service_id, self.offer.service.duration_minutes)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.role.location.zone)

    def local(self, slot: Slot) -> datetime:
        return slot.start.astimezone(self.zone)


@dataclass(frozen=True)
class Time:
    """A time chip; the button posts `mode|value` (HoldForm.from_press)."""

    start: datetime
    mode: str
    value: str


@dataclass
class Day:
    date: date
    times: list[Time]


def choices(
    *,
    specialty: str = "",
    location: str = "",
    mode: str = "",
    practitioner: str = "",
    service: str = "",
    age: int | None = None,
) -> list[Choice]:
    """One choice a role: its first suitable service. Arguments are slugs; empty means any."""
    offers = ServiceOffer.objects.filter(role__is_active=True).select_related(
        "service", "role__practitioner", "role__location", "role__specialty", "role__organization"
    )
    if specialty:
        offers = offers.filter(role__specialty__slug=specialty)
    if location:
        offers = offers.filter(role__location__slug=location)
    if mode:
        offers = offers.filter(service__modes__contains=[mode])
    if practitioner:
        offers = offers.filter(role__practitioner__slug=practitioner)
    if service:
        offers = offers.filter(service__slug=service)
    if age is not None:
        offers = offers.filter(role__practitioner__min_age__lte=age, role__practitioner__max_age__gte=age)
    found: dict[UUID, Choice] = {}
    for offer in offers.order_by("-service__is_first_choice", "service__position", "pk"):
        found.setdefault(offer.role_id, Choice(offer.role, offer))
    return list(found.values())


def with_nearest(found: Sequence[Choice], *, mode: str = "") -> list[Choice]:
    """Fill in each choice's first free time and put the earliest first; those without come last, by name."""
    slots = {slot.role_id: slot for slot in nearest_slots([c.wanted for c in found], since=database_now(), mode=mode)}
    for choice in found:
        choice.nearest = slots.get(choice.role.pk)
    free = [c for c in found if c.nearest]
    full = [c for c in found if not c.nearest]
    free.sort(key=lambda c: (c.nearest.start if c.nearest else datetime.max, c.role.practitioner.family_name_ru))
    full.sort(key=lambda c: c.role.practitioner.family_name_ru)
    return free + full


def with_days(found: Sequence[Choice], *, mode: str = "", most_days: int = 2, most_times: int = 5) -> None:
    """Fill in the nearest days with free times of each choice, for the cards of a results page."""
    now = database_now()
    slots = free_slots([c.wanted for c in found], since=now, until=now + CARD_WINDOW, mode=mode)
    per_role: defaultdict[UUID, list[Slot]] = defaultdict(list)
    for slot in slots:
        per_role[slot.role_id].append(slot)
    for choice in found:
        own = per_role[choice.role.pk]
        if not own and choice.nearest:
            own = [choice.nearest]
        choice.days = [
            Day(day.date, day.times[:most_times])
            for day in days_of(own, choice.zone, choice.offer.service, mode)[:most_days]
        ]


def days_of(slots: Iterable[Slot], zone: ZoneInfo, service: HealthcareService, mode: str = "") -> list[Day]:
    """Group slots by the branch's calendar day. Each chip gets the mode asked for, or the first one possible."""
    days: dict[date, Day] = {}
    for slot in slots:
        local = slot.start.astimezone(zone)
        possible = [m for m in (Mode.IN_PERSON, Mode.VIDEO, Mode.CHAT) if m in slot.modes and m in service.modes]
        if not possible:
            continue
        chip = Time(local, mode or possible[0].value, slot.start.isoformat())
        days.setdefault(local.date(), Day(local.date(), [])).times.append(chip)
    return list(days.values())


def alternatives(*, wanted: Wanted, mode: str, around: datetime, most: int = 3) -> list[Slot]:
    """The free times nearest to one that was lost, of the same doctor and service, in order of time."""
    now = database_now()
    slots = free_slots(
        [wanted], since=max(now, around - timedelta(days=2)), until=around + timedelta(days=14), mode=mode
    )
    return sorted(sorted(slots, key=lambda slot: abs(slot.start - around))[:most], key=lambda slot: slot.start)


def live_hold(hold_id: UUID, owner: UUID | None) -> Occupancy | None:
    """The browser's hold while it lasts."""
    if owner is None:
        return None
    return (
        Occupancy.objects.filter(pk=hold_id, owner=owner, kind=Occupancy.Kind.HOLD, expires_at__gt=database_now())
        .select_related(
            "practitioner", "service", "role__location", "role__specialty", "role__organization", "role__practitioner"
        )
        .first()
    )


def visits(actor: Actor) -> QuerySet[Appointment]:
    """Visits of everyone whose door is open, newest first."""
    rows: QuerySet[Appointment] = Appointment.objects.visible_to(actor).select_related(*VISIT_RELATIONS)
    return rows.order_by("-start")


def upcoming(rows: QuerySet[Appointment]) -> QuerySet[Appointment]:
    return rows.filter(status__in=HOLDS_TIME, end__gt=database_now()).order_by("start")
