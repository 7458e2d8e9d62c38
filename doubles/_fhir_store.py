"""Resources in SQLite: every version, an index for searches, one writer at a time, all or nothing.

One connection and one lock for everybody: what a search sees is never half of a write, and memory and file behave
alike. A commit in a file is in the kernel's hands before the answer leaves, so `kill -9` loses nothing acknowledged.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from doubles._fhir_params import index_of

Resource = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
    n INTEGER PRIMARY KEY, type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, seq INTEGER NOT NULL,
    updated TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL, UNIQUE (type, id));
CREATE INDEX IF NOT EXISTS resource_updated ON resource (type, updated);
CREATE TABLE IF NOT EXISTS version (
    n INTEGER NOT NULL, version INTEGER NOT NULL, seq INTEGER NOT NULL, deleted INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (n, version)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS version_seq ON version (seq);
CREATE TABLE IF NOT EXISTS idx (param TEXT NOT NULL, value TEXT NOT NULL, extra TEXT NOT NULL, n INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_value ON idx (param, value, n);
CREATE INDEX IF NOT EXISTS idx_extra ON idx (param, extra, n);
CREATE INDEX IF NOT EXISTS idx_n ON idx (n);
CREATE TABLE IF NOT EXISTS hold (appointment TEXT PRIMARY KEY, until TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Gone(Exception):
    """It existed and was deleted."""


class Store:
    """Everything the clinic remembers. `offset`: seconds its clock was put forward."""

    def __init__(self, path: str, *, zone: Any) -> None:
        self.zone = zone
        self.offset = 0.0
        self.lock = threading.RLock()
        self.depth = 0
        self.flipped: set[str] = set()  # Slots this transaction made busy and no Appointment has claimed yet
        self.is_careless = False  # this transaction gives away what is taken, as some MISs do
        self.touched: set[str] = set()  # Slots a client wrote itself in this transaction
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.executescript(SCHEMA)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or none of it. A block inside a block belongs to the outer one."""
        with self.lock:
            if self.depth:
                self.depth += 1
                try:
                    yield
                finally:
                    self.depth -= 1
                return
            self.depth, self.flipped, self.touched, self.is_careless = 1, set(), set(), False
            try:
                self.db.execute("BEGIN IMMEDIATE")
                self.set_fact("seq", str(self.seq + 1))
                yield
                self.db.execute("COMMIT")
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            finally:
                self.depth = 0

    @contextmanager
    def before_the_last_write(self) -> Iterator[None]:
        """Inside the block everything is as it was before the last write; afterwards it is as it was."""
        with self.lock:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                last = self.db.execute("SELECT max(seq) FROM version").fetchone()[0] or 0
                for (n,) in self.db.execute("SELECT DISTINCT n FROM version WHERE seq = ?", [last]).fetchall():
                    self._put_back(n, last)
                yield
            finally:
                self.db.execute("ROLLBACK")

    def _put_back(self, n: int, seq: int) -> None:
        found = self.db.execute(
            "SELECT version, deleted, body FROM version WHERE n = ? AND seq < ? ORDER BY version DESC LIMIT 1", [n, seq]
        ).fetchone()
        self.db.execute("DELETE FROM idx WHERE n = ?", [n])
        if found is None:
            self.db.execute("DELETE FROM resource WHERE n = ?", [n])
            return
        resource = json.loads(found[2])
        updated = resource["meta"]["lastUpdated"]
        self.db.execute(
            "UPDATE resource SET version = ?, deleted = ?, body = ?, updated = ? WHERE n = ?", [*found, updated, n]
        )
        if not found[1]:
            self._index(n, resource)

    # Facts that are not resources ------------------------------------------------------------------------------

    @property
    def seq(self) -> int:
        return int(self.fact("seq", "0"))

    def fact(self, name: str, default: str = "") -> str:
        with self.lock:
            found = self.db.execute("SELECT value FROM fact WHERE name = ?", [name]).fetchone()
        return str(found[0]) if found else default

    def set_fact(self, name: str, value: str) -> None:
        self.db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", [name, value])

    def new_id(self, kind: str) -> str:
        """Numbers never come back, not even after a deletion."""
        number = int(self.fact(f"id.{kind}", "1000")) + 1
        self.set_fact(f"id.{kind}", str(number))
        return str(number)

    # Resources -------------------------------------------------------------------------------------------------

    def find(self, kind: str, id_: str) -> Resource | None:
        """None when it is unknown. Raises Gone."""
        with self.lock:
            found = self.db.execute(
                "SELECT deleted, body FROM resource WHERE type = ? AND id = ?", [kind, id_]
            ).fetchone()
        if found is None:
            return None
        if found[0]:
            raise Gone
        return dict(json.loads(found[1]))

    def at(self, reference: str) -> Resource | None:
        """What a relative reference leads to; None also when it was deleted or leads elsewhere."""
        kind, _, id_ = reference.partition("/")
        try:
            return self.find(kind, id_)
        except Gone:
            return None

    def version_of(self, kind: str, id_: str, version: str) -> Resource | None:
        with self.lock:
            found = self.db.execute(
                "SELECT v.deleted, v.body FROM version v JOIN resource r USING (n)"
                " WHERE r.type = ? AND r.id = ? AND v.version = ?",
                [kind, id_, version],
            ).fetchone()
        if found is not None and found[0]:
            raise Gone
        return dict(json.loads(found[1])) if found else None

    def insert(self, resource: Resource, id_: str = "") -> Resource:
        """Keep a new resource under a new id (or `id_`); the answer has its id and meta."""
        kind = resource["resourceType"]
        with self.transaction():
            kept = self._stamped(resource, id_ or self.new_id(kind), 1)
            n = self.db.execute(
                "INSERT INTO resource (type, id, version, seq, updated, body) VALUES (?, ?, 1, ?, ?, ?)",
                [kind, kept["id"], self.seq, kept["meta"]["lastUpdated"], _text(kept)],
            ).lastrowid
            self._remember(int(n or 0), kept, 1)
        return kept

    def update(self, resource: Resource) -> Resource:
        """A new version of a known resource."""
        kind, id_ = resource["resourceType"], resource["id"]
        with self.transaction():
            n, version = self.db.execute(
                "SELECT n, version FROM resource WHERE type = ? AND id = ?", [kind, id_]
            ).fetchone()
            kept = self._stamped(resource, id_, version + 1)
            self.db.execute(
                "UPDATE resource SET version = ?, seq = ?, updated = ?, deleted = 0, body = ? WHERE n = ?",
                [version + 1, self.seq, kept["meta"]["lastUpdated"], _text(kept), n],
            )
            self.db.execute("DELETE FROM idx WHERE n = ?", [n])
            self._remember(n, kept, version + 1)
        return kept

    def delete(self, resource: Resource) -> None:
        """From now on it answers 410."""
        with self.transaction():
            n, version = self.db.execute(
                "SELECT n, version FROM resource WHERE type = ? AND id = ?", [resource["resourceType"], resource["id"]]
            ).fetchone()
            self.db.execute("UPDATE resource SET deleted = 1, version = ? WHERE n = ?", [version + 1, n])
            self.db.execute("DELETE FROM idx WHERE n = ?", [n])
            self.db.execute("INSERT INTO version VALUES (?, ?, ?, 1, ?)", [n, version + 1, self.seq, _text(resource)])

    def _stamped(self, resource: Resource, id_: str, version: int) -> Resource:
        meta = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": instant(self.now())}
        rest = {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")}
        return {"resourceType": resource["resourceType"], "id": id_, "meta": meta, **rest}

    def _remember(self, n: int, resource: Resource, version: int) -> None:
        self.db.execute("INSERT INTO version VALUES (?, ?, ?, 0, ?)", [n, version, self.seq, _text(resource)])
        self._index(n, resource)

    def _index(self, n: int, resource: Resource) -> None:
        rows = [
            (f"{resource['resourceType']}.{name}", low, high, n) for name, low, high in index_of(resource, self.zone)
        ]
        self.db.executemany("INSERT INTO idx VALUES (?, ?, ?, ?)", rows)


def _text(resource: Resource) -> str:
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":"))


def instant(at: datetime) -> str:
    """2026-10-14T06:00:00.000Z: sorts as text."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"
