"""Something between an adapter and its MIS: it hands requests on, writes them down, and spoils what it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "server", "date"}


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Between:
    """`spoil`: "status:503" and "html" answer and hand nothing on; "drop" hangs up instead; "lost" hands on, then
    hangs up; "after:500" hands on, then answers so. It befalls the next request for which `on` is true.
    """

    origin: str
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    spoil: str = ""
    on: Callable[[str, str], bool] = lambda method, path: True
    meanwhile: Callable[[], object] | None = None  # what happens right before the next write is handed on
    rewrite: Callable[[str, bytes], bytes] = lambda path, body: body
    lose: frozenset[str] = frozenset()  # headers of answers that get lost, as behind some proxies
    client: httpx.Client = field(default_factory=lambda: httpx.Client(verify=False, trust_env=False, timeout=30))  # noqa: S501 - nothing is encrypted here

    def next(self, spoil: str, on: Callable[[str, str], bool] | None = None) -> None:
        self.spoil, self.on = spoil, on or (lambda method, path: True)

    def taken(self, method: str, path: str) -> str:
        if not self.spoil or not self.on(method, path):
            return ""
        spoil, self.spoil = self.spoil, ""
        return spoil


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the head and the body of an answer are two packets
    between: Between

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.between.seen.append(Seen(self.command, self.path, dict(self.headers), body))
        kind, _, argument = self.between.taken(self.command, self.path).partition(":")
        if kind == "drop":
            self.close_connection = True
        elif kind in ("status", "html"):
            self._say(int(argument or 200), {"Content-Type": "text/html"}, b"<!doctype html><h1>Login</h1>")
        else:
            self._hand_on(body, kind, argument)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815

    def _hand_on(self, body: bytes, kind: str, argument: str) -> None:
        between = self.between
        if between.meanwhile and between.on(self.command, self.path):
            happens, between.meanwhile = between.meanwhile, None
            happens()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        answer = between.client.request(self.command, between.origin + self.path, content=body, headers=headers)
        if kind == "lost":
            self.close_connection = True
        elif kind == "after":
            self._say(int(argument), {}, b"")
        else:
            kept = {n: v for n, v in answer.headers.items() if n.lower() not in HOP | between.lose}
            self._say(answer.status_code, kept, between.rewrite(self.path, answer.content))

    def _say(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def between(address: str) -> Iterator[Between]:
    """`url` of it is the address as the adapter is to call it."""
    parts = urlsplit(address)
    made = Between(f"{parts.scheme}://{parts.netloc}")
    with serving(type("Bound", (Handler,), {"between": made})) as place:
        made.url = f"{place}{parts.path}"
        yield made
    made.client.close()


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server of this process, as long as the block lasts. Its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
