"""Everything at once from many threads: nothing overlaps, nothing acknowledged is lost, nothing but a refusal surfaces.

Three doctors, of whom two share a room, and two devices that every visit needs one of. Whoever is told “yes” writes
it down; at the end the database holds exactly what was written down.
"""

from __future__ import annotations

import random
import threading
import traceback
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import time, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connections

from conftest import actor_named
from portal.kernel.access import acting
from portal.kernel.errors import PortalError
from portal.people.models import ServiceOffer
from portal.scheduling import services
from portal.scheduling.errors import SlotTaken
from portal.scheduling.models import DaySheet, Rule, RuleException
from portal.scheduling.selectors import WRITTEN_AHEAD, choice_of, today_in
from portal.scheduling.selectors_sql import free_slots, lock_practitioners
from portal.scheduling.services import Ask, Holder
from portal.scheduling.services import hold as hold_module
from portal.scheduling.tests.conftest import press
from portal.scheduling.tests.wall_clock import expected
from tests.cast import at, next_weekday, uid
from tests.servers import eventually

THREADS = 20
DOCTORS = ("vera", "gleb", "dina")
PATIENTS = {"anna": ("anna", "mila"), "boris": ("boris",), "zoya": ("zoya",)}
DAYS = (7, 8, 10)
HOT = [(9, 0), (9, 30), (10, 0)]  # half of all presses want one of these
ALL = [(hour, minute) for hour in range(9, 17) for minute in (0, 30)]
LIVE = "NOT (kind = 'hold' AND expires_at <= clock_timestamp())"
OVERLAPS = {
    "doctor": "SELECT a.id FROM scheduling_occupancy a JOIN scheduling_occupancy b ON a.practitioner_id ="
    ' b.practitioner_id AND a.id < b.id AND a.start < b."end" AND b.start < a."end"',
    "room or device": "SELECT a.id FROM scheduling_resourceuse a JOIN scheduling_resourceuse b ON a.resource_id ="
    ' b.resource_id AND a.id < b.id AND a.start < b."end" AND b.start < a."end"',
    "patient": "SELECT a.id FROM scheduling_appointment a JOIN scheduling_appointment b ON a.patient_id ="
    ' b.patient_id AND a.id < b.id AND a.start < b."end" AND b.start < a."end"'
    " WHERE a.status <> 'cancelled' AND b.status <> 'cancelled'",
}


class Said(NamedTuple):
    """What somebody was told of a visit. `version` puts answers about one visit in order, whoever got them."""

    visit: UUID
    version: int
    verb: str
    doctor: UUID
    start: object
    patient: UUID


def shared_things(database_url):
    """Gleb sits in Vera's room, everybody needs one of two scanners, Dina rests ten minutes after each visit."""
    with psycopg.connect(database_url("postgres")) as direct:
        for n in (1, 2):
            direct.execute(
                "INSERT INTO people_resource (id, location_id, kind, code, name, is_active)"
                " VALUES (%s, %s, 'device', 'scanner', %s, true)",
                [uid(f"scanner-{n}"), uid("place-shore"), f"S{n}"],
            )
        direct.execute("UPDATE people_healthcareservice SET devices = '{scanner}'")
        direct.execute("UPDATE people_healthcareservice SET buffer_minutes = 10 WHERE slug = 'cardiologist-first'")
        shared = [uid("room-200"), uid("role-gleb")]
        direct.execute("UPDATE people_practitionerrole SET room_id = %s WHERE id = %s", shared)
        direct.execute(
            "INSERT INTO scheduling_bookingpolicy (id, organization_id, lead_minutes, horizon_days, publish_at,"
            " cancel_minutes, is_one_a_day) VALUES (gen_random_uuid(), %s, 30, 56, '00:00', 0, false)",
            [uid("shore")],
        )
    roles, today = [uid(f"role-{name}") for name in DOCTORS], today_in("Europe/Moscow")
    with acting(actor_named("job")) as trail:
        services.write_sheets(actor=trail.actor, role_ids=roles, first=today, last=today + WRITTEN_AHEAD)


class Clinic:
    """What all threads know: who acts, which visits there are, what everyone was told."""

    def __init__(self):
        self.actors = {name: actor_named(name) for name in (*PATIENTS, "rita", "alla", "visitor")}
        self.lock = threading.Lock()
        self.said: list[Said] = []
        self.visits: list[tuple[UUID, str]] = []  # with the account that may change it
        self.exceptions: list[UUID] = []
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []

    def note(self, verb, visit, account):
        with self.lock:
            self.said.append(Said(visit.pk, visit.version, verb, visit.practitioner_id, visit.start, visit.patient_id))
            if verb == "booked":
                self.visits.append((visit.pk, account))


class Someone:
    """One thread: a person with two browsers, and now and then the registrar and the administrator."""

    def __init__(self, clinic, seed, steps):
        self.clinic, self.rng, self.steps = clinic, random.Random(seed), steps
        self.account = sorted(PATIENTS)[seed % len(PATIENTS)]
        self.browsers: dict[UUID, tuple[UUID, bool]] = {uuid4(): (uuid4(), False) for _ in range(2)}

    def run(self):
        try:
            for _ in range(self.steps):
                self.step()
        finally:
            connections["default"].close()

    def step(self):
        verbs = {
            self.hold: 16,
            self.book: 22,
            self.hold_together: 8,
            self.move: 14,
            self.cancel: 14,
            self.extend: 6,
            self.release: 4,
            self.close_hours: 3,
            self.open_again: 3,
        }
        (verb,) = self.rng.choices(list(verbs), list(verbs.values()))
        try:
            verb()
            outcome = "done"
        except PortalError as refused:
            outcome = type(refused).__name__
        except Exception as problem:
            outcome = f"WRONG {type(problem).__name__}"
            with self.clinic.lock:
                self.clinic.wrong.append("".join(traceback.format_exception(problem, limit=-6)))
        with self.clinic.lock:
            self.clinic.outcomes[f"{verb.__name__}: {outcome}"] += 1

    def time(self):
        hour, minute = self.rng.choice(HOT if self.rng.random() < 0.5 else ALL)
        return at(hour, minute, days=self.rng.choice(DAYS))

    def browser(self):
        return self.rng.choice(list(self.browsers))

    def act(self, name, run, **values):
        with acting(self.clinic.actors[name]) as trail:
            return run(actor=trail.actor, **values)

    def hold(self, **values):
        owner = self.browser()
        who = self.rng.choice([self.account, "visitor"])
        mode = self.rng.choice(["in-person", "in-person", "video"])
        pressed = press(self.rng.choice(DOCTORS), self.time(), mode)
        held = self.act(who, services.hold_time, owner=owner, **pressed, **values)
        self.browsers[owner] = (held.pk, False)
        return owner, held.pk

    def book(self):
        """What some browser of this person holds, or else a time pressed just now."""
        owner = self.browser()
        batch, is_together = self.browsers[owner]
        if self.rng.random() < 0.6:
            owner, batch = self.hold()
            is_together = False
        patient = self.rng.choice(PATIENTS[self.account])
        run, name = (services.book_together, "batch") if is_together else (services.book_appointment, "hold_id")
        booked = self.act(self.account, run, patient_id=uid(patient), owner=owner, **{name: batch})
        for visit in booked if is_together else [booked]:
            self.clinic.note("booked", visit, self.account)

    def hold_together(self):
        owner, start = self.browser(), self.time()
        asks = [
            Ask(**press(doctor, start + timedelta(minutes=60 * n), self.rng.choice(["in-person", "video"])))
            for n, doctor in enumerate(self.rng.sample(DOCTORS, self.rng.choice([2, 3])))
        ]
        self.rng.shuffle(asks)
        held = self.act(self.account, services.hold_times, owner=owner, asks=asks)
        self.browsers[owner] = (held[0].batch, True)
        if self.rng.random() < 0.6:
            patient = self.rng.choice(PATIENTS[self.account])
            together = {"patient_id": uid(patient), "batch": held[0].batch, "owner": owner}
            for visit in self.act(self.account, services.book_together, **together):
                self.clinic.note("booked", visit, self.account)

    def some_visit(self):
        """A visit and who changes it: its person, or the registrar."""
        with self.clinic.lock:
            visit, account = self.rng.choice(self.clinic.visits or [(uid("visit-boris"), "boris")])
        return visit, self.rng.choice([account, account, "rita"])

    def move(self):
        visit, who = self.some_visit()
        owner, held = self.hold(replaces=visit)
        moved = self.act(who, services.move_appointment, appointment_id=visit, hold_id=held, owner=owner)
        self.clinic.note("moved", moved, None)

    def cancel(self):
        visit, who = self.some_visit()
        self.clinic.note("cancelled", self.act(who, services.cancel_appointment, appointment_id=visit), None)

    def extend(self):
        owner = self.browser()
        self.act(self.account, services.extend_hold, owner=owner, batch=self.browsers[owner][0])

    def release(self):
        self.act(self.account, services.release_hold, owner=self.browser())

    def close_hours(self):
        day = next_weekday(self.rng.choice(DAYS))
        start = self.rng.choice([time(9), time(12), time(15)])
        kind = self.rng.choice(["blocked", "vacation", "extra"])
        closed = self.act(
            "alla",
            services.add_exception,
            role_id=uid(f"role-{self.rng.choice(DOCTORS)}"),
            kind=kind,
            first_day=day,
            last_day=day,
            start=time(17) if kind == "extra" else start,
            end=time(19) if kind == "extra" else time(start.hour + 2),
            step_minutes=30,
            modes=["in-person", "video"],
        )
        with self.clinic.lock:
            self.clinic.exceptions.append(closed.pk)

    def open_again(self):
        with self.clinic.lock:
            if not self.clinic.exceptions:
                return
            closed = self.clinic.exceptions.pop(self.rng.randrange(len(self.clinic.exceptions)))
        self.act("alla", services.remove_exception, exception_id=closed)


MOST_ROUNDS = 3


def crowd(operations, seed, *, bookings=0, moves=0):
    """Everyone acts; once or twice more when the threads' luck was bad and too little was booked to mean anything."""
    clinic, rounds = Clinic(), 0
    while not rounds or (rounds < MOST_ROUNDS and has_little(clinic, bookings, moves)):
        people = [Someone(clinic, seed * 1000 + rounds * 100 + n, operations // THREADS) for n in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            for done in [pool.submit(someone.run) for someone in people]:
                done.result()
        rounds += 1
    assert not has_little(clinic, bookings, moves), dict(clinic.outcomes)
    return clinic, rounds * operations


def has_little(clinic, bookings, moves):
    return clinic.outcomes["book: done"] <= bookings or clinic.outcomes["move: done"] <= moves


def rows(database_url, statement, params=()):
    with psycopg.connect(database_url("postgres")) as direct:
        return direct.execute(statement, params).fetchall()


def check(clinic, database_url, operations):
    assert not clinic.wrong, "\n\n".join(clinic.wrong[:3]) + f"\n{len(clinic.wrong)} of {clinic.outcomes}"
    assert sum(clinic.outcomes.values()) == operations
    for what, statement in OVERLAPS.items():
        assert rows(database_url, statement) == [], f"a {what} is in two places"
    last = acknowledged_is_kept(clinic, database_url)
    occupancy_agrees(database_url)
    things_agree(database_url)
    jobs_agree(clinic, database_url)
    sheets_agree()
    freed_is_offered(last, database_url)


CAST = [uid(f"visit-{name}") for name in ("anna", "mila", "boris")]


def acknowledged_is_kept(clinic, database_url):
    """Every visit stands as the answer with its highest version said, and there is no visit nobody was told of."""
    last = {}
    for said in sorted(clinic.said, key=lambda said: said.version):
        last[said.visit] = said
    found = rows(
        database_url,
        "SELECT id, version, status, practitioner_id, start, patient_id FROM scheduling_appointment",
    )
    assert {row[0] for row in found} == set(last) | set(CAST)
    for visit, version, status, doctor, start, patient in found:
        if said := last.get(visit):
            assert version == said.version
            assert status == ("cancelled" if said.verb == "cancelled" else "booked")
            assert (doctor, start, patient) == (said.doctor, said.start, said.patient)
    return last


def occupancy_agrees(database_url):
    """One booked time for each visit that stands, none for others, and no hold with a visit's name."""
    standing = rows(
        database_url,
        'SELECT a.id, a.practitioner_id, a.role_id, a.service_id, a.mode, a.start, a."end" + make_interval(mins =>'
        " s.buffer_minutes) FROM scheduling_appointment a JOIN people_healthcareservice s ON s.id = a.service_id"
        " WHERE a.status = 'booked' AND a.id <> ALL(%s)",
        [CAST],
    )
    taken = rows(
        database_url,
        'SELECT owner, practitioner_id, role_id, service_id, mode, start, "end" FROM scheduling_occupancy'
        " WHERE kind = 'booked' AND owner <> ALL(%s)",
        [CAST],
    )
    assert Counter(standing) == Counter(taken)


def things_agree(database_url):
    """A use for each thing a time needs, for exactly that time; none without its time."""
    uses = rows(
        database_url,
        'SELECT o.id, r.code, u.start = o.start AND u."end" = o."end" FROM scheduling_resourceuse u'
        " LEFT JOIN scheduling_occupancy o ON o.id = u.occupancy_id"
        " LEFT JOIN people_resource r ON r.id = u.resource_id",
    )
    assert all(row[0] and row[2] for row in uses)
    needed = Counter()
    for taken, mode, owner in rows(database_url, "SELECT id, mode, owner FROM scheduling_occupancy"):
        if owner not in CAST:
            needed.update([(taken, "scanner")] + [(taken, "room")] * (mode == "in-person"))
    assert Counter((row[0], row[1]) for row in uses if row[0] not in CAST) == needed
    rooms = rows(
        database_url,
        "SELECT count(*) FROM scheduling_appointment a LEFT JOIN scheduling_occupancy o ON o.owner = a.id"
        " LEFT JOIN scheduling_resourceuse u ON u.occupancy_id = o.id AND u.resource_id = a.room_id"
        " WHERE a.status = 'booked' AND a.mode = 'in-person' AND u.id IS NULL AND a.id <> ALL(%s)",
        [CAST],
    )
    assert rooms == [(0,)], "a visit names a room that is not taken for it"


def jobs_agree(clinic, database_url):
    """One job for each change, whoever repeated a cancellation."""
    changes = {(said.verb, said.visit, said.version) for said in clinic.said}
    told = Counter((f"notifications.jobs.tell_{verb}", str(visit)) for verb, visit, _ in changes)
    jobs = rows(database_url, "SELECT task_name, args->>'appointment_id' FROM procrastinate_jobs")
    assert Counter(jobs) == told


def sheets_agree():
    """However the administrators interleaved, the sheets are those of the rules that are left."""
    first = today_in("Europe/Moscow")
    days = [first + timedelta(days=n) for n in range(20)]
    for name in DOCTORS:
        role = uid(f"role-{name}")
        rules, others = Rule.objects.filter(role_id=role), RuleException.objects.filter(role_id=role).order_by("pk")
        wanted = [one.start for day in days for one in expected(day, "Europe/Moscow", rules, list(others))]
        written = DaySheet.objects.filter(role_id=role, date__range=(days[0], days[-1])).order_by("start")
        assert set(wanted) <= set(written.values_list("start", flat=True)) and written.count() == len(wanted)


def wanted_of(doctor, mode):
    offer = ServiceOffer.objects.select_related("service", "role__location").get(role_id=uid(f"role-{doctor}"))
    return choice_of(offer).wanted(mode)


def freed_is_offered(last, database_url):
    """What a cancelled visit leaves is offered again unless taken again, and all that is offered can be had."""
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        direct.execute("UPDATE scheduling_occupancy SET expires_at = now() - interval '1 s' WHERE kind = 'hold'")
        direct.execute("DELETE FROM scheduling_ruleexception")
    roles, today = [uid(f"role-{name}") for name in DOCTORS], today_in("Europe/Moscow")
    with acting(actor_named("job")) as trail:
        services.write_sheets(actor=trail.actor, role_ids=roles, first=today, last=today + timedelta(days=30))
    offered = {
        name: {s.start for s in free_slots([wanted_of(name, "in-person")], mode="in-person")} for name in DOCTORS
    }
    taken = rows(database_url, f'SELECT practitioner_id, start, "end" FROM scheduling_occupancy WHERE {LIVE}')
    used = rows(
        database_url,
        'SELECT u.resource_id, u.start, u."end" FROM scheduling_resourceuse u JOIN scheduling_occupancy o'
        f" ON o.id = u.occupancy_id WHERE {LIVE.replace('kind', 'o.kind', 1)}",
    )
    busy = defaultdict(list)
    for key, start, end in taken + used:
        busy[key].append((start, end))
    room = {"vera": uid("room-200"), "gleb": uid("room-200"), "dina": uid("room-202")}
    for name in DOCTORS:
        minutes = timedelta(minutes=40 if name == "dina" else 30)
        for said in (said for said in last.values() if said.verb == "cancelled" and said.doctor == uid(name)):
            if said.start not in {at(hour, minute, days=day) for hour, minute in ALL for day in DAYS}:
                continue  # in extra hours, which are over

            def is_free(key, start=said.start, end=said.start + minutes):
                return all(b <= start or end <= a for a, b in busy[key])

            has_scanner = is_free(uid("scanner-1")) or is_free(uid("scanner-2"))
            is_offered = said.start in offered[name]
            assert is_offered == (is_free(uid(name)) and is_free(room[name]) and has_scanner)
        for start in sorted(offered[name] & {at(*clock, days=day) for clock in ALL for day in DAYS})[:12]:
            with pytest.raises(Undo), acting(actor_named("visitor")) as trail:
                services.hold_time(actor=trail.actor, owner=uuid4(), **press(name, start))
                raise Undo


class Undo(Exception):
    """Roll back."""


def test_300_operations_of_20_threads_agree_with_what_everyone_was_told(db, database_url, record_property):
    shared_things(database_url)
    clinic, operations = crowd(300, seed=1, bookings=20)
    check(clinic, database_url, operations)
    record_property("outcomes", dict(clinic.outcomes))


@pytest.mark.soak
def test_10000_operations_of_20_threads_agree_with_what_everyone_was_told(db, database_url, record_property):
    shared_things(database_url)
    clinic, operations = crowd(10_000, seed=2)
    check(clinic, database_url, operations)
    record_property("outcomes", dict(clinic.outcomes))


@pytest.mark.parametrize("mode", ["in-person", "video"])
def test_two_browsers_that_swap_their_times_do_not_wait_for_each_other(db, monkeypatch, mode):
    """Each has let its own time go and asks for the other's: a deadlock, unless they queue before they let go."""
    owners, actor, both_let_go = [uuid4(), uuid4()], actor_named("visitor"), threading.Barrier(2)
    for owner, doctor in zip(owners, ("vera", "dina"), strict=True):
        with acting(actor) as trail:
            services.hold_time(actor=trail.actor, owner=owner, **press(doctor, mode=mode))
    take = hold_module._take

    def take_together(*args):
        with suppress(threading.BrokenBarrierError):
            both_let_go.wait(0.3)
        return take(*args)

    def press_the_other(owner, doctor):
        try:
            with acting(actor) as trail:
                services.hold_time(actor=trail.actor, owner=owner, **press(doctor, mode=mode))
            return "held"
        except SlotTaken:
            return "taken"
        finally:
            connections["default"].close()

    monkeypatch.setattr(hold_module, "_take", take_together)
    with ThreadPoolExecutor(2) as pool:
        outcomes = Counter(pool.map(press_the_other, owners, ("dina", "vera")))
    assert outcomes == {"taken": 2}, "each still has what it had"


@pytest.mark.parametrize("verb", ["book", "extend", "move", "release"])
def test_who_changes_a_held_time_queues_with_those_who_want_it(db, database_url, verb):
    """PostgreSQL meets an exclusion constraint at an UPDATE as at an INSERT: without the queue both may deadlock."""
    owner, actor = uuid4(), actor_named("boris")
    replaces = {"replaces": uid("visit-boris")} if verb == "move" else {}
    with acting(actor) as trail:
        pressed = press("dina" if verb == "move" else "vera")
        held = services.hold_time(actor=trail.actor, owner=owner, **pressed, **replaces)
    change = {
        "book": (services.book_appointment, {"patient_id": uid("boris"), "hold_id": held.pk}),
        "extend": (services.extend_hold, {"batch": held.pk}),
        "move": (services.move_appointment, {"appointment_id": uid("visit-boris"), "hold_id": held.pk}),
        "release": (services.release_hold, {}),
    }

    def run():
        try:
            with acting(actor) as trail:
                change[verb][0](actor=trail.actor, owner=owner, **change[verb][1])
        finally:
            connections["default"].close()

    waiting = (  # here: other tests wait in databases of their own
        "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
        " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
    )
    with ThreadPoolExecutor(1) as pool:
        with acting(actor_named("visitor")):
            lock_practitioners([held.practitioner_id])
            done = pool.submit(run)
            eventually(lambda: done.done() or rows(database_url, waiting) == [(1,)])
            assert not done.done()
        done.result()


def hold_for(holder, actor, n):
    """The n-th time of three doctors, from a browser of its own."""
    clock = ALL[n // 3 % len(ALL)]
    pressed = press(DOCTORS[n % 3], at(*clock, days=DAYS[n // 48]), "video")
    try:
        with acting(actor) as trail:
            services.hold_time(actor=trail.actor, owner=uuid4(), holder=holder, **pressed)
        return "held"
    except PortalError as refused:
        return type(refused).__name__
    finally:
        connections["default"].close()


@pytest.mark.parametrize(("name", "most"), [("boris", 2), ("visitor", 12)])
def test_30_browsers_of_one_holder_hold_no_more_than_its_limit(db, database_url, name, most):
    holder, actor = Holder(sha256(name.encode()).digest(), most), actor_named(name)
    with ThreadPoolExecutor(30) as pool:
        outcomes = Counter(pool.map(lambda n: hold_for(holder, actor, n), range(30)))
    assert outcomes == {"held": most, "TooManyHolds": 30 - most}
    batches = f"SELECT count(DISTINCT batch), count(*) FROM scheduling_occupancy WHERE kind = 'hold' AND {LIVE}"
    assert rows(database_url, batches) == [(most, most)]


def test_holders_do_not_count_for_each_other(db, database_url):
    holders = [Holder(sha256(bytes([n])).digest(), 2) for n in range(5)]
    actor = actor_named("visitor")
    with ThreadPoolExecutor(15) as pool:
        outcomes = Counter(pool.map(lambda n: hold_for(holders[n % 5], actor, n), range(30)))
    assert outcomes == {"held": 10, "TooManyHolds": 20}
    per_holder = "SELECT count(*) FROM scheduling_occupancy WHERE kind = 'hold' GROUP BY holder"
    assert rows(database_url, per_holder) == [(2,)] * 5


def test_a_batch_counts_once_and_an_expired_one_not_at_all(db, database_url):
    holder, actor = Holder(sha256(b"boris").digest(), 2), actor_named("boris")
    with acting(actor) as trail:
        asks = [Ask(**press(doctor, at(10 + n), "video")) for n, doctor in enumerate(DOCTORS)]
        services.hold_times(actor=trail.actor, owner=uuid4(), asks=asks, holder=holder)
    assert [hold_for(holder, actor, n) for n in (0, 1)] == ["held", "TooManyHolds"]
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        direct.execute("UPDATE scheduling_occupancy SET expires_at = now() - interval '1 s' WHERE kind = 'hold'")
    assert [hold_for(holder, actor, n) for n in (0, 1, 2)] == ["held", "held", "TooManyHolds"]
