"""Many wait, times become free, everyone answers at once, workers die: no time is owned twice, nobody starves."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from django.db import connections

from portal.kernel.access import acting
from portal.kernel.actor import Actor, Role, system
from portal.scheduling import services
from portal.scheduling.errors import OfferOver, SlotTaken
from portal.scheduling.services import Wish
from portal.scheduling.tests.conftest import press
from tests.cast import at, next_weekday, uid
from tests.contracts.processes import running_smsc
from tests.crowd import as_person, make_crowd
from tests.servers import worker

FIRST_DAY = 9
A_DAY = 16  # times of half an hour between 9 and 17
ANSWERERS = 6
LAPSING = 15  # percent of the offers


def queue_up(people, last_day):
    for patient, account in people:
        with as_person(account) as trail:
            wish = Wish(
                organization_id=uid("shore"),
                specialty_id=uid("therapist"),
                practitioner_id=uid("vera"),
                first_day=next_weekday(FIRST_DAY),
                last_day=last_day,
            )
            services.join(actor=trail.actor, patient_id=patient, wish=wish)


def slot(n):
    return at(9, days=FIRST_DAY + n // A_DAY) + timedelta(minutes=30 * (n % A_DAY))


def fill_up(direct, days):
    """Every time of Vera's in these days is taken, each by a row of its own."""
    direct.execute("DELETE FROM scheduling_occupancy WHERE practitioner_id = %s", [uid("vera")])
    for n in range(days * A_DAY):
        direct.execute(
            'INSERT INTO scheduling_occupancy (id, practitioner_id, role_id, mode, start, "end", kind, owner,'
            " is_extended) VALUES (gen_random_uuid(), %s, %s, '', %s, %s, 'block', gen_random_uuid(), false)",
            [uid("vera"), uid("role-vera"), slot(n), slot(n) + timedelta(minutes=30)],
        )


class Answerer(threading.Thread):
    """Answers whatever offers it finds: takes, declines, lets lapse; now and then tries to grab the time itself.

    Which offers lapse is settled for each, not for each look at it: a slow machine looks often before it answers once,
    and there would be nobody left to ask.
    """

    def __init__(self, run, seed):
        super().__init__(daemon=True)
        self.run_of, self.random = run, random.Random(seed)
        self.failure = None

    def run(self):
        try:
            with psycopg.connect(self.run_of.url("postgres"), autocommit=True) as direct:
                while not self.run_of.is_over.is_set():
                    self._answer_one(direct)
                    self.run_of.is_over.wait(0.02)
        except Exception as failure:
            self.failure = failure
        finally:
            connections.close_all()

    def _answer_one(self, direct):
        found = direct.execute(
            "SELECT o.id, p.user_id, o.start FROM scheduling_waitlistoffer o"
            " JOIN people_patient p ON p.id = o.patient_id WHERE o.state = 'open' ORDER BY random() LIMIT 1"
        ).fetchone()
        if found is None:
            return
        offer, account, start = found
        what, lapses = self.random.random(), offer.int % 100 < LAPSING
        if what < 0.1:
            self._grab(direct, offer, start)
        elif lapses and what < 0.6:  # nobody answers: the quarter of an hour is over
            direct.execute("UPDATE scheduling_waitlistoffer SET expires_at = now() WHERE id = %s", [offer])
            direct.execute("UPDATE scheduling_occupancy SET expires_at = now() WHERE owner = %s", [offer])
        else:  # of those that lapse: too late, or just in time
            self._answer(account, offer, services.accept_offer if lapses or what < 0.8 else services.decline_offer)

    @staticmethod
    def _answer(account, offer, act):
        try:
            with as_person(account) as trail:
                act(actor=trail.actor, offer_id=offer)
        except OfferOver:
            pass

    def _grab(self, direct, offer, start):
        """A passer-by without a place in the queue must not get what is kept for somebody."""
        try:
            with acting(Actor(kind="anonymous", role=Role.ANONYMOUS)) as trail:
                services.hold_time(actor=trail.actor, owner=uuid4(), **press(start=start))
                kept = "SELECT count(*) FROM scheduling_waitlistoffer WHERE id = %s AND state = 'open'"
                if direct.execute(f"{kept} AND expires_at > clock_timestamp()", [offer]).fetchone()[0]:
                    self.run_of.grabbed.append(start)
                raise Undone
        except (SlotTaken, Undone):
            pass


class Undone(Exception):
    """Roll back."""


class Run:
    def __init__(self, database_url, people, freed):
        self.url, self.people, self.freed = database_url, people, freed
        self.is_over, self.grabbed = threading.Event(), []

    def booked(self, direct):
        rows = "SELECT count(*) FROM scheduling_occupancy WHERE practitioner_id = %s AND kind = 'booked'"
        return direct.execute(rows, [uid("vera")]).fetchone()[0]


def race(database_url, tmp_path, *, people, freed, kills, within):
    """Workers hand out, everyone answers, workers are killed, until each freed time has a new owner."""
    run = Run(database_url, people, freed)
    days = -(-freed // A_DAY)
    with acting(system("crowd")) as trail:
        crowd = make_crowd(actor=trail.actor, people=people)
    with running_smsc() as gateway, psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        direct.execute(
            "INSERT INTO notifications_messagepolicy (id, organization_id, day_hours, last_minutes, quiet_from,"
            " quiet_until) VALUES (gen_random_uuid(), %s, 0, 0, '00:00', '00:00')",
            [uid("shore")],
        )
        direct.execute("DELETE FROM scheduling_appointment WHERE practitioner_id = %s", [uid("vera")])
        fill_up(direct, days)
        queue_up(crowd, next_weekday(FIRST_DAY + days - 1))  # later days have free times already
        environment = {"DATABASE_URL": database_url("app"), "SMSC_URL": gateway.url, "MESSAGE_LEASE_SECONDS": "4"}
        threads = [Answerer(run, seed) for seed in range(ANSWERERS)]
        with worker(environment, tmp_path / "w1.log") as one, worker(environment, tmp_path / "w2.log") as two:
            for thread in threads:
                thread.start()
            _free_and_kill(run, direct, [one, two], kills)
            _until_all_booked(run, direct, threads, within)
            run.is_over.set()
            for thread in threads:
                thread.join(10)
                assert thread.failure is None, thread.failure
    return run


def _free_and_kill(run, direct, workers, kills):
    """One time after the other becomes free; between them workers die."""
    pause, chance = threading.Event(), random.Random(7)
    dies_at = set(chance.sample(range(run.freed), kills))
    for n in range(run.freed):
        direct.execute("DELETE FROM scheduling_occupancy WHERE kind = 'block' AND start = %s", [slot(n)])
        if n in dies_at:
            victim = chance.choice(workers)
            victim.kill()
            victim.start()
        pause.wait(0.05)


def _until_all_booked(run, direct, threads, within):
    deadline = datetime.now(UTC) + timedelta(seconds=within)
    while run.booked(direct) < run.freed:
        assert [thread.failure for thread in threads] == [None] * len(threads)
        assert datetime.now(UTC) < deadline, (
            f"{run.freed - run.booked(direct)} times found nobody: {standstill(direct)}"
        )
        run.is_over.wait(0.1)


STANDSTILL = """
    SELECT 'offers ' || state, count(*) FROM scheduling_waitlistoffer GROUP BY 1
    UNION ALL SELECT 'entries ' || state || CASE WHEN rest_until > clock_timestamp() THEN ' resting' ELSE '' END
                  || CASE WHEN unfit_roles <> '{}' THEN ' unfit' ELSE '' END, count(*)
                FROM scheduling_waitlistentry GROUP BY 1
    UNION ALL SELECT 'times ' || kind, count(*) FROM scheduling_occupancy WHERE practitioner_id = %s GROUP BY 1
    UNION ALL SELECT 'notes', count(*) FROM scheduling_freedtime
    UNION ALL SELECT to_char(start, '"asked about" DD HH24:MI ') || state, count(*)
                FROM scheduling_waitlistoffer WHERE role_id = %s GROUP BY 1"""


def standstill(direct):
    """Why nothing moves, in counts."""
    return dict(direct.execute(STANDSTILL, [uid("vera"), uid("role-vera")]).fetchall())


ONCE_EACH = """
    SELECT a.start, count(*) FROM scheduling_appointment a
     WHERE a.practitioner_id = %s AND a.status = 'booked' GROUP BY 1"""
UNBOOKED = """
    SELECT count(*) FROM scheduling_waitlistoffer o
     WHERE o.state = 'accepted' AND NOT EXISTS (
         SELECT FROM scheduling_appointment a
          WHERE a.id = o.hold AND a.patient_id = o.patient_id AND a.start = o.start AND a.status = 'booked')"""
# Somebody was asked again while another, who had joined before that, had never been asked.
PASSED_OVER = """
    SELECT count(*) FROM scheduling_waitlistoffer o JOIN scheduling_waitlistentry me ON me.id = o.entry_id
     WHERE EXISTS (SELECT FROM scheduling_waitlistoffer earlier
                    WHERE earlier.entry_id = o.entry_id AND earlier.created_at < o.created_at)
       AND EXISTS (SELECT FROM scheduling_waitlistentry other
                    WHERE other.practitioner_id = me.practitioner_id AND other.created_at < o.created_at
                      AND NOT EXISTS (SELECT FROM scheduling_waitlistoffer theirs
                                       WHERE theirs.entry_id = other.id AND theirs.created_at < o.created_at))"""
OUT_OF_TURN = """
    SELECT count(*) FROM (
        SELECT e.created_at, lag(e.created_at) OVER (ORDER BY o.first) AS before
          FROM scheduling_waitlistentry e
          JOIN (SELECT entry_id, min(created_at) AS first FROM scheduling_waitlistoffer GROUP BY 1) o
            ON o.entry_id = e.id) AS turn
     WHERE before > created_at"""


def check(run, database_url, record):
    with psycopg.connect(database_url("postgres")) as direct:
        owners = dict(direct.execute(ONCE_EACH, [uid("vera")]).fetchall())
        asked = direct.execute("SELECT state, count(*) FROM scheduling_waitlistoffer GROUP BY 1").fetchall()
        record("offers", dict(asked))
        assert owners == {slot(n): 1 for n in range(run.freed)}
        assert direct.execute(UNBOOKED).fetchone()[0] == 0, "accepted, and no visit"
        assert direct.execute(PASSED_OVER).fetchone()[0] == 0, "asked again before the others were asked"
        assert direct.execute(OUT_OF_TURN).fetchone()[0] == 0, "not in the order of the queue"
        assert run.grabbed == [], "a time that was kept was given to a passer-by"


def test_20_wait_for_8_freed_times_while_a_worker_dies(db, database_url, tmp_path, record_property):
    run = race(database_url, tmp_path, people=20, freed=8, kills=1, within=60)
    check(run, database_url, record_property)


@pytest.mark.soak
def test_500_wait_for_50_freed_times_while_workers_die(db, database_url, tmp_path, record_property):
    run = race(database_url, tmp_path, people=500, freed=50, kills=10, within=500)
    check(run, database_url, record_property)
