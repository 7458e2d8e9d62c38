"""Hold and book, the two transactions of a visit: through the portal's commands in several processes, against pgbench
with all the same statements."""

from __future__ import annotations

import json
from random import randrange

from bench.replay import COMMON, capture, forget, prepare
from bench.world import LargeWorld, load_average, report

CLIENTS, VISITS = 4, 240
ROUNDS = 2
ADULTS = "SELECT count(*) FROM people_patient"
CODE = (
    COMMON
    + """
import multiprocessing
clients, count, first = map(int, sys.argv[1:])
wanted = slots(count)
connection.close()

def client(number, start, results):
    times, refused = [], 0
    connection.ensure_connection()
    start.wait()
    for n in range(number, count, clients):
        begin = time.monotonic()
        try:
            book(wanted[n], first + n)
            times.append(time.monotonic() - begin)
        except PortalError:
            refused += 1
    results.put((times, refused, time.monotonic()))

fork = multiprocessing.get_context("fork")
start, results = fork.Barrier(clients + 1), fork.Queue()
everyone = [fork.Process(target=client, args=(n, start, results)) for n in range(clients)]
[one.start() for one in everyone]
start.wait()
begin = time.monotonic()
parts = [results.get() for _ in everyone]
times = sorted(t for part, _, _ in parts for t in part)
spent = max(end for _, _, end in parts) - begin
print(json.dumps([len(times) / spent, times[len(times) // 2] * 1000, times[int(len(times) * 0.95)] * 1000,
                  sum(refused for _, refused, _ in parts)]))
"""
)


def measure(world: LargeWorld) -> None:
    """In turns, twice, so that a machine that others use is as slow for both."""
    used = randrange(int(str(world.ask(ADULTS)[0][0])) // 2)  # a kept clinic remembers who came last time
    portal, raw, refused = [], [], 0
    for _ in range(ROUNDS):
        per_second, median, slow, lost = json.loads(world.python(CODE, CLIENTS, VISITS, used))
        used += VISITS
        portal.append((per_second, median, slow))
        refused += lost
        tps, statements = _pgbench(world, used)
        used += VISITS
        raw.append(tps)
    per_second, median, slow = (sum(column) / ROUNDS for column in zip(*portal, strict=True))
    report("booking", per_second, "visits/s")
    report("booking_pgbench", sum(raw) / ROUNDS, f"visits/s ({statements} statements each)")
    report("booking_vs_pgbench", per_second / (sum(raw) / ROUNDS), "ratio")
    report("booking_ms_p50", median, "ms")
    report("booking_ms_p95", slow, f"ms (load {load_average():.1f}, {CLIENTS} clients)")
    report("booking_refused", refused, f"of_{VISITS * ROUNDS}")


def _pgbench(world: LargeWorld, first: int) -> tuple[float, int]:
    script, count, statements = prepare(world, capture(world, VISITS, first))
    each = count // CLIENTS
    options = ("-c", str(CLIENTS), "-j", "2", "-t", str(each), "-D", f"each={each}", "-D", "i=0")
    try:
        return world.pgbench([script], *options), statements
    finally:
        forget(world)
