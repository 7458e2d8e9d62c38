"""Everybody at once: patients on the portal, the front desk in the MIS, a bad network between, workers that die.

What is real: the portal's services, its workers as processes of their own, PostgreSQL, the MIS and the network as
processes of their own. Only the pages are left out: a patient here is a thread that does what the pages do.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import psycopg
import yaml
from django.db import connections

from portal.kernel.access import acting
from portal.kernel.actor import system
from portal.kernel.errors import PortalError
from portal.mis import exchanging, line
from portal.mis.mapping import Mapping
from portal.mis.selectors import free_here
from portal.people.models import Organization, PractitionerRole, ServiceOffer
from portal.scheduling import services
from tests.cast import uid
from tests.contracts.processes import Double, http, running_faults, running_smsc
from tests.crowd import as_person, make_crowd
from tests.mis.robot import Robot
from tests.servers import Crew, crew, eventually

ZONE = ZoneInfo("Europe/Moscow")
DEAD = {"cancelled", "entered-in-error", "noshow", "proposed", "waitlist"}
ON_ITS_WAY = """
    SELECT (SELECT count(*) FROM mis_outgoing WHERE state = 'waiting'),
           (SELECT count(*) FROM mis_incoming WHERE state = 'waiting'),
           (SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE 'mis.%' AND status IN ('todo', 'doing'))"""


@dataclass
class Site:
    """A MIS as the storm needs it. `base`: where its FHIR is; `robots_people`: refs of patients who ring."""

    base: str
    robots_people: list[str]
    branches: dict[str, str]
    specialties: dict[str, str]
    token_file: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        token = self.token_file.read_text().strip() if self.token_file else ""
        return {"Authorization": f"Bearer {token}"} if token else {}

    def mapping(self, base: str) -> dict[str, Any]:
        return {
            "vendor": "fhir_r4",
            "url": base,
            "timezone": "Europe/Moscow",
            "branches": self.branches,
            "specialties": self.specialties,
            "fresh": {"overlap": 30, "changes": 1, "near": 10, "week": 20, "far": 60},
            "timeouts": {"read": 3, "write": 4, "unknown": 3},
            "calls_at_once": 8,
            **({"token_file": str(self.token_file)} if self.token_file else {}),
            **({"options": self.options} if self.options else {}),
        }


class Budget:
    """So many operations, whoever does them. Thread-safe."""

    def __init__(self, operations: int) -> None:
        self.left, self.lock = operations, threading.Lock()

    def __call__(self) -> bool:
        with self.lock:
            self.left -= 1
            return self.left >= 0


class Person(threading.Thread):
    """A patient who books, moves and cancels, and takes no for an answer. `done`: how often what."""

    def __init__(
        self, patient: UUID, account: UUID, roles: list[PractitionerRole], may: Callable[[], bool], seed: int
    ) -> None:
        super().__init__(daemon=True, name=f"person-{seed}")
        self.patient, self.account, self.roles, self.may = patient, account, roles, may
        self.random, self.done = random.Random(seed), Counter[str]()
        self.visits: list[UUID] = []
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while self.may():
                act = self.random.choice((self.book, self.book, self.move, self.cancel)) if self.visits else self.book
                try:
                    act()
                    self.done[act.__name__] += 1
                except PortalError as no:
                    self.done[type(no).__name__] += 1
        except Exception as failure:
            self.failure = failure
        finally:
            connections.close_all()

    def book(self) -> None:
        owner, role = uuid4(), self.random.choice(self.roles)
        with as_person(self.account) as trail:
            held = services.hold_time(actor=trail.actor, owner=owner, **self._wish(role))
        with as_person(self.account) as trail:
            visit = services.book_appointment(actor=trail.actor, patient_id=self.patient, hold_id=held.pk, owner=owner)
        self.visits.append(visit.pk)

    def move(self) -> None:
        owner, visit = uuid4(), self.random.choice(self.visits)
        with as_person(self.account) as trail:
            held = services.hold_time(
                actor=trail.actor, owner=owner, replaces=visit, **self._wish(self.random.choice(self.roles))
            )
        with as_person(self.account) as trail:
            services.move_appointment(actor=trail.actor, appointment_id=visit, hold_id=held.pk, owner=owner)

    def cancel(self) -> None:
        visit = self.visits.pop(self.random.randrange(len(self.visits)))
        with as_person(self.account) as trail:
            services.cancel_appointment(actor=trail.actor, appointment_id=visit)

    def _wish(self, role: PractitionerRole) -> dict[str, Any]:
        offer = ServiceOffer.objects.filter(role=role).order_by("service__position", "pk")[0]
        return {"role_id": role.pk, "service_id": offer.service_id, "mode": "in-person", "start": self._a_time(role)}

    def _a_time(self, role: PractitionerRole) -> datetime:
        now = datetime.now(ZONE)
        for _ in range(20):
            day = now + timedelta(days=self.random.randrange(1, 26))
            if times := free_here(role, day, day + timedelta(days=3)):
                return self.random.choice(times)[0]
        return now + timedelta(days=3)  # nothing is free: the portal will say so


@dataclass
class Aftermath:
    """What both sides say when everything has come to rest."""

    differences: int
    drift: list[Any]
    unfinished: list[Any]
    overlaps_here: int
    overlaps_there: list[Any]
    stray: list[str]


@dataclass
class Storm:
    """What came of it."""

    people: list[Person]
    robots: list[Robot]
    kills: int
    drained: float
    faults: dict[str, Any]
    after: Aftermath

    @property
    def done(self) -> Counter[str]:
        return sum((one.done for one in [*self.people, *self.robots]), Counter[str]())


@dataclass
class Weather:
    """`kill_every`: seconds between two kills of a worker, 0 for none."""

    operations: int
    people: int
    robots: int = 2
    rate: float = 0.1
    workers: int = 2
    kill_every: float = 0.0
    within: float = 120.0


def storm(site: Site, weather: Weather, database_url: Callable[[str], str], folder: Path) -> Storm:
    with portal_beside(site, weather, database_url, folder) as beside:
        organization = Organization.objects.get(slug="shore")
        roles = eventually(lambda: open_roles(organization))
        people, robots = crowd(site, weather, roles, Budget(weather.operations))
        kills = _rage([*people, *robots], beside.workers, weather)
        beside.network.control("faults", rate=0)
        drained = beside.drain(weather.within)
        faults = http.get(f"{beside.network.url}/messages.json").json()["counts"]
    return Storm(people, robots, kills, drained, faults, aftermath(site, organization, database_url))


def aftermath(site: Site, organization: Organization, database_url: Callable[[str], str]) -> Aftermath:
    """Compared, healed, compared again; past the network and the workers."""
    mapping = Mapping.model_validate(site.mapping(site.base))
    with line.override_line("shore", line.build(mapping), mapping) as own:
        differences, _both = exchanging.compare(own, organization)
        exchanging.reconcile(organization)
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        return Aftermath(
            len(differences),
            drift=direct.execute("SELECT kind, key, ref FROM mis_drift WHERE settled_at IS NULL").fetchall(),
            unfinished=direct.execute(UNFINISHED).fetchall(),
            overlaps_here=direct.execute(OVERLAPS).fetchall()[0][0],
            overlaps_there=list(_overlaps_there(site)),
            stray=_stray_slots(site),
        )


UNFINISHED = """
    SELECT 'visit', status, awaits FROM scheduling_appointment WHERE awaits = 'mis' OR status = 'pending'
    UNION ALL SELECT 'wish', kind, '' FROM scheduling_occupancy WHERE replaces IS NOT NULL AND kind = 'booked'
    UNION ALL SELECT 'out', state, code FROM mis_outgoing
    UNION ALL SELECT 'in', state, code FROM mis_incoming WHERE state <> 'done'"""
OVERLAPS = """
    SELECT count(*) FROM scheduling_appointment a JOIN scheduling_appointment b
        ON a.practitioner_id = b.practitioner_id AND a.id < b.id AND a.start < b."end" AND b.start < a."end"
     WHERE a.status IN ('pending', 'booked', 'arrived', 'checked-in')
       AND b.status IN ('pending', 'booked', 'arrived', 'checked-in')"""


@dataclass
class Beside:
    """The portal's workers, the network between them and the MIS, the database; `environment` for more processes."""

    workers: Crew
    network: Double
    direct: psycopg.Connection[Any]
    environment: dict[str, str]

    def drain(self, within: float) -> float:
        """Seconds until nothing is on its way any more."""
        began = time.monotonic()
        eventually(lambda: not any(self.direct.execute(ON_ITS_WAY).fetchone() or ()), within=within)
        return time.monotonic() - began


@contextmanager
def portal_beside(site: Site, weather: Weather, database_url: Callable[[str], str], folder: Path) -> Iterator[Beside]:
    """The workers with the MIS behind a bad network."""
    mappings = folder / "mis"
    mappings.mkdir()
    root, _slash, path = site.base.rpartition("/")
    with (
        running_smsc("--keep", "1000000", "--balance", "100000000") as gateway,
        running_faults(root, f"--rate={weather.rate}", "--seed=5") as network,
        psycopg.connect(database_url("postgres"), autocommit=True) as direct,
    ):
        (mappings / "shore.yaml").write_text(yaml.safe_dump(site.mapping(f"{network.url}/{path}"), allow_unicode=True))
        _free_of_limits(direct)
        environment = {
            "DATABASE_URL": database_url("app"),
            "SMSC_URL": gateway.url,
            "MIS_FOLDER": str(mappings),
            "MIS_LEASE_SECONDS": "8",
        }
        with crew(environment, folder / "workers.log", weather.workers) as workers:
            yield Beside(workers, network, direct, environment)


def _free_of_limits(direct: psycopg.Connection[Any]) -> None:
    """A few people do what thousands do."""
    direct.execute(
        "INSERT INTO scheduling_bookingpolicy (id, organization_id, lead_minutes, horizon_days, publish_at,"
        " cancel_minutes, is_one_a_day) VALUES (gen_random_uuid(), %s, 0, 56, '08:00', 0, false)",
        [uid("shore")],
    )


def open_roles(organization: Organization) -> list[PractitionerRole]:
    """The doctors of the MIS, once all of them have times."""
    roles = list(
        PractitionerRole.objects.filter(organization=organization, master="mis", is_active=True).select_related(
            "location"
        )
    )
    now = datetime.now(ZONE)
    far = (now + timedelta(days=10), now + timedelta(days=20))
    return roles if len(roles) == 3 and all(free_here(role, *far) for role in roles) else []


def crowd(
    site: Site, weather: Weather, roles: list[PractitionerRole], may: Callable[[], bool]
) -> tuple[list[Person], list[Robot]]:
    with acting(system("crowd")) as trail:
        made = make_crowd(actor=trail.actor, people=weather.people)
    people = [Person(*one, roles, may, seed) for seed, one in enumerate(made)]
    robots = [Robot(site.base, site.robots_people, may, 900 + n, site.headers) for n in range(weather.robots)]
    return people, robots


def _rage(threads: list[Any], workers: Crew, weather: Weather) -> int:
    """Until everything is done; how many workers died meanwhile."""
    chosen, kills, turn = random.Random(3), 0, time.monotonic() + weather.kill_every
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.05)
            if weather.kill_every and time.monotonic() > turn:
                workers.kill(chosen)
                kills, turn = kills + 1, time.monotonic() + weather.kill_every
    for thread in threads:
        if thread.failure is not None:
            raise thread.failure
    return kills


# The MIS afterwards ------------------------------------------------------------------------------------------------


def _all(site: Site, kind: str, **only: str) -> Iterator[dict[str, Any]]:
    with httpx.Client(headers={**site.headers, "Cache-Control": "no-cache"}, trust_env=False, timeout=60) as client:
        url = str(httpx.URL(f"{site.base}/{kind}", params={"_count": "200", **only}))
        while url:
            page = client.get(url).raise_for_status().json()
            yield from (entry["resource"] for entry in page.get("entry", []))
            url = next((one["url"] for one in page.get("link", []) if one["relation"] == "next"), "")


def _live(site: Site) -> list[dict[str, Any]]:
    now = datetime.now(ZONE).date() + timedelta(days=1)
    return [one for one in _all(site, "Appointment", date=f"ge{now}") if one["status"] not in DEAD]


def _overlaps_there(site: Site) -> Iterator[tuple[str, str]]:
    by_doctor: defaultdict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    for one in _live(site):
        times = (datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]))
        by_doctor[_doctor(one)].append((*times, one["id"]))
    for visits in by_doctor.values():
        visits.sort()
        for before, after in pairwise(visits):
            if after[0] < before[1]:
                yield before[2], after[2]


def _doctor(visit: dict[str, Any]) -> str:
    actors = [str(one["actor"].get("reference", "")) for one in visit["participant"]]
    return next(one for one in actors if one.startswith("Practitioner/"))


def _stray_slots(site: Site) -> list[str]:
    """Times that are taken there for nobody, or free though somebody has them."""
    now = datetime.now(ZONE).date() + timedelta(days=1)
    owned = {slot["reference"] for one in _live(site) for slot in one.get("slot", [])}
    wrong = []
    for slot in _all(site, "Slot", start=f"ge{now}"):
        is_owned = f"Slot/{slot['id']}" in owned
        if (slot["status"] == "free" and is_owned) or (slot["status"] in ("busy", "busy-tentative") and not is_owned):
            wrong.append(f"{slot['id']} {slot['start']} {slot['status']}")
    return wrong
