"""Hand-written SQL of people: the guard functions of compartment.sql, and atomic counters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection


def own_patients() -> list[UUID]:
    """Ids of the person who acts and of those they represent."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.own_patients()")
        row = cursor.fetchone()
    return list(row[0]) if row else []


def find_by_contact(digest: bytes, *, purpose: str) -> list[tuple[UUID, UUID | None]]:
    """(patient, account) of whoever confirmed this contact. Opens nothing; the look itself is an event."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT patient_id, user_id FROM guard.find_patients(%s, %s)", [digest, purpose])
        return [(patient_id, user_id) for patient_id, user_id in cursor.fetchall()]


def removed_contacts(most: int) -> list[tuple[UUID, UUID]]:
    """(contact, patient) of what was removed more than a day ago."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact_id, patient_id FROM guard.removed_contacts(%s)", [most])
        return list(cursor.fetchall())


class Counter(NamedTuple):
    """One row to count up in."""

    key: bytes
    window: datetime
    hits: int
    keep_until: datetime


def count_up(key: bytes, window: datetime, keep_until: datetime) -> int:
    """One more for `key` in the window that starts then; returns the count, this one included."""
    return count_all([Counter(key, window, 1, keep_until)])[key]


def count_all(counters: Iterable[Counter]) -> dict[bytes, int]:
    """Count up in one atomic upsert; the counts, these hits included. Sorted, so that two at once never deadlock."""
    columns = [list(column) for column in zip(*sorted(counters), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO people_ratewindow (key, "window", count, keep_until)'
            " SELECT * FROM unnest(%s::bytea[], %s::timestamptz[], %s::int[], %s::timestamptz[])"
            ' ON CONFLICT (key, "window") DO UPDATE SET count = people_ratewindow.count + excluded.count'
            " RETURNING key, count",
            columns,
        )
        return {bytes(key): int(count) for key, count in cursor.fetchall()}


def lock_address(digest: bytes) -> None:
    """Queue what is asked of one phone or e-mail until commit, so that its limits hold; before all other locks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(encode(%s, 'hex'), 5))", [digest])
