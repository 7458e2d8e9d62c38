"""Two FHIR R4 servers made by others, each in a process of its own at 127.0.0.1.

A server chooses its port itself and tells it, so none is guessed; it ends when this process does, however that ends.
One process serves the whole session: a test makes what it needs and asks only for that. What is downloaded and built
goes into `.cache/peers/` and is used again until a version or a source changes.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import IO

import httpx
import pytest

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "peers"
JAVA = ("-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
PATIENCE = 300  # seconds until a server that says nothing is given up

http = httpx.Client(trust_env=False, timeout=120)
_session = contextlib.ExitStack()
atexit.register(_session.close)


@contextlib.contextmanager
def hapi(*, is_shared: bool = True) -> Iterator[str]:
    """HAPI FHIR's JPA server on a database in memory, with the defaults it ships with. The base address.

    is_shared  False: a server of its own, where nobody else's clinic is
    """
    if not (shutil.which("java") and shutil.which("javac") and shutil.which("mvn")):
        pytest.skip("The peer HAPI FHIR needs a JDK (17 or newer) and Maven on PATH.")
    _skip_unless_here("hapi")
    if is_shared:
        yield _shared(_hapi_command)
        return
    with _running(_hapi_command()) as address:
        yield address


@contextlib.contextmanager
def medplum(*, atomic: bool = False) -> Iterator[str]:
    """Medplum's router on a store in memory. The base address.

    As it is, it takes a transaction for a batch and says so in /metadata; `atomic` switches real ones on.
    """
    if not (_node("node") and _node("npm")):
        pytest.skip("The peer Medplum needs Node (20.19 or newer) and npm on PATH.")
    _skip_unless_here("medplum")
    yield _shared(_medplum_command, *(["--atomic"] if atomic else []))


@cache
def _shared(command: Callable[..., list[str]], *options: str) -> str:
    return _session.enter_context(_running([*command(), *options]))


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[str]:
    """A server that writes its address when it is ready, and ends with its standard input if we could not end it."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
        try:
            yield _address(process, log)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _address(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    if ready and (line := process.stdout.readline()):
        return line.decode().strip()
    log.seek(0)
    raise AssertionError(f"The server did not start: {log.read()[-4000:].decode(errors='replace')}")


def _hapi_command() -> list[str]:
    home = CACHE / "hapi"
    with _made(home, HERE / "hapi") as is_old:
        if is_old:
            _run("mvn", "-B", "-q", f"-Dmaven.repo.local={CACHE / 'm2'}", f"-Dpeer.home={home}",
                 "compiler:compile", "dependency:build-classpath", cwd=HERE / "hapi")  # fmt: skip
    classpath = f"{home / 'classes'}{os.pathsep}{(home / 'classpath').read_text().strip()}"
    return ["java", *JAVA, "-cp", classpath, "portal.peers.Hapi"]


def _medplum_command() -> list[str]:
    home = CACHE / "medplum"
    with _made(home, HERE / "medplum") as is_old:
        if is_old:
            shutil.copytree(HERE / "medplum", home, ignore=shutil.ignore_patterns("node_modules"), dirs_exist_ok=True)
            _run(_node("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=home)
    return [_node("node"), str(home / "server.mjs")]


def _node(tool: str) -> str:
    """The machine's own first: it knows the machine's certificates and registry; else the one beside this Python."""
    beside = Path(sys.executable).parent / tool
    return shutil.which(tool) or (str(beside) if beside.exists() else "")


@contextlib.contextmanager
def _made(home: Path, sources: Path) -> Iterator[bool]:
    """Is there something to make? One process at a time asks; what was left half made is made again."""
    home.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, stamp = _digest(sources), home / ".stamp"
        is_old = not stamp.exists() or stamp.read_text() != wanted
        if is_old:
            shutil.rmtree(home)
            home.mkdir()
        yield is_old
        stamp.write_text(wanted)


def _skip_unless_here(name: str) -> None:
    """Fetching takes minutes and a network, which `make test` has no business with."""
    if os.environ.get("PEERS") != "fetch" and not _is_made(CACHE / name, HERE / name):
        pytest.skip(f"The peer {name} is not here yet: `make soak` fetches it.")


def _is_made(home: Path, sources: Path) -> bool:
    stamp = home / ".stamp"
    return stamp.exists() and stamp.read_text() == _digest(sources)


def _digest(folder: Path) -> str:
    """Of the sources and of where they lie: paths of the jars are written down whole."""
    total = hashlib.sha256(bytes(folder))
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "node_modules" not in path.parts):
        total.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _run(*command: str, cwd: Path) -> None:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{Path(command[0]).name} failed: {(done.stdout + done.stderr)[-4000:]}"
