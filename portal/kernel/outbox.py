"""The later door: `emit(topic, id=…)` writes job rows in the caller's transaction: a job and its cause commit together.

@on("appointment.booked")
def confirm(*, appointment_id: UUID, patient_id: UUID) -> None: ...     # in a room's jobs.py, safe to run twice
"""

from __future__ import annotations

import functools
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

import procrastinate
from procrastinate.contrib.django import app as procrastinate_app

from portal.kernel.access import acting, require_command
from portal.kernel.actor import system

logger = logging.getLogger(__name__)
Handler = Callable[..., None]

_handlers: defaultdict[str, list[str]] = defaultdict(list)
standing: list[tuple[Callable[[], None], float]] = []
starting: list[str] = []
RETRY = procrastinate.RetryStrategy(max_attempts=12, exponential_wait=3)


def on(topic: str, *, queue: str = "default") -> Callable[[Handler], Handler]:
    """Subscribe a job to a topic. It runs as `system`, in no transaction: it opens its own with `acting`."""

    def wrap(handler: Handler) -> Handler:
        name = f"{handler.__module__.removeprefix('portal.')}.{handler.__name__}"

        @functools.wraps(handler)
        def run(**ids: Any) -> None:
            handler(**{key: UUID(value) if isinstance(value, str) else value for key, value in ids.items()})

        procrastinate_app.task(name=name, queue=queue, retry=RETRY)(run)
        _handlers[topic].append(name)
        return handler

    return wrap


def every(cron: str, *, at_start: bool = False) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Run a job by the clock (`minute hour day month weekday`, UTC); never two of it at once, and safe to run twice.

    at_start: also when a worker starts, whatever the clock says
    """

    def wrap(handler: Callable[[], None]) -> Callable[[], None]:
        name = f"{handler.__module__.removeprefix('portal.')}.{handler.__name__}"

        @functools.wraps(handler)
        def run(timestamp: int) -> None:
            handler()

        task = procrastinate_app.task(name=name, queueing_lock=name, lock=name, retry=RETRY)(run)
        procrastinate_app.periodic(cron=cron)(task)
        starting.extend([name] if at_start else [])
        return handler

    return wrap


def continually(*, seconds: float) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Run in every worker again and again, so many seconds after the last time, whatever the wall clock says.

    For work that lies in a table of its own and is claimed there: several may run at once.
    """

    def wrap(handler: Callable[[], None]) -> Callable[[], None]:
        standing.append((handler, seconds))
        return handler

    return wrap


def emit(topic: str, **ids: UUID | int) -> None:
    """Inside a command: cause every job subscribed to `topic`. Payloads are ids; anything else is a program error."""
    require_command()
    for key, value in ids.items():
        if not isinstance(value, UUID | int):
            raise TypeError(f"{topic}: {key} is not an id")
    payload = {key: str(value) if isinstance(value, UUID) else value for key, value in ids.items()}
    for task in _handlers[topic]:
        procrastinate_app.configure_task(task, allow_unknown=False).defer(**payload)


def as_system(job: str) -> Any:
    """The transaction of a job: `with as_system("notifications.confirm") as trail: …`."""
    return acting(system(job))
