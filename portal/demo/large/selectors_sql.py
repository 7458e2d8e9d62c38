"""COPY, the list of chunks that are written, and the lock of whoever writes them. As `owner`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Model

from portal.kernel.sql import without_the_wall

LOCK = 0x6C61726765  # an advisory lock of the database, held by the session: a killed seed lets it go
PATIENCE = 10.0  # seconds; the server takes some to notice that a killed seed is gone
AUDIT = "guard.audit_event"
MADE = (
    *("people_practitioner", "people_practitionerrole", "people_patient", "people_patientatorganization"),
    *("people_contact", "people_careteam", "people_user", "people_serviceoffer", "people_resource"),
    *("kernel_patientkeyset", "scheduling_daysheet", "scheduling_rule", "scheduling_occupancy"),
    *("scheduling_resourceuse", "scheduling_appointment"),
)


@dataclass(frozen=True, slots=True)
class Load:
    """Rows for one table: `rows` are lines of COPY text, `count` of them, or values as psycopg knows them."""

    table: str
    columns: Sequence[str]
    rows: bytes | list[tuple[Any, ...]]
    count: int


def text_load(table: str, columns: str, lines: list[str]) -> Load:
    return Load(table, columns.split(), "".join(lines).encode(), len(lines))


def model_load(instances: Sequence[Model]) -> Load:
    """Instances of one model, as `save` would write them."""
    fields = instances[0]._meta.concrete_fields
    rows = [tuple(f.get_db_prep_save(f.pre_save(one, True), connection) for f in fields) for one in instances]
    return Load(instances[0]._meta.db_table, [f.column for f in fields], rows, len(rows))


@contextmanager
def alone() -> Iterator[bool]:
    """True inside when nobody else writes a large seed into this database."""
    deadline = time.monotonic() + PATIENCE
    while not (is_alone := _try_lock()) and time.monotonic() < deadline:
        time.sleep(0.1)
    try:
        yield is_alone
    finally:
        if is_alone and connection.connection and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _try_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        return bool((cursor.fetchone() or (False,))[0])


def read_notes() -> dict[str, Any]:
    """What an earlier run wrote down: `plan`, and one note a chunk. Empty when there was none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.demo_large_seed') IS NOT NULL")
        if not (cursor.fetchone() or (False,))[0]:
            return {}
        cursor.execute("SELECT name, detail::text FROM demo_large_seed")
        return {name: json.loads(detail) for name, detail in cursor.fetchall()}


def write_plan(detail: dict[str, Any]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE demo_large_seed (name text PRIMARY KEY, detail jsonb NOT NULL)")
        cursor.execute("REVOKE ALL ON demo_large_seed FROM app, guard")
    note("plan", detail)


def note(name: str, detail: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO demo_large_seed VALUES (%s, %s::jsonb)", [name, json.dumps(detail)])


def write_chunk(name: str, loads: Iterable[Load], detail: dict[str, Any]) -> None:
    """All of a chunk and the note that it is there, or nothing."""
    spent: dict[str, float] = {}
    with transaction.atomic():
        with without_the_wall():
            for load in loads:
                spent[load.table] = _timed(lambda load=load: _copy(load))  # type: ignore[misc]
            spent["foreign keys"] = _timed(_check_foreign_keys)
        note(name, detail | {"seconds": spent})


def _check_foreign_keys() -> None:
    """Now and not at commit: a table with checks that wait could not get its wall back."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _timed(run: Callable[[], None]) -> float:
    begin = time.monotonic()
    run()
    return round(time.monotonic() - begin, 3)


def _copy(load: Load) -> None:
    columns = ", ".join(f'"{column}"' for column in load.columns)
    with connection.cursor() as cursor:
        if load.table == AUDIT:
            cursor.execute("SET LOCAL ROLE guard")
        with cursor.copy(f"COPY {load.table} ({columns}) FROM STDIN") as copy:
            if isinstance(load.rows, bytes):
                copy.write(load.rows)
            else:
                for row in load.rows:
                    copy.write_row(row)
        if load.table == AUDIT:
            cursor.execute("RESET ROLE")


def tidy(tables: Iterable[str] = MADE) -> None:
    """Statistics and visibility, which the planner would otherwise learn only after some minutes."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM (ANALYZE) {table}")
