"""The exchange with clinics' own systems, by the clock and by what happens on the portal. Every job may run twice."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

from django.db import connections

from portal.kernel.outbox import as_system, continually, every, on
from portal.kernel.ports import PortFailure, PortUnknown
from portal.kernel.system_door import system_door
from portal.mis import exchanging, jobs_hold, jobs_in, jobs_out, jobs_past, jobs_times
from portal.mis import mapping as mappings
from portal.mis.leases import lease
from portal.mis.line import line_of
from portal.mis.mapping import WrongMapping
from portal.mis.models import Exchange, Outgoing
from portal.mis.selectors import standing_visits, waits_for_mis
from portal.mis.services import exchange, inbox, looks, outbox, past
from portal.people.models import Organization, PractitionerRole
from portal.scheduling.services import tell_waiting

logger = logging.getLogger(__name__)
JOB = "mis.tend"
CLINICS_AT_ONCE = 8


# What happens on the portal ------------------------------------------------------------------------------------------


@on("slot.held", queue="urgent")
def look_and_hold(*, occupancy_id: UUID, role_id: UUID) -> None:
    """Before somebody books: is it free there now? And may it be kept there too?"""
    jobs_hold.hold_there(occupancy_id)


@on("appointment.submitted", queue="urgent")
def submit(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    """Somebody waits in front of the page: brought across at once; told to wait when that does not work now."""
    _cause(appointment_id, patient_id)
    jobs_out.post_due([appointment_id])
    if Outgoing.objects.filter(appointment_id=appointment_id).exists():
        with as_system(JOB) as trail:
            system_door(JOB, [patient_id])
            tell_waiting(actor=trail.actor, appointment_id=appointment_id)


@on("appointment.move-submitted", queue="urgent")
def submit_move(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    _cause(appointment_id, patient_id)
    jobs_out.post_due([appointment_id])


@on("appointment.changed", queue="urgent")
def submit_change(*, appointment_id: UUID, patient_id: UUID) -> None:
    """Cancelled here, or moved from a doctor of the MIS to one of the portal: not expected there any more."""
    _cause(appointment_id, patient_id)
    jobs_out.post_due([appointment_id])


def _cause(appointment_id: UUID, patient_id: UUID) -> None:
    with as_system(JOB) as trail:
        system_door(JOB, [patient_id])
        organization_id = waits_for_mis(trail.actor, appointment_id)
        if organization_id is not None:
            outbox.cause(actor=trail.actor, organization_id=organization_id, appointment_id=appointment_id)


@on("schedule.handed-over")
def hand_over(*, role_id: UUID) -> None:
    """Another master from now on: visits that stand here are written down there, and its times are read."""
    role = PractitionerRole.objects.get(pk=role_id)
    with as_system(JOB) as trail:
        looks.open_looks(actor=trail.actor, organization_id=role.organization_id)
        for appointment_id in exchanging.standing_visits(role_id):
            outbox.cause(actor=trail.actor, organization_id=role.organization_id, appointment_id=appointment_id)


@on("patient.matched")
def follow_match(*, patient_id: UUID, organization_id: UUID, is_other: int) -> None:
    """The reception has said who it is there: what took place is shown, what stands there comes in.

    When it is another record than the one we made, our own visits move to it.
    """
    moving = list[UUID]()
    with as_system(JOB) as trail:
        system_door(JOB, [patient_id])
        past.read_soon(actor=trail.actor, organization_id=organization_id, patient_id=patient_id)
        if is_other:
            moving = standing_visits(trail.actor, organization_id, patient_id)
        for appointment_id in moving:
            outbox.cause(
                actor=trail.actor, organization_id=organization_id, appointment_id=appointment_id, is_misfiled=True
            )
    jobs_out.post_due(moving)
    jobs_in.ask_booked(organization_id, patient_id)


# By the clock ------------------------------------------------------------------------------------------------------


@continually(seconds=1.0)
def bring_across() -> None:
    """Everything that is due in the outbox, in every worker."""
    while jobs_out.post_due():
        pass


@continually(seconds=1.0)
def tend() -> None:
    """Each clinic whose turn it is: changes, inbox, times. One that is slow holds up nobody else."""
    with as_system(JOB) as trail:
        due = exchange.claim_exchanges(actor=trail.actor, lease=lease())
    if len(due) == 1:
        tend_one(*due[0])
    elif due:
        with ThreadPoolExecutor(CLINICS_AT_ONCE, thread_name_prefix="mis-clinic") as pool:
            list(pool.map(lambda one: _in_thread(*one), due))


def _in_thread(organization_id: UUID, slug: str) -> None:
    try:
        tend_one(organization_id, slug)
    finally:
        connections.close_all()


def tend_one(organization_id: UUID, slug: str) -> None:
    """One turn of one clinic."""
    pause = timedelta(seconds=5)
    try:
        line = line_of(slug)
        pause = timedelta(seconds=line.mapping.fresh.changes)
        with as_system(JOB) as trail:  # what the file says now is obeyed from now on
            exchange.open_exchange(actor=trail.actor, organization_id=organization_id, mapping=line.mapping)
        cursor = Exchange.objects.values_list("cursor", flat=True).get(organization_id=organization_id)
        jobs_in.pull(organization_id, line, cursor)
        with as_system(JOB) as trail:
            exchange.note_heard(actor=trail.actor, organization_id=organization_id)
        while jobs_in.follow_due(organization_id):
            pass
        jobs_times.look_due(organization_id, line)
        jobs_hold.let_go_there(organization_id, line)
        jobs_past.read_due(organization_id, line)
    except (PortFailure, PortUnknown) as error:
        _note(organization_id, error.code, error.detail)
    except (LookupError, WrongMapping) as wrong:
        _note(organization_id, "wrong-mapping", str(wrong))
    finally:
        with as_system(JOB) as trail:
            exchange.rest(actor=trail.actor, organization_id=organization_id, pause=pause)


def _note(organization_id: UUID, code: str, detail: str) -> None:
    logger.warning("mis", extra={"organization": str(organization_id), "why": code})
    with as_system(JOB) as trail:
        exchange.note_trouble(actor=trail.actor, organization_id=organization_id, code=code, detail=detail)


@every("17 * * * *")
def tidy() -> None:
    """What is old is forgotten; refused times get another chance."""
    with as_system(JOB) as trail:
        inbox.forget_old(actor=trail.actor)
        looks.forgive_times(actor=trail.actor)


@every("* * * * *", at_start=True)
def open_lines() -> None:
    """A clinic whose mapping has just been put there begins; its directory is read at once."""
    begun = set(Exchange.objects.exclude(directory_at=None).values_list("organization__slug", flat=True))
    for organization in Organization.objects.filter(slug__in=mappings.slugs()).exclude(slug__in=begun):
        exchanging.try_to(exchanging.read_directory, organization)


@every("23 0 * * *")
def read_directories() -> None:
    for organization in Organization.objects.filter(slug__in=mappings.slugs()):
        exchanging.try_to(exchanging.read_directory, organization)


@every("47 0 * * *")
def reconcile_all() -> None:
    for organization in Organization.objects.filter(slug__in=mappings.slugs()):
        exchanging.try_to(exchanging.reconcile, organization)


@every("37 0 * * *")
def open_pasts() -> None:
    """Links that were made before their system told of visits, or before the portal asked for them."""
    for organization in Organization.objects.filter(slug__in=mappings.slugs()):
        with as_system(JOB) as trail:
            past.open_pasts(actor=trail.actor, organization_id=organization.pk)
