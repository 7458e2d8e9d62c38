"""In step with a clinic's own system: the demo's clinic beside its FHIR R4 double, through the running worker.

Three figures, each beside what the same costs without the portal: every time of every doctor read anew, against
plain pages of the same slots; a change at the front desk, until the portal shows it; a visit from the patient's press
to `booked`, against one call that writes such a visit.
"""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.request import Request, urlopen

import psycopg

from bench.world import World, report, tell

CLINIC = "bereg"
DESK, VISITS, READS = 30, 30, 3
PATIENCE, LOOK = 60.0, 0.005  # seconds
READY = """
    SELECT count(*) = 3 AND bool_and(EXISTS (SELECT 1 FROM scheduling_daysheet s WHERE s.role_id = r.id))
      FROM people_practitionerrole r WHERE r.master = 'mis' AND r.is_active"""
SYNC = """
import json, os, sys, time, django
django.setup()
import httpx
from portal.mis import exchanging
from portal.mis.line import line_of
from portal.mis.selectors import mis_roles
from portal.people.models import Organization

organization = Organization.objects.get(slug=sys.argv[1])
line, seen = line_of(organization.slug), 0
asked = line.mis.get_slots
def get_slots(*args):
    global seen
    slots = asked(*args)
    seen += len(slots)
    return slots
line.mis.get_slots = get_slots
roles = mis_roles(organization.pk)
begin = time.monotonic()
exchanging.read_all_times(organization, roles)
engine, times = time.monotonic() - begin, seen

headers = {"Authorization": f"Bearer {line.mapping.token_file.read_text().strip()}", "Cache-Control": "no-cache"}
url, plain = f"{line.mapping.url}/Slot?_count=200&start=ge{time.strftime('%Y-%m-%d')}", 0
with httpx.Client(headers=headers, trust_env=False, timeout=60) as client:
    begin = time.monotonic()
    while url:
        page = client.get(url).raise_for_status().json()
        plain += len(page.get("entry", []))
        url = next((one["url"] for one in page["link"] if one["relation"] == "next"), "")
    pages = time.monotonic() - begin
print(json.dumps([times, engine, plain, pages]))
"""
BOOK = """
import json, os, sys, time, django
django.setup()
from datetime import datetime, timedelta, timezone
from uuid import UUID, uuid4
import psycopg
from portal.kernel.access import acting
from portal.kernel.actor import Actor, Role
from portal.mis.line import line_of
from portal.mis.ports import Wanted
from portal.mis.selectors import free_here, mis_roles, ref_of
from portal.people.models import Organization, ServiceOffer
from portal.scheduling import services

patient, account = map(UUID, sys.argv[3:5])
visits, patience, look = int(sys.argv[2]), *map(float, sys.argv[5:7])
slug = sys.argv[1]
organization = Organization.objects.get(slug=slug)
role = mis_roles(organization.pk)[0]
offer = ServiceOffer.objects.filter(role=role).order_by("service__position", "pk")[0]
line, now = line_of(slug), datetime.now(timezone.utc)
doctor = ref_of(organization.pk, "doctor", role.pk)
me = lambda: acting(Actor(kind="patient", role=Role.PATIENT, user_id=account))
direct_to = psycopg.connect(sys.argv[7], autocommit=True)
AWAITS = 'SELECT status, awaits FROM scheduling_appointment WHERE id = %s'
THERE = 'SELECT count(*) FROM mis_outgoing WHERE appointment_id = %s'

def until(holds):
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("not booked in time")
        time.sleep(look)

def a_time(n):
    return sorted(free_here(role, now + timedelta(days=2), now + timedelta(days=28)))[n]

def through_the_portal():
    owner, (start, _end) = uuid4(), a_time(0)
    with me() as trail:
        held = services.hold_time(actor=trail.actor, owner=owner, role_id=role.pk, service_id=offer.service_id,
                                  mode="in-person", start=start)
    begin = time.monotonic()
    with me() as trail:
        visit = services.book_appointment(actor=trail.actor, patient_id=patient, hold_id=held.pk, owner=owner).pk
    until(lambda: direct_to.execute(AWAITS, [visit]).fetchone() == ("booked", ""))
    spent = time.monotonic() - begin
    with me() as trail:
        services.cancel_appointment(actor=trail.actor, appointment_id=visit)
    until(lambda: direct_to.execute(THERE, [visit]).fetchone() == (0,))
    return spent, visit

def by_one_call(ref):
    start, end = a_time(1)
    wanted = Wanted(uuid4(), doctor_ref=doctor, patient_ref=ref, start=start, end=end)
    begin = time.monotonic()
    made = line.mis.book(wanted)
    spent = time.monotonic() - begin
    line.mis.cancel(made)
    return spent

_spent, visit = through_the_portal()  # from now on the patient is known there
ref = line.mis.find_visits(Wanted(visit, doctor_ref="", patient_ref="", start=now, end=now))[0].patient_ref
portal, call = [], []
for _ in range(visits):
    portal.append(through_the_portal()[0])
    call.append(by_one_call(ref))
print(json.dumps([sorted(portal), sorted(call)]))
"""
OFFERED = """
    SELECT EXISTS (SELECT 1 FROM scheduling_daysheet s JOIN people_practitionerrole r ON r.id = s.role_id
                     JOIN mis_directoryref d ON d.object_id = r.id
                    WHERE d.ref = %s AND s.start <= %s AND s."end" > %s)"""
PERSON = """
    SELECT p.id, p.user_id FROM people_patient p
     WHERE p.user_id IS NOT NULL AND EXISTS
           (SELECT 1 FROM people_contact c WHERE c.patient_id = p.id AND c.kind = 'phone' AND c.verified_at IS NOT NULL)
     ORDER BY p.id LIMIT 1"""


def measure(world: World) -> None:
    desk = f"http://127.0.0.1:{world.port + 7}"
    with psycopg.connect(world.url("postgres"), autocommit=True) as direct:
        _wait(lambda: (direct.execute(READY).fetchone() or [False])[0])
        tell("times of the clinic's own system")
        _sync(world)
        tell("changes at its front desk")
        _front_desk(direct, desk)
        tell("visits booked in it")
        _booking(world, direct)


def _sync(world: World) -> None:
    runs = [json.loads(world.python(SYNC, CLINIC)) for _ in range(READS)]
    times, engine, plain, pages = min(runs, key=lambda run: run[1])
    report("mis_sync_times_per_s", times / engine, f"times/s ({times} times, {engine:.1f} s)")
    report("mis_plain_pages_times_per_s", plain / pages, "times/s (slots read and thrown away)")
    report("mis_sync_vs_plain_pages", (times / engine) / (plain / pages), "ratio")


def _front_desk(direct: psycopg.Connection[Any], desk: str) -> None:
    """Somebody cancels, then books: which of our times the day sheets offer changes with either."""
    waited = []
    for _ in range(DESK // 2):
        visit = _ask(desk, {"act": "book"})
        waited.append(_until_offered(direct, visit, is_offered=False))
        _ask(desk, {"act": "cancel", "appointment": visit["id"]})
        waited.append(_until_offered(direct, visit, is_offered=True))
    waited.sort()
    report("mis_front_desk_to_portal_s_p50", waited[len(waited) // 2], f"s ({len(waited)} changes)")
    report("mis_front_desk_to_portal_s_p95", waited[int(len(waited) * 0.95)], "s")


def _until_offered(direct: psycopg.Connection[Any], visit: dict[str, Any], *, is_offered: bool) -> float:
    """Seconds from the desk's answer until the portal offers this time, or does no more."""
    begin = time.monotonic()
    asked = (_doctor(visit), visit["start"], visit["start"])
    _wait(lambda: direct.execute(OFFERED, asked).fetchone() == (is_offered,))
    return time.monotonic() - begin


def _doctor(visit: dict[str, Any]) -> str:
    actors = [str(one["actor"].get("reference", "")) for one in visit["participant"]]
    return next(one.removeprefix("Practitioner/") for one in actors if one.startswith("Practitioner/"))


def _booking(world: World, direct: psycopg.Connection[Any]) -> None:
    patient, account = direct.execute(PERSON).fetchone() or (None, None)
    told = world.python(BOOK, CLINIC, VISITS, patient, account, PATIENCE, LOOK, world.url("postgres"))
    portal, call = json.loads(told)
    middle = VISITS // 2
    report("mis_booking_ms_p50", portal[middle] * 1000, f"ms ({VISITS} visits, from the press to `booked`)")
    report("mis_direct_call_ms_p50", call[middle] * 1000, "ms (one transaction written to the same system)")
    report("mis_booking_overhead_ms", (portal[middle] - call[middle]) * 1000, "ms")


def _ask(desk: str, what: dict[str, Any]) -> dict[str, Any]:
    request = Request(f"{desk}/control/desk", json.dumps(what).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urlopen(request, timeout=30) as answer:  # noqa: S310
        told: dict[str, Any] = json.load(answer)
    return told


def _wait(holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("It did not happen within a minute.")
        time.sleep(LOOK)
