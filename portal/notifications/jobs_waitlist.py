"""Freed times find their next patient: somebody has left a note, the first in the queue is offered the time.

Each turn is a transaction of its own that hands out one time: a worker killed half-way leaves the note where it was.
Here and not in scheduling, because who may be asked now (night, wishes, a way to reach them) is known here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from portal.kernel.actor import Actor
from portal.kernel.base import get_one
from portal.kernel.outbox import as_system, continually, every
from portal.kernel.system_door import system_door
from portal.notifications.selectors import not_before
from portal.people.models import PractitionerRole
from portal.scheduling import services
from portal.scheduling.models import WaitlistEntry
from portal.scheduling.selectors.waitlist import asked_enough_until, times_to_offer
from portal.scheduling.selectors_sql import database_now
from portal.scheduling.selectors_sql import waitlist as sql

logger = logging.getLogger(__name__)
JOB = "waitlist.fill"
AT_ONCE = 50
PUZZLED = timedelta(minutes=10)  # a rest for whom nothing could be offered twice though something is free


@continually(seconds=1.0)
def fill() -> None:
    """End the offers nobody has answered, then hand out what is free."""
    _end_lapsed()
    with as_system(JOB):
        sql.note_expired()
        sql.forget_unwanted_times()
    over: set[UUID] = set()
    while turn := _freed_roles() - over:
        over |= {role_id for role_id in turn if not _hand_out_of(role_id)}


@every("*/5 * * * *")
def sweep() -> None:
    """What leaves no note: the night is over, a room is free, a new day is published, an entry's days have passed."""
    with as_system(JOB):
        sql.note_waited()
        over = sql.waits_over(AT_ONCE)
    for entry_id, patient_id in over:
        with as_system(JOB) as trail:
            system_door(JOB, [patient_id])
            services.end_wait(actor=trail.actor, entry_id=entry_id)


def _end_lapsed() -> None:
    with as_system(JOB):
        lapsed = sql.lapsed_offers(AT_ONCE)
    for offer_id, patient_id in lapsed:
        with _apart(offer_id=offer_id), as_system(JOB) as trail:
            system_door(JOB, [patient_id])
            services.lapse_offer(actor=trail.actor, offer_id=offer_id)


@contextmanager
def _apart(**ids: UUID) -> Iterator[None]:
    """What fails for one doctor or offer stays as it was for the next turn, and stops nothing else."""
    try:
        yield
    except Exception as fault:
        logger.error("queue: not understood", extra={name: str(value) for name, value in ids.items()}, exc_info=fault)


def _freed_roles() -> set[UUID]:
    with as_system(JOB):
        return sql.freed_roles()


def _hand_out_of(role_id: UUID) -> bool:
    """May there be more of this doctor?"""
    with _apart(role_id=role_id):
        return hand_out(role_id)
    return False


def hand_out(role_id: UUID) -> bool:
    """One time of this doctor to one person. False when nothing is free for anybody, or another worker sees to it."""
    with as_system(JOB) as trail:
        freed = sql.take_freed(role_id)
        if freed is None:
            return False
        role = PractitionerRole.objects.select_related("location").get(pk=role_id)
        sql.queue_for_queue(role.organization_id)
        is_given = _ask_somebody(trail.actor, role, freed)
        if is_given:
            sql.note(freed)  # there may be more times, and more people
    return is_given


def _ask_somebody(actor: Actor, role: PractitionerRole, freed: sql.Freed) -> bool:
    """Was anybody offered a time?

    Where the first in the queue gets none, a passer-by has been quicker: what is free is looked at again before
    anybody else is asked.
    """
    missed: set[UUID] = set()
    while free := times_to_offer(freed, database_now()):
        waiting = sql.candidates(free.slots, free.kinds, AT_ONCE)
        awake = next((one for one in waiting if _may_be_asked(actor, role, one)), None)
        if awake and services.make_offer(actor=actor, entry_id=awake.entry_id, role_id=role.pk):
            return True
        if not waiting:
            return False
        if awake and awake.entry_id in missed:
            services.rest(actor=actor, entry_id=awake.entry_id, until=database_now() + PUZZLED)
        if awake:
            missed.add(awake.entry_id)
    return False


def _may_be_asked(actor: Actor, role: PractitionerRole, one: sql.Waiting) -> bool:
    """Now; who may not rests, and is out of the next search."""
    system_door(JOB, {one.patient_id, one.recipient_id})
    entry = get_one(WaitlistEntry.objects.visible_to(actor), pk=one.entry_id)
    until = asked_enough_until(actor, one.patient_id) or not_before(actor, entry, role.location.zone)
    if until:
        services.rest(actor=actor, entry_id=one.entry_id, until=until)
    return until is None
