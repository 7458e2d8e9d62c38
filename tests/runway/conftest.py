"""Clusters of their own for tests that stop, break and race them."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.runway.embedded import Cluster

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that PostgreSQL's account may enter even when the tests run as root (pytest's own is closed)."""
    path = Path(tempfile.mkdtemp(prefix="portal-test-"))
    path.chmod(path.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)
    yield path
    shutil.rmtree(Cluster(path).socket_dir, ignore_errors=True)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def cluster(home: Path) -> Iterator[Cluster]:
    """Not started yet; stopped after the test whatever happened."""
    cluster = Cluster(home, durable=False)
    yield cluster
    cluster.stop()


@pytest.fixture
def free_port() -> int:
    """A port whose seven neighbours are free too."""
    from tests.runway.running import free_ports

    return free_ports()


@pytest.fixture
def portal(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `portal …` as a person would, on a home of its own: `portal("db-url", PORT="8010")`."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "portal.cli", *arguments],
            env=clean_environment(home) | settings,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def clean_environment(home: Path) -> dict[str, str]:
    """The environment of a fresh shell: no setting of the portal but the folder."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"PORTAL_HOME": str(home), "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="session")
def prepared() -> Path:
    """A home that was started once and stopped; made by the first worker that needs it, copied by all."""
    from tests.runway.running import Running, free_ports, processes_of

    shared = Path(os.environ["PORTAL_TEST_HOME"])
    home = shared / "up"
    with (shared / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "up.txt").exists():
            running = Running(home, free_ports()).wait_until_ready()
            running.interrupt()
            assert processes_of(home) == {}
            (shared / "up.txt").write_text(running.output)
    return home


@pytest.fixture
def start(prepared: Path, home: Path) -> Iterator[Callable[..., Any]]:
    """Start a copy of the prepared home; whatever a test leaves running is ended."""
    from tests.runway.running import Running, eventually, free_ports, processes_of

    started: list[Running] = []

    def run(name: str = "one", port: int = 0) -> Running:
        place = home / name
        if not place.exists():
            subprocess.run(["cp", "-a", str(prepared), str(place)], check=True)
        running = Running(place, port or free_ports())
        started.append(running)
        return running

    yield run
    for running in started:
        running.process.kill()
        running.process.wait()
        Cluster(running.home).stop()
        eventually(lambda running=running: not processes_of(running.home))
        shutil.rmtree(Cluster(running.home).socket_dir, ignore_errors=True)
