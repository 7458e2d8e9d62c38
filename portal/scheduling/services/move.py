"""Another time for a visit. The old one is kept until the new one is won: one transaction changes both."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import F

from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.outbox import emit
from portal.people.models import CareTeam, Master, Patient, ServiceOffer
from portal.scheduling.errors import AgeNotServed, HoldOver, MoveUnderWay, NotOffered, TooLateToMove
from portal.scheduling.models import Appointment, AppointmentStatus, Awaits, Occupancy, SameDay
from portal.scheduling.selectors import policy_of, wish_of
from portal.scheduling.selectors_sql import database_now, lock_patient
from portal.scheduling.services.book import (
    TOPICS,
    care_period,
    claim,
    local_date,
    offer_of,
    put,
    recipient,
    refusal,
    require_line,
    standing_for,
)
from portal.scheduling.services.cancel import open_visit, patients_limit, tell_mis
from portal.scheduling.services.hold import hold_time

NOT_BEGUN = (AppointmentStatus.PENDING, AppointmentStatus.BOOKED)


@command("Appointment.move", roles={Role.PATIENT, Role.LINK, Role.REGISTRAR})
def move_appointment(*, actor: Actor, appointment_id: UUID, hold_id: UUID, owner: UUID) -> Appointment:
    """Give the visit the held time. Its id stays, its `version` grows; the doctor may be another of the same specialty.

    A service by request is asked for again: the clinic has agreed to another time. Where the clinic's own system is
    the master, the visit stays as it is until that has agreed (`settle_moved`).
    `HoldOver`, `TooLateToMove`, `MoveUnderWay`,
    `PatientBusy`, `OneADay`; `NotOffered` for a hold that was not made for this visit.
    """
    visit = open_visit(actor, appointment_id, purpose="moving")
    lock_patient(visit.patient_id)
    visit = get_one(Appointment.objects.visible_to(actor), pk=appointment_id)
    if visit.status not in NOT_BEGUN or patients_limit(actor, visit) <= database_now():
        raise TooLateToMove
    if _needs_the_mis(visit, hold_id):
        return _wish(actor, visit, hold_id, owner)
    hold = _claim(hold_id, owner, appointment_id)  # first: who has deleted a time must not queue for a doctor
    Occupancy.objects.filter(owner=appointment_id, kind=Occupancy.Kind.BOOKED).exclude(pk=hold.pk).delete()
    give(actor, visit, hold, _suitable(actor, visit, hold))
    who = _who(actor, visit)
    if visit.status == AppointmentStatus.PENDING:
        emit(TOPICS[visit.awaits], appointment_id=appointment_id, **who)
    else:
        emit("appointment.moved", appointment_id=appointment_id, **who, by_clinic=int(actor.is_staff))
    tell_mis(visit)
    return visit


def _who(actor: Actor, visit: Appointment) -> dict[str, UUID]:
    patient = get_one(Patient.objects.visible_to(actor), pk=visit.patient_id)
    return {"patient_id": visit.patient_id, "recipient_id": recipient(actor, patient)}


def _needs_the_mis(visit: Appointment, hold_id: UUID) -> bool:
    """Does the wanted time belong to the clinic's system, and does that know of this visit?"""
    hold = Occupancy.objects.filter(pk=hold_id).select_related("role").first()
    return hold is not None and hold.role.master == Master.MIS and visit.awaits != Awaits.CLINIC


def _wish(actor: Actor, visit: Appointment, hold_id: UUID, owner: UUID) -> Appointment:
    """Both times are kept until the clinic's system has answered; until then the visit stays as it is."""
    if wish_of(visit.pk) is not None:
        raise MoveUnderWay
    hold = _claim(hold_id, owner, visit.pk, is_wish=True)
    require_line(_suitable(actor, visit, hold))
    emit("appointment.move-submitted", appointment_id=visit.pk, **_who(actor, visit))
    return visit


@command("Appointment.move-to", roles={Role.LINK})
def move_to(*, actor: Actor, appointment_id: UUID, start: datetime) -> Appointment:
    """Another time of the same doctor and service in one step, without a check page. Errors as of holding and moving.

    The patient's queue comes before the doctor's, as everywhere: else two moves could wait for each other.
    """
    visit = open_visit(actor, appointment_id, purpose="moving")
    lock_patient(visit.patient_id)
    owner = uuid4()
    held = hold_time(
        actor=actor,
        owner=owner,
        role_id=visit.role_id,
        service_id=visit.service_id,
        mode=visit.mode,
        start=start,
        replaces=appointment_id,
    )
    return move_appointment(actor=actor, appointment_id=appointment_id, hold_id=held.pk, owner=owner)


def _claim(hold_id: UUID, owner: UUID, appointment_id: UUID, *, is_wish: bool = False) -> Occupancy:
    holds = claim(hold_id, owner, as_owner=appointment_id, is_wish=is_wish)
    if len(holds) != 1:
        raise HoldOver
    if holds[0].replaces != appointment_id:
        raise NotOffered
    return holds[0]


def _suitable(actor: Actor, visit: Appointment, hold: Occupancy) -> ServiceOffer:
    """The offer of a time that this visit may have instead, or `NotOffered`, `AgeNotServed`."""
    offer = offer_of(hold)
    patient = get_one(Patient.objects.visible_to(actor), pk=visit.patient_id)
    if offer.role.specialty_id != visit.specialty_id or offer.role.organization_id != visit.organization_id:
        raise NotOffered
    if not offer.serves(patient.age_on(local_date(hold, offer))):
        raise AgeNotServed
    return offer


def give(actor: Actor, visit: Appointment, hold: Occupancy, offer: ServiceOffer) -> None:
    """Inside a command: the visit has the time of `hold` from now on."""
    visit.moved_from, visit.accepted_at = visit.start, None
    if visit.same_day in ("", SameDay.POLICY):  # as the clinic sees it today
        visit.same_day = "" if policy_of(visit.organization_id).is_one_a_day else SameDay.POLICY
    price = visit.price  # what was promised stays promised for the same service
    same_service = visit.service_id == offer.service_id
    put(visit, hold, offer)
    if actor.role != Role.SYSTEM:  # a job tells what is agreed already
        visit.status, visit.awaits = standing_for(actor, offer)
    if same_service:
        visit.price = price
    save_visit(visit)
    CareTeam.objects.visible_to(actor).filter(appointment_id=visit.pk).update(
        practitioner_id=visit.practitioner_id, department=offer.role.department, period=care_period(visit)
    )


def save_visit(visit: Appointment) -> None:
    """Inside a command: a changed visit as its next version, or which of the patient's constraints refuses it."""
    visit.version = F("version") + 1
    try:
        with transaction.atomic():
            visit.save(force_update=True)
    except IntegrityError as refused:
        raise refusal(refused) from None
    visit.refresh_from_db(fields=["version"])
