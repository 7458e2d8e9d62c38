"""A killed worker's jobs run again, also those of which only one may wait."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import psycopg
from procrastinate import App, PsycopgConnector

from portal.kernel import jobs
from portal.kernel.jobs import revive, tidy

STALLED = (
    "INSERT INTO procrastinate_jobs (task_name, queue_name, queueing_lock, lock, status, worker_id)"
    " VALUES (%s, 'default', %s, %s, 'doing', NULL) RETURNING id"
)
WAITING = (
    "INSERT INTO procrastinate_jobs (task_name, queue_name, queueing_lock, lock, status)"
    " VALUES (%s, 'default', %s, %s, 'todo') RETURNING id"
)


def run_revive(url):
    async def run():
        async with App(connector=PsycopgConnector(conninfo=url)).open_async() as app:
            await revive.func(SimpleNamespace(app=app), 0)

    in_a_loop_of_its_own(run)


def in_a_loop_of_its_own(run):
    """This thread may have one already."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(run())).result()


def test_what_succeeded_a_day_ago_is_deleted(database_url):
    finished = "UPDATE procrastinate_events SET at = now() - make_interval(hours => %s) WHERE job_id = %s"

    async def run():
        async with App(connector=PsycopgConnector(conninfo=database_url("app"))).open_async() as app:
            await tidy.func(SimpleNamespace(app=app), 0)

    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        made = {}
        for name, status, hours in (("old", "succeeded", 25), ("new", "succeeded", 23), ("bad", "failed", 25)):
            made[name] = direct.execute(STALLED, [name, None, None]).fetchone()[0]
            direct.execute("UPDATE procrastinate_jobs SET status = %s WHERE id = %s", [status, made[name]])
            direct.execute(finished, [hours, made[name]])
        in_a_loop_of_its_own(run)
        left = {row[0] for row in direct.execute("SELECT id FROM procrastinate_jobs").fetchall()}
    assert left == {made["new"], made["bad"]}


def test_every_stalled_job_is_revived_and_one_whose_twin_waits_gives_way(database_url):
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        hourly = direct.execute(STALLED, ["hourly", "hourly", "hourly"]).fetchone()[0]
        once = direct.execute(STALLED, ["once", None, None]).fetchone()[0]
        twin = direct.execute(WAITING, ["hourly", "hourly", "hourly"]).fetchone()[0]
        run_revive(database_url("app"))
        states = dict(direct.execute("SELECT id, status FROM procrastinate_jobs").fetchall())
    assert states == {hourly: "failed", once: "todo", twin: "todo"}


def test_what_a_worker_does_at_its_start_waits_once_however_many_start(db, sql):
    for _ in range(3):
        jobs._begin()
    waiting = sql("SELECT task_name, queueing_lock, lock FROM procrastinate_jobs WHERE status = 'todo'")
    assert waiting == [("mis.jobs.open_lines",) * 3]
