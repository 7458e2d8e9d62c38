"""The roles have exactly the rights that were promised."""

from __future__ import annotations

import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from portal.runway.bootstrap import BootstrapFailed, bootstrap, printed_sql
from portal.runway.embedded import Cluster


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    home = Path(tempfile.mkdtemp(prefix="portal-test-"))
    home.chmod(home.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)
    cluster = Cluster(home, durable=False)
    cluster.start()
    bootstrap(cluster.url("postgres", "postgres"), "portal")
    bootstrap(cluster.url("postgres", "postgres"), "portal")
    with connect(cluster, "owner") as owner:
        owner.execute("CREATE TABLE card (id bigserial PRIMARY KEY, note text)")
        owner.execute("SET ROLE guard")
        owner.execute("CREATE FUNCTION guard.answer() RETURNS int LANGUAGE sql AS 'SELECT 42'")
    yield cluster
    cluster.stop()
    shutil.rmtree(home)


def connect(server: Cluster, role: str, database: str = "portal") -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(server.url(role, database), autocommit=True)


ATTRIBUTES = {  # superuser, inherit, login, create database, create role, bypass row level security
    "owner": (False, False, True, False, False, False),
    "guard": (False, True, False, False, False, False),
    "app": (False, True, True, False, False, False),
    "ops_read": (False, True, False, False, False, False),
    "backup": (False, True, False, False, False, True),
}


@pytest.mark.parametrize("role", ATTRIBUTES)
def test_a_role_has_its_attributes(server: Cluster, role: str) -> None:
    columns = "rolsuper, rolinherit, rolcanlogin, rolcreatedb, rolcreaterole, rolbypassrls"
    with connect(server, "postgres") as postgres:
        row = postgres.execute(f"SELECT {columns} FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    assert row == ATTRIBUTES[role]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "CREATE SCHEMA mine",
        "CREATE TABLE guard.mine ()",
        "ALTER TABLE card ADD COLUMN more text",
        "DROP TABLE card",
        "TRUNCATE card",
        "ALTER TABLE card DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY all_of_it ON card USING (true)",
        "CREATE OR REPLACE FUNCTION guard.answer() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE owner",
        "SET ROLE guard",
        "SET ROLE ops_read",
        "SET SESSION AUTHORIZATION postgres",
        "CREATE ROLE friend",
        "COPY card TO PROGRAM 'cat'",
    ],
)
def test_app_owns_nothing_and_may_become_nobody(server: Cluster, statement: str) -> None:
    with connect(server, "app") as app, pytest.raises(errors.InsufficientPrivilege):
        app.execute(statement)  # type: ignore[arg-type]


def test_app_works_with_rows_and_calls_the_guard(server: Cluster) -> None:
    with connect(server, "app") as app:
        app.execute("INSERT INTO card (note) VALUES ('a')")
        app.execute("UPDATE card SET note = 'b'")
        app.execute("DELETE FROM card")
        assert app.execute("SELECT guard.answer()").fetchone() == (42,)


def test_owner_has_nothing_of_guard_without_saying_so(server: Cluster) -> None:
    """A policy TO guard USING (true) must not open for owner."""
    with connect(server, "owner") as owner:
        owner.execute("CREATE TABLE walled (id int)")
        owner.execute("INSERT INTO walled VALUES (1)")
        owner.execute("ALTER TABLE walled ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        owner.execute("CREATE POLICY of_guard ON walled TO guard USING (true)")
        assert owner.execute("SELECT count(*) FROM walled").fetchone() == (0,)
        owner.execute("SET ROLE guard")
        assert owner.execute("SELECT count(*) FROM walled").fetchone() == (1,)
        owner.execute("RESET ROLE")
        owner.execute("SET ROLE ops_read")


def test_guard_reads_and_adds_but_does_not_change(server: Cluster) -> None:
    with connect(server, "owner") as owner:
        owner.execute("SET ROLE guard")
        owner.execute("INSERT INTO card (note) VALUES ('by guard')")
        for statement in ("UPDATE card SET note = ''", "DELETE FROM card", "CREATE TABLE public.mine ()"):
            with pytest.raises(errors.InsufficientPrivilege):
                owner.execute(statement)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ["guard", "ops_read", "backup"])
def test_nobody_logs_in_as_a_role_without_login(server: Cluster, role: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        connect(server, role)


def test_a_stranger_among_the_roles_does_not_even_connect(server: Cluster) -> None:
    with connect(server, "postgres") as postgres:
        postgres.execute("CREATE ROLE stranger LOGIN")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(server, "stranger")


def test_the_printed_sql_does_the_same_in_psql(server: Cluster) -> None:
    psql = [str(server.bin() / "psql"), "-X", "-q", "-d", server.url("postgres", "postgres")]
    for _ in range(2):
        subprocess.run(psql, input=printed_sql("odd \"name'"), text=True, check=True, capture_output=True)
    with connect(server, "app", "odd \"name'") as app:
        assert app.execute("SELECT has_schema_privilege('guard', 'USAGE')").fetchone() == (True,)


def test_an_administrator_without_superuser_can_do_it_too(server: Cluster) -> None:
    """Managed platforms give CREATEDB and CREATEROLE and no more."""
    with connect(server, "postgres") as postgres:
        postgres.execute("CREATE ROLE dba LOGIN CREATEDB CREATEROLE NOSUPERUSER")
        postgres.execute("GRANT owner, guard, app, ops_read, backup, pg_read_all_data TO dba WITH ADMIN OPTION")
    bootstrap(server.url("dba", "postgres"), "managed")
    with connect(server, "app", "managed") as app, pytest.raises(errors.InsufficientPrivilege):
        app.execute("CREATE TABLE mine ()")


def test_a_server_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BootstrapFailed) as caught:
        bootstrap(f"postgresql://postgres@/postgres?host={tmp_path}", "portal")
    assert "\n" not in str(caught.value)
