"""The MIS's times, read by distance and written into day sheets."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connections
from django.utils import timezone

from portal.kernel.errors import PortalError
from portal.kernel.outbox import as_system
from portal.kernel.ports import PortFailure, PortUnknown
from portal.mis.leases import lease
from portal.mis.line import Line
from portal.mis.mapping import Mapping
from portal.mis.models import DirectoryRef, Look
from portal.mis.openings import openings_of
from portal.mis.selectors import closed_times, own_times, ref_of
from portal.mis.services import looks
from portal.people.models import PractitionerRole
from portal.scheduling import services as scheduling

logger = logging.getLogger(__name__)
JOB = "mis.times"
BATCH, THREADS = 40, 4
NEAR, WEEK = 2, 7  # days from today on that a band covers


def look_due(organization_id: UUID, line: Line) -> int:
    """Read the times that are due of one clinic, a few doctors at once. How many looks there were."""
    with as_system(JOB) as trail:
        rows = looks.claim_looks(actor=trail.actor, organization_id=organization_id, most=BATCH, lease=lease())
    threads = min(THREADS, line.mapping.calls_at_once, len(rows))
    if threads < 2:
        for row in rows:
            _look(line, row)
    else:
        with ThreadPoolExecutor(threads, thread_name_prefix="mis-times") as pool:
            list(pool.map(lambda row: _in_thread(line, row), rows))
    return len(rows)


def _in_thread(line: Line, row: Look) -> None:
    try:
        _look(line, row)
    finally:
        connections.close_all()


def _look(line: Line, row: Look) -> None:
    """A failed one is looked at again when the lease is over, or when the line is up."""
    first, last = days_of(row.band, line.mapping, zone_of(row.role))
    try:
        read_times(line, row.role, first, last)
    except (PortFailure, PortUnknown) as error:
        logger.info("mis times", extra={"role": str(row.role_id), "why": error.code})
        return
    except PortalError:  # the doctor is the portal's own meanwhile
        return
    with as_system(JOB) as trail:
        looks.looked(actor=trail.actor, look_id=row.pk, pause=_pause(row.band, line.mapping))


def _pause(band: str, mapping: Mapping) -> timedelta:
    return timedelta(seconds=getattr(mapping.fresh, band))


def days_of(band: str, mapping: Mapping, zone: ZoneInfo) -> tuple[date, date]:
    """The first and the last day of a band, on the branch's calendar. A look soon after another covers its own days."""
    today = timezone.now().astimezone(zone).date()
    begins = {Look.Band.NEAR: 0, Look.Band.WEEK: NEAR, Look.Band.FAR: WEEK}
    ends = {Look.Band.NEAR: NEAR, Look.Band.WEEK: WEEK, Look.Band.FAR: max(mapping.horizon_days, WEEK + 1)}
    return today + timedelta(days=begins[Look.Band(band)]), today + timedelta(days=ends[Look.Band(band)] - 1)


def read_times(line: Line, role: PractitionerRole, first: date, last: date) -> int:
    """What the MIS has open for a doctor on these days becomes the doctor's day sheets. Returns how many changed."""
    ref = ref_of(role.organization_id, DirectoryRef.Kind.DOCTOR, role.pk)
    if not ref:
        return 0
    zone = zone_of(role)
    since, until = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    slots = line.call(line.mis.get_slots, ref, since, until)
    slots = [slot for slot in slots if since <= slot.start < until]  # a server may ignore what it was asked
    with as_system(JOB) as trail:
        closed = closed_times(role.pk, since, until, line.mapping.closes_after)
        openings = openings_of(slots, zone, own=own_times(role.pk, since, until), closed=closed)
        return scheduling.write_openings(actor=trail.actor, role_id=role.pk, first=first, last=last, openings=openings)


def zone_of(role: PractitionerRole) -> ZoneInfo:
    return ZoneInfo(role.location.zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)
