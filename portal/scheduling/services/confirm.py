"""Yes: the clinic's to a time that was asked for, and the patient's to coming."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.errors import Conflict
from portal.kernel.outbox import emit
from portal.people.models import Master, Patient
from portal.scheduling.models import HOLDS_TIME, Appointment, AppointmentStatus, Awaits
from portal.scheduling.selectors_sql import lock_patient
from portal.scheduling.services.book import TOPICS, recipient
from portal.scheduling.services.cancel import open_visit


@command("Appointment.accept", roles={Role.PATIENT, Role.LINK})
def accept_appointment(*, actor: Actor, appointment_id: UUID) -> Appointment:
    """“I am coming” (FHIR: participant status `accepted`). Twice changes nothing; `Conflict` when there is no visit."""
    visit = open_visit(actor, appointment_id, purpose="accepting")
    lock_patient(visit.patient_id)
    mine = Appointment.objects.visible_to(actor).filter(pk=appointment_id)
    mine.filter(status__in=HOLDS_TIME, start__gt=Now(), accepted_at=None).update(accepted_at=Now())
    visit = get_one(mine)
    if visit.accepted_at is None:
        raise Conflict
    return visit


@command("Appointment.confirm", roles={Role.REGISTRAR})
def confirm_appointment(*, actor: Actor, appointment_id: UUID, version: int) -> Appointment:
    """`pending` → `booked`, unless the clinic's system has to agree too; the patient hears of it.

    Confirming twice changes nothing; `Conflict` for all else.

    version  of the request that was seen: the patient may have asked for another time since
    """
    visit = open_visit(actor, appointment_id, purpose="confirming")
    lock_patient(visit.patient_id)
    asked = Appointment.objects.visible_to(actor).filter(
        pk=appointment_id, status=AppointmentStatus.PENDING, version=version, start__gt=Now()
    )
    # Where the clinic's system is the master, the reception's yes is the first of two.
    awaits = Awaits.MIS if visit.role.master == Master.MIS else Awaits.NOBODY
    status = AppointmentStatus.PENDING if awaits else AppointmentStatus.BOOKED
    if not asked.exclude(awaits=Awaits.MIS).update(status=status, awaits=awaits, version=F("version") + 1):
        visit.refresh_from_db(fields=["status", "version"])
        if (visit.status, visit.version) != (status, version + 1):
            raise Conflict
        return visit
    patient = get_one(Patient.objects.visible_to(actor), pk=visit.patient_id)
    emit(
        TOPICS[awaits],
        appointment_id=appointment_id,
        patient_id=visit.patient_id,
        recipient_id=recipient(actor, patient),
    )
    return get_one(Appointment.objects.visible_to(actor), pk=appointment_id)
