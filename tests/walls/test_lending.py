"""A database that has been lent is as it was before the next test gets it (tests/clones.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connections

from tests.clones import SEQUENCES, TABLES, Lender, address

WRITES = {
    "an update": "UPDATE people_specialty SET slug = slug || 'x'",
    "a deletion": "DELETE FROM people_legaldocument",
    "a new row": "INSERT INTO people_ratewindow (key, \"window\", count) VALUES ('\\x00', now(), 1)",
    "the trail": "INSERT INTO guard.audit_event SELECT (jsonb_populate_record(e, jsonb_build_object('id',"
    " gen_random_uuid()))).* FROM guard.audit_event e LIMIT 1",
    "a number": "SELECT nextval('procrastinate_jobs_id_seq')",
}
LEAVES = {
    "a table": "CREATE TABLE left_behind ()",
    "a column's default": "ALTER TABLE people_specialty ALTER COLUMN slug SET DEFAULT 'x'",
    "a constraint": "ALTER TABLE people_specialty DROP CONSTRAINT IF EXISTS none, ADD CONSTRAINT more CHECK (true)",
    "a policy": "CREATE POLICY everybody ON people_patient USING (true)",
    "a function": "CREATE FUNCTION guard.more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a trigger": "ALTER TABLE people_specialty DISABLE TRIGGER ALL",
    "a column's name": "ALTER TABLE people_specialty RENAME COLUMN slug TO slug2",
    "a column that may be empty": "ALTER TABLE people_specialty ALTER COLUMN slug DROP NOT NULL",
    "a grant on a column": "GRANT UPDATE (slug) ON people_specialty TO app",
    "a grant on a schema": "GRANT CREATE ON SCHEMA public TO app",
    "a grant": "REVOKE SELECT ON people_specialty FROM app",
}
CONTENT = "SELECT '{0}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {0} t"


def everything_in(direct: psycopg.Connection[Any]) -> list[Any]:
    """The content of each table, and where each sequence is."""
    tables = [CONTENT.format(name) for (name,) in direct.execute(TABLES)]
    return sorted([*direct.execute(" UNION ALL ".join(tables)), *direct.execute(SEQUENCES)], key=str)


@pytest.fixture
def lend(django_db_blocker) -> Callable[..., tuple[str, list[Any]]]:
    """`lend(statement)`: a test that borrows the database and runs it there. The database, as it was got."""
    shared = Lender()

    def run(statement: str = "") -> tuple[str, list[Any]]:
        with shared.lent() as name, psycopg.connect(address(name, "postgres")) as direct:
            got = everything_in(direct)
            if statement:
                direct.execute(statement)
        return name, got

    with django_db_blocker.unblock():
        yield run
        if shared.name:
            shared.give_up()


@pytest.mark.parametrize("what", WRITES)
def test_what_one_has_written_the_next_does_not_find(lend, what):
    first = lend(WRITES[what])
    assert len(first[1]) > 50
    assert lend() == first


def test_not_even_after_several_have_written_everywhere(lend):
    first = lend(";".join(WRITES.values()))
    for statement in WRITES.values():
        assert lend(statement) == first
    assert lend() == first


@pytest.mark.parametrize("what", LEAVES)
def test_who_changed_the_catalogue_was_the_last(lend, what):
    name, got = lend(LEAVES[what])
    other, same = lend()
    assert other != name and same == got


def test_who_left_a_transaction_open_was_the_last(lend):
    name, _ = lend()
    late = psycopg.connect(address(name, "postgres"))
    late.execute("SELECT 1")
    assert lend()[0] == name
    assert lend()[0] != name, "somebody was still at work there"
    late.close()


def test_whoever_idles_there_is_put_out(lend):
    name, _ = lend()
    late = psycopg.connect(address(name, "postgres"), autocommit=True)
    late.execute("SELECT 1")
    assert lend()[0] == lend()[0] == name
    with pytest.raises(psycopg.OperationalError):
        late.execute("SELECT 1")


def test_who_left_a_lock_was_the_last(django_db_blocker):
    shared = Lender()
    with django_db_blocker.unblock():
        with shared.lent() as name, connections["default"].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(1)")
        assert name
        assert not shared.name


def test_a_worn_database_is_not_lent_again(lend, monkeypatch):
    monkeypatch.setattr("tests.clones.MOST_LOANS", 2)
    assert len({lend()[0] for _ in range(4)}) == 2
