"""`portal up` as a person uses it: start, look, Ctrl-C, again; a killed one; two side by side."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from portal.runway.embedded import Cluster
from tests.runway.conftest import ROOT, clean_environment

PATIENCE = 240  # four workers share two cores; what must be quick is measured by the soak test below


class Running:
    """A `portal up` in the background, its output as it comes."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.lines: list[str] = []
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", "up"],
            env=clean_environment(home) | {"PORT": str(port)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(line.rstrip("\n") for line in iter(self.process.stdout.readline, ""))

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_until_ready(self) -> Running:
        line = f"ready: http://127.0.0.1:{self.port}"
        eventually(lambda: line in self.output or self.process.poll() is not None, lambda: self.output)
        assert line in self.output, self.output
        return self

    def interrupt(self) -> float:
        """Ctrl-C; returns how long the end took."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 0, self.output
        return time.monotonic() - begin

    def get(self, path: str) -> tuple[int, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()


def eventually(holds: Callable[[], object], tell: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.05)


def processes_of(home: Path) -> dict[int, str]:
    """The command line of every process that works for this home, however it was started."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
                about = (entry / "environ").read_bytes() + b"\0" + command
            except OSError:
                continue
            if re.search(rb"[=\0]" + re.escape(str(home).encode()) + rb"(/|\0|$)", about):
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def visits(home: Path) -> object:
    with psycopg.connect(Cluster(home).url("postgres", "portal")) as connection:
        return connection.execute("SELECT count(*), max(id::text) FROM scheduling_occupancy").fetchone()


def child(running: Running, name: str) -> int | None:
    """The first process of this home with the name in its command line; the lowest pid is the parent."""
    return min((pid for pid, command in processes_of(running.home).items() if name in command), default=None)


@pytest.fixture(scope="session")
def prepared() -> Path:
    """A home that was started once and stopped; made by the first worker that needs it, copied by all."""
    shared = Path(os.environ["PORTAL_TEST_HOME"])
    home = shared / "up"
    with (shared / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "up.txt").exists():
            running = Running(home, five_free_ports()).wait_until_ready()
            running.interrupt()
            assert processes_of(home) == {}
            (shared / "up.txt").write_text(running.output)
    return home


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


def five_free_ports() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port < 65000 and all(is_free(port + offset) for offset in range(5)):
            return int(port)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


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
