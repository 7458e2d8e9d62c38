"""The slot search: over HTTP against pgbench with the very SQL and parameters; with few and with many times."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import psycopg

from bench.load import requests_per_second
from bench.world import DATABASE, FEW_TIMES, LargeWorld, load_average, report

# The lean search (portal/scheduling/views/times.py) and the function whose SQL it sends; adapt both together.
PATH = "/times/{role}/?service={service}&mode={mode}&day={day}"
FUNCTION = "free_slots_json"

CLIENTS, SECONDS, SEARCHES = 4, 6, 12
GROWTH_ROUNDS = 200
EMPTY = {None: "NULL", "": "''"}  # what pgbench takes no variable for
FUTURE_TIMES = """
    SELECT sum(extract(epoch FROM "end" - start) / 60 / step_minutes) FROM scheduling_daysheet WHERE start > now()
"""
CODE = """
import json, sys, django
django.setup()
from datetime import timedelta
from django.db import connection
from portal.people.models import ServiceOffer
from portal.scheduling import selectors, selectors_sql
from portal.scheduling.opening import MIDNIGHT, instant

found, heard = [], []

def listen(execute, sql, params, many, context):
    heard.append((sql, params))
    return execute(sql, params, many, context)

offers = list(ServiceOffer.objects.select_related(*selectors.OFFER_RELATIONS).order_by("pk"))

def text(value):
    "A parameter as PostgreSQL writes it."
    if isinstance(value, list):
        return "{" + ",".join(f'"{item}"' for item in value) + "}"
    return value if value is None else str(value)

for n in range(int(sys.argv[1])):
    offer = offers[n * 7919 % len(offers)]
    choice = selectors.choice_of(offer)
    mode = offer.service.modes[0]
    day = choice.bounds.last_day - timedelta(days=3 + n * 13 % 50)
    start = instant(day, MIDNIGHT, choice.zone)
    wanted = choice.wanted(mode).between(start, start + timedelta(days=1))
    with connection.execute_wrapper(listen):
        getattr(selectors_sql, sys.argv[2])(wanted, mode=mode)
    sql, params = heard.pop()
    found.append({"role": str(offer.role_id), "service": str(offer.service_id), "mode": mode, "day": str(day),
                  "doctor": offer.role.practitioner.slug,
                  "params": {name: text(value) for name, value in params.items()}})
print(json.dumps([sql, found]))
"""


Search = dict[str, Any]


def measure(world: LargeWorld) -> None:
    sql, searches = _searches(world, SEARCHES)
    paths = [PATH.format(**search) for search in searches]
    raw = _pgbench(world, sql, searches)
    http = requests_per_second(world.port, paths, clients=CLIENTS, seconds=SECONDS)
    raw = (raw + _pgbench(world, sql, searches)) / 2  # before and after: a machine that others use drifts
    report("slot_search_pgbench", raw, "queries/s")
    report("slot_search_http", http.per_second, "requests/s")
    report("slot_search_vs_pgbench", http.per_second / raw, "ratio")
    report("slot_search_ms_p95", http.slow_ms, "ms")
    _page(world, [f"/doctors/{search['doctor']}/" for search in searches])


def _page(world: LargeWorld, paths: list[str]) -> None:
    """The page with the times of one doctor, as a person sees it."""
    page = requests_per_second(world.port, paths, clients=CLIENTS, seconds=SECONDS)
    report("slot_page", page.per_second, "requests/s")
    report("slot_page_ms_p50", page.median_ms, "ms")
    report("slot_page_ms_p95", page.slow_ms, f"ms (load {load_average():.1f}, {CLIENTS} clients)")


def growth(world: LargeWorld) -> None:
    """Time of the same search with all future times and with a hundredth of them, in turns."""
    (sql, many), (_, few) = (_searches(world, GROWTH_ROUNDS, name) for name in (DATABASE, FEW_TIMES))
    with psycopg.connect(world.url("app")) as large, psycopg.connect(world.url("app", FEW_TIMES)) as small:
        times: tuple[list[float], list[float]] = ([], [])
        for one, other in zip(many, few, strict=True):
            times[0].append(_timed(large, sql, one))
            times[1].append(_timed(small, sql, other))
    medians = [sorted(part)[len(part) // 2] for part in times]
    for name, database, median in (("many", DATABASE, medians[0]), ("few", FEW_TIMES, medians[1])):
        report(f"slot_search_{name}_ms", median, f"ms ({_future_times(world, database)} times)")
    report("slot_search_growth", medians[0] / medians[1], "ratio")


def _timed(connection: psycopg.Connection[tuple[object, ...]], sql: str, search: Search) -> float:
    """Milliseconds of the prepared statement, with its answer."""
    begin = time.perf_counter()
    connection.execute(sql.encode(), search["params"], prepare=True).fetchone()
    return (time.perf_counter() - begin) * 1000


def _future_times(world: LargeWorld, database: str) -> int:
    with psycopg.connect(world.url("postgres", database)) as connection:
        row = connection.execute(FUTURE_TIMES.encode()).fetchone()
    return int(row[0]) if row else 0


def _searches(world: LargeWorld, count: int, database: str = DATABASE) -> tuple[str, list[Search]]:
    """The SQL the portal sends, and searches spread over doctors and days: path and parameters of each."""
    sql, found = json.loads(world.python(CODE, count, FUNCTION, database=database))
    return sql, found


def _pgbench(world: LargeWorld, sql: str, searches: list[Search]) -> float:
    """The same prepared statement with the same parameters, as PostgreSQL itself can do it."""
    scripts, values = [], []
    for n, search in enumerate(searches):
        known = {name: value for name, value in search["params"].items() if value}
        names = {name: f":{name}{n}" if name in known else EMPTY[value] for name, value in search["params"].items()}
        scripts.append(re.sub(r"\s+", " ", sql % names) + ";\n")
        values += [word for name, value in known.items() for word in ("-D", f"{name}{n}={value}")]
    return world.pgbench(scripts, "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS // 2), *values)
