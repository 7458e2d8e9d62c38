"""What takes longer than a moment and is done for a whole clinic: reading the directory, comparing everything.

For the nightly jobs and for `portal mis sync|drift`; `say` hears how far it is.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from portal.kernel.outbox import as_system
from portal.kernel.ports import PortFailure, PortUnknown
from portal.mis import jobs_in, jobs_out, jobs_times
from portal.mis.line import Line, line_of
from portal.mis.mapping import WrongMapping
from portal.mis.models import DirectoryRef, Drift, Exchange, Look, Outgoing, VisitRef
from portal.mis.ports import TAKES_TIME, Capability, MisVisit, Slot, VisitStatus
from portal.mis.selectors import Times, free_here, mis_roles, ref_of, times_of_clinic
from portal.mis.selectors_sql import patient_of_ref
from portal.mis.services import directory, drift, exchange, inbox, looks, outbox
from portal.mis.services.directory import Report
from portal.mis.services.drift import MET, VANISHED, Difference
from portal.people.models import Organization, PractitionerRole
from portal.scheduling.models import Occupancy

logger = logging.getLogger(__name__)
JOB = "mis.compare"
Say = Callable[[str], None]
FEW = 5  # so many may vanish at once without an alarm, whatever share they are


def silent(line: str) -> None:
    return


def try_to(run: Callable[[Organization], object], organization: Organization) -> None:
    """One clinic's trouble is noted, and the next clinic's turn comes."""
    try:
        run(organization)
    except (PortFailure, PortUnknown) as error:
        _note(organization, error.code, error.detail)
    except (LookupError, WrongMapping) as wrong:
        _note(organization, "wrong-mapping", str(wrong))


def _note(organization: Organization, code: str, detail: str, *, is_away: bool = True) -> None:
    logger.warning("mis", extra={"clinic": organization.slug, "why": code})
    with as_system(JOB) as trail:
        exchange.note_trouble(
            actor=trail.actor, organization_id=organization.pk, code=code, detail=detail, is_away=is_away
        )


def open_line(organization: Organization) -> Line:
    """The clinic's line; what its mapping says is what scheduling obeys from now on."""
    line = line_of(organization.slug)
    with as_system(JOB) as trail:
        exchange.open_exchange(actor=trail.actor, organization_id=organization.pk, mapping=line.mapping)
    return line


def read_directory(organization: Organization, *, accepts_loss: bool = False) -> Report:
    """Branches, services, doctors. The cursor of changes begins before the first look at times: none is missed."""
    line = open_line(organization)
    told = line.call(line.mis.directory)
    has = line.mis.capabilities()
    cursor = Exchange.objects.values_list("cursor", flat=True).get(organization=organization)
    begins = line.call(line.mis.changes_since, "").cursor if Capability.CHANGES in has and not cursor else None
    with as_system(JOB) as trail:
        report = directory.take_over(
            actor=trail.actor,
            organization_id=organization.pk,
            mapping=line.mapping,
            told=told,
            accepts_loss=accepts_loss,
        )
        exchange.note_capabilities(
            actor=trail.actor, organization_id=organization.pk, capabilities=[one.value for one in has]
        )
        if begins is not None:
            inbox.take_in(actor=trail.actor, organization_id=organization.pk, visits=[], cursor=begins)
        exchange.note_heard(actor=trail.actor, organization_id=organization.pk)
        looks.open_looks(actor=trail.actor, organization_id=organization.pk)
    return report


def read_all_times(organization: Organization, roles: Iterator[PractitionerRole] | list[PractitionerRole]) -> int:
    """Every day of these doctors up to the horizon, now. Returns how many day sheets changed."""
    line, count = line_of(organization.slug), 0
    for role in roles:
        for band in Look.Band:
            first, last = jobs_times.days_of(band, line.mapping, jobs_times.zone_of(role))
            count += jobs_times.read_times(line, role, first, last)
    return count


def standing_visits(role_id: UUID) -> list[UUID]:
    """Ids of the coming visits at a doctor."""
    rows = Occupancy.objects.filter(role_id=role_id, kind=Occupancy.Kind.BOOKED, start__gt=timezone.now())
    return list(rows.values_list("owner", flat=True).distinct())


# Comparing everything ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Both:
    """Visits of one clinic on both sides. Ours are times without persons; theirs as they told just now."""

    ours: list[Times]
    theirs: list[MisVisit]
    refs: dict[UUID, str]  # appointment → ref
    in_flight: set[UUID]
    doctors: dict[str, UUID]  # ref → role

    @property
    def appointments(self) -> dict[str, UUID]:
        return {ref: appointment_id for appointment_id, ref in self.refs.items()}


def reconcile(organization: Organization, say: Say = silent) -> int:
    """Compare everything ahead, follow what differs, compare again; what differs still is the drift report."""
    line = open_line(organization)
    say("Visits")
    found, both = compare(line, organization)
    is_suspicious = _is_suspicious(both, line)
    if not is_suspicious:
        _heal(line, organization, found, both)
        found, both = compare(line, organization)
    say("Times")
    roles = mis_roles(organization.pk)
    read_all_times(organization, roles)
    found += [one for role in roles for one in _phantoms(line, role)]
    with as_system(JOB) as trail:
        count = drift.note_all(actor=trail.actor, organization_id=organization.pk, found=found)
    if is_suspicious:
        detail = "many visits are not in the MIS any more: nothing is cancelled by itself"
        _note(organization, VANISHED, detail, is_away=False)
    _tell_figures(organization)
    return count


def _tell_figures(organization: Organization) -> None:
    """`mis_drift_open{clinic, kind}` as log lines, zeros too: whatever counts log lines can draw and alert on it."""
    rows = Drift.objects.filter(organization=organization, settled_at=None).values_list("kind", flat=True)
    counts = Counter(rows)
    for kind in Drift.Kind.values:
        logger.info("mis_drift_open", extra={"clinic": organization.slug, "kind": kind, "count": counts[kind]})


def compare(line: Line, organization: Organization) -> tuple[list[Difference], Both]:
    """Which visits ahead differ now, and what was compared. Changes nothing."""
    since = timezone.now()
    until = since + timedelta(days=line.mapping.horizon_days)
    theirs = line.call(line.mis.booked_between, since, until)
    ours = times_of_clinic(organization.pk, since, until)
    refs = VisitRef.objects.filter(organization=organization).values_list("appointment_id", "ref")
    theirs_to_say = [role.pk for role in mis_roles(organization.pk)]
    doctors = DirectoryRef.objects.filter(
        organization=organization, kind="doctor", gone_at=None, object_id__in=theirs_to_say
    )
    both = Both(
        ours=ours,
        theirs=theirs,
        refs=dict(refs),
        in_flight=set(Outgoing.objects.filter(organization=organization).values_list("appointment_id", flat=True)),
        doctors={ref: role_id for ref, role_id in doctors.values_list("ref", "object_id") if role_id},
    )
    return [*_of_ours(both), *_of_theirs(organization, both)], both


def _of_ours(both: Both) -> Iterator[Difference]:
    """Visits of ours that stand otherwise there, or do not stand there."""
    alive = {visit.ref: visit for visit in both.theirs if visit.status in TAKES_TIME}
    for mine in both.ours:
        ref = both.refs.get(mine.appointment_id, "")
        there = alive.get(ref)
        about = {"role_id": mine.role_id, "appointment_id": mine.appointment_id, "ref": ref, "start": mine.start}
        key = str(mine.appointment_id)
        if mine.appointment_id in both.in_flight:
            continue
        if there is None:
            yield Difference(Drift.Kind.MISSING_THERE, key, **about)  # type: ignore[arg-type]
        elif (there.start, both.doctors.get(there.doctor_ref)) != (mine.start, mine.role_id):
            yield Difference(Drift.Kind.MOVED, key, **about)  # type: ignore[arg-type]


def _of_theirs(organization: Organization, both: Both) -> Iterator[Difference]:
    """Visits there that ought to stand here, and those written down twice."""
    ours, by_key = {mine.appointment_id for mine in both.ours}, defaultdict[UUID, list[MisVisit]](list)
    for visit in both.theirs:
        if visit.status not in TAKES_TIME or visit.status == VisitStatus.FULFILLED:  # before its hour: nothing to come
            continue
        if visit.key:
            by_key[visit.key].append(visit)
        appointment_id = both.appointments.get(visit.ref) or visit.key
        role_id = both.doctors.get(visit.doctor_ref)
        is_missing = appointment_id not in ours if appointment_id else _is_known(organization, visit)
        if is_missing and role_id and (appointment_id not in both.in_flight):
            yield Difference(Drift.Kind.MISSING_HERE, visit.ref, role_id, appointment_id, visit.ref, visit.start)
    for key, several in by_key.items():
        kept = both.refs.get(key) if both.refs.get(key) in [one.ref for one in several] else several[0].ref
        for extra in several if key not in both.in_flight else ():
            if extra.ref != kept:
                role_id = both.doctors.get(extra.doctor_ref)
                yield Difference(Drift.Kind.TWICE, extra.ref, role_id, key, extra.ref, extra.start)


def _is_known(organization: Organization, visit: MisVisit) -> bool:
    """Does it belong to a patient of ours?"""
    if not visit.patient_ref:
        return False
    with as_system(JOB):
        return patient_of_ref(organization.pk, visit.patient_ref) is not None


def _is_suspicious(both: Both, line: Line) -> bool:
    """A bad export: so many visits of ours missing there that no clinic cancels at once."""
    there = {visit.ref for visit in both.theirs}
    known = [mine for mine in both.ours if mine.appointment_id in both.refs]
    missing = sum(both.refs[mine.appointment_id] not in there for mine in known)
    return missing > FEW and missing > len(known) * line.mapping.largest_loss


def _heal(line: Line, organization: Organization, found: list[Difference], both: Both) -> None:
    """Look once more, one by one, at what differs; write down there what was never written."""
    met = Drift.objects.filter(organization=organization, kind__in=MET, settled_at=None).exclude(ref="")
    refs = [one.ref for one in found if one.ref and one.kind != Drift.Kind.TWICE]
    refs += [ref for ref in met.values_list("ref", flat=True) if ref not in refs]
    unwritten = [one.appointment_id for one in found if not one.ref and one.appointment_id]
    extras = {one.ref for one in found if one.kind == Drift.Kind.TWICE}
    for visit in both.theirs:
        if visit.ref in extras:
            line.call(line.mis.cancel, visit)
    with as_system(JOB) as trail:
        inbox.ask_again(actor=trail.actor, organization_id=organization.pk, refs=refs)
        for appointment_id in unwritten:
            outbox.cause(actor=trail.actor, organization_id=organization.pk, appointment_id=appointment_id)
    while jobs_in.follow_due(organization.pk):
        pass
    causes = [*unwritten, *(one.appointment_id for one in found if one.appointment_id)]
    while causes and jobs_out.post_due(causes):
        pass


def _phantoms(line: Line, role: PractitionerRole) -> Iterator[Difference]:
    """Times that are offered here and are not free there, on the days that are read most often."""
    ref = ref_of(role.organization_id, DirectoryRef.Kind.DOCTOR, role.pk)
    since, until = timezone.now(), timezone.now() + timedelta(days=jobs_times.WEEK)
    slots = line.call(line.mis.get_slots, ref, since, until) if ref else []
    for start, end in free_here(role, since, until):
        if not _is_free(slots, start, end):
            yield Difference(Drift.Kind.PHANTOM, f"{role.pk}|{start.isoformat()}", role.pk, start=start)


def _is_free(slots: list[Slot], start: datetime, end: datetime) -> bool:
    at = start
    for slot in sorted((slot for slot in slots if slot.is_free), key=lambda slot: slot.start):
        if slot.start <= at < slot.end:
            at = slot.end
    return at >= end
