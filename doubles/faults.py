"""A bad network between two programs: `python -m doubles.faults --port 8050 --target http://127.0.0.1:8040`.

Every request goes to the target and its answer comes back; with probability `--rate` one of these befalls it:
    delay      it arrives up to a second and a half late
    error      it never arrives, the answer is 500
    after      it arrives, the answer is 500
    reset      it arrives, the connection breaks in the middle of the answer
    lost       it arrives, the connection is closed without an answer
    duplicate  it arrives twice, the answer is that to one of them
    reorder    a write waits until another request overtakes it, for a second at most
    wrong      a status in the answer is swapped for another (only when asked for)

Its own (JSON, from this machine only), in front of the target's:
    POST /control/faults  {"rate": 0.2, "kinds": ["lost", …], "seed": 1, "next": ["duplicate", …]}: each may be left
                          out; `next` befalls the next requests, one each, whatever the rate
    GET  /messages.json   {"requests": n, "counts": {"lost": n, …}, "failed": requests the target did not answer}
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from doubles._server import Handler, http_server, leave_at_once, listening_socket

KINDS = ("delay", "error", "after", "reset", "lost", "duplicate", "reorder", "wrong")
USUAL = KINDS[:-1]
WRITES = {"POST", "PUT", "PATCH", "DELETE"}
OWN_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}
SHORTEST, LONGEST, OVERTAKEN = 0.05, 1.5, 1.0  # seconds
PATIENCE = 150.0  # seconds for the target
SWAPPED = {"free": "busy", "busy": "free", "booked": "cancelled", "cancelled": "booked", "pending": "booked"}
ABORT = struct.pack("ii", 1, 0)  # closing sends RST, not FIN


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Weather:
    """What befalls requests, and what befell them. Any thread may ask."""

    rate: float
    seed: int
    kinds: tuple[str, ...] = USUAL
    coming: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    failed: int = 0
    passed: threading.Condition = field(default_factory=threading.Condition)
    forwarded: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - the same seed is the same weather

    def draw(self, method: str) -> str:
        """The fault of this request, "" for none."""
        with self.passed:
            self.requests += 1
            kind = self.coming.pop(0) if self.coming else self._chance()
            if kind == "reorder" and method not in WRITES:
                return ""
            if kind:
                self.counts[kind] += 1
            return kind

    def _chance(self) -> str:
        return self.dice.choice(self.kinds) if self.kinds and self.dice.random() < self.rate else ""

    def number(self, low: float, high: float) -> float:
        with self.passed:
            return self.dice.uniform(low, high)

    def note_passed(self) -> None:
        with self.passed:
            self.forwarded += 1
            self.passed.notify_all()

    def wait_to_be_overtaken(self) -> None:
        with self.passed:
            seen = self.forwarded
            self.passed.wait_for(lambda: self.forwarded > seen, OVERTAKEN)

    def set(self, data: Any) -> None:
        """Raises ValueError, KeyError, TypeError for what is not understood; then nothing changes."""
        rate, kinds = float(data.get("rate", self.rate)), tuple(data.get("kinds", self.kinds))
        coming, seed = list(data.get("next", [])), data.get("seed")
        if not 0 <= rate <= 1 or not set(kinds) | set(coming) <= set(KINDS):
            raise ValueError(f"rate: 0 to 1, kinds and next: {', '.join(KINDS)}")
        dice = self.dice if seed is None else random.Random(int(seed))  # noqa: S311
        with self.passed:
            self.rate, self.kinds, self.coming, self.dice = rate, kinds, self.coming + coming, dice

    def told(self) -> dict[str, Any]:
        with self.passed:
            counts = {kind: self.counts[kind] for kind in KINDS}
            return {"requests": self.requests, "counts": counts, "failed": self.failed, "waiting": list(self.coming)}


class Faults(Handler):
    """One connection, with one of its own to the target. `weather` and `target` are set by `make_handler`."""

    weather: Weather
    target: tuple[str, int]
    upstream: http.client.HTTPConnection
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.upstream = http.client.HTTPConnection(*self.target, timeout=PATIENCE)

    def finish(self) -> None:
        self.upstream.close()
        with suppress(OSError):  # the connection may have been broken on purpose
            super().finish()

    def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
        if self.route == "/messages.json":
            self._own(self.weather.told)
        elif self.command == "POST" and self.route == "/control/faults":
            self._own(self._set)
        else:
            self._pass_on()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET  # noqa: N815

    def _own(self, work: Callable[[], dict[str, Any]]) -> None:
        if not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
            return
        try:
            self.answer_json(work())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.answer_json({"error": str(error)}, 400)

    def _set(self) -> dict[str, Any]:
        self.weather.set(self.json_body())
        return self.weather.told()

    def _pass_on(self) -> None:
        body = self.body()
        if body is None:
            self.answer_json({"error": "the body is too long, or its length is not told"}, 413)
            return
        kind = self.weather.draw(self.command)
        try:
            self._suffer(kind, body)
        except (OSError, http.client.HTTPException):
            self.upstream.close()
            with suppress(OSError):
                self.hang_up()

    def _suffer(self, kind: str, body: bytes) -> None:
        """Raises OSError, HTTPException when the target does not answer or the client is gone."""
        if kind == "error":
            self.answer_json({"error": "error"}, 500)
            return
        if kind == "delay":
            threading.Event().wait(self.weather.number(SHORTEST, LONGEST))
        if kind == "reorder":
            self.weather.wait_to_be_overtaken()
        answer = self._ask(body)
        if kind == "duplicate":
            again = self._ask(body)
            answer = again if self.weather.number(0, 1) < 0.5 else answer
        self._give(kind, answer)

    def _ask(self, body: bytes) -> Answer:
        """The Host stays as the client said it: links in answers lead back through here."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OWN_HEADERS}
        try:
            self.upstream.request(self.command, self.path, body or None, headers)
            got = self.upstream.getresponse()
            answer = Answer(got.status, got.getheaders(), got.read())
        except (OSError, http.client.HTTPException):
            self.weather.failed += 1
            raise
        finally:
            self.weather.note_passed()
        return answer

    def _give(self, kind: str, answer: Answer) -> None:
        if kind == "lost":
            self.hang_up()
        elif kind == "after":
            self.answer_json({"error": "after"}, 500)
        else:
            body = swapped(answer.body) if kind == "wrong" else answer.body
            self._send(answer, body, is_broken=kind == "reset")

    def _send(self, answer: Answer, body: bytes, *, is_broken: bool) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in OWN_HEADERS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not is_broken:
            self.wfile.write(b"" if self.command == "HEAD" else body)
            return
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)


def swapped(body: bytes) -> bytes:
    """The same JSON with its statuses turned around; what is not JSON stays as it is."""
    try:
        return json.dumps(_turned(json.loads(body)), ensure_ascii=False).encode()
    except ValueError:
        return body


def _turned(value: Any) -> Any:
    if isinstance(value, list):
        return [_turned(each) for each in value]
    if not isinstance(value, dict):
        return value
    copy = {name: _turned(each) for name, each in value.items()}
    status = copy.get("status")
    return {**copy, "status": SWAPPED.get(status, status)} if isinstance(status, str) else copy


def make_handler(weather: Weather, target: tuple[str, int]) -> type[Faults]:
    return type("BoundFaults", (Faults,), {"weather": weather, "target": target})


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m doubles.faults", description=str(__doc__).partition("\n")[0])
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--port", type=int, help="port on 127.0.0.1, 0 for any free one")
    place.add_argument("--fd", type=int, help="inherited listening socket")
    parser.add_argument("--target", required=True, help="http://127.0.0.1:8040")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.1, help="how many of all requests suffer, 0 to 1")
    given = parser.parse_args(arguments)
    target = urlsplit(given.target)
    if target.hostname not in ("127.0.0.1", "localhost") or not target.port:
        parser.error("--target: http://127.0.0.1 and a port, this machine only")
    leave_at_once()
    sock = listening_socket(port=given.port, fd=given.fd)
    sys.stderr.write(f"faults: http://{sock.getsockname()[0]}:{sock.getsockname()[1]} before {given.target}\n")
    weather = Weather(given.rate, given.seed)
    http_server(sock, make_handler(weather, (target.hostname, target.port))).serve_forever()


if __name__ == "__main__":
    main()
