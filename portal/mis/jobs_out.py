"""Outbox at work: what the MIS has to hear of is claimed, brought across, settled. Safe to be killed anywhere.

    claim → look what is to be done → who is the patient there → look there, write, read back → settle
Killed in between, the lease runs out and the next one begins by looking there for the portal's own id.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import connections
from django.utils import timezone

from portal.kernel.actor import Actor
from portal.kernel.outbox import as_system
from portal.kernel.ports import PortFailure, PortUnknown
from portal.kernel.system_door import system_door
from portal.mis.carry import Word, bring, withdraw
from portal.mis.leases import lease
from portal.mis.line import Line, line_of
from portal.mis.mapping import WrongMapping
from portal.mis.matching import match
from portal.mis.ports import (
    TAKES_TIME,
    Capability,
    KnownPatient,
    MisFailure,
    MisUnknown,
    MisVisit,
    PatientUnknown,
    RuleViolation,
    TimeTaken,
    VisitStatus,
    Wanted,
)
from portal.mis.selectors import Aim, aim_of, person_of, standing_aim
from portal.mis.services import exchange, outbox, patients
from portal.mis.services.outbox import ClaimLost, Task
from portal.scheduling import services as scheduling
from portal.scheduling.errors import OneADay, PatientBusy
from portal.scheduling.selectors_sql import patient_of_appointment

logger = logging.getLogger(__name__)
JOB = "mis.out"
BATCH, THREADS = 32, 8
NOW, SOON = timedelta(0), timedelta(seconds=1)
AWHILE, SLOWEST = timedelta(seconds=5), timedelta(minutes=5)


class SomeoneLooks(MisFailure):
    """Another worker is finding out who this patient is there."""

    def __init__(self) -> None:
        super().__init__("patient-claimed")


def post_due(among: Sequence[UUID] | None = None) -> int:
    """Claim a batch and bring it across, a few at once. How many there were."""
    with as_system(JOB) as trail:
        tasks = outbox.claim(actor=trail.actor, most=BATCH, lease=lease(), among=among)
    if len(tasks) == 1:
        carry_one(tasks[0])
    elif tasks:
        with ThreadPoolExecutor(min(THREADS, len(tasks)), thread_name_prefix="mis") as pool:
            list(pool.map(_in_thread, tasks))
    return len(tasks)


def _in_thread(task: Task) -> None:
    try:
        carry_one(task)
    finally:
        connections.close_all()


def carry_one(task: Task) -> None:
    """One claimed task, to its end or to a later attempt. Whoever lost the claim changes nothing any more."""
    try:
        _carry(task)
    except ClaimLost:
        logger.warning("mis claim lost", extra={"appointment": str(task.appointment_id)})


def _carry(task: Task) -> None:
    try:
        line = line_of(task.slug)
        with _open(task) as actor:
            aim = aim_of(actor, task.appointment_id, is_misfiled=task.is_misfiled)
        if aim is None:
            _done(task)
        elif aim.is_off:
            _take_back(line, task, aim)
        elif aim.is_asked or not aim.known or _may_refile(line, task, aim):
            _bring(line, task, aim)
    except (LookupError, WrongMapping) as wrong:
        _later(task, "wrong-mapping", timedelta(minutes=1), counts=False)
        logger.error("mis mapping", extra={"clinic": task.slug, "why": str(wrong)})
    except (PortFailure, PortUnknown) as error:
        _postpone(task, error)


def _bring(line: Line, task: Task, aim: Aim) -> None:
    try:
        if not aim.doctor_ref:
            raise RuleViolation("doctor-unknown", "the doctor is not in the directory of the MIS")
        if aim.is_over and not (aim.known or task.written_at):
            raise TimeTaken("the time has passed")
        wanted = _wanted(aim, _patient_there(line, task, aim))
        word = _look_and_write(line, task, aim, wanted)
    except (TimeTaken, RuleViolation) as no:
        _refused(task, aim, no.code)
        return
    except PatientUnknown:
        with _open(task) as actor:  # merged or deleted there: found out anew next time
            patients.forget_ref(actor=actor, organization_id=task.organization_id, patient_id=aim.patient_id)
        raise
    if word.refused:
        _refused(task, aim, word.code, word)
    else:
        _agreed(line, task, aim, wanted, word)


def _may_refile(line: Line, task: Task, aim: Aim) -> bool:
    """Agreed long since, and perhaps under a record that is not the patient's: does it stand there as it stands here?

    Whoever has come is seen under the old record; what was cancelled there meanwhile is not written down again.
    """
    if task.written_at is not None:
        return True
    there = line.call(line.mis.get_visit, aim.known)
    if there is None or there.status not in TAKES_TIME:
        _refused(task, aim, "gone")
        return False
    if there.status not in (VisitStatus.BOOKED, VisitStatus.PENDING) or aim.is_over:
        _done(task)
        return False
    return True


def _wanted(aim: Aim, patient_ref: str) -> Wanted:
    return Wanted(
        key=aim.visit_id,
        doctor_ref=aim.doctor_ref,
        patient_ref=patient_ref,
        start=aim.start,
        end=aim.end,
        service_ref=aim.service_ref,
        mode=aim.mode,
        hold_ref=aim.hold_ref,
    )


def _look_and_write(line: Line, task: Task, aim: Aim, wanted: Wanted) -> Word:
    is_unsure = task.written_at is not None
    rest = timedelta(seconds=line.mapping.timeouts.unknown)
    may_write = task.written_at is None or timezone.now() - task.written_at >= rest
    writing = partial(_note_writing, task)
    return bring(line, wanted, aim.known, is_unsure=is_unsure, may_write=may_write, writing=writing)


def _note_writing(task: Task) -> None:
    with as_system(JOB) as trail:
        outbox.note_writing(actor=trail.actor, task=task, lease=lease())


def _agreed(line: Line, task: Task, aim: Aim, wanted: Wanted, word: Word) -> None:
    there = word.visit
    if there is None:
        raise MisUnknown("nothing-there")
    try:
        with _open(task) as actor:
            _keep_ref(actor, task, aim, there)
            settle = scheduling.settle_moved if aim.is_move else scheduling.settle_booked
            settle(actor=actor, appointment_id=aim.visit_id)
            if aim.occupancy_id and aim.hold_ref == there.ref:  # what was held there is what is booked there
                outbox.forget_holds(actor=actor, occupancy_ids=[aim.occupancy_id])
            outbox.done(actor=actor, task=task)
    except (PatientBusy, OneADay):  # the person took another visit at that time meanwhile: back to where it was
        _move_back(line, task, aim, wanted)


def _keep_ref(actor: Actor, task: Task, aim: Aim, there: MisVisit) -> None:
    outbox.keep_ref(
        actor=actor,
        organization_id=task.organization_id,
        appointment_id=aim.visit_id,
        ref=there.ref,
        version=there.version,
    )


def _move_back(line: Line, task: Task, aim: Aim, wanted: Wanted) -> None:
    with _open(task) as actor:
        scheduling.refuse_move(actor=actor, appointment_id=aim.visit_id)
        old = standing_aim(actor, aim.visit_id)
    word = bring(
        line, _wanted(old, wanted.patient_ref), old.known, is_unsure=True, writing=partial(_note_writing, task)
    )
    if word.refused:
        _later(task, "patient-busy", SOON, is_hopeless=True)
        return
    _done(task)


def _refused(task: Task, aim: Aim, code: str, word: Word | None = None) -> None:
    """Whoever waits for the answer hears it; what was agreed here is for a person to sort out."""
    with _open(task) as actor:
        if aim.role_id and code == "time-taken" and not aim.is_over:
            outbox.note_refused(actor=actor, role_id=aim.role_id, start=aim.start, end=aim.end)
        if word and word.visit and word.visit.ref != aim.known:
            _keep_ref(actor, task, aim, word.visit)
        if not aim.is_asked:
            outbox.later(actor=actor, task=task, code=code, pause=SOON, is_hopeless=True)
            return
        refuse = scheduling.refuse_move if aim.is_move else scheduling.refuse_booking
        refuse(actor=actor, appointment_id=aim.visit_id)
        is_misfiled = task.is_misfiled
        if aim.is_move and aim_of(actor, aim.visit_id, is_misfiled=is_misfiled):  # the visit itself waits still
            outbox.later(actor=actor, task=task, code="", pause=NOW, counts=False)
        else:
            outbox.done(actor=actor, task=task)
    logger.info("mis refused", extra={"appointment": str(aim.visit_id), "why": code})


def _take_back(line: Line, task: Task, aim: Aim) -> None:
    """Cancelled here: nothing stands there afterwards, then the time is free here too.

    Or the doctor's times are the portal's now: the visit stands here alone, agreed by the portal.
    """
    with _open(task) as actor:
        known = patients.ref_there(actor, organization_id=task.organization_id, patient_id=aim.patient_id)
    rest = timedelta(seconds=line.mapping.timeouts.unknown)
    withdraw(line, _wanted(aim, known), aim.known, writing=partial(_note_writing, task))
    if task.written_at and timezone.now() - task.written_at < rest and not aim.known:
        raise MisUnknown("not-yet", "a booking that was sent may still arrive")
    with _open(task) as actor:
        outbox.forget_ref(actor=actor, appointment_id=aim.visit_id)
        scheduling.release_time(actor=actor, appointment_id=aim.visit_id)
        scheduling.settle_booked(actor=actor, appointment_id=aim.visit_id)
        scheduling.refuse_move(actor=actor, appointment_id=aim.visit_id)
        outbox.done(actor=actor, task=task)


# Who is the patient there ------------------------------------------------------------------------------------------


def _patient_there(line: Line, task: Task, aim: Aim) -> str:
    """The ref of the patient's record; found or made now if nobody has yet."""
    with _open(task) as actor:
        claim = patients.claim_ref(actor=actor, organization_id=task.organization_id, patient_id=aim.patient_id)
        person = person_of(actor, aim.patient_id) if claim.since else None
    if person is None:
        if not claim.ref:
            raise SomeoneLooks
        return claim.ref
    try:
        found = line.call(line.mis.find_patients, person)
        told = match(person, aim.patient_id, found)
        if told.sure and _link(task, aim, told.sure, told.by):
            return told.sure.ref
        if Capability.PATIENTS not in line.mis.capabilities():
            raise RuleViolation("patient-unknown", "the MIS takes no new patients from us")
        with _open(task) as actor:
            patients.note_creating(
                actor=actor, organization_id=task.organization_id, patient_id=aim.patient_id, claim=claim
            )
        made = line.call(line.mis.create_patient, person, key=aim.patient_id)
        others = [told.sure, *told.candidates] if told.sure else told.candidates  # sure, yet another patient's of ours
        in_doubt = [one for one in others if one.ref != made.ref]
        _link(task, aim, made, "created", in_doubt)
        return made.ref
    except (PortFailure, PortUnknown) as error:
        unknown = line.mapping.timeouts.unknown if isinstance(error, PortUnknown) else 0  # a record may still be made
        with _open(task) as actor:
            patients.let_go(
                actor=actor,
                organization_id=task.organization_id,
                patient_id=aim.patient_id,
                claim=claim,
                after=timedelta(seconds=unknown),
            )
        raise


def _link(task: Task, aim: Aim, found: KnownPatient, by: str, candidates: Sequence[KnownPatient] = ()) -> bool:
    with _open(task) as actor:
        return patients.link(
            actor=actor,
            organization_id=task.organization_id,
            patient_id=aim.patient_id,
            found=found,
            by=by,
            candidates=candidates,
        )


# Later -------------------------------------------------------------------------------------------------------------


def _postpone(task: Task, error: PortFailure | PortUnknown) -> None:
    """What a pause helps against waits; what only a person can help is noted, and the line with it."""
    stops = isinstance(error, PortFailure) and error.stops_provider
    counts = not (stops or isinstance(error, SomeoneLooks) or error.code in exchange.AWAY)
    _later(task, error.code, _pause(task, error), counts=counts)
    if stops:
        with as_system(JOB) as trail:
            exchange.note_trouble(
                actor=trail.actor, organization_id=task.organization_id, code=error.code, detail=error.detail
            )


def _pause(task: Task, error: PortFailure | PortUnknown) -> timedelta:
    if isinstance(error, MisUnknown):
        return timedelta(seconds=line_of(task.slug).mapping.timeouts.unknown)
    if isinstance(error, SomeoneLooks):
        return SOON
    return AWHILE if error.code in exchange.AWAY else min(SOON * 2 ** min(task.attempts, 9), SLOWEST)


def _later(task: Task, code: str, pause: timedelta, *, counts: bool = True, is_hopeless: bool = False) -> None:
    with as_system(JOB) as trail:
        outbox.later(actor=trail.actor, task=task, code=code, pause=pause, counts=counts, is_hopeless=is_hopeless)


def _done(task: Task) -> None:
    with as_system(JOB) as trail:
        outbox.done(actor=trail.actor, task=task)


@contextmanager
def _open(task: Task) -> Iterator[Actor]:
    """A transaction with the door of the visit's patient open."""
    with as_system(JOB) as trail:
        patient_id = patient_of_appointment(task.appointment_id)
        if patient_id is not None:
            system_door(JOB, [patient_id])
        yield trail.actor
