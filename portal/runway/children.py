"""Processes that live and die with `portal up`."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MARK = "PORTAL_UP"  # in the environment of every child: which `up` it belongs to
LOG_KEPT_BYTES = 10 * 1024 * 1024
QUICK = 5.0
QUICK_DEATHS_ALLOWED = 4
LONGEST_PAUSE = 5.0
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Child:
    """One long-running program: started, watched, started again after a pause when it dies."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    cwd: Path
    fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    quick_deaths: int = field(default=0, init=False)
    _started: float = field(default=0.0, init=False)
    _due: float = field(default=0.0, init=False)
    _pause: float = field(default=0.1, init=False)

    def start(self) -> None:
        _rotate(self.log)
        with self.log.open("ab") as log:
            self.process = spawn(self.command, self.environment, self.cwd, fds=self.fds, output=log.fileno())
        self._started = time.monotonic()

    def tend(self) -> str | None:
        """Look after it once; returns a sentence when it has just died."""
        if self.process is None:
            if time.monotonic() >= self._due:
                self.start()
            return None
        code = self.process.poll()
        if code is None:
            return None
        kill_group(self.process.pid, signal.SIGKILL)  # a killed web server leaves its workers on the port
        self.process = None
        self._note_death(code)
        return f"{self.name} stopped ({_how(code)}) and is started again."

    def _note_death(self, code: int) -> None:
        """A program that ends by itself at once will do so again; one killed from outside may not."""
        lived = time.monotonic() - self._started
        is_quick = lived < QUICK and code != -signal.SIGKILL
        self.quick_deaths = self.quick_deaths + 1 if is_quick else 0
        self._pause = min(self._pause * 2, LONGEST_PAUSE) if lived < QUICK else 0.1
        self._due = time.monotonic() + self._pause

    @property
    def is_hopeless(self) -> bool:
        return self.quick_deaths > QUICK_DEATHS_ALLOWED

    def last_lines(self, count: int = 8) -> list[str]:
        try:
            return self.log.read_text(errors="replace").splitlines()[-count:]
        except OSError:
            return []


@dataclass(frozen=True)
class Make:
    """The `make` we run under. Interrupted alone (not by Ctrl-C at a terminal), it tells nobody and waits for us."""

    pid: int

    @staticmethod
    def above_us() -> Make | None:
        try:
            name = Path(f"/proc/{os.getppid()}/comm").read_text().strip()
        except OSError:
            return None
        return Make(os.getppid()) if name in ("make", "gmake") else None

    def wants_to_leave(self) -> bool:
        """It blocks SIGINT only while it handles one; and it may have been killed."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return True
        blocked = next((line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:")), "0")
        return os.getppid() != self.pid or bool(int(blocked, 16) >> (signal.SIGINT - 1) & 1)


def spawn(
    command: list[str],
    environment: dict[str, str],
    cwd: Path,
    *,
    fds: tuple[int, ...] = (),
    output: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start in an own process group; the kernel ends it if we are killed."""
    parent = os.getpid()
    return subprocess.Popen(
        command,
        env=environment,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=fds,
        start_new_session=True,
        preexec_fn=lambda: tie_to_parent(parent, signal.SIGTERM),  # noqa: PLW1509 - `up` has one thread
    )


def tie_to_parent(parent: int, number: signal.Signals) -> None:
    """In a new process: the kernel sends it `number` when its parent dies, however it dies."""
    _libc.prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def stop_all(processes: list[subprocess.Popen[bytes]], patience: float) -> None:
    """Ask every group to end, wait together, then insist."""
    for process in processes:
        kill_group(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and any(process.poll() is None for process in processes):
        time.sleep(0.02)
    for process in processes:
        kill_group(process.pid, signal.SIGKILL)
        process.wait()


def kill_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def end_leftovers(home: Path) -> int:
    """End what a killed `up` of this home may have left; the mark in the environment tells. Returns how many."""
    found = list(_marked(home))
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(_marked(home)):
        time.sleep(0.02)
    return len(found)


def _marked(home: Path) -> Iterator[int]:
    mark = f"{MARK}={home}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)
            except OSError:
                continue


def _rotate(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
