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
from portal.people.models import CareTeam, Patient
from portal.scheduling.errors import AgeNotServed, HoldOver, NotOffered, TooLateToMove
from portal.scheduling.models import Appointment, AppointmentStatus, Occupancy, SameDay
from portal.scheduling.selectors import policy_of
from portal.scheduling.selectors_sql import database_now, lock_patient
from portal.scheduling.services.book import (
    care_period,
    claim,
    local_date,
    offer_of,
    put,
    recipient,
    refusal,
    status_for,
)
from portal.scheduling.services.cancel import open_visit, patients_limit
from portal.scheduling.services.hold import hold_time

NOT_BEGUN = (AppointmentStatus.PENDING, AppointmentStatus.BOOKED)


@command("Appointment.move", roles={Role.PATIENT, Role.LINK, Role.REGISTRAR})
def move_appointment(*, actor: Actor, appointment_id: UUID, hold_id: UUID, owner: UUID) -> Appointment:
    """Give the visit the held time. Its id stays, its `version` grows; the doctor may be another of the same specialty.

    A service by request is asked for again: the clinic has agreed to another time.
    `HoldOver`, `TooLateToMove`, `PatientBusy`, `OneADay`; `NotOffered` for a hold that was not made for this visit.
    """
    visit = open_visit(actor, appointment_id, purpose="moving")
    lock_patient(visit.patient_id)
    visit = get_one(Appointment.objects.visible_to(actor), pk=appointment_id)
    if visit.status not in NOT_BEGUN or patients_limit(actor, visit) <= database_now():
        raise TooLateToMove
    hold = _claim(hold_id, owner, appointment_id)  # first: who has deleted a time must not queue for a doctor
    Occupancy.objects.filter(owner=appointment_id, kind=Occupancy.Kind.BOOKED).exclude(pk=hold.pk).delete()
    _give(actor, visit, hold)
    patient = get_one(Patient.objects.visible_to(actor), pk=visit.patient_id)
    who = {"patient_id": visit.patient_id, "recipient_id": recipient(actor, patient)}
    if visit.status == AppointmentStatus.PENDING:
        emit("appointment.requested", appointment_id=appointment_id, **who)
    else:
        emit("appointment.moved", appointment_id=appointment_id, **who, by_clinic=int(actor.is_staff))
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


def _claim(hold_id: UUID, owner: UUID, appointment_id: UUID) -> Occupancy:
    holds = claim(hold_id, owner, as_owner=appointment_id)
    if len(holds) != 1:
        raise HoldOver
    if holds[0].replaces != appointment_id:
        raise NotOffered
    return holds[0]


def _give(actor: Actor, visit: Appointment, hold: Occupancy) -> None:
    offer = offer_of(hold)
    patient = get_one(Patient.objects.visible_to(actor), pk=visit.patient_id)
    if offer.role.specialty_id != visit.specialty_id or offer.role.organization_id != visit.organization_id:
        raise NotOffered
    if not offer.serves(patient.age_on(local_date(hold, offer))):
        raise AgeNotServed
    visit.moved_from, visit.accepted_at = visit.start, None
    if visit.same_day in ("", SameDay.POLICY):  # as the clinic sees it today
        visit.same_day = "" if policy_of(visit.organization_id).is_one_a_day else SameDay.POLICY
    price = visit.price  # what was promised stays promised for the same service
    same_service = visit.service_id == offer.service_id
    put(visit, hold, offer)
    visit.status = status_for(actor, offer)
    if same_service:
        visit.price = price
    _save(visit)
    CareTeam.objects.visible_to(actor).filter(appointment_id=visit.pk).update(
        practitioner_id=visit.practitioner_id, department=offer.role.department, period=care_period(visit)
    )


def _save(visit: Appointment) -> None:
    visit.version = F("version") + 1
    try:
        with transaction.atomic():
            visit.save(force_update=True)
    except IntegrityError as refused:
        raise refusal(refused) from None
    visit.refresh_from_db(fields=["version"])
