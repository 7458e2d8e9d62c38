"""Hot reads without personal data, written by hand: free times. A search never promises; the insert decides (D5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.range import Int4Range

Hours = tuple[int, int] | None
MOST_SLOTS = 20_000

# One row a wanted (role, service): its minutes, the minutes kept with the pause after it, the first and the last
# moment (that one excluded) when a patient may begin, the devices it needs, whether it takes the doctor's room, and
# the branch's zone, in which the hours asked for are meant.
WANTED = """
    FROM unnest(%(roles)s::uuid[], %(services)s::uuid[], %(minutes)s::int[], %(busy)s::int[],
                %(since)s::timestamptz[], %(until)s::timestamptz[], %(devices)s::text[], %(rooms)s::bool[],
                %(zones)s::text[])
         AS w(role_id, service_id, minutes, busy, since, until, devices, uses_room, zone)
    JOIN people_practitionerrole r ON r.id = w.role_id AND r.is_active
"""
# The same for a single one: without arrays the planner trusts a generic plan, and planning is what this search costs.
WANTED_ONE = """
    FROM (SELECT %(role)s::uuid AS role_id, %(service)s::uuid AS service_id, %(minutes)s::int AS minutes,
                 %(busy)s::int AS busy, %(since)s::timestamptz AS since, %(until)s::timestamptz AS until,
                 %(devices)s::text AS devices, %(room)s::bool AS uses_room, %(zone)s::text AS zone) AS w
    JOIN people_practitionerrole r ON r.id = w.role_id AND r.is_active
"""
# Sheets of a wanted that may hold a time. None is longer than a day of 25 hours, so the index bounds both sides.
SHEETS = """s.role_id = w.role_id
    AND s.start > w.since - interval '26 hours' AND s."end" > w.since AND s.start < w.until
    AND (%(mode)s = '' OR %(mode)s = ANY (s.modes))"""
# Written letter for letter as the exclusion constraints write it ('[)' too), or their indexes are not used.
BUSY = "tstzrange(t.start, t.start + make_interval(mins => w.busy))"
LIVE = "(o.kind <> 'hold' OR o.expires_at > clock_timestamp())"
RESOURCE_TAKEN = f"""EXISTS (
    SELECT FROM scheduling_resourceuse u JOIN scheduling_occupancy o ON o.id = u.occupancy_id
     WHERE u.resource_id = %s AND tstzrange(u.start, u."end", '[)') && {BUSY} AND {LIVE})"""
# What the doctor has: looked up for each time where few are asked about…
DOCTOR_BUSY = f"""EXISTS (
          SELECT FROM scheduling_occupancy o
           WHERE o.practitioner_id = r.practitioner_id AND tstzrange(o.start, o."end", '[)') && {BUSY} AND {LIVE})"""
# …and gathered once a doctor where many are: with 500 full doctors four times faster.
GATHERED = f"""
    CROSS JOIN LATERAL (
        SELECT coalesce(range_agg(tstzrange(o.start, o."end")), '{{}}') AS ranges FROM scheduling_occupancy o
         WHERE o.practitioner_id = r.practitioner_id AND {LIVE}
           AND tstzrange(o.start, o."end", '[)') && tstzrange(w.since, greatest(w.since, w.until) + interval '1 day')
    ) AS busy"""  # noqa: S608
DOCTOR_BUSY_GATHERED = f"busy.ranges && {BUSY}"
# Times of one sheet `s` that begin on its grid, end before it ends, and find the doctor, the room and devices free.
FREE = f"""
    generate_series(s.anchor, s."end" - make_interval(mins => w.minutes), make_interval(mins => s.step_minutes))
        AS t(start)
    WHERE t.start >= s.start AND t.start >= w.since AND t.start < w.until
      AND (%(hours)s::int4range IS NULL
           OR extract(hour FROM t.start AT TIME ZONE w.zone)::int <@ %(hours)s::int4range)
      AND NOT {DOCTOR_BUSY}
      AND (NOT w.uses_room OR s.room_id IS NULL OR NOT {RESOURCE_TAKEN.replace("%s", "s.room_id")})
      AND (w.devices = '' OR NOT EXISTS (
          SELECT FROM unnest(string_to_array(w.devices, ' ')) AS d(code)
           WHERE NOT EXISTS (
               SELECT FROM people_resource p
                WHERE p.location_id = r.location_id AND p.code = d.code AND p.is_active
                  AND NOT {RESOURCE_TAKEN.replace("%s", "p.id")})))
"""  # noqa: S608  (constants only)
FREE_OF_MANY = FREE.replace(DOCTOR_BUSY, DOCTOR_BUSY_GATHERED)

SLOTS = f"""
    SELECT w.role_id, w.service_id, t.start, s.modes
    {WANTED}
    JOIN scheduling_daysheet s ON {SHEETS}
    CROSS JOIN LATERAL (SELECT t.start FROM {FREE}) AS t
    ORDER BY t.start, w.role_id
    LIMIT %(limit)s
"""  # noqa: S608

# How many times each day of a branch's calendar has, over all wanted: for strips of days, without a row a time.
DAYS = f"""
    SELECT (t.start AT TIME ZONE w.zone)::date, count(*)
    {WANTED} {GATHERED}
    JOIN scheduling_daysheet s ON {SHEETS}
    CROSS JOIN LATERAL (SELECT t.start FROM {FREE_OF_MANY}) AS t
    GROUP BY 1
"""  # noqa: S608

# The same as one JSON text, so that the hottest read of all builds no objects (D2).
SLOTS_JSON = f"""
    SELECT coalesce(json_agg(json_build_object('start', x.start, 'modes', x.modes) ORDER BY x.start), '[]')::text
      FROM ({SLOTS.replace(WANTED, WANTED_ONE)}) AS x
"""  # noqa: S608

NEAREST = f"""
    SELECT w.role_id, w.service_id, n.start, n.modes
    {WANTED} {GATHERED}
    CROSS JOIN LATERAL (
        SELECT f.start, s.modes
          FROM scheduling_daysheet s
          CROSS JOIN LATERAL (SELECT t.start FROM {FREE_OF_MANY} ORDER BY t.start LIMIT 1) AS f
         WHERE {SHEETS}
         ORDER BY s.start LIMIT 1) AS n
    ORDER BY n.start, w.role_id
"""  # noqa: S608

BOOKED = f"""
    SELECT o.role_id, count(*) FROM scheduling_occupancy o
     WHERE o.role_id = ANY(%s) AND o.start >= %s AND o.start < %s AND {LIVE}
     GROUP BY 1
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: this doctor at this branch, this service, so many minutes, from `since` until `until`.

    `busy` is `minutes` and the pause after them; `devices` are codes; `since` and `until` are where booking opens
    and closes for the asker.
    """

    role_id: UUID
    service_id: UUID
    minutes: int
    busy: int
    since: datetime
    until: datetime
    zone: str
    devices: tuple[str, ...] = ()
    uses_room: bool = True

    def between(self, since: datetime, until: datetime) -> Wanted:
        """The same, in a narrower time."""
        return replace(self, since=max(self.since, since), until=min(self.until, until))


@dataclass(frozen=True, slots=True)
class Slot:
    """A free time. `start` is aware, UTC; `modes` are those the doctor's sheet allows then."""

    role_id: UUID
    service_id: UUID
    start: datetime
    modes: tuple[str, ...]


def free_slots(wanted: Sequence[Wanted], *, mode: str = "", hours: Hours = None, limit: int = MOST_SLOTS) -> list[Slot]:
    """The free times of all wanted, earliest first, `limit` at most. `hours`: [from, to) on the branch's clock."""
    return _query(SLOTS, wanted, mode, hours, limit)


def free_days(wanted: Sequence[Wanted], *, mode: str = "", hours: Hours = None) -> dict[date, int]:
    """How many free times each day has, over all wanted; days without any are absent."""
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(DAYS, search_params(wanted, mode, hours))
        return dict(cursor.fetchall())


def nearest_slots(wanted: Sequence[Wanted], *, mode: str = "", hours: Hours = None) -> list[Slot]:
    """The first free time of each wanted, earliest first; those who have none are absent."""
    return _query(NEAREST, wanted, mode, hours)


def _query(sql: str, wanted: Sequence[Wanted], mode: str, hours: Hours, limit: int = MOST_SLOTS) -> list[Slot]:
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, search_params(wanted, mode, hours) | {"limit": limit})
        return [Slot(role, service, start, tuple(modes)) for role, service, start, modes in cursor.fetchall()]


def free_slots_json(wanted: Wanted, *, mode: str) -> str:
    """`[{"start": instant, "modes": [code, …]}, …]` of one wanted, earliest first."""
    with connection.cursor() as cursor:
        cursor.execute(SLOTS_JSON, one_params(wanted, mode))
        row = cursor.fetchone()
    return str(row[0]) if row else "[]"


def one_params(wanted: Wanted, mode: str) -> dict[str, Any]:
    """The parameters of SLOTS_JSON."""
    return {
        "role": wanted.role_id,
        "service": wanted.service_id,
        "minutes": wanted.minutes,
        "busy": wanted.busy,
        "since": wanted.since,
        "until": wanted.until,
        "devices": " ".join(wanted.devices),
        "room": wanted.uses_room,
        "zone": wanted.zone,
        "mode": mode,
        "limit": MOST_SLOTS,
        "hours": None,
    }


def search_params(wanted: Sequence[Wanted], mode: str, hours: Hours = None) -> dict[str, Any]:
    """The parameters of SLOTS, DAYS and NEAREST."""
    return {
        "roles": [w.role_id for w in wanted],
        "services": [w.service_id for w in wanted],
        "minutes": [w.minutes for w in wanted],
        "busy": [w.busy for w in wanted],
        "since": [w.since for w in wanted],
        "until": [w.until for w in wanted],
        "devices": [" ".join(w.devices) for w in wanted],
        "rooms": [w.uses_room for w in wanted],
        "zones": [w.zone for w in wanted],
        "mode": mode,
        "limit": MOST_SLOTS,
        "hours": Int4Range(*hours) if hours else None,
    }


def database_now() -> datetime:
    """The one clock that counts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone() or (None,)
    assert isinstance(now, datetime)  # noqa: S101  (for the type checker)
    return now


def lock_practitioners(practitioner_ids: Iterable[UUID]) -> None:
    """Queue for these doctors' times until commit: two inserts under one exclusion constraint may deadlock otherwise.

    Always all at once, so that everybody queues in one order.
    """
    lock(practitioner_ids, 1)


def lock_patient(patient_id: UUID) -> None:
    """Queue for one patient's calendar until commit; always before a doctor's lock."""
    lock([patient_id], 2)


def lock_resources(resource_ids: Iterable[UUID]) -> None:
    """Queue for rooms and devices until commit; always after the doctors' locks."""
    lock(resource_ids, 3)


def lock_holder(digest: bytes) -> None:
    """Queue the holds of one account or network until commit, so that their limit holds; before all other locks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(encode(%s, 'hex'), 4))", [digest])


def lock(keys: Iterable[UUID], kind: int) -> None:
    with connection.cursor() as cursor:
        for key in sorted(set(keys)):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [str(key), kind])


def patient_of_appointment(appointment_id: UUID) -> UUID | None:
    """Whose visit it is: the id alone, to find the door. The relation is checked by `open_door`."""
    return one_id("SELECT guard.appointment_patient(%s)", appointment_id)


def booked_counts(role_ids: Sequence[UUID], start: datetime, end: datetime) -> dict[UUID, int]:
    """How many times each role has booked or held between two instants; roles without any are absent."""
    with connection.cursor() as cursor:
        cursor.execute(BOOKED, [list(role_ids), start, end])
        return dict(cursor.fetchall())


CONFLICTS = """
    SELECT o.id
      FROM scheduling_occupancy o LEFT JOIN people_healthcareservice v ON v.id = o.service_id
     WHERE o.role_id = ANY(%s) AND o.kind = 'booked' AND o.start >= %s
       AND NOT EXISTS (
           SELECT FROM scheduling_daysheet s
            WHERE s.role_id = o.role_id AND s.start <= o.start AND o.mode = ANY (s.modes)
              AND s."end" >= o."end" - make_interval(mins => coalesce(v.buffer_minutes, 0)))
"""


def conflicting(role_ids: Sequence[UUID], since: datetime) -> list[UUID]:
    """Ids of booked times that no day sheet covers with their whole length and in their mode."""
    with connection.cursor() as cursor:
        cursor.execute(CONFLICTS, [list(role_ids), since])
        return [row[0] for row in cursor.fetchall()]


def asking_patients() -> list[UUID]:
    """Ids of the patients whose requests wait for the registrar's clinic."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.asking_patients()")
        row = cursor.fetchone()
    return list(row[0]) if row else []


def patients_of_day(start: datetime, end: datetime) -> list[UUID]:
    """Ids of the patients on the actor's list between two instants (a doctor's own, a registrar's clinic)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.day_patients(%s, %s)", [start, end])
        row = cursor.fetchone()
    return list(row[0]) if row else []


def one_id(sql: str, key: UUID) -> UUID | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, [key])
        row = cursor.fetchone()
    return row[0] if row else None
