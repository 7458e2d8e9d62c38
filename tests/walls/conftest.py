"""A look at every table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.clones import LOOKS, TABLES, Rows, rows_of


@pytest.fixture
def counts(database_url: Callable[[str], str]) -> Iterator[Rows]:
    """How many rows each table has and which transaction wrote last: what a refused request must leave alone.

    Not of the trail, which grows with each refusal.
    """
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        tables = [name for (name,) in direct.execute(TABLES) if name not in LOOKS and name.startswith("public.")]
        yield rows_of(direct, tables)
