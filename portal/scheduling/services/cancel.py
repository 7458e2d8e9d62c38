"""Give the time back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F, Func
from django.db.models.functions import Now

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.errors import Conflict, NotFound, PortalError
from portal.kernel.outbox import emit
from portal.people.models import CareTeam, Master, Patient
from portal.scheduling.errors import TooLateToCancel
from portal.scheduling.models import HOLDS_TIME, Appointment, AppointmentStatus, MisLine, Occupancy
from portal.scheduling.selectors import cancel_until, policy_of
from portal.scheduling.selectors_sql import database_now, lock_patient, patient_of_appointment
from portal.scheduling.services.book import recipient


@command("Appointment.cancel", roles={Role.PATIENT, Role.LINK, Role.REGISTRAR})
def cancel_appointment(*, actor: Actor, appointment_id: UUID) -> Appointment:
    """Cancel a visit that has not begun; a patient, until the clinic's cut-off. Cancelling twice changes nothing.

    The time is free for others at commit; the doctor's access that came with this visit ends.
    """
    return _cancel(actor, appointment_id, HOLDS_TIME, TooLateToCancel())


@command("Appointment.decline", roles={Role.REGISTRAR})
def decline_appointment(*, actor: Actor, appointment_id: UUID, version: int) -> Appointment:
    """The clinic says no to a time that was asked for; `Conflict` when somebody has said yes meanwhile.

    version  of the request that was seen: the patient may have asked for another time since
    """
    return _cancel(actor, appointment_id, [AppointmentStatus.PENDING], Conflict(), version=version)


def _cancel(
    actor: Actor, appointment_id: UUID, statuses: Sequence[str], refused: PortalError, **seen: int
) -> Appointment:
    patient_id = open_visit(actor, appointment_id, purpose="cancelling").patient_id
    lock_patient(patient_id)
    mine = Appointment.objects.visible_to(actor)
    in_time = patients_limit(actor, get_one(mine, pk=appointment_id)) > database_now()
    changed = in_time and mine.filter(pk=appointment_id, status__in=statuses, start__gt=Now(), **seen).update(
        status=AppointmentStatus.CANCELLED,
        cancelled_at=Now(),
        cancelled_by=actor.role.value,
        version=F("version") + 1,
    )
    appointment = get_one(mine, pk=appointment_id)
    if not changed:
        if appointment.status == AppointmentStatus.CANCELLED:
            return appointment
        raise refused
    if appointment.role.master == Master.PORTAL:  # else the time is free when it is free there
        give_back(appointment_id)
    end_care(actor, appointment_id)
    patient = get_one(Patient.objects.visible_to(actor), pk=patient_id)
    emit(
        "appointment.cancelled",
        appointment_id=appointment_id,
        patient_id=patient_id,
        recipient_id=recipient(actor, patient),
        by_clinic=int(actor.is_staff),
    )
    tell_mis(appointment)
    return appointment


def tell_mis(visit: Appointment) -> None:
    """Inside a command: the clinic's own system, where there is one, hears of what became of a visit here."""
    if MisLine.objects.filter(organization_id=visit.organization_id).exists():
        emit("appointment.changed", appointment_id=visit.pk, patient_id=visit.patient_id)


def give_back(appointment_id: UUID) -> int:
    """Inside a command: the doctor's time is free for others at commit."""
    return Occupancy.objects.filter(owner=appointment_id, kind=Occupancy.Kind.BOOKED).delete()[0]


def end_care(actor: Actor, appointment_id: UUID) -> None:
    """Inside a command: the doctor's access that came with this visit is over."""
    CareTeam.objects.visible_to(actor).filter(appointment_id=appointment_id).update(
        period=Func(Func(F("period"), function="lower"), Func(function="clock_timestamp"), function="tstzrange")
    )


def open_visit(actor: Actor, appointment_id: UUID, *, purpose: str) -> Appointment:
    """A visit behind its patient's door, or `NotFound`."""
    patient_id = patient_of_appointment(appointment_id)
    if patient_id is None:
        raise NotFound
    open_door(actor, [patient_id], purpose=purpose)
    return get_one(Appointment.objects.visible_to(actor), pk=appointment_id)


def patients_limit(actor: Actor, visit: Appointment) -> datetime:
    """Until then this actor may cancel or move it: patients by the clinic's policy, staff until it begins."""
    return visit.start if actor.is_staff else cancel_until(visit.start, policy_of(visit.organization_id))
