"""The directory joined with free times: who can be booked, when first, on which days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from portal.people.models import HealthcareService, PractitionerRole, ServiceOffer
from portal.people.models.directory import Mode
from portal.scheduling.opening import MIDNIGHT, instant
from portal.scheduling.selectors.policies import Bounds, bounds, policies, policy_of
from portal.scheduling.selectors_sql import Hours, Slot, Wanted, database_now, free_days, free_slots, nearest_slots

CARD_WINDOW = timedelta(days=6)  # a card shows two days; who has none so soon shows the nearest time
MODES = (Mode.IN_PERSON, Mode.VIDEO, Mode.CHAT)
OFFER_RELATIONS = (
    "service",
    "role__practitioner",
    "role__location__organization",
    "role__specialty",
    "role__organization",
)


@dataclass
class Choice:
    """A doctor at a branch with the service a person most likely wants, and when patients may book it."""

    role: PractitionerRole
    offer: ServiceOffer
    bounds: Bounds
    nearest: Slot | None = None
    days: list[Day] = field(default_factory=list)

    def wanted(self, mode: str = "") -> Wanted:
        """What to ask the free times for; without a mode the service's first one decides whether a room is needed."""
        service = self.offer.service
        return Wanted(
            role_id=self.role.pk,
            service_id=service.pk,
            minutes=self.offer.minutes,
            busy=self.offer.minutes + service.buffer_minutes,
            since=self.bounds.since,
            until=self.bounds.until,
            zone=self.role.location.zone,
            devices=tuple(service.devices),
            uses_room=(mode or service.modes[0]) == Mode.IN_PERSON,
        )

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


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Slugs and codes; empty means any. `age` in whole years, `price` in roubles at most."""

    specialty: str = ""
    location: str = ""
    mode: str = ""
    practitioner: str = ""
    service: str = ""
    language: str = ""
    payer: str = ""
    age: int | None = None
    price: int | None = None


def choices(asked: Filters | None = None, *, now: datetime | None = None) -> list[Choice]:
    """One choice a role: its first suitable service."""
    asked = asked or Filters()
    now, known = now or database_now(), policies()
    found: dict[UUID, Choice] = {}
    for offer in offers(asked):
        if offer.role_id not in found and _suits(offer, asked):
            limits = bounds(offer, policy_of(offer.role.organization_id, known), now)
            found[offer.role_id] = Choice(offer.role, offer, limits)
    return sorted(found.values(), key=lambda choice: _eagerness(choice.offer))


def _eagerness(offer: ServiceOffer) -> tuple[bool, int, UUID]:
    """What a person most likely wants comes first."""
    return (not offer.service.is_first_choice, offer.service.position, offer.pk)


def offers(asked: Filters) -> QuerySet[ServiceOffer]:
    """Offers that meet what a table can tell; the one a person most likely wants first."""
    rows = ServiceOffer.objects.filter(role__is_active=True).select_related(*OFFER_RELATIONS)
    exact = {
        "role__specialty__slug": asked.specialty,
        "role__location__slug": asked.location,
        "role__practitioner__slug": asked.practitioner,
        "service__slug": asked.service,
    }
    rows = rows.filter(**{key: value for key, value in exact.items() if value})
    held = {
        "service__modes__contains": asked.mode,
        "service__payers__contains": asked.payer,
        "role__practitioner__languages__contains": asked.language,
    }
    rows = rows.filter(**{key: [value] for key, value in held.items() if value})
    best = ("-service__is_first_choice", "service__position", "pk")
    if asked.age is None and asked.price is None:  # nothing left to try: one a role is all that is needed
        return rows.order_by("role_id", *best).distinct("role_id")
    return rows.order_by(*best)


def _suits(offer: ServiceOffer, asked: Filters) -> bool:
    return (asked.age is None or offer.serves(asked.age)) and (asked.price is None or offer.price <= asked.price)


def choice_of(offer: ServiceOffer, now: datetime | None = None) -> Choice:
    """A single offer with its bounds."""
    limits = bounds(offer, policy_of(offer.role.organization_id), now or database_now())
    return Choice(offer.role, offer, limits)


@dataclass(frozen=True, kw_only=True)
class When:
    """Which free times count: how, on which days (both included), in which hours of the branch's clock."""

    mode: str = ""
    first: date | None = None
    last: date | None = None
    hours: Hours = None

    def window(self, choice: Choice) -> Wanted:
        wanted = choice.wanted(self.mode)
        if self.first:
            wanted = wanted.between(instant(self.first, MIDNIGHT, choice.zone), wanted.until)
        if self.last:
            wanted = wanted.between(wanted.since, instant(self.last + timedelta(days=1), MIDNIGHT, choice.zone))
        return wanted


def with_nearest(found: Sequence[Choice], when: When | None = None) -> list[Choice]:
    """Fill in each choice's first free time and put the earliest first; those without come last, by name."""
    when = when or When()
    slots = nearest_slots([when.window(c) for c in found], mode=when.mode, hours=when.hours)
    by_role = {slot.role_id: slot for slot in slots}
    for choice in found:
        choice.nearest = by_role.get(choice.role.pk)
    free = [c for c in found if c.nearest]
    full = [c for c in found if not c.nearest]
    free.sort(key=lambda c: (c.nearest.start if c.nearest else datetime.max, c.role.practitioner.family_name_ru))
    full.sort(key=lambda c: c.role.practitioner.family_name_ru)
    return free + full


def with_days(found: Sequence[Choice], when: When | None = None, *, most_days: int = 2, most_times: int = 5) -> None:
    """Fill in the nearest days with free times of each choice, for the cards of a results page."""
    when = when or When()
    windows = [_card_window(choice, when) for choice in found if choice.nearest]
    per_role: defaultdict[UUID, list[Slot]] = defaultdict(list)
    for slot in free_slots(windows, mode=when.mode, hours=when.hours):
        per_role[slot.role_id].append(slot)
    for choice in found:
        days = days_of(per_role[choice.role.pk], choice.zone, choice.offer.service, when.mode)
        choice.days = [Day(day.date, day.times[:most_times]) for day in days[:most_days]]


def _card_window(choice: Choice, when: When) -> Wanted:
    """A few days from the nearest time on."""
    wanted = when.window(choice)
    since = choice.nearest.start if choice.nearest else wanted.since
    return wanted.between(since, since + CARD_WINDOW)


def days_with_times(found: Sequence[Choice], when: When, days: Sequence[date]) -> dict[date, int]:
    """How many free times each of these days has among the choices, whatever day is asked for."""
    window = replace(when, first=days[0], last=days[-1])
    wanted = [window.window(choice) for choice in found if choice.nearest or when.first]
    return free_days(wanted, mode=when.mode, hours=when.hours)


def days_of(slots: Iterable[Slot], zone: ZoneInfo, service: HealthcareService, mode: str = "") -> list[Day]:
    """Group slots by the branch's calendar day. Each chip gets the mode asked for, or the first one possible."""
    days: dict[date, Day] = {}
    for slot in slots:
        local = slot.start.astimezone(zone)
        possible = [m for m in MODES if m in slot.modes and m in service.modes]
        if not possible:
            continue
        chip = Time(local, mode or possible[0].value, slot.start.isoformat())
        days.setdefault(local.date(), Day(local.date(), [])).times.append(chip)
    return list(days.values())


def alternatives(choice: Choice, *, mode: str, around: datetime, most: int = 3) -> list[Slot]:
    """The free times nearest to one that was lost, of the same doctor and service, in order of time."""
    window = choice.wanted(mode).between(around - timedelta(days=2), around + timedelta(days=14))
    slots = free_slots([window], mode=mode)
    return sorted(sorted(slots, key=lambda slot: abs(slot.start - around))[:most], key=lambda slot: slot.start)
