"""Visits that took place, taken over from a clinic's own system. The system's, behind the patient's open door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.scheduling.models import Appointment, AppointmentStatus, Encounter
from portal.scheduling.selectors_sql import database_now, lock_patient
from portal.scheduling.services.master import follow_status

STANDS = (AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.CHECKED_IN)
COMPARED = ("role_id", "appointment_id", "start", "end", "zone")


@dataclass(frozen=True, slots=True)
class TookPlace:
    """A visit as the clinic's system tells it, in the portal's own ids. `digest`: of its ref there."""

    digest: bytes
    role_id: UUID | None
    appointment_id: UUID | None
    start: datetime
    end: datetime | None
    zone: str


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What has changed here: how many are new, otherwise now, gone; how many visits of ours took place."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    fulfilled: int = 0


@command("Encounter.take-over", roles={Role.SYSTEM})
def take_over_encounters(
    *, actor: Actor, patient_id: UUID, organization_id: UUID, told: Sequence[TookPlace], since: datetime | None
) -> TakenOver:
    """`told` is everything that took place from `since` on (None: ever); what stands here besides is gone there.

    The same again changes nothing.
    """
    lock_patient(patient_id)
    own = Appointment.objects.visible_to(actor).filter(patient_id=patient_id, organization_id=organization_id)
    ours = {visit.pk: visit for visit in own.filter(pk__in=[one.appointment_id for one in told if one.appointment_id])}
    mine = Encounter.objects.visible_to(actor).filter(patient_id=patient_id, organization_id=organization_id)
    known = {bytes(row.digest): row for row in mine}
    fresh = [_row(patient_id, organization_id, one, ours) for one in told if one.digest not in known]
    Encounter.objects.bulk_create(fresh, ignore_conflicts=True)  # one that is another patient's yet waits for its turn
    changed = sum(_update(known[one.digest], one, ours) for one in told if one.digest in known)
    left = {one.digest for one in told}
    gone = [row.pk for key, row in known.items() if key not in left and (since is None or row.start >= since)]
    if gone:
        mine.filter(pk__in=gone).delete()
    return TakenOver(len(fresh), changed, len(gone), sum(_fulfil(actor, visit) for visit in ours.values()))


def _row(patient_id: UUID, organization_id: UUID, one: TookPlace, ours: dict[UUID, Appointment]) -> Encounter:
    return _put(Encounter(patient_id=patient_id, organization_id=organization_id, digest=one.digest), one, ours)


def _update(row: Encounter, one: TookPlace, ours: dict[UUID, Appointment]) -> bool:
    before = [getattr(row, name) for name in COMPARED]
    _put(row, one, ours)
    if before == [getattr(row, name) for name in COMPARED]:
        return False
    row.save(force_update=True)
    return True


def _put(row: Encounter, one: TookPlace, ours: dict[UUID, Appointment]) -> Encounter:
    """A visit of somebody else is not this patient's, whatever the clinic's system says."""
    row.role_id, row.start, row.end, row.zone = one.role_id, one.start, one.end, one.zone
    row.appointment_id = one.appointment_id if one.appointment_id in ours else None
    return row


def _fulfil(actor: Actor, visit: Appointment) -> bool:
    """A visit of ours that stands yet and has begun took place."""
    if visit.status not in STANDS or visit.start > database_now():
        return False
    return follow_status(actor=actor, appointment_id=visit.pk, status=AppointmentStatus.FULFILLED)
