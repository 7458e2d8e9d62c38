"""Reminders under kill -9: none is lost, none is sent twice through a gateway that knows our numbers."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import timedelta

import psycopg
import pytest

from tests.cast import at, uid
from tests.contracts.processes import running_smsc
from tests.servers import crew

PEOPLE = ("anna", "boris", "zoya")
PLANNED = """
    CREATE TEMP TABLE planned AS
    SELECT gen_random_uuid() AS id, (ARRAY[%s, %s, %s]::uuid[])[n %% 3 + 1] AS who,
           (ARRAY[%s, %s, %s]::uuid[])[n %% 3 + 1] AS contact,
           %s::timestamptz + make_interval(mins => n / 3 * 30) AS start
      FROM generate_series(0, %s) AS n"""
VISITS = """
    INSERT INTO scheduling_appointment
           (id, patient_id, organization_id, location_id, practitioner_id, role_id, service_id, specialty_id, mode,
            start, "end", local_date, status, price, payer, same_day, awaits, version, created_at, cancelled_by)
    SELECT p.id, p.who, o.organization_id, o.location_id, o.practitioner_id, o.role_id, o.service_id, o.specialty_id,
           o.mode, p.start, p.start + interval '20 min', p.start::date, 'booked', 0, 'self', 'policy', '', 1, now(), ''
      FROM planned p, scheduling_appointment o WHERE o.id = %s"""
MESSAGES = """
    INSERT INTO notifications_message
           (id, patient_id, recipient_id, organization_id, kind, subject_id, subject_version, channel, contact_id,
            sequence, state, due_at, next_at, expires_at, attempts, asked, resent, provider, provider_ref, segments,
            error, wants_answer, created_at, language)
    SELECT gen_random_uuid(), who, who, %s, 'reminder-day', id, 1, 'sms', contact, nextval('notifications_sequence'),
           'planned', now(), now(), start - interval '4 h', 0, 0, 0, '', '', 0, '', false, now(), ''
      FROM planned"""
OPEN = "state IN ('planned', 'sending', 'unknown')"


def plan(database_url, count):
    """`count` visits of three people, each with a reminder that is due now."""
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        direct.execute("SET session_replication_role = replica")  # no triggers: nothing here is about booking
        direct.execute(
            PLANNED, [*map(uid, PEOPLE), *(uid(f"contact-phone-{who}") for who in PEOPLE), at(9, days=30), count - 1]
        )
        direct.execute(VISITS, [uid("visit-anna")])
        direct.execute(MESSAGES, [uid("shore")])


def left(direct):
    return direct.execute(f"SELECT count(*) FROM notifications_message WHERE {OPEN}").fetchone()[0]


def kill_run(database_url, tmp_path, *, reminders, workers, every, within):
    """Workers die at random until everything is settled; (states, texts of the gateway, kills)."""
    plan(database_url, reminders)
    chosen, kills = random.Random(11), 0
    with (
        running_smsc("--keep", str(2 * reminders), "--balance", "10000000") as gateway,
        psycopg.connect(database_url("postgres"), autocommit=True) as direct,
    ):
        environment = {
            "DATABASE_URL": database_url("app"),
            "SMSC_URL": gateway.url,
            "MESSAGE_LEASE_SECONDS": "4",
            "MESSAGE_ASK_SECONDS": "1",
        }
        with crew(environment, tmp_path / "workers.log", workers) as running:
            deadline, turn = time.monotonic() + within, time.monotonic() + every
            while left(direct):
                assert time.monotonic() < deadline, f"{left(direct)} left"
                if time.monotonic() > turn and left(direct) > reminders // 10:
                    running.kill(chosen)
                    kills, turn = kills + 1, time.monotonic() + every
                time.sleep(every / 10)
        states = direct.execute("SELECT state, count(*), sum(resent) FROM notifications_message GROUP BY 1").fetchall()
        return states, gateway.messages(), kills


def check(states, messages, reminders, record):
    sent = Counter(message["id"] for message in messages)
    record("duplicates", sum(sent.values()) - len(sent))
    assert {state for state, _, _ in states} <= {"accepted", "delivered"}, states
    assert sum(count for _, count, _ in states) == reminders
    assert len(sent) == reminders, "a reminder is lost"
    assert set(sent.values()) == {1}, "a reminder was sent twice"


def test_reminders_survive_their_workers(db, database_url, tmp_path, record_property):
    states, messages, kills = kill_run(database_url, tmp_path, reminders=300, workers=2, every=1.5, within=120)
    assert kills >= 1
    check(states, messages, 300, record_property)


@pytest.mark.soak
def test_100000_reminders_survive_a_kill_every_two_seconds(db, database_url, tmp_path, record_property):
    states, messages, kills = kill_run(
        database_url, tmp_path, reminders=100_000, workers=4, every=2.0, within=timedelta(hours=2).total_seconds()
    )
    record_property("kills", kills)
    check(states, messages, 100_000, record_property)
