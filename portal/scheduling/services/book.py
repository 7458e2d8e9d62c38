"""Holds become appointments: one transaction, or nothing. What was held together is booked together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from psycopg.types.range import TimestamptzRange

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.outbox import emit
from portal.people.compartment import open_own_doors
from portal.people.models import CareTeam, Master, Online, Patient, PatientAtOrganization, Payer, ServiceOffer
from portal.scheduling.errors import (
    AgeNotServed,
    HoldOver,
    MisAway,
    NotOffered,
    OneADay,
    PatientBusy,
    PayerNotServed,
    ReferralNeeded,
)
from portal.scheduling.models import (
    Appointment,
    AppointmentStatus,
    Awaits,
    BookingPolicy,
    MisLine,
    Occupancy,
    SameDay,
)
from portal.scheduling.selectors import holds_of, policy_of
from portal.scheduling.selectors_sql import database_now, lock_patient, lock_practitioners

TOPICS: dict[str, str] = {
    Awaits.NOBODY: "appointment.booked",
    Awaits.CLINIC: "appointment.requested",
    Awaits.MIS: "appointment.submitted",
}
CARE_AFTER_VISIT = timedelta(days=30)  # the doctor writes up, sees results, answers


@dataclass(frozen=True, slots=True)
class Terms:
    """What the person adds to the chosen times. `same_day_reason` is the staff's word to allow a second visit a day."""

    comment: str = ""
    payer: str = Payer.SELF
    referral: str = ""
    same_day_reason: str = ""


@command("Appointment.book", roles={Role.PATIENT, Role.REGISTRAR})
def book_appointment(
    *, actor: Actor, patient_id: UUID, hold_id: UUID, owner: UUID, terms: Terms | None = None
) -> Appointment:
    """Turn the browser's hold into a visit of `patient_id`.

    `HoldOver` when the ten minutes are over, `PatientBusy` when the person has another visit then, `OneADay`,
    `AgeNotServed`, `PayerNotServed`, `ReferralNeeded`, and `NotFound` for a patient who is not the actor's.
    """
    return book_held(actor, patient_id, hold_id, owner, terms or Terms())[0]


@command("Appointment.book-together", roles={Role.PATIENT, Role.REGISTRAR})
def book_together(
    *, actor: Actor, patient_id: UUID, batch: UUID, owner: UUID, terms: Terms | None = None
) -> list[Appointment]:
    """Turn all holds of a batch into visits, or none. Errors as `book_appointment`."""
    return book_held(actor, patient_id, batch, owner, terms or Terms())


def book_held(
    actor: Actor, patient_id: UUID, batch: UUID, owner: UUID, terms: Terms, *, to: UUID | None = None
) -> list[Appointment]:
    """Inside a command: all holds of a batch become visits, or none. `to`: who is told, if that is settled."""
    open_door(actor, [patient_id], purpose="booking")
    patient = get_one(Patient.objects.visible_to(actor), id=patient_id)
    lock_patient(patient_id)
    holds = claim(batch, owner)
    offers = offers_of(holds)
    for hold, offer in zip(holds, offers, strict=True):
        check_rules(patient, offer, hold, terms)
    visits = _visits(actor, patient_id, holds, offers, terms)
    insert(visits)
    to = to or recipient(actor, patient)
    for visit, offer in zip(visits, offers, strict=True):
        join_care_team(visit, offer.role.department)
        emit(TOPICS[visit.awaits], appointment_id=visit.pk, patient_id=patient_id, recipient_id=to)
    return visits


def claim(batch: UUID, owner: UUID, *, as_owner: UUID | None = None, is_wish: bool = False) -> list[Occupancy]:
    """Conditional UPDATE: every hold of the batch is this owner's and alive, or `HoldOver`.

    One hold makes one appointment and gives it its id: pressing the button twice leads to the same visit. A hold that
    moves a visit takes that visit's id as its owner instead; a wish goes on naming what it replaces, until the
    clinic's system has agreed.
    """
    holds = holds_of(batch, owner)
    lock_practitioners(hold.practitioner_id for hold in holds)  # an UPDATE meets the constraint as an INSERT does
    live = Occupancy.objects.filter(batch=batch, owner=owner, kind=Occupancy.Kind.HOLD, expires_at__gt=Now())
    taken = live.update(
        kind=Occupancy.Kind.BOOKED,
        owner=as_owner or F("id"),
        expires_at=None,
        holder=None,
        replaces=F("replaces") if is_wish else None,
    )
    if not holds or taken != len(holds):
        raise HoldOver
    return holds


def offers_of(holds: Sequence[Occupancy]) -> list[ServiceOffer]:
    """The offer of each hold, in their order; `NotOffered` when one has been withdrawn meanwhile."""
    rows = ServiceOffer.objects.select_related("service", "role__location", "role__practitioner").filter(
        role_id__in={hold.role_id for hold in holds}, service_id__in={hold.service_id for hold in holds}
    )
    known = {(offer.role_id, offer.service_id): offer for offer in rows}
    try:
        return [known[hold.role_id, hold.service_id] for hold in holds if hold.service_id]
    except KeyError:
        raise NotOffered from None


def offer_of(hold: Occupancy) -> ServiceOffer:
    return offers_of([hold])[0]


def check_rules(patient: Patient, offer: ServiceOffer, hold: Occupancy, terms: Terms) -> None:
    """What the clinic asks of this visit: age, who pays, a referral."""
    if hold.replaces:
        raise NotOffered  # a hold that moves a visit books nothing new
    if not offer.serves(patient.age_on(local_date(hold, offer))):
        raise AgeNotServed
    if terms.payer not in offer.service.payers:
        raise PayerNotServed
    if offer.service.needs_referral and not terms.referral:
        raise ReferralNeeded
    require_line(offer)


def require_line(offer: ServiceOffer) -> None:
    """`MisAway` while the clinic's system is the master, is away, and the clinic takes no requests meanwhile."""
    if offer.role.master == Master.MIS:
        line = MisLine.objects.filter(organization_id=offer.role.organization_id).first()
        if line and line.is_closed:
            raise MisAway


def local_date(hold: Occupancy, offer: ServiceOffer):  # type: ignore[no-untyped-def]
    return hold.start.astimezone(ZoneInfo(offer.role.location.zone)).date()


def _visits(
    actor: Actor, patient_id: UUID, holds: Sequence[Occupancy], offers: Sequence[ServiceOffer], terms: Terms
) -> list[Appointment]:
    policy = policy_of(offers[0].role.organization_id)
    visits: list[Appointment] = []
    for hold, offer in zip(holds, offers, strict=True):
        visit = Appointment(
            id=hold.pk,
            patient_id=patient_id,
            organization_id=offer.role.organization_id,
            comment=terms.comment or None,
            payer=terms.payer,
            referral=terms.referral or None,
            batch=hold.batch if len(holds) > 1 else None,
        )
        put(visit, hold, offer)
        visit.status, visit.awaits = standing_for(actor, offer)
        visit.same_day = _why_same_day(actor, visit, visits, policy, terms)
        visit.same_day_reason = terms.same_day_reason if visit.same_day == SameDay.STAFF else None
        visits.append(visit)
    return visits


def put(visit: Appointment, hold: Occupancy, offer: ServiceOffer) -> None:
    """Place and time of a visit, from the hold that won it."""
    visit.location_id, visit.specialty_id = offer.role.location_id, offer.role.specialty_id
    visit.practitioner_id, visit.role_id = hold.practitioner_id, hold.role_id
    visit.service_id, visit.price = offer.service_id, offer.price
    visit.mode, visit.start = hold.mode, hold.start
    visit.end = hold.start + timedelta(minutes=offer.minutes)
    visit.local_date = local_date(hold, offer)
    visit.room = hold.room


def standing_for(actor: Actor, offer: ServiceOffer) -> tuple[AppointmentStatus, Awaits]:
    """What the clinic wants to look at first waits for it; where its own system is the master, that must agree.

    What the clinic's people write down on the portal is agreed by them, and by nobody else.
    """
    if offer.service.online == Online.REQUEST and not actor.is_staff:
        return AppointmentStatus.PENDING, Awaits.CLINIC
    if offer.role.master == Master.MIS:
        return AppointmentStatus.PENDING, Awaits.MIS
    return AppointmentStatus.BOOKED, Awaits.NOBODY


def _why_same_day(
    actor: Actor, visit: Appointment, earlier: Sequence[Appointment], policy: BookingPolicy, terms: Terms
) -> str:
    if not policy.is_one_a_day:
        return SameDay.POLICY
    if actor.is_staff and terms.same_day_reason:
        return SameDay.STAFF
    twin = (visit.specialty_id, visit.local_date)
    return SameDay.TOGETHER if any((v.specialty_id, v.local_date) == twin for v in earlier) else ""


def insert(visits: Sequence[Appointment]) -> None:
    """Inside a command: new visits, or which of the patient's two constraints refuses them."""
    try:
        with transaction.atomic():
            for visit in visits:
                visit.save(force_insert=True)
    except IntegrityError as refused:
        raise refusal(refused) from None


def refusal(error: IntegrityError) -> Exception:
    """Which of the patient's two constraints spoke."""
    diagnostic = getattr(error.__cause__, "diag", None)
    return OneADay() if getattr(diagnostic, "constraint_name", "") == "one_visit_a_day" else PatientBusy()


def recipient(actor: Actor, patient: Patient) -> UUID:
    """Whose contacts hear of it: a representative's own when they act for someone, else the patient's."""
    if actor.role != Role.PATIENT or patient.user_id == actor.user_id:
        return patient.pk
    open_own_doors(actor, purpose="booking")
    return get_one(Patient.objects.visible_to(actor), user_id=actor.user_id).pk


def join_care_team(appointment: Appointment, department: str) -> None:
    """Inside a command: the doctor, and the department, may see this person from now on."""
    become_patient_of(appointment.organization_id, appointment.patient_id)
    CareTeam(
        patient_id=appointment.patient_id,
        organization_id=appointment.organization_id,
        practitioner_id=appointment.practitioner_id,
        department=department,
        appointment_id=appointment.pk,
        period=care_period(appointment),
    ).save(force_insert=True)


def become_patient_of(organization_id: UUID, patient_id: UUID) -> None:
    """Inside a command: from now on the clinic's reception knows this person."""
    one = PatientAtOrganization(patient_id=patient_id, organization_id=organization_id)
    PatientAtOrganization.objects.bulk_create([one], ignore_conflicts=True)


def care_period(appointment: Appointment) -> TimestamptzRange:
    return TimestamptzRange(database_now(), appointment.end + CARE_AFTER_VISIT)
