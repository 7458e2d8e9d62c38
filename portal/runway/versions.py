"""Has anything changed since the last start? Only then are migrations, demo data and static files looked at again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import psycopg
from psycopg import sql

from portal.runway.environment import DATABASE, ROOT

LOCK = ROOT / "requirements" / "runtime.lock.txt"


def code_version() -> str:
    """Of everything that migrations and the demo may read."""
    return _digest([*ROOT.glob("portal/**/*.py"), *ROOT.glob("portal/**/*.sql"), LOCK])


def static_version() -> str:
    return _digest([*(path for path in ROOT.glob("portal/**/static/**/*") if path.is_file()), LOCK])


def prepared_version(superuser_url: str) -> str:
    """What the database was last prepared for. The mark is in the database, so it goes where the data goes."""
    with psycopg.connect(superuser_url) as connection:
        question = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        row = connection.execute(question, [DATABASE]).fetchone()
    return str(row[0] or "") if row else ""


def note_prepared(superuser_url: str, version: str) -> None:
    with psycopg.connect(superuser_url) as connection:
        statement = sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(DATABASE), sql.Literal(version))
        connection.execute(statement)


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
