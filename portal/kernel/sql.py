"""Helpers for migrations: the only place where the wall is raised around a table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, migrations


def as_guard(sql: str, reverse: str = "") -> migrations.RunSQL:
    """Run `sql` as the role that owns the guard functions. Migrations only."""
    return migrations.RunSQL(
        f"SET LOCAL ROLE guard;\n{sql}\n;RESET ROLE;",
        f"SET LOCAL ROLE guard;\n{reverse}\n;RESET ROLE;" if reverse else migrations.RunSQL.noop,
    )


def wall(table: str, column: str = "patient_id") -> migrations.RunSQL:
    """Row-level security on a table of patient data: rows show only behind an open door (docs/adr/0003)."""
    condition = f"{column} = ANY ((SELECT guard.open_patients())::uuid[])"
    return migrations.RunSQL(
        f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY behind_the_door ON {table} TO app USING ({condition}) WITH CHECK ({condition});
        CREATE POLICY guard_reads ON {table} FOR SELECT TO guard USING (true);
        GRANT SELECT ON {table} TO guard;
        """,
        f"""
        DROP POLICY guard_reads ON {table};
        DROP POLICY behind_the_door ON {table};
        ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        """,
    )


def walled_tables() -> list[str]:
    """Names of the tables that stand behind the wall, read from the database itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relforcerowsecurity ORDER BY 1"
        )
        return [name for (name,) in cursor.fetchall()]


@contextmanager
def without_the_wall() -> Iterator[None]:
    """For data migrations and seeds, as `owner`, inside one transaction: NO FORCE … FORCE.

    The exclusive locks of ALTER TABLE keep every other transaction out until commit, so that no reader
    ever meets a table without its wall.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("without_the_wall() needs an open transaction")
    tables = walled_tables()
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY')
    yield
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')


DOORS = (Path(__file__).parent / "doors.sql").read_text(encoding="utf-8")
