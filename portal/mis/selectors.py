"""Reads of the exchange: what a visit should be in the MIS, and what the clinic's people look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from portal.kernel.actor import Actor
from portal.mis.models import (
    DirectoryRef,
    Drift,
    Exchange,
    HoldRef,
    Incoming,
    Outgoing,
    PatientRef,
    RefusedTime,
    VisitRef,
)
from portal.mis.ports import Person
from portal.people.models import Contact, Master, Patient, PatientIdentifier, PractitionerRole, ServiceOffer
from portal.scheduling.errors import NotOffered
from portal.scheduling.models import HOLDS_TIME, Appointment, AppointmentStatus, Awaits, DaySheet, MisLine, Occupancy
from portal.scheduling.selectors import wish_of
from portal.scheduling.selectors_sql import database_now

MOST_SHOWN = 200
LONGEST_STEP = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Aim:
    """What the MIS should have of a visit, in refs of the MIS.

    known    ref of the visit there, "" when we know of none
    is_off   nothing of it is to stand there any more
    is_move  the visit stands already, at another time
    is_asked somebody waits for the answer; else the visit is agreed here and was handed over with its doctor
    is_over  the time has passed: too late to write it down
    """

    visit_id: UUID
    patient_id: UUID
    role_id: UUID
    known: str
    doctor_ref: str
    service_ref: str
    mode: str
    start: datetime
    end: datetime
    is_off: bool = False
    is_move: bool = False
    is_asked: bool = True
    is_over: bool = False
    occupancy_id: UUID | None = None  # of the hold that this time came from
    hold_ref: str = ""


def aim_of(actor: Actor, appointment_id: UUID, *, is_misfiled: bool = False) -> Aim | None:
    """What is to be done for this visit, read now behind its patient's door; None when nothing is.

    is_misfiled: what is agreed may stand there under a record that is not the patient's any more
    """
    visit = Appointment.objects.visible_to(actor).select_related("role").filter(pk=appointment_id).first()
    if visit is None:
        return None
    known = VisitRef.objects.filter(appointment_id=appointment_id).values_list("ref", flat=True).first() or ""
    aim = _aim(visit, wish_of(appointment_id), known)
    is_ours = visit.role.master == Master.PORTAL
    if visit.status not in HOLDS_TIME or (is_ours and not aim.is_move):
        return replace(aim, is_off=True) if visit.status == AppointmentStatus.CANCELLED or is_ours else None
    if aim.is_move or visit.awaits == Awaits.MIS:
        return aim
    is_agreed = not is_ours and visit.awaits == Awaits.NOBODY
    is_wanted = not known or (is_misfiled and visit.status == AppointmentStatus.BOOKED)
    return replace(aim, is_asked=False) if is_agreed and is_wanted else None


def standing_aim(actor: Actor, appointment_id: UUID) -> Aim:
    """Where the visit stands here, whatever is wished."""
    visit = Appointment.objects.visible_to(actor).select_related("role").get(pk=appointment_id)
    known = VisitRef.objects.filter(appointment_id=appointment_id).values_list("ref", flat=True).first() or ""
    return _aim(visit, None, known)


def _aim(visit: Appointment, wish: Occupancy | None, known: str) -> Aim:
    clinic = visit.organization_id
    role_id, start, end = visit.role_id, visit.start, visit.end
    service_id: UUID = visit.service_id
    if wish is not None:
        role_id, service_id, start = wish.role_id, wish.service_id or visit.service_id, wish.start
        end = start + (visit.end - visit.start) if service_id == visit.service_id else wish.end
    return Aim(
        visit_id=visit.pk,
        patient_id=visit.patient_id,
        role_id=role_id,
        known=known,
        doctor_ref=ref_of(clinic, DirectoryRef.Kind.DOCTOR, role_id),
        service_ref=ref_of(clinic, DirectoryRef.Kind.SERVICE, service_id),
        mode=wish.mode if wish else visit.mode,
        start=start,
        end=end,
        is_move=wish is not None,
        is_over=start <= database_now(),
        occupancy_id=wish.pk if wish else visit.pk,
        hold_ref=hold_ref_of(wish.pk if wish else visit.pk),
    )


def hold_ref_of(occupancy_id: UUID) -> str:
    """The hold that the MIS keeps for ours; a hold gives its id to the visit that it becomes."""
    return HoldRef.objects.filter(occupancy_id=occupancy_id).values_list("ref", flat=True).first() or ""


def held_time(occupancy_id: UUID) -> Occupancy | None:
    """A live hold, with what the MIS has to be asked with."""
    rows = Occupancy.objects.filter(pk=occupancy_id, kind=Occupancy.Kind.HOLD, expires_at__gt=Now())
    return rows.select_related("role__location", "role__organization", "service").first()


def holds_between(role_id: UUID, start: datetime, end: datetime) -> list[UUID]:
    """Live holds of a doctor's times."""
    held = Occupancy.objects.filter(role_id=role_id, kind=Occupancy.Kind.HOLD, start__lt=end, end__gt=start)
    return list(held.filter(expires_at__gt=Now()).values_list("pk", flat=True))


def lost_holds(organization_id: UUID) -> list[HoldRef]:
    """Kept there for nobody: here the hold was let go or has run out."""
    rows = list(HoldRef.objects.filter(organization_id=organization_id))
    live = Occupancy.objects.filter(pk__in=[row.occupancy_id for row in rows]).exclude(
        kind=Occupancy.Kind.HOLD, expires_at__lte=Now()
    )
    kept = set(live.values_list("pk", flat=True))
    return [row for row in rows if row.occupancy_id not in kept]


def standing_visits(actor: Actor, organization_id: UUID, patient_id: UUID) -> list[UUID]:
    """Ids of a patient's coming visits at doctors whose times are the MIS's, behind the open door."""
    rows = Appointment.objects.visible_to(actor).filter(
        patient_id=patient_id,
        organization_id=organization_id,
        role__master=Master.MIS,
        status__in=(AppointmentStatus.PENDING, AppointmentStatus.BOOKED),
        start__gt=Now(),
    )
    return list(rows.order_by("start").values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class Record:
    """Whose history may be read: the ref of a record that is surely the patient's."""

    ref: str
    digest: bytes


def verified_record(actor: Actor, **of: UUID) -> Record | None:
    """Of a link (`pk`), or of a patient and a clinic, behind the open door; None while nobody is sure whose it is."""
    link = PatientRef.objects.visible_to(actor).filter(**of, state=PatientRef.State.VERIFIED).first()
    return Record(str(link.ref), bytes(link.digest)) if link and link.ref and link.digest else None


def ref_of(organization_id: UUID, kind: str, object_id: UUID) -> str:
    """What the MIS calls a thing of ours; "" when it does not know it."""
    rows = DirectoryRef.objects.filter(organization_id=organization_id, kind=kind, object_id=object_id, gone_at=None)
    return rows.order_by("-valid_from").values_list("ref", flat=True).first() or ""


def object_of(organization_id: UUID, kind: str, ref: str) -> UUID | None:
    """What of ours the MIS means by this ref now."""
    rows = DirectoryRef.objects.filter(organization_id=organization_id, kind=kind, ref=ref, gone_at=None)
    return rows.values_list("object_id", flat=True).first()


def role_of(organization_id: UUID, doctor_ref: str) -> UUID | None:
    """The doctor whom the MIS means, where its word counts for this doctor's times."""
    role_id = object_of(organization_id, DirectoryRef.Kind.DOCTOR, doctor_ref)
    is_theirs = role_id is not None and PractitionerRole.objects.filter(pk=role_id, master=Master.MIS).exists()
    return role_id if is_theirs else None


def person_of(actor: Actor, patient_id: UUID) -> Person:
    """What the MIS is told of a patient, behind the open door."""
    patient = Patient.objects.visible_to(actor).get(pk=patient_id)
    contacts = Contact.objects.visible_to(actor).filter(
        patient_id=patient_id, kind=Contact.Kind.PHONE, verified_at__isnull=False, removed_at=None
    )
    numbers = {i.system: i.value for i in PatientIdentifier.objects.visible_to(actor).filter(patient_id=patient_id)}
    return Person(
        family_name=patient.family_name,
        given_name=patient.given_name,
        middle_name=patient.middle_name or "",
        birth_date=patient.birth_date,
        sex=patient.sex,
        phones=tuple(contact.value for contact in contacts),
        snils=numbers.get(PatientIdentifier.System.SNILS, ""),
        policy=numbers.get(PatientIdentifier.System.POLICY, ""),
    )


@dataclass(frozen=True, slots=True)
class VisitHere:
    """A visit of ours as the exchange compares it.

    is_theirs        the MIS decides about its doctor's times
    patient_digests  of the patient's records there, as far as known
    """

    appointment_id: UUID
    role_id: UUID
    is_theirs: bool
    service_id: UUID
    mode: str
    status: str
    start: datetime
    end: datetime
    patient_digests: frozenset[bytes]


def visit_here(actor: Actor, appointment_id: UUID) -> VisitHere:
    """Behind its patient's open door."""
    visit = Appointment.objects.visible_to(actor).select_related("role").get(pk=appointment_id)
    refs = PatientRef.objects.visible_to(actor).filter(
        patient_id=visit.patient_id, organization_id=visit.organization_id, digest__isnull=False
    )
    digests = refs.values_list("digest", "made_digest").first() or ()
    return VisitHere(
        appointment_id=visit.pk,
        role_id=visit.role_id,
        is_theirs=visit.role.master == Master.MIS,
        service_id=visit.service_id,
        mode=visit.mode,
        status=visit.status,
        start=visit.start,
        end=visit.end,
        patient_digests=frozenset(bytes(one) for one in digests if one),
    )


def service_for(role_id: UUID, wanted: UUID | None) -> UUID:
    """The wanted service if the doctor gives it, else what is offered first. `NotOffered` for a doctor without any."""
    offers = ServiceOffer.objects.filter(role_id=role_id).order_by(
        "-service__is_first_choice", "service__position", "service_id"
    )
    ids = list(offers.values_list("service_id", flat=True))
    if not ids:
        raise NotOffered
    return wanted if wanted in ids else ids[0]


def own_times(role_id: UUID, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """Our visits and holds at a doctor: taken in the MIS by us, so open here (occupancy says that they are taken)."""
    rows = _taking(role_id, since, until).exclude(kind=Occupancy.Kind.BLOCK)
    return list(rows.values_list("start", "end"))


def _taking(role_id: UUID, since: datetime, until: datetime) -> QuerySet[Occupancy]:
    """A hold that has run out takes nothing any more, whether its row is still there or not."""
    rows = Occupancy.objects.filter(role_id=role_id, start__lt=until, end__gt=since)
    return rows.exclude(kind=Occupancy.Kind.HOLD, expires_at__lte=Now())


def closed_times(role_id: UUID, since: datetime, until: datetime, after: int) -> list[tuple[datetime, datetime]]:
    """Times that the MIS calls free and has refused so often that they are not offered."""
    rows = RefusedTime.objects.filter(role_id=role_id, start__lt=until, end__gt=since, times__gte=after)
    return list(rows.values_list("start", "end"))


def waits_for_mis(actor: Actor, appointment_id: UUID) -> UUID | None:
    """The clinic whose MIS has to hear of this visit, behind its patient's open door; None when none has to."""
    visit = Appointment.objects.visible_to(actor).select_related("role").filter(pk=appointment_id).first()
    if visit is None or not Exchange.objects.filter(organization_id=visit.organization_id).exists():
        return None
    is_theirs = visit.role.master == Master.MIS or wish_of(appointment_id) is not None
    is_known = VisitRef.objects.filter(appointment_id=appointment_id).exists()
    return visit.organization_id if is_theirs or is_known else None


@dataclass(frozen=True, slots=True)
class Times:
    """A visit of ours without its person: when and at whom."""

    appointment_id: UUID
    role_id: UUID
    start: datetime
    end: datetime


def times_of_clinic(organization_id: UUID, since: datetime, until: datetime) -> list[Times]:
    """Booked times of the doctors whose master is the MIS; a time that is only wished for is not among them."""
    rows = Occupancy.objects.filter(
        role__organization_id=organization_id,
        role__master=Master.MIS,
        kind=Occupancy.Kind.BOOKED,
        replaces=None,
        start__gte=since,
        start__lt=until,
    )
    return [Times(*row) for row in rows.values_list("owner", "role_id", "start", "end")]


def mis_roles(organization_id: UUID) -> list[PractitionerRole]:
    """The doctors of a clinic whose times are the MIS's."""
    rows = PractitionerRole.objects.filter(organization_id=organization_id, is_active=True, master=Master.MIS)
    return list(rows.select_related("location").order_by("pk"))


def free_here(role: PractitionerRole, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """Stretches that are offered of one doctor and begin then: steps of the day sheets that nothing occupies."""
    taken = list(_taking(role.pk, since, until + LONGEST_STEP).values_list("start", "end"))
    found = []
    for sheet in DaySheet.objects.filter(role=role, start__lt=until, end__gt=since):
        step, at = timedelta(minutes=sheet.step_minutes), sheet.start
        while at + step <= sheet.end and at < until:
            if since <= at and not any(start < at + step and end > at for start, end in taken):
                found.append((at, at + step))
            at += step
    return found


def drifts(organization_id: UUID) -> list[Drift]:
    """Differences that stand, the nearest first."""
    rows = Drift.objects.filter(organization_id=organization_id, settled_at=None)
    return list(rows.select_related("role__location", "role__practitioner").order_by("start", "kind", "key"))


@dataclass(frozen=True, slots=True)
class State:
    """A clinic's exchange at a glance. `pressed`: what a person has to look at."""

    exchange: Exchange
    line: MisLine
    waiting: int
    dead_out: list[Outgoing]
    dead_in: list[Incoming]
    drifts: list[Drift]

    @property
    def pressed(self) -> int:
        return len(self.dead_out) + len(self.dead_in)


def state_of(organization_id: UUID) -> State | None:
    """None where no system is connected."""
    exchange = Exchange.objects.filter(organization_id=organization_id).first()
    line = MisLine.objects.filter(organization_id=organization_id).first()
    if exchange is None or line is None:
        return None
    out = Outgoing.objects.filter(organization_id=organization_id)
    into = Incoming.objects.filter(organization_id=organization_id)
    return State(
        exchange=exchange,
        line=line,
        waiting=out.filter(state=Outgoing.State.WAITING).count() + into.filter(state=Incoming.State.WAITING).count(),
        dead_out=list(out.filter(state=Outgoing.State.DEAD).order_by("created_at")[:MOST_SHOWN]),
        dead_in=list(into.filter(state=Incoming.State.DEAD).order_by("seen_at")[:MOST_SHOWN]),
        drifts=drifts(organization_id)[:MOST_SHOWN],
    )


def doctors_of(organization_id: UUID) -> tuple[list[PractitionerRole], list[PractitionerRole]]:
    """Doctors of the clinic about whose times either side may decide, and those whom the MIS does not list."""
    refs = DirectoryRef.objects.filter(kind=DirectoryRef.Kind.DOCTOR, gone_at=None, object_id=OuterRef("pk"))
    rows = PractitionerRole.objects.filter(organization_id=organization_id, is_active=True)
    known = rows.annotate(is_known=Exists(refs)).select_related("practitioner", "specialty", "location")
    named, either = known.order_by("practitioner__family_name_ru", "pk"), Q(is_known=True) | Q(master=Master.MIS)
    return list(named.filter(either)), list(named.exclude(either))


def unlinked(organization_id: UUID) -> list[DirectoryRef]:
    """Things of the MIS that nothing of ours matches."""
    rows = DirectoryRef.objects.filter(organization_id=organization_id, object_id=None, gone_at=None)
    return list(rows.order_by("kind", "said")[:MOST_SHOWN])


def unmatched(actor: Actor) -> list[tuple[PatientRef, Patient]]:
    """Whom the reception has to look at, behind their open doors."""
    refs = PatientRef.objects.visible_to(actor).filter(organization_id=actor.clinic, state=PatientRef.State.UNVERIFIED)
    people = {person.pk: person for person in Patient.objects.visible_to(actor)}
    return [(ref, people[ref.patient_id]) for ref in refs.order_by("created_at")]
