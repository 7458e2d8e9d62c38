"""The SQL of one hold and one confirmation as a pgbench script.

The portal really makes some bookings in a transaction that is taken back, and every statement is written down with
its parameters. What differs between two bookings becomes a variable; the variables' values lie in a table, a row a
booking, which each run of the script reads first. So pgbench does the portal's very statements, with fresh ids and
times, and one look-up more.
"""

from __future__ import annotations

import json
import re
from collections import Counter

import psycopg

from bench.world import LargeWorld

TOKEN = re.compile(r"E?'(?:[^']|'')*'|\b\d+\b")
TABLE = "bench_replay"
COMMON = """
import json, os, sys, time, django
django.setup()
from datetime import timedelta
from uuid import uuid4
from django.db import connection, transaction
from portal.demo.large.size import uid
from portal.kernel.access import acting
from portal.kernel.actor import Actor, Role
from portal.kernel.errors import PortalError
from portal.people.models import ServiceOffer
from portal.scheduling import selectors, services
from portal.scheduling.opening import MIDNIGHT, instant
from portal.scheduling.selectors_sql import free_slots

def slots(count):
    "Free times of as many doctors as there are, none of them twice."
    offers = list(ServiceOffer.objects.select_related(*selectors.OFFER_RELATIONS).filter(
        service__modes=["in-person"], service__position=1, role__practitioner__max_age=120).order_by("pk"))
    found = []
    for offer in offers:
        choice = selectors.choice_of(offer)
        day = instant(choice.bounds.last_day - timedelta(days=4), MIDNIGHT, choice.zone)
        found.append(free_slots([choice.wanted("in-person").between(day, day + timedelta(days=4))], mode="in-person"))
    every = [slot for row in zip(*found) for slot in row]
    assert len(every) >= count, f"only {len(every)} free times"
    return every[:count]

def book(slot, person):
    actor, owner = Actor(kind="patient", role=Role.PATIENT, user_id=uid("user", person)), uuid4()
    with acting(actor):
        held = services.hold_time(actor=actor, owner=owner, role_id=slot.role_id, service_id=slot.service_id,
                                  mode="in-person", start=slot.start)
    marks.append(len(statements))
    with acting(actor):
        services.book_appointment(actor=actor, patient_id=uid("patient", person), hold_id=held.pk, owner=owner)

statements, marks = [], []
"""
CAPTURE = (
    COMMON
    + """
import psycopg
count, first = int(sys.argv[1]), int(sys.argv[2])
connection.ensure_connection()
mogrify = psycopg.ClientCursor(connection.connection).mogrify

def write_down(execute, sql, params, many, context):
    statements.append(mogrify(sql, params))
    return execute(sql, params, many, context)

captured = []
for n, slot in enumerate(slots(count)):
    statements.clear(), marks.clear()
    try:
        with transaction.atomic():
            with connection.execute_wrapper(write_down):
                book(slot, first + n)
            captured.append([statements[:marks[0]], statements[marks[0]:]])
            transaction.set_rollback(True)
    except PortalError as error:
        print(repr(error), file=sys.stderr)
print(json.dumps(captured))
"""
)


def capture(world: LargeWorld, count: int, first: int) -> list[list[list[str]]]:
    """Per booking, the statements of its two transactions."""
    captured = json.loads(world.python(CAPTURE, count, first))
    return [[_own(hold), _own(confirm)] for hold, confirm in captured]


def _own(statements: list[str]) -> list[str]:
    """Within the outer transaction the portal's own was a savepoint: the first and the last statement."""
    names: dict[str, str] = {}

    def rename(match: re.Match[str]) -> str:
        return names.setdefault(match[0], f'"s{len(names)}"')

    return [re.sub(r'"s\d+_x\d+"', rename, statement) for statement in statements[1:-1]]


def prepare(world: LargeWorld, bookings: list[list[list[str]]]) -> tuple[str, int, int]:
    """The script; how many bookings it can make; how many statements one has. Fills the table of values."""
    texts = ["\n".join(["BEGIN", *hold, "COMMIT", "BEGIN", *confirm, "COMMIT"]) for hold, confirm in bookings]
    skeletons = Counter(TOKEN.sub("?", text) for text in texts)
    shape = skeletons.most_common(1)[0][0]
    alike = [n for n, text in enumerate(texts) if TOKEN.sub("?", text) == shape]
    columns = list(zip(*(TOKEN.findall(texts[n]) for n in alike), strict=True))
    varying = {values: f"v{n}" for n, values in enumerate({v: None for v in columns if len(set(v)) > 1})}
    _fill(world, list(zip(*([_plain(value) for value in values] for values in varying), strict=True)))
    hold, confirm = bookings[alike[0]]
    tokens = iter(columns)
    lines = [_with_variables(line, tokens, varying) for line in ["BEGIN", *hold, "COMMIT", "BEGIN", *confirm, "COMMIT"]]
    read = f"SELECT {', '.join(varying.values())} FROM {TABLE} WHERE n = :n::int \\gset"
    count = [r"\set i :i + 1", r"\set n :client_id * :each + :i"]
    return "\n".join([*count, read, *lines]) + "\n", len(alike), len(lines)


def _with_variables(line: str, tokens: object, varying: dict[tuple[str, ...], str]) -> str:
    def replace(match: re.Match[str]) -> str:
        values = next(tokens)  # type: ignore[call-overload]
        return f":{varying[values]}" if values in varying else match[0]

    return re.sub(r"\s+", " ", TOKEN.sub(replace, line)) + ";"


def _plain(token: str) -> str:
    """The value a literal stands for."""
    if token.startswith("E'"):
        return token[2:-1].replace("''", "'").replace("\\\\", "\\")
    return token[1:-1].replace("''", "'") if token.startswith("'") else token


def _fill(world: LargeWorld, rows: list[tuple[str, ...]]) -> None:
    names = [f"v{n}" for n in range(len(rows[0]))]
    with psycopg.connect(world.url("postgres")) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {TABLE}".encode())
        columns = ", ".join(f"{name} text" for name in names)
        connection.execute(f"CREATE TABLE {TABLE} (n int PRIMARY KEY, {columns})".encode())
        with connection.cursor().copy(f"COPY {TABLE} FROM STDIN".encode()) as copy:
            for n, row in enumerate(rows):
                copy.write_row((n + 1, *row))
        connection.execute(f"GRANT SELECT ON {TABLE} TO app; ANALYZE {TABLE}".encode())


def forget(world: LargeWorld) -> None:
    with psycopg.connect(world.url("postgres")) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {TABLE}".encode())
