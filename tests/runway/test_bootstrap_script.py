"""What a stranger sees when the machine lacks something: one line that tells what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from scripts import bootstrap as script

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout with lock files that name nothing; commands are noted, not run."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / ".cache").mkdir()
    for name in ("demo", "dev", "uv"):
        (tmp_path / "requirements" / f"{name}.lock.txt").write_text(f"# {name}\n")
    for name, path in {"ROOT": "", "VENV": ".venv", "CACHE": ".cache"}.items():
        monkeypatch.setattr(script, name, tmp_path / path)
    monkeypatch.setattr(script, "STAMP", tmp_path / ".venv" / "installed.txt")
    monkeypatch.setattr(script, "LOG", tmp_path / ".cache" / "bootstrap.log")
    return tmp_path


@pytest.fixture
def commands(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been run; a made environment appears as an empty folder with a python."""
    noted: list[str] = []

    def note(what: str, command: list[str], environment: object = None, must: bool = True) -> bool:
        noted.append(what)
        if what == "Python environment":
            (checkout / ".venv" / "bin").mkdir(parents=True)
            (checkout / ".venv" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
            (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
        if what == "Installer":
            (Path(command[-1]) / "bin").mkdir(parents=True)
            (Path(command[-1]) / "bin" / "uv").touch()
        return True

    monkeypatch.setattr(script, "run", note)
    return noted


def test_a_fresh_checkout_is_installed_and_the_second_time_nothing_runs(checkout: Path, commands: list[str]) -> None:
    script.install("demo")
    assert commands == ["Python environment", "Installer", "Python packages"]
    assert (checkout / ".venv" / "bin" / "portal").stat().st_mode & 0o111
    commands.clear()
    script.install("demo")
    assert commands == []


def test_a_changed_lock_file_is_installed_again(checkout: Path, commands: list[str]) -> None:
    script.install("demo")
    commands.clear()
    (checkout / "requirements" / "demo.lock.txt").write_text("# newer\n")
    script.install("demo")
    assert "Python packages" in commands and "Python environment" not in commands


def test_what_tests_need_holds_what_the_demo_needs(checkout: Path, commands: list[str]) -> None:
    script.install("dev")
    commands.clear()
    script.install("demo")
    assert commands == []
    script.install("dev")
    assert commands == []


def test_a_demo_is_not_enough_for_tests(checkout: Path, commands: list[str]) -> None:
    script.install("demo")
    commands.clear()
    script.install("dev")
    assert "Python packages" in commands


def test_without_uv_plain_pip_installs(checkout: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "_sync_with_uv", lambda lock: False)
    script.install("demo")
    assert commands == ["Python environment", "Python packages"]


def test_assets_and_translations_are_made_again_only_when_a_source_changed(checkout: Path, commands: list[str]) -> None:
    sources = {"scripts/assets.py": "", "scripts/messages.py": "", "portal/web/js/a.js": "", "package.json": ""}
    results = {"portal/web/static/built/.stamp": "", "portal/locale/ru/LC_MESSAGES/django.mo": ""}
    for name in [*sources, *results, "portal/locale/ru/LC_MESSAGES/django.po"]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
        os.utime(checkout / name, (1, 1))
    script.build()
    assert commands == ["Front-end assets", "Translations"]
    script.build()
    assert len(commands) == 2
    future = time.time() + 60
    os.utime(checkout / "portal/web/js/a.js", (future, future))
    script.build()
    assert commands[2:] == ["Front-end assets"]
    os.utime(checkout / "portal/web/js/a.js", (1, 1))
    (checkout / "portal/locale/ru/LC_MESSAGES/django.mo").unlink()
    script.build()
    assert commands[3:] == ["Translations"]


def test_a_missing_venv_module_names_the_package(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(script.Trouble, match="sudo apt install python3-venv"):
        script.install("demo")


def test_a_full_disk_is_told_before_anything_is_installed(
    checkout: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script.shutil, "disk_usage", lambda _: Usage(1, 1, 5 * 2**20))
    with pytest.raises(script.Trouble, match=r"^5 MB are free on this disk; 1500 MB are needed"):
        script.install("demo")
    assert commands == []


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("OSError: [Errno 28] No space left on device: '/x'", "the disk is full"),
        (
            "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution",
            "Check the network",
        ),
        ("error: error sending request for url", "Check the network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n  got abc", "failed: got abc"),
        ("", "no reason given"),
    ],
)
def test_what_went_wrong_is_one_line(checkout: Path, output: str, line: str) -> None:
    sentence = script._reason("Python packages", output)
    assert line in sentence and "\n" not in sentence


def test_a_failing_step_stops_with_its_last_line(checkout: Path) -> None:
    with pytest.raises(script.Trouble, match="Step failed: it broke"):
        script.run("Step", ["sh", "-c", "echo first; echo it broke; exit 3"])
    assert script.run("Step", ["false"], must=False) is False


def test_an_old_python_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(script.shutil, "which", lambda _: None)
    with pytest.raises(script.Trouble, match=r"^Python 3.11 or newer is needed"):
        script._find_python()


def test_an_unknown_profile_is_wrong_usage() -> None:
    result = subprocess.run([sys.executable, script.__file__, "prod"], capture_output=True, check=False)
    assert result.returncode == 2


def test_make_alone_lists_what_it_can() -> None:
    result = subprocess.run(["make"], cwd=script.ROOT, capture_output=True, text=True, check=True)
    assert {line.split()[0] for line in result.stdout.splitlines()} >= {
        "up",
        "test",
        "check",
        "soak",
        "bench",
        "help",
    }
