"""What the doubles share: a socket on this machine only, a small HTTP handler, orders for the next requests."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import parse_qs, urlsplit

LOOPBACK = "127.0.0.1"
MAX_BODY = 1024 * 1024
STYLE = (Path(__file__).parent / "style.css").read_bytes()
PAGE_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def listening_socket(*, port: int | None, fd: int | None) -> socket.socket:
    """A listening socket on 127.0.0.1:port (0: any free one), or the inherited descriptor `fd`.

    Exits with one line when the port is taken or the inherited socket can be reached from elsewhere.
    """
    try:
        if fd is None:
            return socket.create_server((LOOPBACK, port or 0), backlog=128)
        sock = socket.socket(fileno=fd)
        host = sock.getsockname()[0]
        if not ipaddress.ip_address(host).is_loopback:
            raise SystemExit(f"{host}: the messages are for this machine only, bind to {LOOPBACK}.")
        sock.listen(128)
    except OSError as error:
        place = f"{LOOPBACK}:{port}" if fd is None else f"descriptor {fd}"
        raise SystemExit(f"Cannot listen on {place}: {os.strerror(error.errno or 0)}.") from None
    return sock


def leave_at_once() -> None:
    """SIGTERM and Ctrl-C end the process now: there is nothing to save."""

    def leave(_signal: int, _frame: FrameType | None) -> None:
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)


def http_server(sock: socket.socket, handler: type[Handler]) -> ThreadingHTTPServer:
    """A server on `sock` whose handlers are threads; call `serve_forever`."""
    server = ThreadingHTTPServer(sock.getsockname()[:2], handler, bind_and_activate=False)
    server.socket.close()
    server.socket = sock
    server.daemon_threads = True
    return server


@dataclass
class Order:
    """What to do with the next `times` requests of kind `on`."""

    mode: str
    times: int = 1
    on: str = "send"

    @classmethod
    def from_json(cls, data: Any, *, kinds: set[str], modes: set[str]) -> Order:
        """Raises ValueError for anything but {"mode": …, "times": n, "on": …}."""
        order = cls(str(data["mode"]), int(data.get("times", 1)), str(data.get("on", "send")))
        if order.mode.partition(":")[0] not in modes or order.on not in kinds or not 1 <= order.times <= 10_000:
            raise ValueError(f"modes: {sorted(modes)}, on: {sorted(kinds)}")
        return order


@dataclass
class Orders:
    """A queue of orders, taken by any thread."""

    waiting: list[Order] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, order: Order) -> None:
        with self.lock:
            self.waiting.append(order)

    def take(self, on: str) -> tuple[str, str]:
        """Mode and its argument for a request of kind `on`: ("error", "3"), or ("", "") when nothing is ordered."""
        with self.lock:
            order = next((order for order in self.waiting if order.on == on), None)
            if order is None:
                return "", ""
            order.times -= 1
            if not order.times:
                self.waiting.remove(order)
        mode, _, argument = order.mode.partition(":")
        return mode, argument

    def clear(self) -> None:
        with self.lock:
            self.waiting.clear()


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with bounded bodies, without a log, and closed to pages of other sites."""

    protocol_version = "HTTP/1.1"
    server_version = "double"
    sys_version = ""
    timeout = 150  # seconds a kept connection may stay silent

    def log_message(self, format: str, *args: object) -> None:
        return

    @property
    def route(self) -> str:
        return urlsplit(self.path).path

    def query(self, name: str, default: str = "") -> str:
        return parse_qs(urlsplit(self.path).query).get(name, [default])[0]

    def body(self) -> bytes | None:
        """The request's body, b"" when there is none; None when it is too long or its length is not told."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def json_body(self) -> Any:
        """Raises ValueError unless the body is JSON and says so: a form of another site cannot say so."""
        raw = self.body()
        if raw is None or not self.headers.get("Content-Type", "").startswith("application/json"):
            raise ValueError("application/json is expected")
        return json.loads(raw or b"{}")

    def is_for_this_machine(self) -> bool:
        """The Host header names loopback; any other name was made to point here by somebody else's DNS."""
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def answer(self, body: bytes | str, kind: str, status: int = 200, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def answer_json(self, data: Any, status: int = 200) -> None:
        self.answer(json.dumps(data, ensure_ascii=False), "application/json; charset=utf-8", status)

    def answer_page(self, page: str, *, refresh: int = 0, policy: str = PAGE_POLICY, status: int = 200) -> None:
        headers = {"Refresh": str(refresh)} if refresh else {}
        self.answer(page, "text/html; charset=utf-8", status, Content_Security_Policy=policy, **headers)

    def answer_style(self) -> None:
        self.answer(STYLE, "text/css; charset=utf-8")

    def hang_up(self) -> None:
        """Close without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
