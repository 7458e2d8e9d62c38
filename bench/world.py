"""A portal of its own for the measurements, made and thrown away."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from portal.runway.embedded import Cluster
from portal.runway.environment import DATABASE, ROOT, database_environment, key_environment


def report(name: str, value: float, unit: str) -> None:
    print(f"bench {name} {value:.4g} {unit}" if value < 1000 else f"bench {name} {value:.0f} {unit}", flush=True)


class World:
    """Started on entering; `address` answers, `url` leads to its database."""

    def __enter__(self) -> World:
        self.home = Path(tempfile.mkdtemp(prefix="portal-bench-"))
        self.home.chmod(0o711)
        self.cluster = Cluster(self.home)
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.figures = {"start_new": self._start()}
        self.settings = {**key_environment(self.home), **database_environment(self.cluster)}
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def _start(self) -> float:
        """Seconds until the line `ready:`."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", "up"],
            env=kept | {"PORTAL_HOME": str(self.home), "PORT": str(self.port)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in self.process.stdout or []:
            if line.startswith("ready:"):
                return time.monotonic() - begin
        raise SystemExit("The portal did not start; see the lines above.")

    def _stop(self) -> float:
        begin = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        return time.monotonic() - begin

    def measure_start(self) -> None:
        """New, with migrations and demo data; then stopped; then again."""
        report("start_new", self.figures["start_new"], "s")
        report("stop", self._stop(), "s")
        report("start_again", self._start(), "s")

    def url(self, role: str) -> str:
        return self.cluster.url(role, DATABASE)

    def ask(self, question: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url("postgres")) as connection:
            return connection.execute(question).fetchall()  # type: ignore[arg-type]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
