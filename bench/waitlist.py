"""A time is freed: how long until the next patient's message is accepted by the gateway, through the running worker."""

from __future__ import annotations

import time

import psycopg

from bench.world import World, report, tell

TIMES, GAP, LONGEST = 40, 0.5, 60.0  # freed times, seconds between them, seconds to wait for the last

# One person waits for each: for this doctor, on this day, at this hour.
QUEUE = """
    WITH freed AS (
        SELECT DISTINCT ON (o.role_id) o.id AS occupancy, o.start, o.service_id, r.organization_id, r.specialty_id,
               r.practitioner_id, l.zone
          FROM scheduling_occupancy o JOIN people_practitionerrole r ON r.id = o.role_id AND r.is_active
          JOIN people_location l ON l.id = r.location_id
          JOIN people_healthcareservice s ON s.id = o.service_id AND 'self' = ANY (s.payers)
         WHERE o.kind = 'booked' AND o.start BETWEEN now() + interval '2 days' AND now() + interval '20 days'
           AND r.specialty_id IN (SELECT id FROM people_specialty)
         ORDER BY o.role_id, o.start LIMIT %(most)s),
    who AS (
        SELECT patient_id, row_number() OVER (ORDER BY created_at) AS n FROM people_contact
         WHERE kind = 'phone' AND verified_at IS NOT NULL LIMIT %(most)s),
    wanted AS (SELECT *, row_number() OVER () AS n FROM freed)
    INSERT INTO scheduling_waitlistentry
           (id, patient_id, recipient_id, organization_id, specialty_id, practitioner_id, service_id, mode, payer,
            first_day, last_day, hour_from, hour_until, at_night, state, queued_at, ignored, unfit_roles, created_at)
    SELECT f.occupancy, w.patient_id, w.patient_id, f.organization_id, f.specialty_id, f.practitioner_id,
           f.service_id, '', 'self', (f.start AT TIME ZONE f.zone)::date, (f.start AT TIME ZONE f.zone)::date,
           extract(hour FROM f.start AT TIME ZONE f.zone), extract(hour FROM f.start AT TIME ZONE f.zone) + 1, true,
           'waiting', now(), 0, '{}', now()
      FROM wanted f JOIN who w ON w.n = f.n
    RETURNING id"""
FREE = "DELETE FROM scheduling_occupancy WHERE id = %s RETURNING clock_timestamp()"
TOLD = """
    SELECT o.entry_id, min(m.accepted_at) FROM scheduling_waitlistoffer o
      JOIN notifications_message m ON m.subject_id = o.id AND m.channel = 'sms' AND m.accepted_at IS NOT NULL
     WHERE o.entry_id = ANY(%s) GROUP BY 1"""


def measure(world: World) -> None:
    with psycopg.connect(world.url("postgres"), autocommit=True) as direct:
        tell("freed times")
        entries = [row[0] for row in direct.execute(QUEUE, {"most": TIMES}).fetchall()]
        freed = {}
        for entry in entries:
            freed[entry] = (direct.execute(FREE, [entry]).fetchone() or (None,))[0]
            time.sleep(GAP)
        told = _told(direct, entries)
        waited = sorted((told[one] - freed[one]).total_seconds() for one in told)
        report("waitlist_offer_s_p50", waited[len(waited) // 2], f"s ({len(waited)} of {len(entries)} freed times)")
        report("waitlist_offer_s_p95", waited[int(len(waited) * 0.95)], "s")


def _told(direct: psycopg.Connection[tuple[object, ...]], entries: list[object]) -> dict[object, object]:
    """When each was told; those a visit of their own kept from it are left out after a minute."""
    deadline = time.monotonic() + LONGEST
    while True:
        told = dict(direct.execute(TOLD, [entries]).fetchall())
        if len(told) == len(entries) or time.monotonic() > deadline:
            return told
        time.sleep(0.2)
