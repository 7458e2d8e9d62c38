"""Processes of `portal up`: they come back when they die, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.runway import children
from portal.runway.children import Child

LASTS = "import time; time.sleep(60)"
FAMILY = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "


def eventually(holds: Callable[[], object], within: float = 10) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def child(code: str) -> Child:
        environment = {**os.environ, children.MARK: str(tmp_path)}
        one = Child("web", [sys.executable, "-c", code], environment, tmp_path / "log" / "web.log", tmp_path)
        made.append(one)
        one.start()
        return one

    yield child
    children.stop_all([one.process for one in made if one.process], patience=0)


def test_a_child_that_runs_is_left_alone(make: Callable[..., Child]) -> None:
    assert make(LASTS).tend() is None


def test_a_killed_child_comes_back_and_the_reason_is_told(make: Callable[..., Child]) -> None:
    child = make(LASTS)
    assert child.process
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    eventually(lambda: child.tend() == "web stopped (signal 9) and is started again.")
    eventually(lambda: (child.tend(), child.process)[1])
    assert child.process.pid != first and not child.is_hopeless


def test_a_killed_parent_takes_its_own_children_along(make: Callable[..., Child], tmp_path: Path) -> None:
    child = make(FAMILY + LASTS)
    eventually(lambda: len(list(children._marked(tmp_path))) == 2)
    assert child.process
    os.kill(child.process.pid, signal.SIGKILL)
    eventually(child.tend)
    child._due = time.monotonic() + 60
    eventually(lambda: not list(children._marked(tmp_path)))


def test_five_quick_deaths_are_enough(make: Callable[..., Child], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LONGEST_PAUSE", 0.01)
    child = make("import sys; print('no such table'); sys.exit(3)")
    deaths = 0
    while not child.is_hopeless:
        deaths += child.tend() is not None
        time.sleep(0.005)
    assert deaths == 5 and child.last_lines() == ["no such table"] * 5


def test_being_killed_from_outside_is_never_hopeless(
    make: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "LONGEST_PAUSE", 0.01)
    child = make(LASTS)
    for _ in range(7):
        eventually(lambda: (child.tend(), child.process)[1])
        assert child.process
        os.kill(child.process.pid, signal.SIGKILL)
        eventually(child.tend)
    assert not child.is_hopeless


def test_stopping_asks_first_and_then_insists(make: Callable[..., Child], tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); "
    child = make(FAMILY + stubborn + LASTS)
    eventually(lambda: child.last_lines() == ["on"])
    assert child.process
    started = time.monotonic()
    children.stop_all([child.process], patience=0.3)
    assert 0.3 <= time.monotonic() - started < 5
    eventually(lambda: not list(children._marked(tmp_path)))


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    code = f"""
import os, sys, time
from pathlib import Path
from portal.runway import children
environment = {{**os.environ, children.MARK: {str(tmp_path)!r}}}
children.spawn([sys.executable, "-c", {LASTS!r}], environment, Path("/"))
time.sleep(60)
"""
    supervisor = subprocess.Popen([sys.executable, "-c", code])
    eventually(lambda: list(children._marked(tmp_path)))
    supervisor.kill()
    supervisor.wait()
    eventually(lambda: not list(children._marked(tmp_path)))


def test_leftovers_of_this_home_end_and_those_of_another_stay(make: Callable[..., Child], tmp_path: Path) -> None:
    child = make(LASTS)
    assert children.end_leftovers(tmp_path / "other") == 0
    assert child.process and child.process.poll() is None
    assert children.end_leftovers(tmp_path) == 1
    eventually(lambda: child.process and child.process.poll() is not None)


def test_a_long_log_is_put_aside(make: Callable[..., Child], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LOG_KEPT_BYTES", 3)
    child = make("print('four')")
    eventually(child.tend)
    child.start()
    assert child.log.with_suffix(".log.1").read_text() == "four\n"
