"""The database and its roles, made once by a superuser. Everything later runs as `owner` or `app`."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

from portal.runway.errors import RunwayError, WrongUsage

ROLES_SQL = Path(__file__).resolve().parent.parent / "kernel" / "roles.sql"
OLDEST, NEWEST = 15, 18
LOCK = 0x706F7274616C  # one bootstrap at a time: roles belong to the whole server


class BootstrapFailed(RunwayError):
    """The server refused; its own sentence says why."""


def bootstrap(superuser_url: str, database: str) -> None:
    """Make `database` if there is none, then roles, schema and rights. Safe to run again."""
    try:
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            _check_version(connection)
            _create_database(connection, database)
            with psycopg.connect(superuser_url, dbname=database) as inside:
                inside.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
                inside.execute(ROLES_SQL.read_bytes())
    except psycopg.Error as error:
        raise BootstrapFailed(f"The database could not be prepared: {str(error).strip().splitlines()[0]}") from None


def printed_sql(database: str) -> str:
    """The same for a database administrator's psql: `portal db bootstrap --print-sql | psql …`."""
    name = sql.Identifier(database).as_string()
    literal = sql.Literal(database).as_string()
    create = sql.Literal(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0").as_string()
    return (
        f"\\set ON_ERROR_STOP on\n"
        f"SELECT {create} WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = {literal}) \\gexec\n"
        f"\\connect {name}\n\n"
        f"{ROLES_SQL.read_text(encoding='utf-8')}\n"
        f"-- Then give the two roles that log in their passwords:\n"
        f"--   \\password owner\n"
        f"--   \\password app\n"
    )


def _check_version(connection: psycopg.Connection) -> None:
    major = connection.info.server_version // 10000
    if major < OLDEST:
        raise WrongUsage(f"PostgreSQL {OLDEST} to {NEWEST} is needed; this server is {major}.")


def _create_database(connection: psycopg.Connection, database: str) -> None:
    connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database]).fetchone()
        if known is None:
            statement = sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0")
            connection.execute(statement.format(sql.Identifier(database)))
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
