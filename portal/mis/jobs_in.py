"""Inbox at work: what the clinic's people did in the MIS appears on the portal, and its patient hears of it.

    changes since the cursor → inbox, cursor → each is read anew and followed → the doctor's times are read again
The order in which changes come does not matter: what is followed is how it stands there now.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from django.utils import timezone

from portal.kernel.actor import Actor
from portal.kernel.errors import PortalError
from portal.kernel.outbox import as_system
from portal.kernel.ports import PortFailure, PortUnknown
from portal.kernel.system_door import system_door
from portal.mis.leases import lease
from portal.mis.line import Line, line_of
from portal.mis.mapping import WrongMapping
from portal.mis.models import DirectoryRef, Drift, Incoming, Outgoing
from portal.mis.ports import TAKES_TIME, Capability, MisVisit, VisitStatus, Wanted
from portal.mis.selectors import (
    VisitHere,
    holds_between,
    object_of,
    role_of,
    service_for,
    verified_record,
    visit_here,
)
from portal.mis.selectors_sql import patient_of_ref, ref_digest
from portal.mis.services import drift, inbox, looks, outbox, past
from portal.people.models import Organization
from portal.scheduling import services as scheduling
from portal.scheduling.models import HOLDS_TIME, AppointmentStatus
from portal.scheduling.selectors_sql import patient_of_appointment

logger = logging.getLogger(__name__)
JOB = "mis.in"
BATCH = 50
SOON = timedelta(seconds=1)
SLOWEST = timedelta(minutes=10)
WINDOW = timedelta(days=1)  # where changes cannot be asked for, what begins from yesterday on is compared
FOLLOWED = {
    VisitStatus.ARRIVED,
    VisitStatus.CHECKED_IN,
    VisitStatus.FULFILLED,
    VisitStatus.NOSHOW,
    VisitStatus.CANCELLED,
    VisitStatus.ENTERED_IN_ERROR,
}
OVER = {VisitStatus.FULFILLED, VisitStatus.NOSHOW, VisitStatus.ENTERED_IN_ERROR}  # took place, or did not after all
STANDS = {VisitStatus.PENDING, VisitStatus.BOOKED}
OFF = {VisitStatus.CANCELLED, VisitStatus.ENTERED_IN_ERROR}


@dataclass(frozen=True, slots=True)
class Known:
    """Whose a visit of the MIS is here: an appointment of ours, or a patient of ours, or neither."""

    appointment_id: UUID | None
    patient_id: UUID | None
    is_new: bool = False


def pull(organization_id: UUID, line: Line, cursor: str) -> int:
    """Read what has changed and write it down, page by page. Returns how many changes are new."""
    count = 0
    if Capability.CHANGES not in line.mis.capabilities():
        now = timezone.now()
        until = now + timedelta(days=line.mapping.horizon_days)
        visits = line.call(line.mis.booked_between, now - WINDOW, until)
        return _take_in(organization_id, visits, None)
    while True:
        told = line.call(line.mis.changes_since, cursor)
        count += _take_in(organization_id, told.visits, told.cursor)
        cursor = told.cursor
        if told.is_all:
            return count


def _take_in(organization_id: UUID, visits: Sequence[MisVisit], cursor: str | None) -> int:
    with as_system(JOB) as trail:
        return inbox.take_in(actor=trail.actor, organization_id=organization_id, visits=visits, cursor=cursor)


def ask_booked(organization_id: UUID, patient_id: UUID) -> None:
    """What stands ahead at the patient's record there belonged to nobody here until it was sure whose record it is."""
    try:
        line = line_of(Organization.objects.values_list("slug", flat=True).get(pk=organization_id))
    except (LookupError, WrongMapping):
        return  # the comparison of the night brings it, once there is a line again
    with as_system(JOB) as trail:
        system_door(JOB, [patient_id])
        record = verified_record(trail.actor, patient_id=patient_id, organization_id=organization_id)
    if record is None:
        return
    now = timezone.now()
    visits = line.call(line.mis.booked_between, now, now + timedelta(days=line.mapping.horizon_days))
    refs = [visit.ref for visit in visits if visit.patient_ref == record.ref]
    with as_system(JOB) as trail:
        inbox.ask_again(actor=trail.actor, organization_id=organization_id, refs=refs)


def follow_due(organization_id: UUID | None = None) -> int:
    """Do a batch of what waits in the inbox. How many are done; none is no reason to go on at once."""
    with as_system(JOB) as trail:
        rows = inbox.claim(actor=trail.actor, most=BATCH, lease=lease(), organization_id=organization_id)
    return sum([_follow_one(row) for row in rows])


def _follow_one(row: Incoming) -> bool:
    """False: later once more."""
    try:
        line = line_of(row.organization.slug)
        visit = line.call(line.mis.get_visit, row.ref)
        if visit is not None and _is_twin(line, visit):
            _pass_over(row, visit)
        elif (now := _instead(line, row, visit) or visit) is not None:
            _follow(row, now, visit.version if visit else row.version)
        else:
            _vanished(row)
    except (PortFailure, PortUnknown) as error:
        return _later(row, error.code, counts=False)
    except (LookupError, WrongMapping):
        return _later(row, "wrong-mapping", counts=False)
    except PortalError as no:  # a visit of ours is in the way, the patient is busy then: perhaps not for long
        return _later(row, type(no).__name__)
    return True


def _is_twin(line: Line, visit: MisVisit) -> bool:
    """Written down twice for one visit of ours, and this one is not the one that counts: its end ends nothing here."""
    counts = outbox.ref_of_visit(visit.key) if visit.key else ""
    if counts in ("", visit.ref):
        return False
    if visit.status not in TAKES_TIME:
        return True
    other = line.call(line.mis.get_visit, counts)
    return other is not None and other.status in TAKES_TIME


def _instead(line: Line, row: Incoming, visit: MisVisit | None) -> MisVisit | None:
    """A MIS may move a visit by writing it down anew and dropping the old one: the new one is what is followed."""
    if (visit is not None and visit.status not in OFF) or Capability.KEYS not in line.mis.capabilities():
        return None
    key = outbox.appointment_of(row.organization_id, row.ref)
    if key is None:
        return None
    anyone = Wanted(key, doctor_ref="", patient_ref="", start=timezone.now(), end=timezone.now())
    found = line.call(line.mis.find_visits, anyone)
    return next((one for one in found if one.status in STANDS and one.ref != row.ref), None)


def _pass_over(row: Incoming, visit: MisVisit) -> None:
    """A twin that stands takes time until the nightly comparison cancels it."""
    with as_system(JOB) as trail:
        role_id = role_of(row.organization_id, visit.doctor_ref)
        if role_id:
            looks.look_soon(actor=trail.actor, role_id=role_id)
        inbox.done(actor=trail.actor, incoming_id=row.pk, version=visit.version[:100])


def _later(row: Incoming, code: str, *, counts: bool = True) -> bool:
    with as_system(JOB) as trail:
        pause = min(SOON * 2**row.attempts, SLOWEST)
        inbox.later(actor=trail.actor, incoming_id=row.pk, code=code, pause=pause, counts=counts)
    return False


def _follow(row: Incoming, visit: MisVisit, version: str) -> None:
    """Bring our copy in line with a visit of the MIS, in one transaction. `version`: of what the row is about."""
    clinic = row.organization_id
    with _open(clinic, visit) as (actor, known):
        if known.appointment_id and _is_ours_to_tell(known.appointment_id):
            inbox.later(actor=actor, incoming_id=row.pk, code="being-told", pause=SOON, counts=False)
            return
        role_id = role_of(clinic, visit.doctor_ref)
        if known.appointment_id and visit.status in OFF and outbox.was_lost_refiling(known.appointment_id):
            pass  # ended there by us, on its way to another record: it stands here until a person has looked
        elif known.appointment_id and not known.is_new:
            _follow_known(actor, clinic, known.appointment_id, role_id, visit)
        elif known.appointment_id and known.patient_id and role_id:
            _bring_in(actor, clinic, known.appointment_id, known.patient_id, role_id, visit)
        elif role_id:
            _end_holds(actor, role_id, visit)
        if role_id:
            looks.look_soon(actor=actor, role_id=role_id)
        if known.patient_id and visit.status in OVER:
            past.read_soon(actor=actor, organization_id=clinic, patient_id=known.patient_id)
        inbox.done(actor=actor, incoming_id=row.pk, version=version[:100])


def _is_ours_to_tell(appointment_id: UUID) -> bool:
    """A change of ours is under way: what the MIS says now may be older than that."""
    return Outgoing.objects.filter(appointment_id=appointment_id, state=Outgoing.State.WAITING).exists()


def _follow_known(actor: Actor, clinic: UUID, appointment_id: UUID, role_id: UUID | None, visit: MisVisit) -> None:
    here = visit_here(actor, appointment_id)
    if not here.is_theirs:
        return
    is_known = visit.patient_ref and here.patient_digests
    if is_known and ref_digest(clinic, visit.patient_ref) not in here.patient_digests:
        drift.note(actor=actor, organization_id=clinic, kind=Drift.Kind.PATIENT, visit=visit, here=here)
        return
    if visit.status != VisitStatus.UNDEFINED:
        drift.settle_met(actor=actor, appointment_id=appointment_id)
    outbox.keep_ref(
        actor=actor, organization_id=clinic, appointment_id=appointment_id, ref=visit.ref, version=visit.version
    )
    if visit.status == VisitStatus.UNDEFINED:
        drift.note(actor=actor, organization_id=clinic, kind=Drift.Kind.UNDEFINED, visit=visit, here=here)
    elif here.status == AppointmentStatus.CANCELLED:
        if visit.status in TAKES_TIME and visit.status not in FOLLOWED:  # the patient has cancelled: told again
            outbox.cause(actor=actor, organization_id=clinic, appointment_id=appointment_id)
    elif visit.status in FOLLOWED:
        scheduling.follow_status(
            actor=actor, appointment_id=appointment_id, status=AppointmentStatus(visit.status.value)
        )
    elif visit.status in STANDS and role_id and visit.start and visit.end:
        brought = _brought(clinic, role_id, visit, here)
        stands = here.status in HOLDS_TIME
        if visit.status == VisitStatus.BOOKED:
            stands |= scheduling.follow_return(actor=actor, appointment_id=appointment_id, brought=brought)
        if stands:
            scheduling.follow_move(actor=actor, appointment_id=appointment_id, brought=brought)


def _bring_in(
    actor: Actor, clinic: UUID, appointment_id: UUID, patient_id: UUID, role_id: UUID, visit: MisVisit
) -> None:
    """Written down at the clinic for a patient of ours. What is off, or over long since, is not brought in."""
    if visit.start is None or visit.end is None or visit.status not in TAKES_TIME - {VisitStatus.UNDEFINED}:
        return
    scheduling.bring_in(
        actor=actor,
        appointment_id=appointment_id,
        patient_id=patient_id,
        brought=_brought(clinic, role_id, visit, None),
        is_told=visit.status == VisitStatus.BOOKED and visit.start > timezone.now(),
    )
    outbox.keep_ref(
        actor=actor, organization_id=clinic, appointment_id=appointment_id, ref=visit.ref, version=visit.version
    )


def _end_holds(actor: Actor, role_id: UUID, visit: MisVisit) -> None:
    """Somebody has this time there: whoever holds it here hears of it now, not when all is filled in.

    What is pending there may be the same hold.
    """
    if visit.start and visit.end and visit.status in TAKES_TIME - {VisitStatus.PENDING}:
        for occupancy_id in holds_between(role_id, visit.start, visit.end):
            scheduling.lose_hold(actor=actor, occupancy_id=occupancy_id)


def _brought(clinic: UUID, role_id: UUID, visit: MisVisit, here: VisitHere | None) -> scheduling.Brought:
    if visit.start is None or visit.end is None:
        raise LookupError("a visit without a time")
    said = object_of(clinic, DirectoryRef.Kind.SERVICE, visit.service_ref) if visit.service_ref else None
    status = VisitStatus.BOOKED if visit.status == VisitStatus.PENDING else visit.status
    return scheduling.Brought(
        role_id=role_id,
        service_id=service_for(role_id, said or (here.service_id if here else None)),
        mode=here.mode if here else "in-person",
        start=visit.start,
        end=visit.end,
        status=AppointmentStatus(status.value),
    )


def _vanished(row: Incoming) -> None:
    """Deleted there: for us it is cancelled by the clinic."""
    with as_system(JOB) as trail:
        appointment_id = outbox.appointment_of(row.organization_id, row.ref)
        patient_id = patient_of_appointment(appointment_id) if appointment_id else None
        if appointment_id and patient_id:
            system_door(JOB, [patient_id])
            here = visit_here(trail.actor, appointment_id)
            if here.is_theirs and here.status in HOLDS_TIME and not _is_ours_to_tell(appointment_id):
                scheduling.follow_status(
                    actor=trail.actor, appointment_id=appointment_id, status=AppointmentStatus.CANCELLED
                )
                outbox.forget_ref(actor=trail.actor, appointment_id=appointment_id)
                drift.settle_met(actor=trail.actor, appointment_id=appointment_id)
        inbox.done(actor=trail.actor, incoming_id=row.pk, version=row.version)


@contextmanager
def _open(clinic: UUID, visit: MisVisit) -> Iterator[tuple[Actor, Known]]:
    """A transaction with the door open of whom this visit belongs to here, if to anybody."""
    with as_system(JOB) as trail:
        known = _known(clinic, visit)
        if known.patient_id:
            system_door(JOB, [known.patient_id])
        yield trail.actor, known


def _known(clinic: UUID, visit: MisVisit) -> Known:
    for candidate in (outbox.appointment_of(clinic, visit.ref), visit.key):
        if candidate and (patient_id := patient_of_appointment(candidate)):
            return Known(candidate, patient_id)
    patient_id = patient_of_ref(clinic, visit.patient_ref) if visit.patient_ref else None
    if patient_id is None:
        return Known(None, None)
    return Known(uuid5(NAMESPACE_URL, f"{clinic}|{visit.ref}"), patient_id, is_new=True)
