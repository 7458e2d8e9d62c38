"""Hold and book, the two transactions of a visit, from several threads with their own connections."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from bench.world import World, report

THREADS, VISITS = 4, 400
CODE = """
import json, sys, time, django
django.setup()
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4
from django.db import connection
from portal.kernel.access import acting
from portal.kernel.actor import Actor, Role
from portal.kernel.errors import PortalError
from portal.scheduling import selectors, services
from portal.scheduling.selectors_sql import database_now, free_slots

people = [(UUID(user), UUID(patient)) for user, patient in json.load(sys.stdin)]
threads, wanted = int(sys.argv[1]), int(sys.argv[2])
now = database_now() + timedelta(days=2)
slots = {}
for slot in free_slots([c.wanted for c in selectors.choices()], since=now, until=now + timedelta(days=20)):
    slots.setdefault((slot.role_id, slot.start), slot)
slots = sorted(slots.values(), key=lambda slot: (slot.start.minute, slot.start, str(slot.role_id)))[: wanted * 2]
times, refused = [], []

def visit(number):
    user_id, patient_id = people[number % len(people)]
    slot, owner, begin = slots[number], uuid4(), time.monotonic()
    try:
        actor = Actor(kind="patient", role=Role.PATIENT, user_id=user_id)
        with acting(actor) as trail:
            held = services.hold_time(
                actor=trail.actor, owner=owner, role_id=slot.role_id, service_id=slot.service_id,
                mode=slot.modes[0], start=slot.start,
            )
        with acting(actor) as trail:
            services.book_appointment(actor=trail.actor, patient_id=patient_id, hold_id=held.pk, owner=owner)
    except PortalError as error:
        refused.append(type(error).__name__)
        return
    times.append(time.monotonic() - begin)

begin = time.monotonic()
with ThreadPoolExecutor(threads) as pool:
    list(pool.map(visit, range(min(wanted, len(slots)))))
spent = time.monotonic() - begin
times.sort()
median, slow = times[len(times) // 2] * 1000, times[int(len(times) * 0.95)] * 1000
print(json.dumps([len(times) / spent, median, slow, len(refused)]))
"""


def measure(world: World) -> None:
    people = [[str(user), str(patient)] for user, patient in world.ask(PATIENTS)]
    environment = os.environ | world.settings | {"DJANGO_SETTINGS_MODULE": "portal.settings", "LOG_LEVEL": "ERROR"}
    result = subprocess.run(
        [sys.executable, "-c", CODE, str(THREADS), str(VISITS)],
        input=json.dumps(people),
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    per_second, median, slow, refused = json.loads(result.stdout.splitlines()[-1])
    report("booking", per_second, "visits/s")
    report("booking_median", median, "ms")
    report("booking_p95", slow, "ms")
    report("booking_refused", refused, f"of_{VISITS}")


PATIENTS = "SELECT user_id, id FROM people_patient WHERE user_id IS NOT NULL ORDER BY id"
