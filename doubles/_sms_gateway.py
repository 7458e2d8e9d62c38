"""What the SMS doubles share over HTTP: their own pages, orders for the next requests, the start of the process.

Their own part, for people and tests (JSON, from this machine only):
    GET  /                     what was sent, newest first; ?phone= ?lang=en ?still=1
    GET  /messages.json        the same, ?phone=
    POST /control/             {"mode": …, "times": n, "on": "send" | "status"}: what to do with the next n requests
                                 error:N     refuse with this error
                                 drop        take nothing, close the connection without an answer
                                 timeout     take the message, never answer (for two minutes)
                                 lost        take the message, close the connection without an answer
                                 http:500    take the message, answer with this HTTP status
                                 status:S    take the message, let this become of it
    POST /control/clock        {"forward": seconds}: put the gateway's clock forward
    POST /control/balance      {"balance": "0"}
    POST /control/hook         {"url": "http://127.0.0.1:8000/hooks/…"}: tell there what becomes of messages; "" to
                               stop. Told up to five times, until the answer is the vendor's; "calls" of /messages.json
    POST /control/reset        forget messages and orders
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections import deque
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Protocol

from doubles._pages import REFRESH, code_in, language
from doubles._server import Handler, Order, Orders, http_server, leave_at_once, listening_socket
from doubles._sms import KEPT, Box, Message, State
from doubles._sms_caller import Callback, Caller
from doubles._sms_page import States, page

SENDERS = ("DEMOCLINIC",)
SILENCE = 120.0  # seconds


class SmsGateway(Handler):
    """One connection. `account`, `orders` and `released` are set on a subclass by `bound`."""

    prefixes: ClassVar[tuple[str, ...]]  # what the vendor's own addresses begin with
    modes: ClassVar[set[str]] = {"error", "drop", "timeout", "lost", "http", "status"}
    states: ClassVar[States]
    account: Box
    orders: Orders
    released: threading.Event
    caller: Caller | None = None

    @classmethod
    def callback(cls, message: Message, state: State) -> Callback:
        """What the vendor posts to a client's address when this became of a message."""
        raise NotImplementedError

    def protocol(self, raw: bytes) -> None:
        """Answer one request of the vendor's protocol."""
        raise NotImplementedError

    def shown(self, message: Message) -> dict[str, Any]:
        """More about a message for /messages.json."""
        raise NotImplementedError

    def check_argument(self, mode: str, argument: str) -> None:
        """Raises ValueError for an argument of an order that cannot be obeyed."""
        if argument:
            int(argument)

    def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
        routes = {"/": self._page, "/messages.json": self._messages, "/style.css": self.answer_style}
        if self.route.startswith(self.prefixes):
            self.protocol(b"")
        elif not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
        elif self.route in routes:
            routes[self.route]()
        else:
            self.answer_json({"error": "not found"}, 404)

    def do_POST(self) -> None:  # noqa: N802
        if self.route.startswith("/control/"):
            self._control()
        elif (raw := self.body()) is None:
            self.answer_json({"error": "body too large"}, 413)
        else:
            self.protocol(raw)

    def after(self, mode: str, argument: str, reply: Callable[[], None]) -> None:
        """The work is done; now the answer gets lost in the ordered way, or arrives."""
        if mode == "timeout":
            self.released.wait(SILENCE)
        if mode in ("timeout", "lost"):
            self.hang_up()
        elif mode == "http":
            self.answer("<h1>Error</h1>", "text/html", int(argument))
        else:
            reply()

    def _page(self) -> None:
        lang, still = language(self.query("lang")), self.query("still") == "1"
        html = page(self.account, self.states, lang=lang, still=still, phone=self.query("phone")[:32])
        self.answer_page(html, refresh=0 if still else REFRESH)

    def _messages(self) -> None:
        shown = [
            {**_facts(self.account, each), **self.shown(each)} for each in self.account.listed(self.query("phone"))
        ]
        balance = str(self.account.balance)
        calls = self.caller.calls if self.caller else []
        told = {"balance": balance, "requests": self.account.requests, "calls": calls, "messages": shown}
        self.answer_json(told)

    def _control(self) -> None:
        if not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
            return
        try:
            self.obey(self.route.removeprefix("/control/").strip("/"), self.json_body())
        except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
            self.answer_json({"error": str(error)}, 400)
        else:
            self.answer_json({"ok": True})

    def obey(self, what: str, data: Any) -> None:
        """Raises ValueError, KeyError, TypeError, InvalidOperation for an order that is not understood."""
        if what == "":
            order = Order.from_json(data, kinds={"send", "status"}, modes=self.modes)
            self.check_argument(*order.mode.partition(":")[::2])
            self.orders.add(order)
        elif what == "clock":
            self.account.offset += float(data["forward"])
        elif what == "balance":
            self.account.balance = Decimal(str(data["balance"]))
        elif what == "hook":
            self.hook(str(data["url"]))
        elif what == "reset":
            self.hook("")
            self.orders.clear()
            self.account.forget()
            self.released.set()
            type(self).released = threading.Event()
        else:
            raise ValueError("clock, balance, hook, reset or an order")

    def hook(self, url: str) -> None:
        """Raises ValueError for an address of another machine."""
        kind = type(self)
        if kind.caller:
            kind.caller.stop.set()
        kind.caller = Caller(kind, url) if url else None
        if kind.caller:
            kind.caller.start()


def _facts(account: Box, message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "phone": f"+{message.phone}",
        "text": message.text,
        "code": code_in(message.text),
        "sender": message.sender,
        "parts": message.parts,
        "time": message.time.isoformat(),
        "status": account.state(message),
        "method": message.method,
    }


def bound(gateway: type[SmsGateway], account: Box) -> type[SmsGateway]:
    return type("BoundGateway", (gateway,), {"account": account, "orders": Orders(), "released": threading.Event()})


class Build(Protocol):
    """Makes the account from the vendor's own options and what every account has."""

    def __call__(
        self, given: argparse.Namespace, *, senders: tuple[str, ...], balance: Decimal, deliver_after: float
    ) -> Box: ...


def run(
    name: str, what: str, gateway: type[SmsGateway], build: Build, options: dict[str, str], words: list[str] | None
) -> None:
    """Serve until told to leave. `options`: the vendor's own, with their defaults; `words`: the command line."""
    parser = argparse.ArgumentParser(prog=f"python -m doubles.{name}", description=what.partition("\n")[0])
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--port", type=int, help="port on 127.0.0.1, 0 for any free one")
    place.add_argument("--fd", type=int, help="inherited listening socket")
    for option, default in options.items():
        parser.add_argument(option, default=default)
    parser.add_argument("--sender", action="append", help=f"registered sender name, may repeat; {SENDERS[0]}")
    parser.add_argument("--balance", type=Decimal, default=Decimal(100_000), help="roubles")
    parser.add_argument("--deliver-after", type=float, default=2.0, help="seconds from sent to delivered")
    parser.add_argument("--keep", type=int, default=KEPT, help="messages in memory")
    given = parser.parse_args(words)
    leave_at_once()
    sock = listening_socket(port=given.port, fd=given.fd)
    senders = tuple(given.sender or SENDERS)
    account = build(given, senders=senders, balance=given.balance, deliver_after=given.deliver_after)
    account.messages = deque(maxlen=given.keep)
    sys.stderr.write(f"{name} double: http://{sock.getsockname()[0]}:{sock.getsockname()[1]}\n")
    http_server(sock, bound(gateway, account)).serve_forever()
