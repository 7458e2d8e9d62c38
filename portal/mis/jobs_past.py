"""Visits that took place: read of verified records alone, a few at a time, and shown to whose they are.

claim → whose record is it, surely? → read → still theirs? → taken over; again at night
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from django.utils import timezone

from portal.kernel.outbox import as_system
from portal.kernel.ports import PortFailure, PortUnknown
from portal.kernel.system_door import system_door
from portal.mis.leases import lease
from portal.mis.line import Line
from portal.mis.mapping import Mapping
from portal.mis.models import DirectoryRef, PastLook
from portal.mis.ports import Capability, PastVisit
from portal.mis.selectors import Record, object_of, verified_record
from portal.mis.selectors_sql import past_visit_digest, patient_of_link
from portal.mis.services import past
from portal.mis.services.outbox import appointment_of
from portal.scheduling import services as scheduling

logger = logging.getLogger(__name__)
JOB = "mis.past"
BATCH = 10  # one after another, each turn of the clinic: about two reads a second at most
SOON, SLOWEST = timedelta(seconds=5), timedelta(days=1)
NIGHT = time(1)  # where the clinic is
SPREAD = 4 * 3600  # seconds from then on, so that not all are due at once


@dataclass(frozen=True, slots=True)
class Read:
    """What is read: of whom here, of which record there. `since`: from when on."""

    patient_id: UUID
    record: Record
    since: datetime


def read_due(organization_id: UUID, line: Line) -> int:
    """Read a few of those that are due of one clinic. How many there were."""
    if Capability.VISITS not in line.mis.capabilities():
        return 0
    with as_system(JOB) as trail:
        rows = past.claim_pasts(actor=trail.actor, organization_id=organization_id, most=BATCH, lease=lease())
    for row in rows:
        _read_one(line, row)
    return len(rows)


def _read_one(line: Line, row: PastLook) -> None:
    """One that cannot be read now holds up none of the others."""
    read = _begin(line, row)
    if read is None:
        return
    try:
        visits = line.call(line.mis.list_visits, read.record.ref, read.since)
    except (PortFailure, PortUnknown) as error:
        logger.info("mis past", extra={"look": str(row.pk), "why": error.code})
        with as_system(JOB) as trail:
            pause = min(SOON * 2 ** min(row.attempts, 20), SLOWEST)
            past.past_later(actor=trail.actor, look_id=row.pk, pause=pause)
        return
    _take_over(line, row, read, visits)


def _begin(line: Line, row: PastLook) -> Read | None:
    """Whose it is and surely so; where nobody is sure any more, what was read goes."""
    with as_system(JOB) as trail:
        patient_id = patient_of_link(row.link_id)
        if patient_id is None:
            past.end_past(actor=trail.actor, look_id=row.pk)
            return None
        system_door(JOB, [patient_id])
        record = verified_record(trail.actor, pk=row.link_id)
        if record is None:
            scheduling.take_over_encounters(
                actor=trail.actor, patient_id=patient_id, organization_id=row.organization_id, told=[], since=None
            )
            past.end_past(actor=trail.actor, look_id=row.pk)
            return None
    return Read(patient_id, record, timezone.now() - timedelta(days=line.mapping.history_days))


def _take_over(line: Line, row: PastLook, read: Read, visits: list[PastVisit]) -> None:
    """Of another record than last time nothing old is kept."""
    with as_system(JOB) as trail:
        system_door(JOB, [read.patient_id])
        if verified_record(trail.actor, pk=row.link_id) != read.record:  # changed while it was read: once more, at once
            past.past_later(actor=trail.actor, look_id=row.pk, pause=timedelta())
            return
        is_same = row.digest is not None and bytes(row.digest) == read.record.digest
        told = [_took_place(row.organization_id, line.mapping, one) for one in visits]
        taken = scheduling.take_over_encounters(
            actor=trail.actor,
            patient_id=read.patient_id,
            organization_id=row.organization_id,
            told=told,
            since=read.since if is_same else None,
        )
        past.past_read(
            actor=trail.actor, look_id=row.pk, digest=read.record.digest, next_at=next_night(row, line.mapping)
        )
    logger.info("mis past", extra={"look": str(row.pk), "new": taken.new, "gone": taken.gone})


def _took_place(organization_id: UUID, mapping: Mapping, one: PastVisit) -> scheduling.TookPlace:
    return scheduling.TookPlace(
        digest=past_visit_digest(organization_id, one.ref),
        role_id=object_of(organization_id, DirectoryRef.Kind.DOCTOR, one.doctor_ref) if one.doctor_ref else None,
        appointment_id=appointment_of(organization_id, one.visit_ref) if one.visit_ref else None,
        start=one.start,
        end=one.end if one.end and one.end >= one.start else None,
        zone=mapping.timezone,
    )


def next_night(row: PastLook, mapping: Mapping) -> datetime:
    """Every link has its own minute of the night."""
    tomorrow = timezone.now().astimezone(mapping.zone).date() + timedelta(days=1)
    begins = datetime.combine(tomorrow, NIGHT, tzinfo=mapping.zone)
    return begins + timedelta(seconds=row.link_id.int % SPREAD)
