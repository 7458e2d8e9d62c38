"""Hand-written SQL of notifications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection


def next_sequences(count: int) -> list[int]:
    """Our own numbers of messages at the gateway, 1…2147483647; none is given twice until the sequence goes round."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('notifications_sequence') FROM generate_series(1, %s)", [count])
        return [int(number) for (number,) in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Claimed:
    message_id: UUID
    patient_id: UUID
    recipient_id: UUID


def claim_messages(most: int, lease: timedelta, among: Sequence[UUID] | None = None) -> list[Claimed]:
    """Take what is due for the length of a lease. Rows that another worker has taken are passed over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, patient_id, recipient_id FROM guard.claim_messages(%s, make_interval(secs => %s), %s::uuid[])",
            [most, lease.total_seconds(), None if among is None else list(among)],
        )
        return [Claimed(*row) for row in cursor.fetchall()]


def ask_at_once(carriers: list[str], refs: list[str], numbers: list[int]) -> int:
    """Those of the messages named that are on their way or in doubt are due now; how many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM guard.ask_now(%s::text[], %s::text[], %s::bigint[])", [carriers, refs, numbers])
        return len(cursor.fetchall())


def hearers(patient_id: UUID) -> list[UUID]:
    """Whose contacts hear for this patient: their own, else those of who represents them now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.hearers(%s)", [patient_id])
        row = cursor.fetchone()
    return list(row[0]) if row else []


def messages_to_call_about() -> dict[UUID, UUID]:
    """Message → patient, one a coming visit, the soonest first: whom the registrar's clinic has to call."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT message_id, patient_id FROM guard.messages_to_call_about()")
        return dict(cursor.fetchall())


def journal_page(since: datetime, until: datetime, *, skip: int, most: int) -> list[tuple[UUID, UUID]]:
    """(message, patient) of one page of the registrar's clinic's journal, the latest first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, patient_id FROM guard.journal(%s, %s, %s, %s)", [since, until, skip, most])
        return list(cursor.fetchall())


def patient_of_message(message_id: UUID) -> UUID | None:
    """Whose message it is: the id alone, to find the door."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.message_patient(%s)", [message_id])
        row = cursor.fetchone()
    return row[0] if row else None


def release_push_device(digest: bytes) -> None:
    """Whoever heard in this browser so far hears there no more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.release_push_device(%s)", [digest])
