"""The clinic's system is away for an hour, here for a minute or less: the portal goes on, says so, and catches up.

First nothing answers (every call hangs until its time is over), then everything is refused at once. Meanwhile patients
book, move and cancel, and the front desk works in the MIS.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import httpx
import pytest
from django.conf import settings

from conftest import actor_named
from portal.people.models import Organization
from tests.cast import uid
from tests.contracts.processes import Double
from tests.mis.robot import Robot
from tests.mis.storm import Person, Weather, aftermath, crowd, open_roles, portal_beside
from tests.mis.test_storm import agree, double_site  # noqa: F401 - a fixture
from tests.servers import eventually, pages

CABINET, OTHERS = "/me/visits/", "/doctors/vera/"  # Vera's times are the portal's own
AGE = "Сведения на"
SLOWER = 1.10  # at most, for everybody else
DRAINED = 300.0  # seconds
PENDING = """
    SELECT d.ref, o.start FROM scheduling_occupancy o JOIN scheduling_appointment a ON a.id = o.owner
      JOIN mis_directoryref d ON d.kind = 'doctor' AND d.object_id = o.role_id AND d.gone_at IS NULL
     WHERE a.status = 'pending' AND a.awaits = 'mis' ORDER BY o.start"""
REFUSED = """
    SELECT count(*), count(*) FILTER (WHERE EXISTS (
               SELECT 1 FROM notifications_message m
                WHERE m.subject_id = a.id AND m.kind IN ('refused', 'clinic-cancelled')))
      FROM scheduling_appointment a WHERE a.status = 'cancelled' AND a.cancelled_by = 'system'"""


class Looker(threading.Thread):
    """Somebody who looks at one page again and again. `took`: seconds, by phase; `bad`: answers of 500 and more."""

    def __init__(self, address: str, path: str, cookies: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.path, self.phase = path, "calm"
        self.http = httpx.Client(base_url=address, cookies=cookies, trust_env=False, timeout=60)
        self.took: defaultdict[str, list[float]] = defaultdict(list)
        self.says_age: dict[str, bool] = {}
        self.bad: list[int] = []
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            with self.http:
                while phase := self.phase:
                    began = time.monotonic()
                    answer = self.http.get(self.path)
                    self.took[phase].append(time.monotonic() - began)
                    self.says_age[phase] = AGE in answer.text
                    self.bad += [answer.status_code] if answer.status_code != 200 else []
        except Exception as failure:
            self.failure = failure

    def p99(self, phase: str) -> float:
        took = sorted(self.took[phase])
        return took[int(len(took) * 0.99)]


@contextmanager
def silence(network: Double) -> Iterator[None]:
    os.kill(network.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(network.process.pid, signal.SIGCONT)


@contextmanager
def refusals(network: Double) -> Iterator[None]:
    network.control("faults", rate=1, kinds=["error"])
    yield
    network.control("faults", rate=0)


class Hour:
    """Calm, silence, refusals; then the system is back, and both sides come to rest."""

    def __init__(self, site: Any, beside: Any, address: str, session: str, people: int) -> None:
        self.beside, self.is_over = beside, threading.Event()
        roles = eventually(lambda: open_roles(Organization.objects.get(slug="shore")))
        weather = Weather(operations=0, people=people)
        self.persons, self.robots = crowd(site, weather, roles, lambda: not self.is_over.is_set())
        Person(uid("anna"), actor_named("anna").user_id, roles, bool, seed=99).book()
        cookies = {settings.SESSION_COOKIE_NAME: session}
        theirs = f"/doctors/{roles[0].practitioner.slug}/"
        self.lookers = [Looker(address, path, cookies) for path in (OTHERS, theirs, CABINET)]
        self.taken = 0

    def pass_by(self, minute: float) -> None:
        for one in (*self.lookers, *self.persons, *self.robots):
            one.start()
        time.sleep(minute)
        for phase in (silence, refusals):
            with phase(self.beside.network):
                self.enter(phase.__name__)
                time.sleep(minute)
                eventually(lambda said=phase.__name__: all(one.says_age.get(said) for one in self.lookers[1:]))
                self.taken += self.give_away()
                if phase is refusals:
                    self.is_over.set()
                    self.enter("")
                    self.end()

    def give_away(self, most: int = 5) -> int:
        """The front desk books a few of the times that patients wait for here. How many."""
        waited_for = self.beside.direct.execute(PENDING).fetchall()
        return len(list(islice((one for one in waited_for if _give_away(self.robots[0], *one)), most)))

    def enter(self, phase: str) -> None:
        for one in self.lookers:
            one.phase = phase

    def end(self) -> None:
        for one in (*self.lookers, *self.persons, *self.robots):
            one.join(90)
            assert not one.is_alive()
            if one.failure is not None:
                raise one.failure


def _give_away(robot: Robot, doctor: str, start: datetime) -> bool:
    """The front desk books for somebody else what a patient waits for here."""
    at = start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for slot in robot.all_of("Slot", status="free", start=at):
        actors = [one["actor"]["reference"] for one in robot.participants(slot, "Patient/nobody")]
        if f"Practitioner/{doctor}" in actors:
            return robot.take(slot)
    return False


@pytest.mark.parametrize(
    ("minute", "people"), [(4.0, 4), pytest.param(60.0, 20, marks=pytest.mark.soak)], ids=["scaled", "whole"]
)
def test_an_hour_without_the_system(
    db,
    double_site,  # noqa: F811
    client_of,
    database_url,
    tmp_path,
    record_property,
    minute,
    people,
):
    session = client_of("anna").cookies[settings.SESSION_COOKIE_NAME].value
    with portal_beside(double_site, Weather(0, people, rate=0.0), database_url, tmp_path) as beside:
        environment = beside.environment | {"LOOKS_PER_TEN_MINUTES": "1000000"}
        with pages(environment, tmp_path / "pages.log") as (address, _server):
            hour = Hour(double_site, beside, address, session, people)
            hour.pass_by(minute)
            drained = beside.drain(DRAINED)
        refused, told = eventually(lambda: _all_told(beside))
    others, theirs, cabinet = hour.lookers
    ratios = {phase: others.p99(phase) / others.p99("calm") for phase in ("silence", "refusals")}
    for name, value in (("drained", drained), ("refused", refused), ("others", ratios), ("taken", hour.taken)):
        record_property(name, value)
    record_property("looks", {one.path: {phase: len(took) for phase, took in one.took.items()} for one in hour.lookers})
    assert [one.bad for one in hour.lookers] == [[], [], []]
    for one in (theirs, cabinet):
        assert one.says_age == {"calm": False, "silence": True, "refusals": True}, one.path
    assert hour.taken
    assert told == refused > 0
    if minute >= 60:  # a hundredth of a few looks says nothing
        assert max(ratios.values()) <= SLOWER
    agree(aftermath(double_site, Organization.objects.get(slug="shore"), database_url), record_property)


def _all_told(beside: Any) -> tuple[int, int] | None:
    refused, told = beside.direct.execute(REFUSED).fetchone()
    return (refused, told) if refused == told else None
