"""The worker is killed between any two steps, one step after another: both sides settle to one state.

A child process works and counts its steps: before and after every call to the MIS, before and after every commit.
At the n-th it kills itself (SIGKILL). The next child dies one step later, until one lives to the end.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections
from procrastinate.contrib.django import app

from portal.kernel.access import acting
from portal.kernel.actor import system
from portal.kernel.system_door import system_door
from portal.mis import exchanging, jobs, jobs_hold, jobs_in, jobs_out, jobs_past, jobs_times, line
from portal.mis.models import Exchange
from portal.people.models import ServiceOffer
from portal.scheduling import services
from portal.scheduling.models import Appointment
from tests.crowd import as_person, make_crowd

# A fork of a process that has served hundreds of tests inherits more than it should: it is clean in a run of its own.
pytestmark = pytest.mark.soak
WORKING = (jobs, jobs_hold, jobs_in, jobs_out, jobs_past, jobs_times)
MOST_STEPS = 120


class Fuse:
    """Kills this process at its n-th step."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def lay(fuse: Fuse) -> None:
    """In a child only: nothing is ever put back."""
    call = line.Line.call

    def burning(self: line.Line, *args: Any, **kwargs: Any) -> Any:
        fuse()
        result = call(self, *args, **kwargs)
        fuse()
        return result

    line.Line.call = burning  # type: ignore[method-assign]
    for module in WORKING:
        module.as_system = _burning(module.as_system, fuse)  # type: ignore[attr-defined]


def _burning(as_system: Callable[[str], Any], fuse: Fuse) -> Callable[[str], Any]:
    @contextmanager
    def run(job: str) -> Iterator[Any]:
        with as_system(job) as trail:
            yield trail
            fuse()  # everything said, nothing committed
        fuse()

    return run


def dies(clinic: Any, act: Callable[[], object], at: int) -> bool:
    """Does a worker that acts come to its `at`-th step, where it is killed?"""
    connections.close_all()  # a connection is one process's
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with line.override_line("shore", line.build(clinic.mapping), clinic.mapping):
                lay(Fuse(at))
                act()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _child, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


@dataclass
class Visit:
    """One patient's, whom the MIS has never seen. `jobs`: what the queue holds of it for the exchange."""

    clinic: Any
    patient: UUID
    account: UUID
    pk: UUID = field(default_factory=uuid4)
    start: datetime | None = None
    jobs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def book(self) -> None:
        held = self._held()
        with as_person(self.account) as trail:
            self.pk = services.book_appointment(
                actor=trail.actor, patient_id=self.patient, hold_id=held.pk, owner=self.account
            ).pk
        self.queue()

    def move(self) -> None:
        held = self._held(replaces=self.pk)
        with as_person(self.account) as trail:
            services.move_appointment(actor=trail.actor, appointment_id=self.pk, hold_id=held.pk, owner=self.account)
        self.queue()

    def cancel(self) -> None:
        with as_person(self.account) as trail:
            services.cancel_appointment(actor=trail.actor, appointment_id=self.pk)
        self.queue()

    def _held(self, **more: Any) -> Any:
        role = self.clinic.roles[0]
        offer = ServiceOffer.objects.filter(role=role).order_by("service__position", "pk")[0]
        self.start = self.clinic.free(role)
        wish = {"role_id": role.pk, "service_id": offer.service_id, "mode": "in-person", "start": self.start, **more}
        with as_person(self.account) as trail:
            return services.hold_time(actor=trail.actor, owner=self.account, **wish)

    def queue(self) -> None:
        rows = self.clinic.sql(
            "DELETE FROM procrastinate_jobs WHERE task_name LIKE 'mis.%%' RETURNING id, task_name, args"
        )
        self.jobs = [(name, args) for _id, name, args in sorted(rows)]

    def run(self) -> None:
        for name, args in self.jobs:
            app.tasks[name].func(**args)

    def here(self) -> Appointment:
        with acting(system("test")) as trail:
            system_door("test", [self.patient])
            return Appointment.objects.visible_to(trail.actor).get(pk=self.pk)

    def there(self) -> list[tuple[str, datetime]]:
        """What stands for it in the MIS."""
        mine = [one for one in self.clinic.there() if str(self.pk) in str(one["identifier"])]
        return [(one["status"], datetime.fromisoformat(one["start"])) for one in mine]


@pytest.fixture
def visits(clinic: Any) -> Iterator[Visit]:
    """A visit of somebody new each time."""
    with acting(system("test")) as trail:
        crowd = make_crowd(actor=trail.actor, people=MOST_STEPS)
    return (Visit(clinic, *one) for one in crowd)


def settle(clinic: Any, seen: list[Visit]) -> None:
    """What a queue does with jobs of a dead worker, and what time does with its claims."""
    clinic.sql("UPDATE mis_patientref SET claimed_at = claimed_at - interval '1 hour'")
    clinic.sql("UPDATE mis_outgoing SET written_at = written_at - interval '1 hour', next_at = now()")
    for visit in seen:
        visit.run()
    clinic.settle()
    assert clinic.sql("SELECT appointment_id, state, code FROM mis_outgoing") == []
    assert exchanging.reconcile(clinic.organization) == 0


def every_step(clinic: Any, visits: Iterator[Visit], prepare: Callable[[Visit], None]) -> list[Visit]:
    """A visit for every step at which the worker dies, and one for the worker that lives."""
    seen = []
    for at in range(1, MOST_STEPS):
        visit = next(visits)
        prepare(visit)
        seen.append(visit)
        if not dies(clinic, visit.run, at):
            assert at > 8, "too few steps: does the fuse burn?"
            settle(clinic, seen)
            return seen
    pytest.fail(f"more than {MOST_STEPS} steps")


def stood(clinic: Any, visit: Visit) -> None:
    visit.book()
    visit.run()
    assert visit.there()


def test_a_booking(clinic, visits, record_property):
    seen = every_step(clinic, visits, Visit.book)
    record_property("steps", len(seen))
    for visit in seen:
        assert (visit.here().status, visit.there()) == ("booked", [("booked", visit.start)])
    records = clinic.sql("SELECT digest FROM mis_patientref WHERE digest IS NOT NULL")
    assert len(records) == len({bytes(digest) for (digest,) in records}) == len(seen)
    made = [one for one in clinic.all_of("Patient") if one["name"][0]["family"] == "Crowd"]
    assert len(made) == len(seen)  # nobody has two records there


def test_a_booking_that_is_refused(clinic, visits, record_property):
    def taken(visit: Visit) -> None:
        exchanging.read_all_times(clinic.organization, clinic.roles[:1])
        slot = clinic.free_slot(clinic.roles[0])
        visit.book()
        clinic.desk("book", slot=slot["id"])

    seen = every_step(clinic, visits, taken)
    record_property("steps", len(seen))
    for visit in seen:
        assert (visit.here().status, visit.there()) == ("cancelled", [])


def test_a_move(clinic, visits, record_property):
    def moved(visit: Visit) -> None:
        stood(clinic, visit)
        visit.move()

    seen = every_step(clinic, visits, moved)
    record_property("steps", len(seen))
    for visit in seen:
        here = visit.here()
        assert (here.status, here.start, visit.there()) == ("booked", visit.start, [("booked", visit.start)])


def test_a_cancellation(clinic, visits, record_property):
    def cancelled(visit: Visit) -> None:
        stood(clinic, visit)
        visit.cancel()

    seen = every_step(clinic, visits, cancelled)
    record_property("steps", len(seen))
    for visit in seen:
        assert (visit.here().status, visit.there()) == ("cancelled", [])
    kept = clinic.sql("SELECT owner FROM scheduling_occupancy WHERE owner = ANY(%s)", [visit.pk for visit in seen])
    assert kept == []


@pytest.mark.parametrize("act", ["move", "cancel", "arrive"])
def test_what_the_front_desk_has_done(clinic, visits, record_property, act):
    """The worker dies while it follows; whoever comes next ends it, and the patient's copy is as the MIS says."""

    def follow() -> None:
        cursor = Exchange.objects.values_list("cursor", flat=True).get(organization=clinic.organization)
        jobs_in.pull(clinic.organization.pk, line.line_of("shore"), cursor)
        while jobs_in.follow_due(clinic.organization.pk):
            pass

    follow()
    for at in range(1, MOST_STEPS):
        visit = next(visits)
        stood(clinic, visit)
        more = {"slot": clinic.free_slot(clinic.roles[0], 5)["id"]} if act == "move" else {}
        after = clinic.desk(act, appointment=clinic.visit_ref(visit.pk), **more)
        is_dead = dies(clinic, follow, at)
        clinic.now()
        follow()
        here = visit.here()
        assert (here.status, here.start) == (after["status"], datetime.fromisoformat(after["start"]))
        if not is_dead:
            break
    record_property("steps", at)
    assert at > 8
    clinic.tend()
    assert exchanging.reconcile(clinic.organization) == 0
