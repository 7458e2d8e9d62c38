"""Databases cloned from the templates of tests/plugin.py: one per test, or one handed on while nobody changes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from django.db import connections

from portal.kernel import crypto
from tests import plugin

# Who looked, how often and as whom: emptied before a database is handed on. The trail of audit keeps growing.
FORGOTTEN = ("people_session", "people_ratewindow")
Rows = Callable[[], list[Any]]


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


def rows_of(direct: psycopg.Connection[Any]) -> Rows:
    """How many rows each table has and which transaction wrote last, the forgotten tables aside."""
    tables = direct.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND relname <> ALL (%s) ORDER BY 1",
        [list(FORGOTTEN)],
    ).fetchall()
    one = "SELECT '{0}', count(*), coalesce(max(xmin::text::bigint), 0) FROM {0}"
    statement = " UNION ALL ".join(one.format(name) for (name,) in tables)
    return lambda: direct.execute(statement, prepare=True).fetchall()


class HandedOn:
    """A clone of the cast that serves one test after another as long as each leaves every table as it was.

    Django's connection stays open meanwhile: a new one reads the whole catalogue again.
    """

    name = ""
    pristine: list[Any] = []

    @contextmanager
    def lent(self) -> Iterator[str]:
        if not self.name:
            self._take()
        if connections.settings["default"]["NAME"] != self.name:
            _point_at(self.name)
        try:
            yield self.name
        finally:
            if not self._is_pristine():
                self._give_up()

    def _take(self) -> None:
        self.before, self.name = connections.settings["default"]["NAME"], _create("portal_cast")
        self.direct = psycopg.connect(address(self.name, "postgres"), autocommit=True, options="-c lock_timeout=2000")
        self.rows = rows_of(self.direct)
        self.pristine = self.pristine or self.rows()

    def _is_pristine(self) -> bool:
        ours = connections["default"]
        if ours.in_atomic_block or ours.errors_occurred:
            return False
        try:
            for table in FORGOTTEN:
                self.direct.execute(f"DELETE FROM {table}")
            return self.rows() == self.pristine
        except psycopg.Error:  # somebody holds a lock, or closed our connection
            return False

    def _give_up(self) -> None:
        _point_at(self.before)
        self.direct.close()
        _drop(self.name)
        self.name = ""


handed_on = HandedOn()
