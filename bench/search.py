"""The slot search: pgbench with the very SQL, the same through the portal's own function, and the page around it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from bench.load import requests_per_second
from bench.world import World, report

CLIENTS, SECONDS = 4, 5
ONE_DOCTOR = """
    SELECT r.id, o.service_id, s.duration_minutes, p.slug
      FROM people_practitionerrole r
      JOIN people_practitioner p ON p.id = r.practitioner_id
      JOIN people_serviceoffer o ON o.role_id = r.id
      JOIN people_healthcareservice s ON s.id = o.service_id
     WHERE r.is_active ORDER BY r.id, o.service_id LIMIT 1
"""
IN_PROCESS = """
import sys, time, django
django.setup()
from datetime import datetime
from uuid import UUID
from portal.scheduling.selectors_sql import Wanted, free_slots
wanted = [Wanted(UUID(sys.argv[1]), UUID(sys.argv[2]), int(sys.argv[3]))]
since, until = map(datetime.fromisoformat, sys.argv[4:6])
count, end = 0, time.monotonic() + float(sys.argv[6])
while time.monotonic() < end:
    free_slots(wanted, since=since, until=until)
    count += 1
print(count / float(sys.argv[6]))
"""


def measure(world: World) -> None:
    role, service, minutes, slug = world.ask(ONE_DOCTOR)[0]
    since = datetime.now(UTC)
    until = since + timedelta(days=7)
    raw = _pgbench(world, role, service, minutes, since, until)
    report("slot_search_pgbench", raw, "queries/s")
    page = requests_per_second(world.port, f"/doctors/{slug}/", clients=CLIENTS, seconds=SECONDS)
    report("slot_search_page", page.per_second, "requests/s")
    report("slot_search_page_to_pgbench", page.per_second / raw, "ratio")
    one = _in_process(world, str(role), str(service), str(minutes), since.isoformat(), until.isoformat())
    report("slot_search_function_one_thread", one, "calls/s")


def _pgbench(world: World, *values: object) -> float:
    """The prepared statement as PostgreSQL itself can do it, without any application."""
    from portal.scheduling.selectors_sql import LEAD_MINUTES, SLOTS

    role, service, minutes, since, until = values
    params = {
        "roles": [role],
        "services": [service],
        "minutes": [minutes],
        "since": since,
        "until": until,
        "mode": "",
        "lead": LEAD_MINUTES,
    }
    with psycopg.connect(world.url("app"), cursor_factory=psycopg.ClientCursor) as connection:
        text = connection.cursor().mogrify(SLOTS, params)  # type: ignore[attr-defined]
    script = world.home / "search.sql"
    script.write_text(re.sub(r"\s+", " ", text) + ";\n")
    socket_dir = parse_qs(urlsplit(world.url("app")).query)["host"][0]
    command = [str(Path(world.cluster.bin()) / "pgbench"), "-n", "-M", "prepared", "-f", str(script)]
    command += ["-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS), "-h", socket_dir, "-U", "app", "portal"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([\d.]+)", result.stdout)
    return float(found[1]) if found else 0.0


def _in_process(world: World, *arguments: str) -> float:
    environment = os.environ | world.settings | {"DJANGO_SETTINGS_MODULE": "portal.settings"}
    command = [sys.executable, "-c", IN_PROCESS, *arguments, str(SECONDS)]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
