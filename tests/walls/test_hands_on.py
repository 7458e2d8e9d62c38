"""A database is handed on to the next test only while nobody has changed it (tests/clones.py)."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.clones import HandedOn, address

COUNTED = "INSERT INTO people_ratewindow (key, \"window\", count) VALUES ('\\x00', now(), 1)"
WRITTEN = "UPDATE people_specialty SET slug = slug"
GONE = "DELETE FROM people_legaldocument"


@pytest.fixture
def lend(django_db_blocker) -> Callable[[str], str]:
    """`lend(statement)`: a test that borrows the database and runs it there. The database's name."""
    shared = HandedOn()

    def run(statement: str) -> str:
        with shared.lent() as name, psycopg.connect(address(name, "postgres")) as direct:
            direct.execute(statement)
        return name

    with django_db_blocker.unblock():
        yield run
        if shared.name:
            shared._give_up()


@pytest.mark.parametrize("harmless", ["SELECT 1", COUNTED])
def test_a_database_nobody_changed_is_handed_on(lend, harmless):
    assert lend(harmless) == lend("SELECT 1")


@pytest.mark.parametrize("change", [WRITTEN, GONE])
def test_a_changed_database_is_not(lend, change):
    assert lend(change) != lend("SELECT 1")


def test_counters_do_not_reach_the_next(lend):
    lend(COUNTED)
    assert lend("SELECT 1 / (count(*) = 0)::int FROM people_ratewindow")  # divides by zero if there were one
