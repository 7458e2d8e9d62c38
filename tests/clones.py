"""Databases cloned from the templates of tests/plugin.py: one for a test, or one for many, put right after each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from django.db import connections

from portal.kernel import crypto
from tests import plugin

# Who looked and how often: what even a refused request may write, besides the trail of audit in `guard`.
LOOKS = ("public.people_session", "public.people_ratewindow")
AT_ONCE = 60  # tables
MOST_LOANS = 60  # what is written and taken back remains as dead rows
Rows = Callable[[], dict[str, Any]]

TABLES = """
    SELECT relnamespace::regnamespace || '.' || relname FROM pg_class
     WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY 1"""
SEQUENCES = "SELECT schemaname || '.' || sequencename, last_value FROM pg_sequences ORDER BY 1"
# Whatever DDL leaves behind: schemas, tables, columns, functions, triggers, policies, constraints, views, grants.
# Numbers below 16384 are the server's own.
CATALOGUE = " UNION ALL ".join(
    f"SELECT '{name}', count(*), max(xmin::text::bigint) FROM {name} WHERE {key} >= {least}"
    for name, key, least in (
        *((name, "oid", 16384) for name in ("pg_class", "pg_attrdef", "pg_constraint", "pg_policy", "pg_proc")),
        *((name, "oid", 16384) for name in ("pg_trigger", "pg_rewrite", "pg_type")),
        ("pg_attribute", "attrelid", 16384),
        ("pg_namespace", "oid", 0),
    )
)
STRANGERS = """
    SELECT pid, state FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> ALL (%s)"""
LOCKS = """
    SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""


def address(name: str, role: str) -> str:
    return os.environ["DATABASE_URL"].replace("//app@", f"//{role}@").replace("/portal_empty?", f"/{name}?")


@contextmanager
def clone(template: str) -> Iterator[str]:
    """A database cloned from a template; Django points at it, in every thread, until the end."""
    before, name = connections.settings["default"]["NAME"], _create(template)
    try:
        _point_at(name)
        yield name
    finally:
        _point_at(before)
        _drop(name)


def _create(template: str) -> str:
    name = f"t_{uuid4().hex}"
    plugin.execute(address("postgres", "postgres"), f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return name


def _drop(name: str) -> None:
    plugin.execute(address("postgres", "postgres"), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _point_at(name: str) -> None:
    connections["default"].close()
    crypto.forget_keys()
    connections.settings["default"]["NAME"] = name


def rows_of(direct: psycopg.Connection[Any], tables: Sequence[str]) -> Rows:
    """How many rows each table has and which transaction wrote last."""
    one = "SELECT '{0}', count(*), coalesce(max(xmin::text::bigint), 0) FROM {0}"
    # More in one statement take not 1 ms but 40: from about a hundred scans on, each costs the server a third of one.
    chunks = [tables[n : n + AT_ONCE] for n in range(0, len(tables), AT_ONCE)]
    statements = [" UNION ALL ".join(one.format(name) for name in chunk) for chunk in chunks]
    return lambda: {name: told for sql in statements for name, *told in direct.execute(sql, prepare=True)}


class Lender:
    """A clone of the cast that serves one test after another: what a test has written is taken back.

    A clone and a connection that reads the whole catalogue again cost ten times as much. What cannot be put right
    (a changed catalogue, a transaction somebody has left open) is not tried: the next test gets a new clone.
    """

    name = ""
    copies: dict[str, bytes] = {}

    @contextmanager
    def lent(self) -> Iterator[str]:
        if not self.name:
            self._take()
        if connections.settings["default"]["NAME"] != self.name:
            _point_at(self.name)
        try:
            yield self.name
        finally:
            self.loans += 1
            if not self._is_put_right():
                self.give_up()

    def give_up(self) -> None:
        _point_at(self.before)
        self.direct.close()
        self.repair.close()
        _drop(self.name)
        self.name = ""

    def _take(self) -> None:
        self.before, self.name, self.loans = connections.settings["default"]["NAME"], _create("portal_cast"), 0
        self.direct = psycopg.connect(address(self.name, "postgres"), autocommit=True)
        # Neither triggers nor references; on a connection of its own, as switching them off forgets prepared plans.
        careless = "-c lock_timeout=2000 -c session_replication_role=replica"
        self.repair = psycopg.connect(address(self.name, "postgres"), options=careless)
        tables = [name for (name,) in self.direct.execute(TABLES)]
        self.copies = self.copies or {name: self._copy_of(name) for name in tables}
        self.rows = rows_of(self.direct, tables)
        self.as_left, self.catalogue = self.rows(), self._catalogue()
        self.filled = {name for name, (count, _) in self.as_left.items() if count}
        self.sequences = self.direct.execute(SEQUENCES).fetchall()

    def _copy_of(self, table: str) -> bytes:
        with self.direct.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
            return b"".join(copy)

    def _catalogue(self) -> list[Any]:
        return self.direct.execute(CATALOGUE, prepare=True).fetchall()

    def _is_put_right(self) -> bool:
        ours = connections["default"]
        if self.loans >= MOST_LOANS or ours.in_atomic_block or ours.errors_occurred:
            return False
        try:
            if not self._is_left_alone() or self._catalogue() != self.catalogue:
                return False
            self._take_back()
        except psycopg.Error:
            return False
        return True

    def _is_left_alone(self) -> bool:
        """Nobody is at work here any more, and nothing is locked. Connections that idle, or are just ending, end."""
        ours = connections["default"].connection
        known = [one.info.backend_pid for one in (self.direct, self.repair, ours) if one]
        strangers = self.direct.execute(STRANGERS, [known], prepare=True).fetchall()
        if any(state != "idle" for _, state in strangers):
            return False
        for pid, _ in strangers:
            self.direct.execute("SELECT pg_terminate_backend(%s, 2000)", [pid])
        return self.direct.execute(LOCKS, prepare=True).fetchone() == (0,)

    def _take_back(self) -> None:
        changed = [name for name, told in self.rows().items() if told != self.as_left[name]]
        if changed:
            with self.repair.transaction():
                for name in changed:
                    self._put_back(name)
            self.as_left |= rows_of(self.direct, changed)()
        for (name, value), (_, now) in zip(self.sequences, self.direct.execute(SEQUENCES, prepare=True), strict=True):
            if value != now:
                self.direct.execute("SELECT setval(%s, coalesce(%s, 1), %s)", [name, value, value is not None])
        crypto.forget_keys()

    def _put_back(self, table: str) -> None:
        self.repair.execute(f"DELETE FROM {table}")
        if table in self.filled:
            with self.repair.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
                copy.write(self.copies[table])


lender = Lender()
