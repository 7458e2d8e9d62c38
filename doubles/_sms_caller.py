"""Tells a client what became of its messages, as the gateways do: one call a message, until it is taken."""

from __future__ import annotations

import http.client
import ipaddress
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from doubles._sms_gateway import SmsGateway

LOOKS, PAUSE, TRIES = 0.05, 0.2, 5  # seconds between looks, between tries; tries
SECONDS = 10.0


@dataclass(frozen=True)
class Callback:
    """`taken`: the body by which the client says that it has understood; None: any answer 200."""

    body: bytes
    kind: str
    method: str = "POST"
    taken: bytes | None = None


class Caller(threading.Thread):
    """Watches the account's messages; `calls` is what was told and what was answered."""

    def __init__(self, gateway: type[SmsGateway], url: str) -> None:
        """Raises ValueError for an address of another machine."""
        super().__init__(daemon=True)
        self._parts = urlsplit(url)
        host = self._parts.hostname or ""
        if self._parts.scheme != "http" or not (host == "localhost" or ipaddress.ip_address(host).is_loopback):
            raise ValueError("url: the double calls http on this machine only")
        self._gateway = gateway
        self._told: set[int | str] = set()
        self.calls: list[dict[str, Any]] = []
        self.stop = threading.Event()

    def run(self) -> None:
        account = self._gateway.account
        while not self.stop.wait(LOOKS):
            for message in reversed(account.listed()):
                state = account.state(message)
                if state == message.final and message.id not in self._told:
                    self._told.add(message.id)
                    self._tell(message.id, self._gateway.callback(message, state))

    def _tell(self, ref: int | str, callback: Callback) -> None:
        for _ in range(TRIES):
            status, body = self._call(callback)
            self.calls.append({"id": ref, "status": status, "answer": body.decode("utf-8", "replace")[:100]})
            if status == http.client.OK and callback.taken in (None, body.strip()):
                return
            if self.stop.wait(PAUSE):
                return

    def _call(self, callback: Callback) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._parts.hostname or "", self._parts.port or 80, timeout=SECONDS)
        try:
            if callback.method == "GET":
                connection.request("GET", f"{self._parts.path}?{callback.body.decode()}")
            else:
                connection.request("POST", self._parts.path, callback.body, {"Content-Type": callback.kind})
            answer = connection.getresponse()
            return answer.status, answer.read(1000)
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()
