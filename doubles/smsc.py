"""The SMS gateway's double: `python -m doubles.smsc --port 8025`, page at `/`.

Speaks what smsc.ru speaks: `/sys/send.php`, `/sys/status.php`, `/sys/balance.php`, `/sys/senders.php` (GET or POST
form, windows-1251 unless `charset` says otherwise, fmt 0, 1 or 3) and `/rest/send/` (POST JSON).

Its own, for people and tests (JSON, from this machine only):
    GET  /                     what was sent, newest first; ?phone= ?lang=en ?still=1
    GET  /messages.json        the same, ?phone=
    POST /control/             {"mode": …, "times": n, "on": "send" | "status"}: what to do with the next n requests
                                 error:3     refuse with this error
                                 drop        take nothing, close the connection without an answer
                                 timeout     take the message, never answer (for two minutes)
                                 lost        take the message, close the connection without an answer
                                 http:500    take the message, answer with this HTTP status
                                 status:22   take the message, let this become of it; status:20/219: with the err
    POST /control/clock        {"forward": seconds}: put the gateway's clock forward
    POST /control/balance      {"balance": "0"}
    POST /control/reset        forget messages and orders
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qs, urlsplit

from doubles._pages import REFRESH, code_in, language
from doubles._server import Handler, Order, Orders, http_server, leave_at_once, listening_socket
from doubles._smsc_account import Account, Arrival, Message, Refusal
from doubles._smsc_page import page

LOGIN = PASSWORD = "demo"  # noqa: S105 - there is nothing to protect
SENDERS = ("DEMOCLINIC",)
CHARSETS = {"": "cp1251", "windows-1251": "cp1251", "utf-8": "utf-8", "koi8-r": "koi8-r"}
MODES = {"error", "drop", "timeout", "lost", "http", "status"}
SILENCE = 120.0  # seconds


class Gateway(Handler):
    """One connection. `account` and `orders` are set on a subclass by `make_handler`."""

    account: Account
    orders: Orders
    released: threading.Event

    def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
        routes = {"/": self._page, "/messages.json": self._messages, "/style.css": self.answer_style}
        if self.route.startswith("/sys/"):
            self._protocol(self._form(urlsplit(self.path).query), from_url=True)
        elif not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
        elif self.route in routes:
            routes[self.route]()
        else:
            self.answer_json({"error": "not found"}, 404)

    def do_POST(self) -> None:  # noqa: N802
        if self.route.startswith("/control/"):
            self._control()
            return
        raw = self.body()
        if raw is None:
            self.answer_json({"error": "body too large"}, 413)
        elif self.route == "/rest/send/":
            self._rest(raw)
        else:
            query = urlsplit(self.path).query
            joined = "&".join(part for part in (query, raw.decode("ascii", "replace")) if part)
            self._protocol(self._form(joined), from_url="login=" in query)

    # The vendor's protocol -------------------------------------------------------------------------------------

    def _form(self, encoded: str) -> dict[str, str]:
        """The fields of a form, in the charset the form itself names, windows-1251 when it names none."""
        names = parse_qs(encoded, keep_blank_values=True, encoding="latin-1")
        charset = CHARSETS.get(names.get("charset", [""])[0].lower(), "cp1251")
        fields = parse_qs(encoded, keep_blank_values=True, encoding=charset, errors="replace")
        return {name: values[-1] for name, values in fields.items()}

    def _rest(self, raw: bytes) -> None:
        try:
            given = {name: str(value) for name, value in json.loads(raw).items()}
        except (ValueError, AttributeError):
            given = {}
        self._protocol({"fmt": "3", "charset": "utf-8", **given}, from_url=False, route="/sys/send.php")

    def _protocol(self, given: dict[str, str], *, from_url: bool, route: str = "") -> None:
        acts = {
            "/sys/send.php": self._send,
            "/sys/status.php": self._status,
            "/sys/balance.php": self._balance,
            "/sys/senders.php": self._senders,
        }
        act = acts.get(route or self.route)
        if act is None:
            self.answer_json({"error": "not found"}, 404)
            return
        self.account.requests += 1
        try:
            act(given, Arrival(self.command, from_url))
        except Refusal as refusal:
            self._reply(given, _refused(refusal))

    def _send(self, given: dict[str, str], arrival: Arrival) -> None:
        mode, argument = self.orders.take("send")
        if mode == "error":
            raise Refusal(int(argument), int(given.get("id") or 0) or None)
        if mode == "drop":
            self.hang_up()
            return
        if mode == "status":
            state, _, err = argument.partition("/")
            self.account.outcomes.append((int(state), int(err or 0)))
        answer = self.account.send(given, arrival)
        self._after(mode, argument, given, answer)

    def _status(self, given: dict[str, str], _: Arrival) -> None:
        mode, argument = self.orders.take("status")
        if mode == "error":
            raise Refusal(int(argument))
        self._after("lost" if mode == "drop" else mode, argument, given, self.account.status(given))

    def _balance(self, given: dict[str, str], _: Arrival) -> None:
        self.account.check(given)
        self._reply(given, {"balance": str(self.account.balance)})

    def _senders(self, given: dict[str, str], _: Arrival) -> None:
        self.account.check(given)
        self._reply(given, [{"sender": sender} for sender in self.account.senders])

    def _after(self, mode: str, argument: str, given: dict[str, str], answer: Any) -> None:
        """The work is done; now the answer gets lost in the ordered way, or arrives."""
        if mode == "timeout":
            self.released.wait(SILENCE)
        if mode in ("timeout", "lost"):
            self.hang_up()
        elif mode == "http":
            self.answer("<h1>Error</h1>", "text/html", int(argument))
        else:
            self._reply(given, answer)

    def _reply(self, given: dict[str, str], answer: Any) -> None:
        charset = CHARSETS.get(given.get("charset", "").lower(), "cp1251")
        kind = "application/json" if given.get("fmt") == "3" else "text/plain"
        text = _in_format(answer, given.get("fmt", "0"))
        name = {"cp1251": "windows-1251"}.get(charset, charset)
        with suppress(OSError):  # the client may have given up meanwhile
            self.answer(text.encode(charset, "replace"), f"{kind}; charset={name}")

    # Its own part ----------------------------------------------------------------------------------------------

    def _page(self) -> None:
        lang, still = language(self.query("lang")), self.query("still") == "1"
        html = page(self.account, lang=lang, still=still, phone=self.query("phone")[:32])
        self.answer_page(html, refresh=0 if still else REFRESH)

    def _messages(self) -> None:
        found = self.account.listed(self.query("phone"))
        shown = [_shown(self.account, message) for message in found]
        balance = str(self.account.balance)
        self.answer_json({"balance": balance, "requests": self.account.requests, "messages": shown})

    def _control(self) -> None:
        if not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
            return
        try:
            self._obey(self.route.removeprefix("/control/").strip("/"), self.json_body())
        except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
            self.answer_json({"error": str(error)}, 400)
        else:
            self.answer_json({"ok": True})

    def _obey(self, what: str, data: Any) -> None:
        """Raises ValueError, KeyError, TypeError, InvalidOperation for an order that is not understood."""
        if what == "":
            order = Order.from_json(data, kinds={"send", "status"}, modes=MODES)
            for number in order.mode.partition(":")[2].replace("/", " ").split():
                int(number)
            self.orders.add(order)
        elif what == "clock":
            self.account.offset += float(data["forward"])
        elif what == "balance":
            self.account.balance = Decimal(str(data["balance"]))
        elif what == "reset":
            self.orders.clear()
            self.account.forget()
            self.released.set()
            type(self).released = threading.Event()
        else:
            raise ValueError("clock, balance, reset or an order")


def _refused(refusal: Refusal) -> dict[str, Any]:
    answer: dict[str, Any] = {"error": str(refusal), "error_code": refusal.code}
    return answer if refusal.message_id is None else {**answer, "id": refusal.message_id}


def _in_format(answer: Any, fmt: str) -> str:
    """fmt 3 is JSON; 1 is numbers with commas; anything else the sentence of fmt 0."""
    if fmt == "3" or not isinstance(answer, dict):
        return json.dumps(answer, ensure_ascii=False)
    if "error_code" in answer:
        number = answer["error_code"]
        tail = f", ID - {answer['id']}" if "id" in answer else ""
        return f"{answer.get('id', 0)},-{number}" if fmt == "1" else f"ERROR = {number} ({answer['error']}){tail}"
    if "status" in answer:
        if fmt == "1":
            return f"{answer['status']},{answer['last_timestamp']},{answer['err']}"
        return f"Status = {answer['status']}, check_time = {answer['last_date']}, err = {answer['err']}"
    if "id" in answer:
        if fmt == "1":
            return ",".join(str(answer[name]) for name in ("id", "cnt", "cost", "balance") if name in answer)
        return f"OK - {answer['cnt']} SMS, ID - {answer['id']}"
    return ",".join(str(value) for value in answer.values())


def _shown(account: Account, message: Message) -> dict[str, Any]:
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
        "login_in_url": message.url_login,
    }


def make_handler(account: Account) -> type[Gateway]:
    return type("BoundGateway", (Gateway,), {"account": account, "orders": Orders(), "released": threading.Event()})


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m doubles.smsc", description=str(__doc__).partition("\n")[0])
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--port", type=int, help="port on 127.0.0.1, 0 for any free one")
    place.add_argument("--fd", type=int, help="inherited listening socket")
    parser.add_argument("--login", default=LOGIN)
    parser.add_argument("--password", default=PASSWORD)
    parser.add_argument("--sender", action="append", help=f"registered sender name, may repeat; {SENDERS[0]}")
    parser.add_argument("--balance", type=Decimal, default=Decimal(100_000), help="roubles")
    parser.add_argument("--deliver-after", type=float, default=2.0, help="seconds from sent to delivered")
    given = parser.parse_args(arguments)
    leave_at_once()
    sock = listening_socket(port=given.port, fd=given.fd)
    account = Account(given.login, given.password, tuple(given.sender or SENDERS), given.balance, given.deliver_after)
    sys.stderr.write(f"smsc double: http://{sock.getsockname()[0]}:{sock.getsockname()[1]}\n")
    http_server(sock, make_handler(account)).serve_forever()


if __name__ == "__main__":
    main()
