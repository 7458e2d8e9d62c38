"""Hand-written SQL of the queue for freed times: the notes of what was freed, and who may be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection

from portal.scheduling.selectors_sql import Slot, lock, one_id


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who may be offered a time: the entry, whose visit it would be, who is told."""

    entry_id: UUID
    patient_id: UUID
    recipient_id: UUID


def queue_for_queue(organization_id: UUID) -> None:
    """One job at a time hands out a clinic's freed times, or two would pass over the first in the queue."""
    lock([organization_id], 6)


def forget_unwanted_times() -> None:
    """Drop the notes about doctors nobody waits for. Who joins leaves a note again, in the same transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM scheduling_freedtime WHERE id IN (SELECT id FROM scheduling_freedtime"
            " WHERE NOT role_id = ANY ((SELECT guard.waited_roles())::uuid[]) FOR UPDATE SKIP LOCKED)"
        )


@dataclass(frozen=True, slots=True)
class Freed:
    """A doctor at a branch who may have something free between `start` and `end`; without them at any time."""

    role_id: UUID
    start: datetime | None = None
    end: datetime | None = None


def freed_roles() -> set[UUID]:
    """Doctors about whom there are notes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT role_id FROM scheduling_freedtime")
        return {role_id for (role_id,) in cursor.fetchall()}


def take_freed(role_id: UUID) -> Freed | None:
    """All notes about this doctor that no other worker has taken; they are gone with this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM scheduling_freedtime WHERE id IN"
            " (SELECT id FROM scheduling_freedtime WHERE role_id = %s FOR UPDATE SKIP LOCKED)"
            ' RETURNING start, "end"',
            [role_id],
        )
        rows = cursor.fetchall()
    if not rows:
        return None
    if any(start is None for start, _ in rows):
        return Freed(role_id)
    return Freed(role_id, min(start for start, _ in rows), max(end for _, end in rows))


def note(freed: Freed) -> None:
    """There may be more times than were given out."""
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO scheduling_freedtime (id, role_id, start, "end", noted_at)'
            " VALUES (gen_random_uuid(), %s, %s, %s, clock_timestamp())",
            [freed.role_id, freed.start, freed.end],
        )


def waited_days(role_id: UUID) -> tuple[date, date] | None:
    """The first and the last day on which somebody waits for this doctor; None when nobody does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT first_day, last_day FROM guard.waited_days(%s)", [role_id])
        row = cursor.fetchone()
    return (row[0], row[1]) if row and row[0] else None


def note_waited() -> None:
    """A note about every doctor somebody waits for: what no trigger sees (a room, a night, a day published)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO scheduling_freedtime (id, role_id, noted_at)"
            " SELECT gen_random_uuid(), unnest(guard.waited_roles()), clock_timestamp()"
        )


def note_expired() -> None:
    """Holds end by the clock, without anybody's act: a note about those of the last ten seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO scheduling_freedtime (id, role_id, start, "end", noted_at)'
            ' SELECT gen_random_uuid(), role_id, min(start), max("end"), clock_timestamp()'
            " FROM scheduling_occupancy WHERE kind = 'hold' AND expires_at <= clock_timestamp()"
            " AND expires_at > clock_timestamp() - interval '10 seconds' GROUP BY role_id"
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """A service of one doctor that anybody may book: in which ways, paid for by whom (codes)."""

    service_id: UUID
    modes: Sequence[str]
    payers: Sequence[str]


def candidates(slots: Sequence[Slot], kinds: Sequence[Kind], most: int) -> list[Waiting]:
    """Who may be offered one of these times of one doctor, in the order of the queue.

    `kinds`, the likeliest first: who asks for no service gets the first that suits what they do ask.
    """
    columns = (
        [slot.start for slot in slots],
        [slot.service_id for slot in slots],
        [" ".join(slot.modes) for slot in slots],
        [kind.service_id for kind in kinds],
        [" ".join(kind.modes) for kind in kinds],
        [" ".join(kind.payers) for kind in kinds],
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM guard.next_in_queue(%s, %s::timestamptz[], %s::uuid[], %s::text[],"
            " %s::uuid[], %s::text[], %s::text[], %s)",
            [slots[0].role_id, *columns, most],
        )
        return [Waiting(*row) for row in cursor.fetchall()]


def lapsed_offers(most: int) -> list[tuple[UUID, UUID]]:
    """(offer, patient) of offers that nobody has answered in time."""
    return _pairs("SELECT * FROM guard.lapsed_offers(%s)", most)


def waits_over(most: int) -> list[tuple[UUID, UUID]]:
    """(entry, patient) of entries whose days have passed."""
    return _pairs("SELECT * FROM guard.waits_over(%s)", most)


def _pairs(sql: str, most: int) -> list[tuple[UUID, UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [most])
        return list(cursor.fetchall())


def waiting_before(entry_id: UUID) -> int:
    """How many people would be asked sooner; the entry's door is open."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.waiting_before(%s)", [entry_id])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def patient_of_wait(entry_id: UUID) -> UUID | None:
    return one_id("SELECT guard.patient_of_wait(%s)", entry_id)


def patient_of_offer(offer_id: UUID) -> UUID | None:
    return one_id("SELECT guard.patient_of_offer(%s)", offer_id)
