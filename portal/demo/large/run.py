"""Runs the chunks in order: one process prepares what the next ones hold while PostgreSQL takes in this one."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connections

from portal.demo.large import clinic, people, visits
from portal.demo.large.selectors_sql import Load, alone, read_notes, tidy, write_chunk, write_plan
from portal.demo.large.size import Chunk, Plan, Size
from portal.kernel import crypto
from portal.kernel.errors import PortalError
from portal.people.models import Organization
from portal.scheduling.selectors_sql import database_now

MAKERS: dict[str, Callable[[Plan, Chunk], list[Load]]] = {
    "directory": clinic.directory,
    "sheets": clinic.sheets,
    "patients": people.patients,
    "past": visits.past,
    "coming": visits.coming,
}
AHEAD = 3  # chunks that may wait in memory
Made = tuple[list[Load], float]


class Refused(PortalError):
    """The database is not one that a large seed may write into. Read by the operator, in English."""

    status, issue = 409, "conflict"


def run(
    size: Size | None = None,
    *,
    progress: Callable[[Iterable[Any], str], Iterable[Any]],
    workers: int = 1,
    in_worker: Callable[[], None] | None = None,
) -> bool:
    """Write all chunks that are not there yet, as `owner`; False when there was nothing left to write.

    `workers` 0 prepares in this process; `in_worker` is called in each new one. `Refused` beside another clinic,
    beside a seed of another size, and while somebody else writes.
    """
    with alone() as is_alone:
        if not is_alone:
            raise Refused("Another large seed is being written into this database: wait for it.")
        plan, done = _plan(size or Size())
        chunks = plan.chunks()
        left = [chunk for chunk in chunks if chunk.name not in done]
        if not left:
            return False
        made = _made(plan, left, workers, in_worker)
        for chunk in progress(chunks, "Large clinic"):
            if chunk.name not in done:
                _write(chunk, *next(made))
        tidy()
    return True


def _plan(size: Size) -> tuple[Plan, set[str]]:
    """The plan of the first run, and the names of the chunks that are there."""
    notes = read_notes()
    if "plan" in notes:
        plan = Plan(Size(**notes["plan"]["size"]), date.fromisoformat(notes["plan"]["today"]))
        if plan.size != size:
            raise Refused("This database holds a large clinic of another size: use another database.")
        return plan, set(notes)
    if Organization.objects.exists():
        raise Refused(
            "This database holds a clinic already, and a large seed wants one of its own: use another database."
        )
    plan = Plan(size, database_now().date())
    write_plan({"size": asdict(size), "today": plan.today.isoformat()})
    return plan, set()


def _write(chunk: Chunk, loads: list[Load], prepared: float) -> None:
    """The note tells what a chunk cost: processor seconds of its preparation, and seconds of COPY by table."""
    rows = {load.table: load.count for load in loads}
    write_chunk(chunk.name, loads, {"rows": rows, "prepared": round(prepared, 3)})


def _made(plan: Plan, chunks: list[Chunk], workers: int, in_worker: Callable[[], None] | None) -> Iterator[Made]:
    """The contents of each chunk, in order, a few ahead."""
    if not workers:
        yield from (_make(plan, chunk) for chunk in chunks)
        return
    _warm_up()
    waiting: deque[Future[Made]] = deque()
    context = multiprocessing.get_context("fork")  # so that workers have the unwrapped keyset and need no database
    with ProcessPoolExecutor(workers, context, _new_worker, (in_worker,)) as pool:
        for chunk in chunks:
            waiting.append(pool.submit(_make, plan, chunk))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _make(plan: Plan, chunk: Chunk) -> Made:
    begin = time.process_time()
    return MAKERS[chunk.kind](plan, chunk), time.process_time() - begin


def _warm_up() -> None:
    """Unwrap what the workers need before they are forked."""
    crypto.wrap_new_keyset(UUID(int=0))
    crypto.blind_index("phone", "")


def _new_worker(in_worker: Callable[[], None] | None) -> None:
    parents = connections["default"]
    if parents.connection:
        os.close(parents.connection.fileno())  # a copy would keep the session, its lock and locks alive
    parents.connection = None
    if in_worker:
        in_worker()
