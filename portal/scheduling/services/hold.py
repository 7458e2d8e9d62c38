"""Ten minutes that belong to one person. The exclusion constraints decide who wins; no check before is trusted.

Several times pressed together (a course, services in a row) are one batch: all are held, or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.outbox import emit
from portal.people.models import Master, Online, Resource, ServiceOffer
from portal.people.models.directory import Mode
from portal.scheduling.errors import HoldOver, NotOffered, SlotTaken, TooManyHolds
from portal.scheduling.models import DaySheet, Occupancy, ResourceUse
from portal.scheduling.selectors import bounds, policy_of
from portal.scheduling.selectors_sql import database_now, lock_holder, lock_practitioners, lock_resources

HOLD = timedelta(minutes=10)
BOOKERS = {Role.ANONYMOUS, Role.PATIENT, Role.LINK, Role.REGISTRAR}
MOST_TOGETHER = 10


@dataclass(frozen=True, slots=True)
class Ask:
    """One pressed time: this service of this doctor at this branch, from `start` on."""

    role_id: UUID
    service_id: UUID
    mode: str
    start: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom the limit of holds counts: digest of an account or of a network, and how many batches it may have."""

    digest: bytes
    most: int


@dataclass(frozen=True, slots=True)
class _Place:
    """An ask that may be held: with its offer, the sheet it stands on, and candidates for each thing it needs."""

    ask: Ask
    offer: ServiceOffer
    end: datetime
    needs: tuple[tuple[UUID, ...], ...]


@command("Slot.hold", roles=BOOKERS)
def hold_time(
    *,
    actor: Actor,
    owner: UUID,
    role_id: UUID,
    service_id: UUID,
    mode: str,
    start: datetime,
    replaces: UUID | None = None,
    holder: Holder | None = None,
) -> Occupancy:
    """Hold [start, start + duration + pause) for `owner`, a secret of the browser's session.

    Its earlier holds are let go. `replaces` names a visit that this hold would move. `NotOffered` when no page of
    ours could have offered it; `SlotTaken` when someone else has it; `TooManyHolds` beyond the holder's limit.
    """
    return take(actor, owner, [Ask(role_id, service_id, mode, start)], replaces=replaces, holder=holder)[0]


@command("Slot.hold-together", roles=BOOKERS)
def hold_times(*, actor: Actor, owner: UUID, asks: Sequence[Ask], holder: Holder | None = None) -> list[Occupancy]:
    """Hold all of `asks` or none, in order of time. `SlotTaken.context["ask"]` is the one that was lost."""
    if not 1 <= len(asks) <= MOST_TOGETHER:
        raise NotOffered
    return take(actor, owner, sorted(asks, key=lambda ask: ask.start), holder=holder)


@command("Slot.extend", roles=BOOKERS)
def extend_hold(*, actor: Actor, owner: UUID, batch: UUID) -> datetime:
    """Ten minutes more, once. Returns the new deadline; `HoldOver` when it has run out or was extended before."""
    live = Occupancy.objects.filter(
        batch=batch, owner=owner, kind=Occupancy.Kind.HOLD, is_extended=False, expires_at__gt=Now()
    )
    _lock_doctors(live)
    if not live.update(expires_at=F("expires_at") + HOLD, is_extended=True):
        raise HoldOver
    return get_one(Occupancy.objects.filter(expires_at__isnull=False), pk=batch).expires_at or database_now()


@command("Slot.lose", roles={Role.SYSTEM})
def lose_hold(*, actor: Actor, occupancy_id: UUID) -> bool:
    """The clinic's own system, which decides about this time, does not have it free: the hold is over."""
    held = Occupancy.objects.filter(pk=occupancy_id, kind=Occupancy.Kind.HOLD)
    _lock_doctors(held)
    return bool(held.update(expires_at=Now()))


@command("Slot.release", roles=BOOKERS)
def release_hold(*, actor: Actor, owner: UUID) -> int:
    """Let the browser's holds go. Returns how many there were."""
    return let_go(owner)


def let_go(owner: UUID) -> int:
    """Inside a command: how many holds of this owner have ended."""
    held = Occupancy.objects.filter(owner=owner, kind=Occupancy.Kind.HOLD)
    _lock_doctors(held)
    return held.delete()[0]


def take(
    actor: Actor,
    owner: UUID,
    asks: Sequence[Ask],
    *,
    replaces: UUID | None = None,
    holder: Holder | None = None,
    lasts: timedelta = HOLD,
) -> list[Occupancy]:
    """Inside a command: hold all of `asks` or none, for as long as `lasts`."""
    offers = [_offer(ask) for ask in asks]
    if holder:
        lock_holder(holder.digest)
    earlier = Occupancy.objects.filter(owner=owner, kind=Occupancy.Kind.HOLD)
    _lock_doctors(earlier, [offer.role.practitioner_id for offer in offers])
    now = database_now()
    places = [_place(actor, ask, offer, now) for ask, offer in zip(asks, offers, strict=True)]
    let_go = ResourceUse.objects.filter(occupancy__in=earlier).values_list("resource_id", flat=True)
    lock_resources([*let_go, *(resource for place in places for need in place.needs for resource in need)])
    earlier.delete()
    if holder:
        _check_limit(holder)
    batch = uuid4()
    held = [
        _take(
            place,
            Occupancy(
                id=batch if n == 0 else uuid4(),
                batch=batch,
                owner=owner,
                expires_at=now + lasts,
                replaces=replaces,
                holder=holder.digest if holder else None,
            ),
        )
        for n, place in enumerate(places)
    ]
    for hold, place in zip(held, places, strict=True):
        if place.offer.role.master == Master.MIS:  # looked at there, and held there where that is possible
            emit("slot.held", occupancy_id=hold.pk, role_id=hold.role_id)
    return held


def _lock_doctors(held: QuerySet[Occupancy], others: Sequence[UUID] = ()) -> None:
    """Those whose times are let go too: two browsers that swap times would wait for each other."""
    lock_practitioners([*others, *held.values_list("practitioner_id", flat=True)])


def _offer(ask: Ask) -> ServiceOffer:
    rows = ServiceOffer.objects.select_related("role__location", "service")
    return get_one(rows, role_id=ask.role_id, service_id=ask.service_id, role__is_active=True)


def _place(actor: Actor, ask: Ask, offer: ServiceOffer, now: datetime) -> _Place:
    """`NotOffered` unless a page of ours could have offered exactly this."""
    service = offer.service
    end = ask.start + timedelta(minutes=offer.minutes)
    sheet = _sheet(ask, end)
    if sheet is None or ask.mode not in service.modes or ask.start <= now:
        raise NotOffered
    if not actor.is_staff:
        limits = bounds(offer, policy_of(offer.role.organization_id), now)
        if service.online == Online.VIEW or not limits.since <= ask.start < limits.until:
            raise NotOffered
    return _Place(ask, offer, end + timedelta(minutes=service.buffer_minutes), _needs(ask, offer, sheet))


def _sheet(ask: Ask, end: datetime) -> DaySheet | None:
    sheets = DaySheet.objects.filter(
        role_id=ask.role_id, start__lte=ask.start, end__gte=end, modes__contains=[ask.mode]
    )
    on_grid = (s for s in sheets if (ask.start - s.anchor) % timedelta(minutes=s.step_minutes) == timedelta(0))
    return next(on_grid, None)


def _needs(ask: Ask, offer: ServiceOffer, sheet: DaySheet) -> tuple[tuple[UUID, ...], ...]:
    """One tuple of candidates a thing: the room of that day, and any free device of each kind."""
    room = ((sheet.room_id,),) if ask.mode == Mode.IN_PERSON and sheet.room_id else ()
    if not offer.service.devices:
        return room
    there = Resource.objects.filter(
        location_id=offer.role.location_id, code__in=offer.service.devices, is_active=True
    ).order_by("name")
    by_code = {code: tuple(r.pk for r in there if r.code == code) for code in offer.service.devices}
    return (*room, *by_code.values())


def _check_limit(holder: Holder) -> None:
    live = Occupancy.objects.filter(holder=holder.digest, kind=Occupancy.Kind.HOLD, expires_at__gt=Now())
    if live.values("batch").distinct().count() >= holder.most:
        raise TooManyHolds


def _take(place: _Place, hold: Occupancy) -> Occupancy:
    """Insert the hold and what it needs; whoever's constraint refuses, it is `SlotTaken`."""
    ask = place.ask
    retire_expired_holds(place.offer.role.practitioner_id, place.needs, ask.start, place.end)
    hold.practitioner_id, hold.role_id, hold.service_id = place.offer.role.practitioner_id, ask.role_id, ask.service_id
    hold.mode, hold.start, hold.end, hold.kind = ask.mode, ask.start, place.end, Occupancy.Kind.HOLD
    try:
        with transaction.atomic():
            hold.save(force_insert=True)
    except IntegrityError:
        raise SlotTaken(ask=ask) from None
    for candidates in place.needs:
        if not any(_takes(hold, resource) for resource in candidates):
            raise SlotTaken(ask=ask)
    return hold


def _takes(hold: Occupancy, resource_id: UUID) -> bool:
    try:
        with transaction.atomic():
            ResourceUse(occupancy=hold, resource_id=resource_id, start=hold.start, end=hold.end).save(force_insert=True)
    except IntegrityError:
        return False
    return True


def retire_expired_holds(
    practitioner_id: UUID, needs: Sequence[Sequence[UUID]], start: datetime, end: datetime
) -> None:
    """An expired hold blocks nobody even when no cron runs: whoever needs the time removes it.

    What makes it expired is asked of the very row that is deleted, so a hold booked this instant is not touched.
    """
    resources = [resource for need in needs for resource in need]
    in_the_way = Q(practitioner_id=practitioner_id, start__lt=end, end__gt=start)
    if resources:
        uses = ResourceUse.objects.filter(resource_id__in=resources, start__lt=end, end__gt=start)
        in_the_way |= Q(pk__in=uses.values("occupancy_id"))
    Occupancy.objects.filter(in_the_way, kind=Occupancy.Kind.HOLD, expires_at__lte=Now()).delete()
