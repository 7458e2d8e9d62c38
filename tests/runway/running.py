"""A `portal up` in the background, and the search for what it left behind."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

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


def child(running: Running, name: str) -> int | None:
    """The first process of this home with the name in its command line; the lowest pid is the parent."""
    return min((pid for pid, command in processes_of(running.home).items() if name in command), default=None)


def free_ports() -> int:
    """The first of eight free ports, below those that the system gives to whoever asks for any."""
    while True:
        port = random.randrange(12_000, 32_000, 8)
        if all(is_free(port + offset) for offset in range(8)):
            return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
