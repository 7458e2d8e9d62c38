"""Hot reads without personal data, written by hand: free times. A search never promises; the insert decides (D5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

LEAD_MINUTES = 30  # nobody reaches the clinic sooner

# One row a wanted (role, service): its minutes and the mode asked for ('' = any).
WANTED = """
    FROM unnest(%(roles)s::uuid[], %(services)s::uuid[], %(minutes)s::int[]) AS w(role_id, service_id, minutes)
    JOIN people_practitionerrole r ON r.id = w.role_id AND r.is_active
"""
# Times of one sheet `s` that begin on its grid, end before it ends, and overlap nothing taken.
FREE = """
    generate_series(s.start, s."end" - make_interval(mins => w.minutes), make_interval(mins => s.step_minutes))
        AS t(start)
    WHERE t.start >= greatest(%(since)s, now() + make_interval(mins => %(lead)s))
      AND NOT EXISTS (
          SELECT FROM scheduling_occupancy o
           WHERE o.practitioner_id = r.practitioner_id
             AND tstzrange(o.start, o."end") && tstzrange(t.start, t.start + make_interval(mins => w.minutes))
             AND (o.kind <> 'hold' OR o.expires_at > clock_timestamp()))
"""
MODE = "(%(mode)s = '' OR %(mode)s = ANY (s.modes))"

SLOTS = f"""
    SELECT w.role_id, w.service_id, t.start, s.modes
    {WANTED}
    JOIN scheduling_daysheet s ON s.role_id = w.role_id AND s.start < %(until)s AND s."end" > %(since)s AND {MODE}
    CROSS JOIN LATERAL (SELECT t.start FROM {FREE} AND t.start < %(until)s) AS t
    ORDER BY t.start, w.role_id
    LIMIT 20000
"""  # noqa: S608  (constants only)

NEAREST = f"""
    SELECT w.role_id, w.service_id, n.start, n.modes
    {WANTED}
    CROSS JOIN LATERAL (
        SELECT f.start, s.modes
          FROM scheduling_daysheet s
          CROSS JOIN LATERAL (SELECT t.start FROM {FREE} ORDER BY t.start LIMIT 1) AS f
         WHERE s.role_id = w.role_id AND s."end" > %(since)s AND {MODE}
         ORDER BY s.start LIMIT 1) AS n
    ORDER BY n.start, w.role_id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: this doctor at this branch, this service, so many minutes."""

    role_id: UUID
    service_id: UUID
    minutes: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A free time. `start` is aware, UTC; `modes` are those the doctor's sheet allows then."""

    role_id: UUID
    service_id: UUID
    start: datetime
    modes: tuple[str, ...]


def free_slots(wanted: Sequence[Wanted], *, since: datetime, until: datetime, mode: str = "") -> list[Slot]:
    """All free times that begin in [since, until), earliest first, 20,000 at most."""
    return _query(SLOTS, wanted, since=since, until=until, mode=mode)


def nearest_slots(wanted: Sequence[Wanted], *, since: datetime, mode: str = "") -> list[Slot]:
    """The first free time of each wanted, earliest first; those who have none are absent."""
    return _query(NEAREST, wanted, since=since, until=None, mode=mode)


def _query(sql: str, wanted: Sequence[Wanted], *, since: datetime, until: datetime | None, mode: str) -> list[Slot]:
    if not wanted:
        return []
    params: dict[str, Any] = {
        "roles": [w.role_id for w in wanted],
        "services": [w.service_id for w in wanted],
        "minutes": [w.minutes for w in wanted],
        "since": since,
        "until": until,
        "mode": mode,
        "lead": LEAD_MINUTES,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, {key: value for key, value in params.items() if f"%({key})s" in sql})
        return [Slot(role, service, start, tuple(modes)) for role, service, start, modes in cursor.fetchall()]


def database_now() -> datetime:
    """The one clock that counts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone() or (None,)
    assert isinstance(now, datetime)  # noqa: S101  (for the type checker)
    return now


def lock_practitioner(practitioner_id: UUID) -> None:
    """Queue for one doctor's times until commit: two inserts under one exclusion constraint may deadlock otherwise."""
    _lock(practitioner_id, 1)


def lock_patient(patient_id: UUID) -> None:
    """Queue for one patient's calendar until commit; always before a doctor's lock."""
    _lock(patient_id, 2)


def _lock(key: UUID, kind: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [str(key), kind])


def patient_of_appointment(appointment_id: UUID) -> UUID | None:
    """Whose visit it is: the id alone, to find the door. The relation is checked by `open_door`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.appointment_patient(%s)", [appointment_id])
        row = cursor.fetchone()
    return row[0] if row else None


def patients_of_day(start: datetime, end: datetime) -> list[UUID]:
    """Ids of the patients on the actor's list between two instants (a doctor's own, a registrar's clinic)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.day_patients(%s, %s)", [start, end])
        row = cursor.fetchone()
    return list(row[0]) if row else []
