"""`portal up` as a person uses it: start, look, Ctrl-C, again; a killed one; two side by side."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from portal.runway.embedded import Cluster
from tests.runway.conftest import ROOT, clean_environment
from tests.runway.running import PATIENCE, Running, child, eventually, free_ports, is_free, processes_of


def visits(home: Path) -> object:
    with psycopg.connect(Cluster(home).url("postgres", "portal")) as connection:
        return connection.execute("SELECT count(*), max(id::text) FROM scheduling_occupancy").fetchone()


def test_the_first_start_says_in_plain_words_what_one_needs(prepared: Path) -> None:
    said = (prepared.parent / "up.txt").read_text()
    address = re.search(r"^ready: (http://127\.0\.0\.1:\d+)$", said, re.MULTILINE)
    assert address and f"The portal runs at {address[1]}" in said
    assert "Patient" in said and "Sent SMS are at http://127.0.0.1:" in said and "Ctrl-C stops everything" in said
    assert "notifications are at http://127.0.0.1:" in said and "MAX at http://127.0.0.1:" in said
    assert "The clinic's own system (front desk) is at http://127.0.0.1:" in said
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

    programs = {"smsc": "doubles.smsc", "live": "portal.live:app", "worker": "portal.cli worker", "web": "runway.web"}
    for name, program in programs.items():
        eventually(lambda program=program: child(running, program))
        os.kill(child(running, program) or 0, signal.SIGKILL)
        eventually(lambda name=name: f"{name} stopped (signal 9) and is started again." in running.output)
        eventually(lambda program=program: child(running, program))
    eventually(lambda: not is_free(running.port))
    assert running.get("/health/ready")[0] == 200

    running.process.kill()
    eventually(lambda: all("postgres" in command for command in processes_of(running.home).values()))
    assert is_free(running.port)

    again = start("one", port=running.port).wait_until_ready()
    assert again.get("/health/ready")[0] == 200 and visits(again.home) == before

    with socket.socket() as other:
        port = free_ports()
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


def test_a_make_that_is_interrupted_alone_takes_us_along(prepared: Path, home: Path) -> None:
    """Its own SIGINT does not reach us, and it would wait for us for ever."""
    (home / "Makefile").write_text(f"up:\n\t@cd {ROOT} && exec {sys.executable} -m portal.cli up\n")
    subprocess.run(["cp", "-a", str(prepared), str(home / "one")], check=True)
    environment = clean_environment(home / "one") | {"PORT": str(free_ports())}
    heeding = ["env", "--default-signal=INT"]  # whatever was started in the background ignores it from birth
    make = subprocess.Popen([*heeding, "make", "-C", str(home), "up"], env=environment, start_new_session=True)
    try:
        eventually(lambda: any("runway.web" in command for command in processes_of(home / "one").values()))
        make.send_signal(signal.SIGINT)
        make.wait(60)
        assert not [command for command in processes_of(home / "one").values() if "postgres" not in command]
        assert not Cluster(home / "one").is_running
    finally:
        make.kill()
        Cluster(home / "one").stop()


def test_a_killed_web_server_takes_its_workers_along(start: Callable[..., Running]) -> None:
    running = start().wait_until_ready()
    workers = [pid for pid, command in processes_of(running.home).items() if "runway.web" in command]
    assert len(workers) == 3
    os.kill(running.process.pid, signal.SIGSTOP)  # nobody tends
    try:
        os.kill(max(workers), signal.SIGKILL)
        eventually(lambda: len([1 for c in processes_of(running.home).values() if "runway.web" in c]) == 3)
        assert running.get("/health/ready")[0] == 200
        os.kill(min(workers), signal.SIGKILL)
        eventually(lambda: not child(running, "runway.web"))
    finally:
        os.kill(running.process.pid, signal.SIGCONT)


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
