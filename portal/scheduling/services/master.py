"""Where a clinic's own system (MIS) is the master: what it answered, and what its people did there.

All of it is the system's, inside a job that has opened the patient's door. Each says whether it changed anything: a
job runs twice, and the second time nothing happens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.outbox import emit
from portal.people.models import Master, Patient, PractitionerRole, ServiceOffer
from portal.scheduling.errors import SlotTaken
from portal.scheduling.models import HOLDS_TIME, Appointment, AppointmentStatus, Awaits, Occupancy, SameDay
from portal.scheduling.selectors import wish_of
from portal.scheduling.selectors_sql import lock_patient, lock_practitioners
from portal.scheduling.services.book import insert, join_care_team, offer_of, put, recipient
from portal.scheduling.services.cancel import end_care, give_back
from portal.scheduling.services.move import give, save_visit
from portal.scheduling.services.rules import own_role
from portal.scheduling.services.sheets import rewrite_ahead

OVER = (AppointmentStatus.FULFILLED, AppointmentStatus.NOSHOW, AppointmentStatus.ENTERED_IN_ERROR)


@dataclass(frozen=True, slots=True)
class Brought:
    """A visit as the clinic's system has it, in the portal's own ids."""

    role_id: UUID
    service_id: UUID
    mode: str
    start: datetime
    end: datetime
    status: AppointmentStatus


@command("Appointment.settle-booked", roles={Role.SYSTEM})
def settle_booked(*, actor: Actor, appointment_id: UUID) -> bool:
    """The clinic's system has it: `pending` → `booked`, and the patient hears of it."""
    visit = _locked(actor, appointment_id)
    if (visit.status, visit.awaits) != (AppointmentStatus.PENDING, Awaits.MIS):
        return False
    visit.status, visit.awaits = AppointmentStatus.BOOKED, Awaits.NOBODY
    save_visit(visit)
    _tell(actor, visit, "appointment.booked")
    return True


@command("Appointment.tell-waiting", roles={Role.SYSTEM})
def tell_waiting(*, actor: Actor, appointment_id: UUID) -> bool:
    """The clinic's system does not answer now: the patient hears that the clinic will confirm. Told once a version."""
    visit = _locked(actor, appointment_id)
    if (visit.status, visit.awaits) != (AppointmentStatus.PENDING, Awaits.MIS):
        return False
    _tell(actor, visit, "appointment.requested")
    return True


@command("Appointment.refuse", roles={Role.SYSTEM})
def refuse_booking(*, actor: Actor, appointment_id: UUID) -> bool:
    """The clinic's system gave the time to someone else, or will not have it: the patient is offered other times."""
    visit = _locked(actor, appointment_id)
    if (visit.status, visit.awaits) != (AppointmentStatus.PENDING, Awaits.MIS):
        return False
    visit.status, visit.awaits = AppointmentStatus.CANCELLED, Awaits.NOBODY
    visit.cancelled_at, visit.cancelled_by = Now(), actor.role.value
    save_visit(visit)
    give_back(appointment_id)
    end_care(actor, appointment_id)
    _tell(actor, visit, "appointment.refused")
    return True


@command("Appointment.settle-moved", roles={Role.SYSTEM})
def settle_moved(*, actor: Actor, appointment_id: UUID) -> bool:
    """The clinic's system has the wanted time: the visit takes it and leaves its old one.

    One that was moved before it was ever confirmed is confirmed now, at its new time.
    """
    visit, wish = _locked(actor, appointment_id), wish_of(appointment_id)
    if wish is None:
        return False
    is_first_word = (visit.status, visit.awaits) == (AppointmentStatus.PENDING, Awaits.MIS)
    if is_first_word:
        visit.status, visit.awaits = AppointmentStatus.BOOKED, Awaits.NOBODY
    give(actor, visit, wish, offer_of(wish))
    _keep_only(visit, wish.pk)
    if is_first_word:
        _tell(actor, visit, "appointment.booked")
    else:
        _tell(actor, visit, "appointment.moved", by_clinic=0)
    return True


@command("Appointment.refuse-move", roles={Role.SYSTEM})
def refuse_move(*, actor: Actor, appointment_id: UUID) -> bool:
    """The wanted time is not to be had: the visit stays where it was, and the patient hears of it."""
    visit, wish = _locked(actor, appointment_id), wish_of(appointment_id)
    if wish is None:
        return False
    wish.delete()
    if visit.status in HOLDS_TIME:
        _tell(actor, visit, "appointment.move-refused")
    return True


@command("Appointment.release", roles={Role.SYSTEM})
def release_time(*, actor: Actor, appointment_id: UUID) -> int:
    """The clinic's system has freed the time of a cancelled visit too. Returns how many times became free here."""
    visit = _locked(actor, appointment_id)
    if visit.status in HOLDS_TIME:
        return 0
    Appointment.objects.visible_to(actor).filter(pk=appointment_id).update(awaits=Awaits.NOBODY)
    return give_back(appointment_id)


@command("Appointment.bring-in", roles={Role.SYSTEM})
def bring_in(*, actor: Actor, appointment_id: UUID, patient_id: UUID, brought: Brought, is_told: bool) -> Appointment:
    """A visit that the clinic's people wrote down for a known patient. `SlotTaken`, `PatientBusy`, `NotOffered`."""
    lock_patient(patient_id)
    offer, held = _taken_there(appointment_id, brought)
    visit = Appointment(
        id=appointment_id, patient_id=patient_id, organization_id=offer.role.organization_id, same_day=SameDay.STAFF
    )
    put(visit, held, offer)
    visit.end, visit.status = brought.end, brought.status
    insert([visit])
    join_care_team(visit, offer.role.department)
    if brought.status in OVER:
        give_back(appointment_id)
    if is_told:
        _tell(actor, visit, "appointment.booked")
    return visit


@command("Appointment.follow-move", roles={Role.SYSTEM})
def follow_move(*, actor: Actor, appointment_id: UUID, brought: Brought) -> bool:
    """The clinic's people moved it there; the patient hears of it. `SlotTaken` while someone's visit is in the way."""
    visit = _locked(actor, appointment_id)
    if (visit.role_id, visit.start, visit.end) == (brought.role_id, brought.start, brought.end):
        return False
    lock_practitioners([visit.practitioner_id, _role(brought.role_id).practitioner_id])
    give_back(appointment_id)
    offer, held = _taken_there(appointment_id, brought)
    visit.same_day = SameDay.STAFF  # what the clinic has decided does not meet our rule of one a day
    give(actor, visit, held, offer)
    if visit.end != brought.end:
        visit.end = brought.end
        save_visit(visit)
    if visit.awaits == Awaits.NOBODY:
        _tell(actor, visit, "appointment.moved", by_clinic=1)
    return True


@command("Appointment.follow-status", roles={Role.SYSTEM})
def follow_status(*, actor: Actor, appointment_id: UUID, status: AppointmentStatus) -> bool:
    """Arrived, took place, did not come, cancelled: the clinic's people know, the portal follows."""
    visit = _locked(actor, appointment_id)
    if visit.status == status or visit.status == AppointmentStatus.CANCELLED:
        return False
    visit.status, visit.awaits = status, Awaits.NOBODY
    if status == AppointmentStatus.CANCELLED:
        visit.cancelled_at, visit.cancelled_by = Now(), Role.REGISTRAR.value
        end_care(actor, appointment_id)
    save_visit(visit)
    if status not in HOLDS_TIME:
        give_back(appointment_id)
    if status == AppointmentStatus.CANCELLED:
        _tell(actor, visit, "appointment.cancelled", by_clinic=1)
    return True


@command("Appointment.follow-return", roles={Role.SYSTEM})
def follow_return(*, actor: Actor, appointment_id: UUID, brought: Brought) -> bool:
    """Written down as arrived, over or missed by a slip, and taken back there: expected again, at the time it has here.

    Its time is taken again if it had been given back: `SlotTaken` while someone's visit is in the way.
    """
    visit = _locked(actor, appointment_id)
    if visit.status not in (AppointmentStatus.ARRIVED, AppointmentStatus.CHECKED_IN, *OVER):
        return False
    if visit.status not in HOLDS_TIME:
        _taken_there(appointment_id, replace(brought, role_id=visit.role_id, start=visit.start, end=visit.end))
    visit.status = AppointmentStatus.BOOKED
    save_visit(visit)
    return True


def put_in_charge(actor: Actor, role_id: UUID, master: str) -> PractitionerRole:
    """Inside a command: from now on the portal, or the clinic's own system, decides about this doctor's times.

    No visit is touched. To the portal: the weekly rules hold again. To the MIS: its times come with the next look
    there, and the visits that stand here are written down there (`schedule.handed-over`). Whether the MIS knows the
    doctor at all is for the room above to say.
    """
    role = own_role(actor, role_id)
    lock_practitioners([role.practitioner_id])
    if not PractitionerRole.objects.filter(pk=role_id).exclude(master=master).update(master=master):
        return role
    role.master = master
    if master == Master.PORTAL:
        rewrite_ahead(role)
    emit("schedule.handed-over", role_id=role_id)
    return role


def _locked(actor: Actor, appointment_id: UUID) -> Appointment:
    """The visit as it is now, with its patient's calendar to ourselves until commit."""
    mine = Appointment.objects.visible_to(actor)
    lock_patient(get_one(mine, pk=appointment_id).patient_id)
    visit: Appointment = get_one(mine.select_related("role__location", "organization"), pk=appointment_id)
    return visit


def _taken_there(appointment_id: UUID, brought: Brought) -> tuple[ServiceOffer, Occupancy]:
    """The doctor's time is taken already, so a hold gives way; a visit of ours does not (`SlotTaken`)."""
    held = Occupancy(
        practitioner_id=_role(brought.role_id).practitioner_id,
        role_id=brought.role_id,
        service_id=brought.service_id,
        mode=brought.mode,
        start=brought.start,
        end=brought.end,
        kind=Occupancy.Kind.BOOKED,
        owner=appointment_id,
    )
    lock_practitioners([held.practitioner_id])
    in_the_way = Occupancy.objects.filter(
        practitioner_id=held.practitioner_id, start__lt=held.end, end__gt=held.start, kind=Occupancy.Kind.HOLD
    )
    in_the_way.delete()
    try:
        with transaction.atomic():
            held.save(force_insert=True)
    except IntegrityError:
        raise SlotTaken from None
    return offer_of(held), held


def _role(role_id: UUID) -> PractitionerRole:
    return get_one(PractitionerRole.objects.all(), pk=role_id)


def _keep_only(visit: Appointment, occupancy_id: UUID) -> None:
    times = Occupancy.objects.filter(owner=visit.pk, kind=Occupancy.Kind.BOOKED)
    times.exclude(pk=occupancy_id).delete()
    times.update(replaces=None)


def _tell(actor: Actor, visit: Appointment, topic: str, **more: int) -> None:
    patient = get_one(Patient.objects.visible_to(actor), pk=visit.patient_id)
    who = {"patient_id": visit.patient_id, "recipient_id": recipient(actor, patient)}
    emit(topic, appointment_id=visit.pk, **who, **more)
