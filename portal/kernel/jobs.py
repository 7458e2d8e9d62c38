"""Jobs of the kernel itself."""

from __future__ import annotations

import logging

import procrastinate
from procrastinate.contrib.django import app

logger = logging.getLogger(__name__)
STALLED_AFTER_SECONDS = 15


@app.periodic(cron="* * * * * */15")
@app.task(name="kernel.revive", pass_context=True, queueing_lock="kernel.revive")
async def revive(context: procrastinate.JobContext, timestamp: int) -> None:
    """Jobs whose worker was killed run again: every job is safe to run twice."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
        await manager.retry_job(job)
        logger.info("revived", extra={"job_id": job.id, "task": job.task_name})
