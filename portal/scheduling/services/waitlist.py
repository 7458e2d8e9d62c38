"""Wait for a time to become free; be offered one that is kept meanwhile; take it, or leave it to the next person.

The offer is a hold like any other, under the same constraints: nobody else can take the time while it is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.errors import NotFound
from portal.kernel.outbox import emit
from portal.people.models import Patient, Payer
from portal.scheduling.errors import AlreadyWaiting, HoldOver, NotOffered, OfferOver, SlotTaken, TooManyWaits
from portal.scheduling.models import Appointment, FreedTime, WaitlistEntry, WaitlistOffer
from portal.scheduling.selectors import waitlist as queue
from portal.scheduling.selectors.choices import Choice
from portal.scheduling.selectors_sql import Slot, database_now, lock_patient
from portal.scheduling.selectors_sql.waitlist import patient_of_offer, patient_of_wait
from portal.scheduling.services.book import Terms, become_patient_of, book_held, recipient
from portal.scheduling.services.hold import Ask, let_go, take

MOST_WAITS = 5
MOST_IGNORED = 3  # offers in a row without an answer: then the person is asked no more until they say so
REST = timedelta(hours=2)  # after an offer without an answer
MOST_TRIED = 10
State = WaitlistEntry.State
LIVE = (State.WAITING, State.PAUSED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is waited for. Ids; empty ones mean any. Both days are included, `hours` are [from, until)."""

    organization_id: UUID
    specialty_id: UUID
    practitioner_id: UUID | None = None
    location_id: UUID | None = None
    service_id: UUID | None = None
    mode: str = ""
    payer: str = Payer.SELF
    first_day: date
    last_day: date
    hours: tuple[int, int] = (0, 24)
    at_night: bool = False


@command("WaitlistEntry.join", roles={Role.PATIENT})
def join(*, actor: Actor, patient_id: UUID, wish: Wish) -> WaitlistEntry:
    """Queue up; the clinic knows the person from now on.

    `AlreadyWaiting` for the same doctor or specialty, `TooManyWaits` beyond five at once.
    """
    open_door(actor, [patient_id], purpose="waiting")
    patient = get_one(Patient.objects.visible_to(actor), pk=patient_id)
    lock_patient(patient_id)
    live = WaitlistEntry.objects.visible_to(actor).filter(patient_id=patient_id, state__in=LIVE)
    if live.count() >= MOST_WAITS:
        raise TooManyWaits
    entry = WaitlistEntry(
        patient_id=patient_id,
        recipient_id=recipient(actor, patient),
        organization_id=wish.organization_id,
        specialty_id=wish.specialty_id,
        practitioner_id=wish.practitioner_id,
        location_id=wish.location_id,
        service_id=wish.service_id,
        mode=wish.mode,
        payer=wish.payer,
        first_day=wish.first_day,
        last_day=wish.last_day,
        hour_from=wish.hours[0],
        hour_until=wish.hours[1],
        at_night=wish.at_night,
        queued_at=database_now(),
    )
    try:
        with transaction.atomic():
            entry.save(force_insert=True)
    except IntegrityError:
        raise AlreadyWaiting from None
    become_patient_of(wish.organization_id, patient_id)
    _look_again(entry)
    return entry


@command("WaitlistEntry.pause", roles={Role.PATIENT})
def pause(*, actor: Actor, entry_id: UUID) -> WaitlistEntry:
    """Not asked until resumed; the place in the queue stays. Twice changes nothing."""
    return _turn(actor, entry_id, State.WAITING, State.PAUSED)[0]


@command("WaitlistEntry.resume", roles={Role.PATIENT})
def resume(*, actor: Actor, entry_id: UUID) -> WaitlistEntry:
    """Asked again from now on, also who had not answered. Twice changes nothing."""
    entry, is_changed = _turn(actor, entry_id, State.PAUSED, State.WAITING)
    if is_changed:
        _change(actor, entry, ignored=0, rest_until=None)
        _look_again(entry)
    return entry


@command("WaitlistEntry.leave", roles={Role.PATIENT})
def leave(*, actor: Actor, entry_id: UUID) -> WaitlistEntry:
    """Out of the queue; a time kept at this moment goes to the next person. Twice changes nothing."""
    entry = open_wait(actor, entry_id)
    lock_patient(entry.patient_id)
    WaitlistEntry.objects.visible_to(actor).filter(pk=entry_id, state__in=LIVE).update(state=State.LEFT)
    for offer in WaitlistOffer.objects.visible_to(actor).filter(entry_id=entry_id, state=WaitlistOffer.State.OPEN):
        _end(actor, offer, WaitlistOffer.State.DECLINED)
    entry.refresh_from_db(fields=["state"])
    return entry


def open_wait(actor: Actor, entry_id: UUID) -> WaitlistEntry:
    """An entry behind its patient's door, or `NotFound`."""
    patient_id = patient_of_wait(entry_id)
    if patient_id is None:
        raise NotFound
    open_door(actor, [patient_id], purpose="waiting")
    return get_one(WaitlistEntry.objects.visible_to(actor), pk=entry_id)


def open_offer(actor: Actor, offer_id: UUID) -> WaitlistOffer:
    """An offer behind its patient's door, or `NotFound`."""
    patient_id = patient_of_offer(offer_id)
    if patient_id is None:
        raise NotFound
    open_door(actor, [patient_id], purpose="waiting")
    rows = WaitlistOffer.objects.visible_to(actor).select_related(*queue.WAITLIST_OFFER_RELATIONS)
    return get_one(rows, pk=offer_id)


def _turn(actor: Actor, entry_id: UUID, old: State, new: State) -> tuple[WaitlistEntry, bool]:
    """The entry, and whether this has changed it."""
    entry = open_wait(actor, entry_id)
    changed = WaitlistEntry.objects.visible_to(actor).filter(pk=entry_id, state=old).update(state=new)
    entry.refresh_from_db(fields=["state"])
    if not changed and entry.state != new:
        raise NotFound
    return entry, bool(changed)


def _look_again(entry: WaitlistEntry) -> None:
    """Perhaps something is free already."""
    now = database_now()
    roles = queue.waited_for(entry).values_list("pk", flat=True)
    FreedTime.objects.bulk_create([FreedTime(role_id=role, noted_at=now) for role in roles])


@command("WaitlistOffer.make", roles={Role.SYSTEM})
def make_offer(*, actor: Actor, entry_id: UUID, role_id: UUID) -> WaitlistOffer | None:
    """Keep the earliest time of this doctor that suits this person, and tell them; None when none does."""
    now = database_now()
    entry = get_one(WaitlistEntry.objects.visible_to(actor), pk=entry_id, state=State.WAITING)
    patient = get_one(Patient.objects.visible_to(actor), pk=entry.patient_id)
    choice = queue.choice_for(entry, role_id, now)
    if choice is None or not choice.offer.serves(patient.age_on(entry.first_day)):
        _change(actor, entry, unfit_roles=[*entry.unfit_roles, role_id])
        return None
    known = WaitlistOffer.objects.visible_to(actor).filter(entry_id=entry_id, role_id=role_id)
    seen = set(known.values_list("start", flat=True))
    for slot in [one for one in queue.slots_for(entry, choice) if one.start not in seen][:MOST_TRIED]:
        if offer := _offer(actor, entry, choice, slot, now):
            return offer
    return None


def _offer(actor: Actor, entry: WaitlistEntry, choice: Choice, slot: Slot, now: datetime) -> WaitlistOffer | None:
    within = queue.answer_within(slot.start - choice.bounds.since)
    mode = queue.mode_for(entry, slot, choice)
    if within is None or not mode:
        return None
    offer = WaitlistOffer(
        id=uuid4(),
        patient_id=entry.patient_id,
        entry_id=entry.pk,
        role_id=slot.role_id,
        service_id=slot.service_id,
        mode=mode,
        start=slot.start,
        price=choice.offer.price,
        state=WaitlistOffer.State.OPEN,
        expires_at=now + within,
    )
    if queue.is_busy(actor, entry.patient_id, choice, slot.start):
        offer.state = WaitlistOffer.State.PASSED
        offer.save(force_insert=True)
        return None
    try:
        (held,) = take(actor, offer.pk, [Ask(slot.role_id, slot.service_id, mode, slot.start)], lasts=within)
    except (SlotTaken, NotOffered):
        return None
    offer.hold, offer.expires_at = held.pk, held.expires_at or offer.expires_at
    offer.save(force_insert=True)
    emit("waitlist.offered", offer_id=offer.pk, patient_id=entry.patient_id, recipient_id=entry.recipient_id)
    return offer


@command("WaitlistEntry.rest", roles={Role.SYSTEM})
def rest(*, actor: Actor, entry_id: UUID, until: datetime) -> None:
    """Do not ask this person until then: it is night where they are, say, or nothing reaches them."""
    _change(actor, get_one(WaitlistEntry.objects.visible_to(actor), pk=entry_id), rest_until=until)


def _change(actor: Actor, entry: WaitlistEntry, **values: object) -> None:
    WaitlistEntry.objects.visible_to(actor).filter(pk=entry.pk).update(**values)


@command("WaitlistOffer.accept", roles={Role.PATIENT, Role.LINK})
def accept_offer(*, actor: Actor, offer_id: UUID) -> Appointment:
    """The kept time becomes a visit. Twice leads to the same visit; `OfferOver`, `PatientBusy`, `OneADay`."""
    offer = open_offer(actor, offer_id)
    lock_patient(offer.patient_id)
    offer.refresh_from_db(fields=["state"])
    if offer.state == WaitlistOffer.State.ACCEPTED:
        return get_one(Appointment.objects.visible_to(actor), pk=offer.hold)
    if offer.hold is None:
        raise OfferOver
    entry, terms = offer.entry, Terms(payer=offer.entry.payer)
    to = entry.recipient_id if actor.role == Role.LINK else None  # a link does not know who holds it
    try:
        (visit,) = book_held(actor, offer.patient_id, offer.hold, offer.pk, terms, to=to)
    except HoldOver:
        raise OfferOver from None
    if not _settle(actor, offer, WaitlistOffer.State.ACCEPTED):
        raise OfferOver
    WaitlistEntry.objects.visible_to(actor).filter(pk=entry.pk).update(state=State.DONE)
    return visit


@command("WaitlistOffer.decline", roles={Role.PATIENT, Role.LINK})
def decline_offer(*, actor: Actor, offer_id: UUID) -> WaitlistOffer:
    """The time goes to the next person at once, and this one waits on, behind those not asked yet."""
    offer = open_offer(actor, offer_id)
    lock_patient(offer.patient_id)
    if _end(actor, offer, WaitlistOffer.State.DECLINED):
        _requeue(actor, offer, ignored=0)
    offer.refresh_from_db(fields=["state"])
    return offer


@command("WaitlistOffer.lapse", roles={Role.SYSTEM})
def lapse_offer(*, actor: Actor, offer_id: UUID) -> None:
    """Nobody has answered: on to the next person. After three in a row this one is asked no more until they say so."""
    rows = WaitlistOffer.objects.visible_to(actor).select_related("entry").filter(expires_at__lte=Now())
    offer = rows.filter(pk=offer_id, state=WaitlistOffer.State.OPEN).first()
    if offer is None:
        return
    lock_patient(offer.patient_id)  # first, as everybody does who then asks for the doctor
    if not _end(actor, offer, WaitlistOffer.State.LAPSED):
        return
    _requeue(actor, offer, ignored=F("ignored") + 1, rest_until=database_now() + REST)
    tired = WaitlistEntry.objects.visible_to(actor).filter(pk=offer.entry_id, ignored__gte=MOST_IGNORED)
    tired.filter(state=State.WAITING).update(state=State.PAUSED)


@command("WaitlistEntry.end", roles={Role.SYSTEM})
def end_wait(*, actor: Actor, entry_id: UUID) -> None:
    """The days asked for have passed."""
    WaitlistEntry.objects.visible_to(actor).filter(pk=entry_id, state__in=LIVE).update(state=State.OVER)


def _end(actor: Actor, offer: WaitlistOffer, state: WaitlistOffer.State) -> bool:
    """Was it still open? Its hold is let go then."""
    if not _settle(actor, offer, state):
        return False
    let_go(offer.pk)
    return True


def _settle(actor: Actor, offer: WaitlistOffer, state: WaitlistOffer.State) -> int:
    mine = WaitlistOffer.objects.visible_to(actor).filter(pk=offer.pk, state=WaitlistOffer.State.OPEN)
    return mine.update(state=state, answered_at=Now())


def _requeue(actor: Actor, offer: WaitlistOffer, **values: object) -> None:
    mine = WaitlistEntry.objects.visible_to(actor).filter(pk=offer.entry_id)
    mine.update(queued_at=database_now(), **values)
