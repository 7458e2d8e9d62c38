"""`portal up` as a person uses it: start, look, Ctrl-C, again; a killed one; two side by side."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from portal.runway.embedded import Cluster
from tests.runway.running import PATIENCE, Running, child, eventually, five_free_ports, is_free, processes_of


def visits(home: Path) -> object:
    with psycopg.connect(Cluster(home).url("postgres", "portal")) as connection:
        return connection.execute("SELECT count(*), max(id::text) FROM scheduling_occupancy").fetchone()


@pytest.fixture
def start(prepared: Path, home: Path) -> Iterator[Callable[..., Running]]:
    """Start a copy of the prepared home; whatever a test leaves running is ended."""
    started: list[Running] = []

    def run(name: str = "one", port: int = 0) -> Running:
        place = home / name
        if not place.exists():
            subprocess.run(["cp", "-a", str(prepared), str(place)], check=True)
        running = Running(place, port or five_free_ports())
        started.append(running)
        return running

    yield run
    for running in started:
        running.process.kill()
        running.process.wait()
        Cluster(running.home).stop()
        eventually(lambda running=running: not processes_of(running.home))
        shutil.rmtree(Cluster(running.home).socket_dir, ignore_errors=True)


def test_the_first_start_says_in_plain_words_what_one_needs(prepared: Path) -> None:
    said = (prepared.parent / "up.txt").read_text()
    address = re.search(r"^ready: (http://127\.0\.0\.1:\d+)$", said, re.MULTILINE)
    assert address and f"The portal runs at {address[1]}" in said
    assert "Patient" in said and "Sent SMS are at http://127.0.0.1:" in said and "Ctrl-C stops everything" in said
    assert "Traceback" not in said


def test_a_whole_day(start: Callable[..., Running]) -> None:
    """One long test, because each start costs several seconds of two cores."""
    running = start("one").wait_until_ready()
    assert "Migrations" not in running.output and "Static files" not in running.output
    assert running.get("/health/ready")[0] == running.get("/health/live")[0] == 200
    assert "<html" in running.get("/")[1]
    before = visits(running.home)

    for refused in (start("one"), start("two", port=running.port)):
        assert refused.process.wait(PATIENCE) == 1
        eventually(lambda refused=refused: refused.lines)
        assert len(refused.lines) == 1, refused.output
        assert "is in use by another" in refused.output or "is taken by another program" in refused.output

    for name in ("doubles.smsc", "portal.live:application", "portal.cli worker", "portal.runway.web"):
        eventually(lambda name=name: child(running, name))
        killed = child(running, name)
        assert killed
        os.kill(killed, signal.SIGKILL)
        eventually(lambda name=name, killed=killed: child(running, name) not in (None, killed))
    eventually(lambda: not is_free(running.port))
    assert running.get("/health/ready")[0] == 200

    running.process.kill()
    eventually(lambda: all("postgres" in command for command in processes_of(running.home).values()))
    assert is_free(running.port)

    again = start("one", port=running.port).wait_until_ready()
    assert again.get("/health/ready")[0] == 200 and visits(again.home) == before

    with socket.socket() as other:
        port = five_free_ports()
        other.bind(("127.0.0.1", port + 2))
        other.listen()
        beside = start("two", port=port).wait_until_ready()
    sms = re.search(r"Sent SMS are at (http://127.0.0.1:(\d+))", beside.output)
    assert sms and int(sms[2]) != port + 2
    with urllib.request.urlopen(sms[1], timeout=60) as answer:  # noqa: S310
        assert answer.status == 200

    assert again.interrupt() < 10
    assert processes_of(again.home) == {} and is_free(again.port)
    assert beside.get("/health/ready")[0] == 200
    beside.process.terminate()
    assert beside.process.wait(60) == 0
    assert processes_of(beside.home) == {}


def test_ctrl_c_half_way_leaves_nothing_either(start: Callable[..., Running]) -> None:
    running = start()
    eventually(lambda: "Starting" in running.output)
    running.interrupt()
    assert "ready:" not in running.output and processes_of(running.home) == {}


@pytest.mark.soak
def test_the_second_start_is_ready_within_ten_seconds(start: Callable[..., Running]) -> None:
    running = start().wait_until_ready()
    assert time.monotonic() - running.started < 10
    assert running.interrupt() < 10
