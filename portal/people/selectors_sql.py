"""Hand-written SQL of people: the guard functions of compartment.sql, and atomic counters."""

from __future__ import annotations

from datetime import datetime
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


def count_up(key: bytes, window: datetime, hits: int = 1) -> int:
    """`hits` more for `key` in the window that starts then; returns the count, these included. One atomic upsert."""
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO people_ratewindow (key, "window", count) VALUES (%s, %s, %s)'
            ' ON CONFLICT (key, "window") DO UPDATE SET count = people_ratewindow.count + excluded.count'
            " RETURNING count",
            [key, window, hits],
        )
        (count,) = cursor.fetchone() or (0,)
    return int(count)
