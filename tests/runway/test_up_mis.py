"""`portal up` and the demo clinic's own system: doctors appear by themselves, bookings there outlive everything."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from portal.runway.embedded import Cluster
from tests.runway.conftest import ROOT, clean_environment
from tests.runway.running import PATIENCE, Running, child, eventually, free_ports

JSON = {"Content-Type": "application/json"}
DOCTORS = "SELECT count(*) FROM people_practitionerrole WHERE master = 'mis' AND is_active"
TIMES = (
    "SELECT count(*) FROM scheduling_daysheet s JOIN people_practitionerrole r ON r.id = s.role_id AND r.master = 'mis'"
)
HEARD = "SELECT count(*) FROM scheduling_misline WHERE down_since IS NULL AND heard_at > now() - interval '5 seconds'"


def ask(home: Path, question: str) -> Any:
    with psycopg.connect(Cluster(home).url("postgres", "portal")) as connection:
        return connection.execute(question).fetchone()[0]  # type: ignore[index]


def front_desk(running: Running) -> str:
    found = re.search(r"\(front desk\) is at (http://127\.0\.0\.1:\d+)", running.output)
    assert found, running.output
    return found[1]


def appointments(url: str) -> dict[str, str]:
    with urllib.request.urlopen(f"{url}/messages.json", timeout=60) as answer:  # noqa: S310
        return {one["id"]: one["status"] for one in json.load(answer)["appointments"]}


def at_the_desk(url: str, **what: str) -> str:
    """What a person at the front desk does; the id of the appointment."""
    asked = urllib.request.Request(f"{url}/control/desk", json.dumps(what).encode(), JSON)  # noqa: S310
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        return str(json.load(answer)["id"])


def test_its_doctors_appear_and_its_bookings_outlive_a_kill_and_a_taken_port(start: Callable[..., Running]) -> None:
    running = start().wait_until_ready()
    home, desk = running.home, front_desk(running)
    assert desk == f"http://127.0.0.1:{running.port + 7}"
    eventually(lambda: ask(home, DOCTORS) == 3 and ask(home, TIMES) > 0)
    booked = at_the_desk(desk, act="book")

    os.kill(child(running, "doubles.fhir") or 0, signal.SIGKILL)
    eventually(lambda: "fhir stopped (signal 9) and is started again." in running.output)
    eventually(lambda: appointments(desk).get(booked) == "booked")
    running.process.kill()
    running.process.wait()
    eventually(lambda: not child(running, "doubles"))

    mapping = home / "mis" / "bereg.yaml"
    mapping.write_text(mapping.read_text().replace("when_down: request", "when_down: later"))
    with socket.create_server(("127.0.0.1", running.port + 7)):
        again = start(port=running.port).wait_until_ready()
        elsewhere = front_desk(again)
        assert elsewhere != desk and appointments(elsewhere)[booked] == "booked"
        eventually(lambda: ask(home, HEARD) == 1)
    assert "when_down: later" in mapping.read_text() and ask(home, DOCTORS) == 3


def test_with_a_database_of_its_own_it_is_the_same(prepared: Path, home: Path) -> None:
    """The operator's server; only the folder is ours."""
    subprocess.run(["cp", "-a", str(prepared), str(home / "server")], check=True)
    cluster = Cluster(home / "server")
    cluster.start()
    urls = {"DATABASE_URL": cluster.url("app", "portal"), "DATABASE_OWNER_URL": cluster.url("owner", "portal")}
    keys = home / "server" / "keys"
    files = {"SECRET_KEY_FILE": str(keys / "secret_key"), "KEK_URI": f"file://{keys / 'kek.json'}"}
    settings = urls | files | {"PORT": str(free_ports()), "PYTHONUNBUFFERED": "1"}
    up = subprocess.Popen(
        [sys.executable, "-m", "portal.cli", "up"], env=clean_environment(home / "own") | settings, cwd=ROOT
    )
    try:
        eventually(lambda: ask(home / "server", HEARD) == 1 and ask(home / "server", DOCTORS) == 3)
        assert (home / "own" / "mis.sqlite").exists() and (home / "own" / "mis" / "bereg.yaml").exists()
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(PATIENCE)
        cluster.stop()
