"""Jobs of the kernel itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import procrastinate
from django.conf import settings
from django.db import close_old_connections, connections
from procrastinate.contrib.django import app

from portal.kernel.outbox import standing, starting
from portal.settings import SERVING, require

logger = logging.getLogger(__name__)
LEAVES_WITHIN = 3.0  # seconds
KEPT_HOURS = 24


@app.periodic(cron="* * * * * */5")
@app.task(name="kernel.revive", pass_context=True, queueing_lock="kernel.revive")
async def revive(context: procrastinate.JobContext, timestamp: int) -> None:
    """Jobs whose worker was killed run again: every job is safe to run twice."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=settings.PORTAL.job_stalled_seconds):
        try:
            await manager.retry_job(job)
        except procrastinate.exceptions.UniqueViolation:  # a job by the clock: the next of its kind waits already
            await manager.finish_job(job, procrastinate.jobs.Status.FAILED, delete_job=False)
        logger.info("revived", extra={"job_id": job.id, "task": job.task_name})


@app.periodic(cron="41 * * * *")
@app.task(name="kernel.tidy", pass_context=True, queueing_lock="kernel.tidy")
async def tidy(context: procrastinate.JobContext, timestamp: int) -> None:
    """Some jobs come every five seconds. Those that succeeded are kept for a day, the others to be looked at."""
    await context.app.job_manager.delete_old_jobs(nb_hours=KEPT_HOURS)


def work() -> None:
    """Run jobs until told to stop; the `worker` process. Says it is alive three times within the stalled limit."""
    require(*SERVING)
    _begin()
    with _standing_work():
        _run_jobs()


def _begin() -> None:
    """What is done at the start too (`outbox.every`). One that waits already is enough."""
    for name in starting:
        with suppress(procrastinate.exceptions.AlreadyEnqueued):
            app.configure_task(name, allow_unknown=False).defer(timestamp=int(time.time()))


@contextmanager
def _standing_work() -> Iterator[None]:
    """Each in a thread of its own, beside the queue (`outbox.continually`)."""
    stop = threading.Event()
    threads = [threading.Thread(target=_repeat, args=(run, seconds, stop), daemon=True) for run, seconds in standing]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join(LEAVES_WITHIN)


def _repeat(run: Callable[[], None], seconds: float, stop: threading.Event) -> None:
    while not stop.wait(seconds):
        try:
            run()
        except Exception as failure:  # the database is away, say: the next turn tries again
            logger.error("standing work failed", exc_info=failure)
            connections.close_all()
        close_old_connections()


def _run_jobs() -> None:
    silence = settings.PORTAL.job_stalled_seconds
    connector = app.connector.get_worker_connector()  # type: ignore[attr-defined]
    app.with_connector(connector).run_worker(
        concurrency=2,
        shutdown_graceful_timeout=LEAVES_WITHIN,
        update_heartbeat_interval=silence / 3,
        stalled_worker_timeout=silence * 2,
    )
