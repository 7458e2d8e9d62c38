"""The portal's real processes on a test's own database: pages under granian, the worker, the SMS gateway's double."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
WAIT = 60.0
# Style sheets under plain names, so that no test has to collect them first.
PAGES = """
from django.conf import settings
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
import sys
from portal.runway.web import serve
serve(int(sys.argv[1]))
"""


def eventually(holds: Callable[[], Any], within: float = WAIT) -> Any:
    """Poll until `holds()` is true; its value."""
    deadline = time.monotonic() + within
    while not (value := holds()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)
    return value


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


CREW = """
import os, signal, sys
from portal.cli import start_django
from portal.runway import environment

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
with environment.ready_database():
    start_django()
    from portal.kernel.jobs import work
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(2, 1)
            work()
            os._exit(0)
        print(pid, flush=True)
"""


class Process:
    """A process in a group of its own that can be killed -9 and started again."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.command, self.environment, self.log = command, environment, log
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=os.environ | self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9 of the whole group: no handler runs, nothing is flushed."""
        os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def stop(self) -> None:
        if self.popen.poll() is None:
            self.kill()


@contextmanager
def pages(environment: dict[str, str], log: Path) -> Iterator[tuple[str, Process]]:
    """Granian with two workers; (address, process)."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    settings = environment | {"PORT": str(port), "PUBLIC_URL": address, "PYTHONWARNINGS": "ignore"}
    process = Process([sys.executable, "-c", PAGES, str(port)], settings, log)
    try:
        wait_for_pages(address)
        yield address, process
    finally:
        process.stop()


def wait_for_pages(address: str) -> None:
    def answers() -> bool:
        try:
            return httpx.get(f"{address}/health/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    eventually(answers)


class Crew:
    """Workers that are killed and replaced within milliseconds: forks of one process that has imported the portal."""

    def __init__(self, environment: dict[str, str], log: Path, size: int) -> None:
        with log.open("ab") as written:
            self.parent = subprocess.Popen(
                [sys.executable, "-c", CREW],
                cwd=ROOT,
                env=os.environ | environment | {"JOB_STALLED_SECONDS": "2", "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=written,
                text=True,
            )
        self.pids = [self._another() for _ in range(size)]

    def _another(self) -> int:
        assert self.parent.stdin and self.parent.stdout
        print("one more", file=self.parent.stdin, flush=True)
        return int(self.parent.stdout.readline())

    def kill(self, chosen: random.Random) -> None:
        """kill -9 of one of them; another takes its place."""
        victim = chosen.randrange(len(self.pids))
        os.kill(self.pids[victim], signal.SIGKILL)
        self.pids[victim] = self._another()

    def stop(self) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
        self.parent.kill()
        self.parent.wait()


@contextmanager
def crew(environment: dict[str, str], log: Path, size: int) -> Iterator[Crew]:
    workers = Crew(environment, log, size)
    try:
        yield workers
    finally:
        workers.stop()


@contextmanager
def worker(environment: dict[str, str], log: Path) -> Iterator[Process]:
    """The job runner. A worker silent for two seconds is taken for dead."""
    settings = environment | {"JOB_STALLED_SECONDS": "2", "PYTHONWARNINGS": "ignore"}
    process = Process([sys.executable, "-m", "portal.cli", "worker"], settings, log)
    try:
        yield process
    finally:
        process.stop()
