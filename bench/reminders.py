"""Reminders through the running worker and the gateway's double: a burst due at one moment, and a steady trickle."""

from __future__ import annotations

import json
import time
from typing import cast
from urllib.request import Request, urlopen

import psycopg

from bench.world import World, report, tell

BURST, TRICKLE, SPREAD = 20_000, 600, 20  # messages, messages, seconds
STUCK = 60  # seconds
PLAN = """
    INSERT INTO notifications_message
           (id, patient_id, recipient_id, organization_id, kind, subject_id, subject_version, channel, contact_id,
            sequence, state, due_at, next_at, expires_at, attempts, asked, resent, provider, provider_ref, segments,
            error, wants_answer, created_at, language)
    SELECT gen_random_uuid(), a.patient_id, a.patient_id, a.organization_id, 'reminder-day', a.id, a.version, 'sms',
           c.id, nextval('notifications_sequence'), 'planned', d.due, d.due, a.start, 0, 0, 0, '', '', 0,
           '', false, now(), ''
      FROM (SELECT *, row_number() OVER () AS n FROM scheduling_appointment
             WHERE status = 'booked' AND start > now() + interval '1 day'
               AND id NOT IN (SELECT subject_id FROM notifications_message)
             ORDER BY start LIMIT %(most)s) AS a
      CROSS JOIN LATERAL (SELECT now() + make_interval(secs => a.n * %(gap)s) AS due) AS d
      JOIN LATERAL (SELECT id FROM people_contact WHERE patient_id = a.patient_id AND kind = 'phone'
                       AND verified_at IS NOT NULL LIMIT 1) AS c ON true"""
OPEN = "SELECT count(*) FROM notifications_message WHERE state IN ('planned', 'sending', 'unknown')"
ERRORS = "SELECT state, error, count(*) FROM notifications_message GROUP BY 1, 2 ORDER BY 1, 2"
WAITED = """
    SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM accepted_at - due_at))
      FROM notifications_message WHERE kind = 'reminder-day' AND due_at >= %s"""


def measure(world: World) -> None:
    with psycopg.connect(world.url("postgres"), autocommit=True) as direct:
        tell("a trickle of reminders")
        _pay(world)
        began = direct.execute("SELECT now()").fetchone()
        planned = _plan(direct, TRICKLE, SPREAD / TRICKLE)
        _drain(direct)
        median, slowest = (direct.execute(WAITED, began).fetchone() or [[0, 0]])[0]
        report("reminder_due_to_accepted_s_p50", float(median), f"s ({planned} in {SPREAD} s)")
        report("reminder_due_to_accepted_s_p99", float(slowest), "s")
        tell("a burst of reminders")
        begin = time.monotonic()
        planned = _plan(direct, BURST, 0.0)
        _drain(direct)
        report(f"reminder_burst_{planned}_s", time.monotonic() - begin, "s")


def _plan(direct: psycopg.Connection[tuple[object, ...]], most: int, gap: float) -> int:
    return direct.execute(PLAN, {"most": most, "gap": gap}).rowcount


def _pay(world: World) -> None:
    """The account at the gateway's double is a small clinic's."""
    body = json.dumps({"balance": "10000000"}).encode()
    request = Request(f"{world.gateway}/control/balance", body, {"Content-Type": "application/json"})  # noqa: S310
    urlopen(request, timeout=10).close()  # noqa: S310


def _drain(direct: psycopg.Connection[tuple[object, ...]]) -> None:
    """Raises SystemExit when nothing has been accepted for a minute."""
    left, since = -1, time.monotonic()
    while now := cast("tuple[int]", direct.execute(OPEN).fetchone())[0]:
        if now != left:
            left, since = now, time.monotonic()
        if time.monotonic() - since > STUCK:
            raise SystemExit(f"{now} messages are stuck: {direct.execute(ERRORS).fetchall()}")
        time.sleep(0.1)
