"""kill -9 in the middle of bookings: what was acknowledged exists once, its message was sent at least once."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from datetime import timedelta
from uuid import UUID

import httpx
import psycopg
import pytest
from django.conf import settings

from portal.scheduling.tests.conftest import chip
from tests.cast import at, uid
from tests.contracts.processes import running_smsc
from tests.servers import eventually, pages, wait_for_pages, worker

DOCTORS = ("vera", "gleb", "dina")


class Booker(threading.Thread):
    """One browser that books time after time, whatever happens to the server; remembers what it was promised."""

    def __init__(self, address, cookie, who, times):
        super().__init__(daemon=True)
        self.address, self.cookie, self.who, self.times = address, cookie, who, times
        self.promised: list[UUID] = []

    def run(self):
        for doctor, start in self.times:
            try:
                self._book(doctor, start)
            except (httpx.TransportError, TypeError, KeyError):
                wait_for_pages(self.address)  # the server died under us: nothing was promised

    def _book(self, doctor, start):
        with httpx.Client(
            base_url=self.address, cookies={settings.SESSION_COOKIE_NAME: self.cookie}, timeout=10
        ) as client:
            headers = {"Referer": self.address}
            held = client.post("/book/hold/", data=chip(doctor, start), headers=headers)
            if held.status_code != 302:
                return
            token = self._token(client.get(held.headers["Location"]))
            data = {"patient": str(uid(self.who)), "csrfmiddlewaretoken": token}
            done = client.post(f"{held.headers['Location']}confirm/", data=data, headers=headers)
            if done.status_code == 302 and done.headers["Location"].startswith("/me/visits/"):
                self.promised.append(UUID(done.headers["Location"].split("/")[3]))

    @staticmethod
    def _token(page):
        return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]


def crash_run(client_of, database_url, tmp_path, *, bookings, kills):
    """Book and kill; returns (promised ids, visits by id, texts sent by visit's start)."""
    random.seed(7)
    with psycopg.connect(database_url("postgres")) as direct:  # two people book hundreds of visits
        direct.execute(
            "INSERT INTO scheduling_bookingpolicy (id, organization_id, lead_minutes, horizon_days, publish_at,"
            " cancel_minutes, is_one_a_day) VALUES (gen_random_uuid(), %s, 30, 56, '08:00', 0, false)",
            [uid("shore")],
        )
    times = [
        (DOCTORS[n % 3], at(9, days=10 + n // 42) + timedelta(minutes=30 * (n // 3 % 14))) for n in range(bookings)
    ]
    with running_smsc() as gateway:
        limits = {"HOLDS_PER_TEN_MINUTES": str(bookings * 2)}  # all from one address
        environment = {"DATABASE_URL": database_url("app"), "SMSC_URL": gateway.url} | limits
        with (
            pages(environment, tmp_path / "web.log") as (address, web),
            worker(environment, tmp_path / "worker.log") as jobs,
        ):
            bookers = [
                Booker(address, client_of(who).cookies[settings.SESSION_COOKIE_NAME].value, who, times[n::2])
                for n, who in enumerate(("boris", "zoya"))
            ]
            for booker in bookers:
                booker.start()
            for n in range(kills):
                goal = (n + 1) * bookings // (kills + 2) // 2
                eventually(lambda goal=goal: sum(len(b.promised) for b in bookers) >= goal or not alive(bookers))
                victim = (web, jobs)[n % 2]
                victim.kill()
                victim.start()
            for booker in bookers:
                booker.join(timeout=120)
            promised = [visit for booker in bookers for visit in booker.promised]
            eventually(lambda: unsent(database_url) == 0, within=90)
            return promised, visits(database_url), gateway.messages()


def alive(bookers):
    return any(booker.is_alive() for booker in bookers)


def visits(database_url):
    with psycopg.connect(database_url("postgres")) as direct:
        return direct.execute(
            "SELECT id, start, patient_id FROM scheduling_appointment WHERE status = 'booked'"
        ).fetchall()


def unsent(database_url):
    """Visits booked here whose SMS no gateway has accepted yet."""
    with psycopg.connect(database_url("postgres")) as direct:
        return direct.execute(
            "SELECT count(*) FROM scheduling_appointment a JOIN people_contact c USING (patient_id)"
            " LEFT JOIN notifications_message m ON m.subject_id = a.id AND m.state IN ('accepted', 'delivered')"
            " WHERE m.id IS NULL AND a.patient_id IN (%s, %s) AND a.id <> %s",
            [uid("boris"), uid("zoya"), uid("visit-boris")],
        ).fetchone()[0]


def check(promised, rows, messages, record):
    kept = Counter(row[0] for row in rows)
    assert len(promised) == len(set(promised))
    assert all(kept[visit] == 1 for visit in promised), "an acknowledged booking is lost or doubled"
    texts = Counter((m["phone"], m["text"]) for m in messages)
    new = [row for row in rows if row[0] not in {uid(f"visit-{n}") for n in ("anna", "mila", "boris")}]
    assert len(texts) >= len(new), "a booking without its message"
    duplicates = sum(texts.values()) - len(texts)
    record("bookings", len(promised))
    record("duplicate_messages", duplicates)
    assert duplicates <= 2


def test_nothing_acknowledged_is_lost_when_processes_are_killed(client_of, database_url, tmp_path, record_property):
    promised, rows, messages = crash_run(client_of, database_url, tmp_path, bookings=24, kills=2)
    assert len(promised) >= 12
    check(promised, rows, messages, record_property)


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_in_many_kills(client_of, database_url, tmp_path, record_property):
    promised, rows, messages = crash_run(client_of, database_url, tmp_path, bookings=600, kills=40)
    assert len(promised) >= 300
    check(promised, rows, messages, record_property)
