"""The large seed with small numbers: right, refused where it must be, and whole again after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections

from portal.demo.large import Refused, Size, run, selectors_sql
from portal.demo.large.people import phone_of
from portal.demo.large.size import uid
from portal.kernel.access import acting, open_door
from portal.kernel.actor import Actor, Role, anonymous, system
from portal.kernel.sql import walled_tables
from portal.people.contacts import parse_address
from portal.people.models import Contact, Patient, PractitionerRole
from portal.scheduling.models import DaySheet
from portal.scheduling.selectors import Filters, choices, with_nearest
from portal.scheduling.services import extend_sheets, write_sheets
from tests.clones import clone
from tests.runway.conftest import ROOT

TINY = Size(patients=200, doctors=5, past_days=25, patients_a_chunk=80, days_a_chunk=20, doctors_a_chunk=2)
TABLES = {
    "people_patient": 200,
    "people_user": 200,
    "people_contact": 200,
    "people_patientatorganization": 200,
    "kernel_patientkeyset": 200,
    "scheduling_daysheet": 5 * 60 * 2,
    "scheduling_occupancy": TINY.coming_visits,
    "scheduling_appointment": 1000 + TINY.coming_visits,
    "people_careteam": 1000 + TINY.coming_visits,
    "guard.audit_event": 200 + 1000 + TINY.coming_visits,
}


PROGRAM = """
import os, signal, django; django.setup()
from functools import partial
from portal.demo.large import Size, run
from portal.demo.seed import plain
from portal.runway.children import tie_to_parent
run({}, progress=plain, in_worker=partial(tie_to_parent, os.getpid(), signal.SIGKILL))
"""


class Broken(Exception):
    """As if the power went."""


def plain(items: Iterable[Any], label: str) -> Iterable[Any]:
    return items


def broken_after(count: int) -> Callable[[Iterable[Any], str], Iterator[Any]]:
    def progress(items: Iterable[Any], label: str) -> Iterator[Any]:
        for n, item in enumerate(items):
            if n == count:
                raise Broken
            yield item

    return progress


@contextmanager
def as_owner() -> Iterator[None]:
    """Django's own connection as the role `owner`, as `portal seed --size large` has it."""
    entry = connections.settings["default"]
    before = entry["USER"]
    connections["default"].close()
    entry["USER"] = "owner"
    try:
        yield
    finally:
        connections["default"].close()
        entry["USER"] = before


def seed(progress: Any = plain, size: Size = TINY) -> bool:
    with as_owner():
        return run(size, progress=progress, workers=0)


def address(database: str, role: str = "postgres") -> str:
    url = os.environ["DATABASE_URL"].replace("/portal_empty?", f"/{database}?")
    return url.replace("//app@", f"//{role}@")


def ask(database: str, question: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(address(database)) as connection:
        return connection.execute(question.encode()).fetchall()


def counts(database: str) -> dict[str, int]:
    return {table: ask(database, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


def fingerprint(database: str) -> list[str]:
    """Everything but ciphertext, digests of phones and the moments of writing, hashed table by table."""
    fresh = "'{wrapped,family_name,given_name,middle_name,birth_date,sex,value,digest,recorded,xid,since}'::text[]"
    question = "SELECT md5(string_agg((to_jsonb(t) - {})::text, '' ORDER BY (to_jsonb(t) - {})::text)) FROM {} t"
    drawn = [table for table in TABLES if not table.startswith("guard.")]
    return [ask(database, question.format(fresh, fresh, table))[0][0] for table in [*drawn, "people_practitioner"]]


@pytest.fixture
def seeded(empty_db: str) -> str:
    assert seed()
    return empty_db


def test_every_number_is_what_the_size_says(seeded: str) -> None:
    assert counts(seeded) == TABLES
    statuses = dict(ask(seeded, "SELECT status, count(*) FROM scheduling_appointment GROUP BY 1"))
    assert set(statuses) == {"fulfilled", "noshow", "cancelled", "booked"}
    assert statuses["booked"] == TINY.coming_visits and statuses["fulfilled"] > 800
    (times,) = ask(seeded, 'SELECT sum(extract(epoch FROM "end" - start) / 60 / step_minutes) FROM scheduling_daysheet')
    assert times[0] == 5 * 60 * 30
    assert ask(seeded, "SELECT count(DISTINCT zone) FROM people_location")[0][0] >= 3
    assert ask(seeded, "SELECT min(start) > now() FROM scheduling_occupancy") == [(True,)]


def test_nobody_is_in_two_places_even_in_the_past(seeded: str) -> None:
    for column in ("patient_id", "practitioner_id"):
        together = f"""SELECT count(*) FROM scheduling_appointment a JOIN scheduling_appointment b
            ON a.{column} = b.{column} AND a.id < b.id AND a.start < b."end" AND b.start < a."end" """
        assert ask(seeded, together) == [(0,)]
    twice = "SELECT FROM scheduling_appointment GROUP BY patient_id, specialty_id, local_date HAVING count(*) > 1"
    assert ask(seeded, twice) == []


def test_visits_lie_on_the_doctors_sheets_and_in_their_rooms(seeded: str) -> None:
    off = """SELECT count(*) FROM scheduling_occupancy o WHERE NOT EXISTS (
        SELECT FROM scheduling_daysheet s WHERE s.role_id = o.role_id AND s.start <= o.start AND s."end" >= o."end"
           AND o.mode = ANY (s.modes) AND (o.start - s.anchor) = interval '20 minutes' *
               round(extract(epoch FROM o.start - s.anchor) / 1200))"""
    assert ask(seeded, off) == [(0,)]
    in_person = ask(seeded, "SELECT count(*) FROM scheduling_occupancy WHERE mode = 'in-person'")
    assert ask(seeded, "SELECT count(*) FROM scheduling_resourceuse") == in_person != [(0,)]
    children = """SELECT count(*) FROM scheduling_appointment a
        JOIN people_practitioner p ON p.id = a.practitioner_id WHERE p.max_age < 18"""
    assert ask(seeded, children)[0][0] > 0


def test_the_wall_stands_and_every_constraint_is_valid(seeded: str) -> None:
    assert "scheduling_appointment" in walled_tables()
    assert ask(seeded, "SELECT conname FROM pg_constraint WHERE NOT convalidated") == []
    assert ask(seeded, "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'O'") == []
    with psycopg.connect(address(seeded, "app")) as connection:
        assert connection.execute("SELECT count(*) FROM people_patient").fetchone() == (0,)


def test_every_visit_has_its_event_where_its_month_belongs(seeded: str) -> None:
    events = """SELECT count(*) FROM scheduling_appointment a JOIN guard.audit_event e
        ON e.action = 'Appointment.book' AND (e.detail->>'result')::uuid = a.id AND e.patient_id = a.patient_id
       AND e.recorded = a.created_at AND e.actor_kind = 'patient' AND e.user_id IS NOT NULL AND NOT e.opens"""
    assert ask(seeded, events) == [(TABLES["scheduling_appointment"],)]
    with psycopg.connect(address(seeded)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM guard.audit_event")


def test_care_ends_thirty_days_after_a_visit_and_with_a_cancelled_one(seeded: str) -> None:
    rows = ask(
        seeded,
        'SELECT a.status, upper(t.period) - a."end", upper(t.period) - a.cancelled_at'
        " FROM scheduling_appointment a JOIN people_careteam t ON t.appointment_id = a.id",
    )
    assert len(rows) == TABLES["people_careteam"]
    for status, after_visit, after_cancelling in rows:
        assert (after_cancelling if status == "cancelled" else after_visit - timedelta(days=30)) == timedelta(0)


def test_a_patient_reads_as_any_other(seeded: str) -> None:
    me = Actor(kind="patient", role=Role.PATIENT, user_id=uid("user", 7))
    with acting(me):
        open_door(me, [uid("patient", 7)], purpose="test")
        patient = Patient.objects.visible_to(me).get()
        contact = Contact.objects.visible_to(me).get()
        assert patient.full_name.count(" ") == 2 and 20 < patient.age_on(patient.birth_date.today()) < 90
        assert contact.value == phone_of(7) == parse_address(phone_of(7)).value and patient.sex in ("female", "male")
    with acting(anonymous()), connections["default"].cursor() as cursor:
        cursor.execute("SELECT * FROM guard.find_patients(%s, 'sign-in')", [parse_address(phone_of(7)).digest])
        assert cursor.fetchall() == [(uid("patient", 7), uid("user", 7))]


def sheets() -> set[tuple[Any, ...]]:
    rows = DaySheet.objects.values_list("role_id", "date", "start", "end", "anchor", "step_minutes", "modes", "room_id")
    return {(*row[:6], tuple(row[6]), row[7]) for row in rows}


def test_the_sheets_are_those_the_rules_write(seeded: str) -> None:
    roles: list[UUID] = list(PractitionerRole.objects.values_list("pk", flat=True))
    before = sheets()
    days = sorted({row[1] for row in before})
    with acting(system("test")) as trail:
        write_sheets(actor=trail.actor, role_ids=roles, first=days[0], last=days[-1])
    assert sheets() == before and len(days) == 60
    with acting(system("test")) as trail:
        assert extend_sheets(actor=trail.actor, role_ids=roles) > 0
    assert sheets() > before and min(row[1] for row in sheets() - before) == days[-1] + timedelta(days=1)


def test_the_search_finds_times_that_nobody_has_taken(seeded: str) -> None:
    found = with_nearest(choices(Filters()))
    assert len(found) == 5 and all(choice.nearest for choice in found)


def test_a_second_run_changes_nothing(seeded: str) -> None:
    before = fingerprint(seeded), counts(seeded)
    assert not seed()
    assert (fingerprint(seeded), counts(seeded)) == before


@pytest.mark.parametrize("chunks", [0, 1, 5, 8])
def test_broken_off_and_continued_is_the_same_as_in_one_go(seeded: str, chunks: int) -> None:
    with clone("portal_empty") as other:
        with pytest.raises(Broken):
            seed(broken_after(chunks))
        assert seed()
        assert counts(other) == TABLES and fingerprint(other) == fingerprint(seeded)


def test_killed_in_the_middle_it_goes_on(empty_db: str) -> None:
    small = Size(patients=400, doctors=5, past_days=60, patients_a_chunk=20, days_a_chunk=1, doctors_a_chunk=1)
    owner = address(empty_db, "owner")
    command = [sys.executable, "-c", PROGRAM.format(small)]
    process = subprocess.Popen(command, env=os.environ | {"DATABASE_URL": owner}, cwd=ROOT)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and written(empty_db) < 12:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 12 <= written(empty_db) < 100
    assert seed(size=small)
    numbers = counts(empty_db)
    assert numbers["people_patient"] == 400 and numbers["scheduling_appointment"] == 2400 + small.coming_visits


def written(database: str) -> int:
    if ask(database, "SELECT to_regclass('demo_large_seed')") == [(None,)]:
        return 0
    return int(ask(database, "SELECT count(*) FROM demo_large_seed")[0][0])


def test_another_clinic_or_another_size_is_refused(db: str) -> None:
    with pytest.raises(Refused):
        seed()
    assert ask(db, "SELECT to_regclass('demo_large_seed')") == [(None,)]


def test_another_size_is_refused(seeded: str) -> None:
    with pytest.raises(Refused):
        seed(size=Size(patients=300, doctors=5, past_days=25))


def test_two_at_once_are_refused(empty_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors_sql, "PATIENCE", 0.2)
    with psycopg.connect(address(empty_db, "owner")) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [selectors_sql.LOCK])
        with pytest.raises(Refused):
            seed()


def test_the_command_says_why_in_one_sentence(db: str) -> None:
    environment = os.environ | {"DATABASE_URL": address(db, "app"), "DATABASE_OWNER_URL": address(db, "owner")}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "portal.cli", "seed", "--size", "large"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1 and result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("This database holds a clinic already")
