"""The wall clock of a worker jumps an hour forth and back: nothing is sent early, late or twice, and no job is lost.

What is due is asked of the database, how long a loop waits of the monotonic clock: the worker's own decides nothing.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta

import psycopg

from tests.contracts.processes import running_smsc
from tests.servers import Process, eventually
from tests.walls.test_deliveries import plan

STEPPING = """
import sys, threading, time_machine
from datetime import datetime, timedelta, timezone

real = datetime.now(timezone.utc)
traveller = time_machine.travel(real, tick=True)
clock = traveller.start()

def step(hours=(0, 1, 0, -1), turn=[0]):
    wait = threading.Event()
    while True:
        turn[0] += 1
        clock.move_to(datetime.now(timezone.utc) + timedelta(hours=hours[turn[0] % 4] - hours[(turn[0] - 1) % 4]))
        print("stepped to", datetime.now(timezone.utc).isoformat(), flush=True)
        wait.wait(0.7)

from portal.cli import start_django
from portal.runway import environment
with environment.ready_database():
    start_django()
    from portal.kernel.jobs import work
    threading.Thread(target=step, daemon=True).start()
    work()
"""
SOON, LATER = 30, 10  # reminders due one after the other; reminders that are due in half an hour


@contextmanager
def stepping_worker(environment, log):
    settings = environment | {"JOB_STALLED_SECONDS": "5", "PYTHONWARNINGS": "ignore"}
    process = Process([sys.executable, "-c", STEPPING], settings, log)
    try:
        yield process
    finally:
        process.stop()


def test_a_clock_that_jumps_an_hour_changes_nothing(db, database_url, tmp_path):
    plan(database_url, SOON + LATER)
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct, running_smsc() as gateway:
        _spread(direct)
        environment = {"DATABASE_URL": database_url("app"), "SMSC_URL": gateway.url, "MESSAGE_ASK_SECONDS": "1"}
        log = tmp_path / "worker.log"
        with stepping_worker(environment, log):
            eventually(lambda: _sent(direct) >= SOON, within=60)
        times = _times(direct)
        sent = Counter(message["id"] for message in gateway.messages())
    assert log.read_text().count("stepped to") >= 4
    assert len(times) == SOON, "none of those due in half an hour went early"
    assert set(sent.values()) == {1} and len(sent) == SOON, "none went twice"
    waits = [accepted - due for due, accepted in times]
    assert min(waits) >= timedelta(0), "none went before it was due"
    began = min(accepted for _, accepted in times)
    assert max(accepted - max(due, began) for due, accepted in times) < timedelta(seconds=20), "none went an hour late"


def _spread(direct):
    """The first of them one after the other within six seconds, the others in half an hour."""
    numbered = "(SELECT id, row_number() OVER (ORDER BY id) AS n FROM notifications_message) AS r"
    direct.execute(
        f"UPDATE notifications_message m SET due_at = t.due, next_at = t.due FROM {numbered}, LATERAL ("
        " SELECT CASE WHEN n <= %s THEN now() + n * interval '0.2 s' ELSE now() + interval '30 min' END AS due) AS t"
        " WHERE r.id = m.id",
        [SOON],
    )


def _sent(direct):
    return direct.execute("SELECT count(accepted_at) FROM notifications_message").fetchone()[0]


def _times(direct) -> list[tuple[datetime, datetime]]:
    return direct.execute(
        "SELECT due_at, accepted_at FROM notifications_message WHERE accepted_at IS NOT NULL"
    ).fetchall()
