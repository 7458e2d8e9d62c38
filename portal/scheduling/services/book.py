"""A hold becomes an appointment: one transaction, or nothing."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from psycopg.types.range import TimestamptzRange

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.outbox import emit
from portal.people.compartment import open_own_doors
from portal.people.models import CareTeam, Patient, PatientAtOrganization, ServiceOffer
from portal.scheduling.errors import AgeNotServed, HoldOver, PatientBusy
from portal.scheduling.models import Appointment, AppointmentStatus, Occupancy
from portal.scheduling.selectors_sql import database_now, lock_patient

CARE_AFTER_VISIT = timedelta(days=30)  # the doctor writes up, sees results, answers


@command("Appointment.book", roles={Role.PATIENT, Role.REGISTRAR})
def book_appointment(*, actor: Actor, patient_id: UUID, hold_id: UUID, owner: UUID, comment: str = "") -> Appointment:
    """Turn the browser's hold into a visit of `patient_id`.

    `HoldOver` when the ten minutes are over, `PatientBusy` when the person has another visit then,
    `AgeNotServed`, and `NotFound` for a patient who is not the actor's.
    """
    open_door(actor, [patient_id], purpose="booking")
    patient = get_one(Patient.objects.visible_to(actor), id=patient_id)
    lock_patient(patient_id)
    hold = _claim(hold_id, owner)
    offer = get_one(
        ServiceOffer.objects.select_related("service", "role__location", "role__practitioner"),
        role_id=hold.role_id,
        service_id=hold.service_id,
    )
    _check_age(patient, offer, hold)
    appointment = Appointment(
        id=hold_id,
        patient_id=patient_id,
        organization_id=offer.role.organization_id,
        location_id=offer.role.location_id,
        practitioner_id=hold.practitioner_id,
        role_id=hold.role_id,
        service_id=offer.service_id,
        mode=hold.mode,
        start=hold.start,
        end=hold.end,
        status=AppointmentStatus.BOOKED,
        price=offer.price,
        comment=comment or None,
    )
    try:
        with transaction.atomic():
            appointment.save(force_insert=True)
    except IntegrityError:
        raise PatientBusy from None
    _join_care_team(appointment, offer.role.department)
    emit(
        "appointment.booked",
        appointment_id=appointment.pk,
        patient_id=patient_id,
        recipient_id=recipient(actor, patient),
    )
    return appointment


def recipient(actor: Actor, patient: Patient) -> UUID:
    """Whose contacts hear of it: a representative's own when they act for someone, else the patient's."""
    if actor.role != Role.PATIENT or patient.user_id == actor.user_id:
        return patient.pk
    open_own_doors(actor, purpose="booking")
    return get_one(Patient.objects.visible_to(actor), user_id=actor.user_id).pk


def _claim(hold_id: UUID, owner: UUID) -> Occupancy:
    """Conditional UPDATE: a live hold of this owner, or `HoldOver`.

    One hold makes one appointment and gives it its id: pressing the button twice leads to the same visit.
    """
    live = Occupancy.objects.filter(pk=hold_id, owner=owner, kind=Occupancy.Kind.HOLD, expires_at__gt=Now())
    if not live.update(kind=Occupancy.Kind.BOOKED, owner=hold_id, expires_at=None):
        raise HoldOver
    return get_one(Occupancy.objects.all(), pk=hold_id)


def _check_age(patient: Patient, offer: ServiceOffer, hold: Occupancy) -> None:
    day = hold.start.astimezone(ZoneInfo(offer.role.location.zone)).date()
    doctor = offer.role.practitioner
    if not doctor.min_age <= patient.age_on(day) <= doctor.max_age:
        raise AgeNotServed


def _join_care_team(appointment: Appointment, department: str) -> None:
    PatientAtOrganization.objects.bulk_create(
        [PatientAtOrganization(patient_id=appointment.patient_id, organization_id=appointment.organization_id)],
        ignore_conflicts=True,
    )
    CareTeam(
        patient_id=appointment.patient_id,
        organization_id=appointment.organization_id,
        practitioner_id=appointment.practitioner_id,
        department=department,
        appointment_id=appointment.pk,
        period=TimestamptzRange(database_now(), appointment.end + CARE_AFTER_VISIT),
    ).save(force_insert=True)
