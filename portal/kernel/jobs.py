"""Jobs of the kernel itself."""

from __future__ import annotations

import logging

import procrastinate
from django.conf import settings
from procrastinate.contrib.django import app

from portal.settings import SERVING, require

logger = logging.getLogger(__name__)


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


def work() -> None:
    """Run jobs until told to stop; the `worker` process. Says it is alive three times within the stalled limit."""
    require(*SERVING)
    silence = settings.PORTAL.job_stalled_seconds
    connector = app.connector.get_worker_connector()  # type: ignore[attr-defined]
    app.with_connector(connector).run_worker(
        concurrency=2,
        shutdown_graceful_timeout=3,
        update_heartbeat_interval=silence / 3,
        stalled_worker_timeout=silence * 2,
    )
