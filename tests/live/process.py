"""The live process under uvicorn as in production, and a browser's view of one stream."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg

from tests import plugin

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = "https://portal.test"
PATIENCE = 20.0  # seconds; a deadline, not a wait


def until(happened: Callable[[], object], within: float = PATIENCE) -> None:
    """Poll until it happened; fail at the deadline."""
    deadline = time.monotonic() + within
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Stream:
    """An open EventSource: `next()` gives the next event as (event, data), "" for none."""

    def __init__(self, port: int, path: str, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._connection.request("GET", path, headers=headers)
        self.response = self._connection.getresponse()
        self.status = self.response.status
        self.retry = 0

    def block(self) -> dict[str, str]:
        """The next block of lines, comments under ":"; {} at the end of the stream."""
        lines: dict[str, str] = {}
        while (line := self.response.readline().decode().rstrip("\n")) or not lines:
            if not line and self.response.isclosed():
                return {}
            name, _, value = line.partition(":")
            lines[name or ":"] = value.strip()
        return lines

    def next(self) -> tuple[str, str]:
        while (block := self.block()) and "data" not in block:
            continue
        return (block.get("event", ""), block["data"]) if block else ("end", "")

    def is_ended(self) -> bool:
        return not self.response.read()

    def close(self) -> None:
        self.response.close()
        self._connection.close()


class Live:
    """A running process with its database and its log."""

    def __init__(self, port: int, database: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.port, self.database, self.process, self._log = port, database, process, log

    def get(self, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path, headers=headers)
        return connection.getresponse()

    def open(self, practitioner: object, **headers: str) -> Stream:
        """A stream that has said hello, so nothing told after this is missed."""
        stream = Stream(self.port, f"/live/slots/{practitioner}", **headers)
        assert stream.status == 200
        assert stream.block() == {"retry": "3000", "id": "1"}
        return stream

    def notify(self, payload: object, channel: str = "slots") -> None:
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("SELECT pg_notify(%s, %s)", (channel, str(payload)))

    def cut_listener(self) -> None:
        """What a failover does to the connection."""
        with psycopg.connect(self.database.replace("//app@", "//postgres@"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'portal live'"
            )

    def is_ready(self) -> bool:
        return self.get("/health/ready").status == 200

    def log(self) -> list[dict]:
        return [json.loads(line) for line in self._log.read_text().splitlines() if line]


@contextlib.contextmanager
def running_live(database: str, **environment: str) -> Iterator[Live]:
    """The process on `database` (an address of role app), ready."""
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    options = ["--fd", str(sock.fileno()), "--timeout-graceful-shutdown", "3", "--no-access-log", "--log-level", "info"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *options, "portal.live:application"],
            pass_fds=[sock.fileno()],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database, "PUBLIC_URL": PUBLIC, "LOG_LEVEL": "INFO", **environment},
            stderr=log.open("wb"),
        )
        sock.close()
        live = Live(port, database, process, log)
        try:
            until(live.is_ready)
            yield live
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


@contextlib.contextmanager
def own_database() -> Iterator[str]:
    """An empty database of this test's own; NOTIFY is heard within one database only."""
    at = os.environ["DATABASE_URL"]
    superuser = at.replace("//app@", "//postgres@").replace("/portal_empty?", "/postgres?")
    name = f"live_{uuid4().hex}"
    plugin.execute(superuser, f"CREATE DATABASE {name}")
    try:
        yield at.replace("/portal_empty?", f"/{name}?")
    finally:
        plugin.execute(superuser, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
