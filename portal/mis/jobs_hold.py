"""A time that somebody has just pressed: looked at in the MIS now, and held there where that is possible."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.kernel.outbox import as_system
from portal.kernel.ports import PortFailure, PortUnknown
from portal.mis.jobs_times import read_times
from portal.mis.line import Line, has_line, line_of
from portal.mis.models import DirectoryRef
from portal.mis.ports import Capability, TimeTaken, VisitStatus, Wanted
from portal.mis.selectors import held_time, lost_holds, ref_of
from portal.mis.services import outbox
from portal.scheduling import services as scheduling
from portal.scheduling.models import Occupancy

logger = logging.getLogger(__name__)
JOB = "mis.hold"
HELD = {VisitStatus.PENDING, VisitStatus.PROPOSED}


def hold_there(occupancy_id: UUID) -> None:
    """Failing costs nothing: the booking itself asks again. Only a time that is surely taken ends the hold."""
    with as_system(JOB):
        held = held_time(occupancy_id)
    if held is None or not has_line(held.role.organization.slug):
        return
    try:
        line = line_of(held.role.organization.slug)
        _look_and_hold(line, held)
    except TimeTaken:
        with as_system(JOB) as trail:
            scheduling.lose_hold(actor=trail.actor, occupancy_id=occupancy_id)
    except (PortFailure, PortUnknown) as error:
        logger.info("mis hold", extra={"occupancy": str(occupancy_id), "why": error.code})


def _look_and_hold(line: Line, held: Occupancy) -> None:
    """The day as it is there now; then the time itself."""
    day = held.start.astimezone(ZoneInfo(held.role.location.zone)).date()
    read_times(line, held.role, day, day)
    wanted = _wanted(held)
    slots = line.call(line.mis.get_slots, wanted.doctor_ref, wanted.start, wanted.end)
    if not slots or not all(slot.is_free for slot in slots if slot.start < wanted.end):
        raise TimeTaken("not free when it was pressed")
    if held.replaces is None and Capability.HOLD in line.mis.capabilities():
        ref = line.call(line.mis.hold_slot, wanted)
        with as_system(JOB) as trail:
            outbox.keep_hold(
                actor=trail.actor, organization_id=held.role.organization_id, occupancy_id=held.pk, ref=ref
            )


def _wanted(held: Occupancy) -> Wanted:
    clinic, service_id = held.role.organization_id, held.service_id
    pause = timedelta(minutes=held.service.buffer_minutes if held.service else 0)
    return Wanted(
        key=held.pk,
        doctor_ref=ref_of(clinic, DirectoryRef.Kind.DOCTOR, held.role_id),
        patient_ref="",
        start=held.start,
        end=held.end - pause,
        service_ref=ref_of(clinic, DirectoryRef.Kind.SERVICE, service_id) if service_id else "",
        mode=held.mode,
    )


def let_go_there(organization_id: UUID, line: Line) -> int:
    """Holds that nobody here has any more are let go there too. How many there were."""
    with as_system(JOB):
        rows = lost_holds(organization_id)
    for row in rows:
        held = line.call(line.mis.get_visit, row.ref)
        if held is not None and held.status in HELD:  # booked meanwhile: no hold any more
            line.call(line.mis.cancel, held)
        with as_system(JOB) as trail:
            outbox.forget_holds(actor=trail.actor, occupancy_ids=[row.occupancy_id])
    return len(rows)
