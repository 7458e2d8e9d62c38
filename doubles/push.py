"""The push service's double: `python -m doubles.push --port 8030`, page at `/`.

Speaks what browsers' push services speak (RFC 8030, 8291, 8292): `POST /push/<token>` with TTL, an `aes128gcm` body
and a VAPID token. It refuses with 400, 401, 403, 404, 410 and 413 what they refuse.

Its own, for people and tests (JSON, from this machine only):
    POST /subscribe            {"applicationServerKey": …} or {}: what a browser's subscription looks like
    GET  /                     what was sent, newest first, decrypted; ?lang=en ?still=1; buttons for a practice browser
    GET  /messages.json        the same, ?endpoint=
    POST /control/             {"mode": …, "times": n}: what to do with the next n messages
                                 error:429     refuse with this status; error:429/30: with Retry-After
                                 drop          take nothing, close the connection without an answer
                                 timeout       take the message, never answer (for two minutes)
                                 lost          take the message, close the connection without an answer
                                 http:500      take the message, answer with this status
    POST /control/show         {"endpoint": …, "topic": …}: the browser shows a message and tells `--shown` of it
    POST /control/unsubscribe  {"endpoint": …}: the person has said no, 410 from now on
    POST /control/clock        {"forward": seconds}: put the service's clock forward
    POST /control/reset        forget messages, subscriptions and orders
"""

from __future__ import annotations

import argparse
import http.client
import sys
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from doubles._pages import REFRESH, language, link
from doubles._push_page import page, state
from doubles._push_service import Message, Refusal, Service
from doubles._server import Handler, Order, Orders, http_server, leave_at_once, listening_socket

MODES = {"error", "drop", "timeout", "lost", "http"}
SILENCE = 120.0  # seconds


class Push(Handler):
    """One connection. `service`, `orders` and `shown` are set on a subclass by `make_handler`."""

    service: Service
    orders: Orders
    shown: str
    released: threading.Event

    @property
    def origin(self) -> str:
        """As a subscription's address says it; a token is for this origin only."""
        host, port = self.connection.getsockname()
        return f"http://{host}:{port}"

    def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
        routes = {"/": self._page, "/messages.json": self._messages, "/style.css": self.answer_style}
        if not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
        elif self.route in routes:
            routes[self.route]()
        else:
            self.answer_json({"error": "not found"}, 404)

    def do_POST(self) -> None:  # noqa: N802
        if self.route.startswith("/push/"):
            self._take(self.route.removeprefix("/push/"))
        elif not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
        elif self.route == "/subscribe" or self.route.startswith("/control/"):
            self._own()
        elif self.route in ("/browser", "/show"):
            self._from_the_page()
        else:
            self.answer_json({"error": "not found"}, 404)

    # The protocol ----------------------------------------------------------------------------------------------

    def _take(self, token: str) -> None:
        self.service.requests += 1
        body = self.body()
        mode, argument = self.orders.take("send")
        if mode == "drop":
            self.hang_up()
            return
        try:
            if body is None:
                raise Refusal(413, "a body this long, or without its length, is not taken")
            if mode == "error":
                raise Refusal(int(argument.partition("/")[0]), "ordered")
            message = self.service.take(token, self.headers, body, self.origin)
        except Refusal as refusal:
            self._refuse(refusal, argument.partition("/")[2])
        else:
            self._after(mode, argument, message)

    def _refuse(self, refusal: Refusal, retry_after: str) -> None:
        headers = {"Retry_After": retry_after} if retry_after else {}
        with suppress(OSError):
            self.answer(f'{{"message": "{refusal}"}}', "application/json", refusal.status, **headers)

    def _after(self, mode: str, argument: str, message: Message) -> None:
        """The message is taken; now the answer gets lost in the ordered way, or arrives."""
        if mode == "timeout":
            self.released.wait(SILENCE)
        with suppress(OSError):  # the client may have given up meanwhile
            if mode in ("timeout", "lost"):
                self.hang_up()
            elif mode == "http":
                self.answer("<h1>Error</h1>", "text/html", int(argument))
            else:
                place = f"{self.origin}/message/{message.topic or message.token}"
                self.answer(b"", "text/plain", 201, Location=place, TTL=str(message.ttl))

    # Its own part ----------------------------------------------------------------------------------------------

    def _page(self) -> None:
        still = self.query("still") == "1"
        known = self.service.subscriptions.get(self.query("browser"))
        made = known.shown(self.origin) if known else None
        html = page(self.service, lang=language(self.query("lang")), still=still, made=made)
        self.answer_page(html, refresh=0 if still else REFRESH)

    def _from_the_page(self) -> None:
        """A form of the page; the browser says itself that it is ours."""
        if self.headers.get("Sec-Fetch-Site") != "same-origin":
            self.answer_json({"error": "only from the page of this double"}, 403)
            return
        given = parse_qs((self.body() or b"").decode("utf-8", "replace"))
        made = ""
        try:
            if self.route == "/browser":
                made = self.service.subscribe("").token
            else:
                self._show(given["token"][0], given["topic"][0])
        except (ValueError, KeyError, TypeError, OSError) as error:
            self.answer_json({"error": str(error)}, 400)
            return
        place = link("/", lang=language(given.get("lang", [""])[0]), still="1", browser=made).replace("&amp;", "&")
        self.answer(b"", "text/plain", 303, Location=place)

    def _show(self, token: str, topic: str) -> None:
        """Show a message and say so where the portal's own worker in a browser would. Raises KeyError, OSError."""
        shown = urlencode({"id": self.service.show(token, topic)})
        parts = urlsplit(self.shown)
        if not parts.hostname:
            return
        connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=10)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        try:
            connection.request("POST", parts.path, shown, headers)
            connection.getresponse().read()
        finally:
            connection.close()

    def _messages(self) -> None:
        found = self.service.listed(_token(self.query("endpoint")))
        shown = [_shown(message, f"{self.origin}/push/", self.service.now()) for message in found]
        self.answer_json({"requests": self.service.requests, "messages": shown})

    def _own(self) -> None:
        try:
            data = self.json_body()
            answer = self._subscribe(data) if self.route == "/subscribe" else self._obey(data)
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            self.answer_json({"error": str(error)}, 400)
        else:
            self.answer_json(answer)

    def _subscribe(self, data: Any) -> dict[str, Any]:
        return self.service.subscribe(str(data.get("applicationServerKey", ""))).shown(self.origin)

    def _obey(self, data: Any) -> dict[str, Any]:
        """Raises ValueError, KeyError, TypeError for an order that is not understood."""
        what = self.route.removeprefix("/control/").strip("/")
        if what == "":
            order = Order.from_json(data, kinds={"send"}, modes=MODES)
            name, _, argument = order.mode.partition(":")
            if name in ("error", "http"):
                [int(number) for number in argument.split("/")]
            self.orders.add(order)
        elif what == "show":
            self._show(_token(data["endpoint"]), str(data["topic"]))
        elif what == "unsubscribe":
            self.service.unsubscribe(_token(data["endpoint"]))
        elif what == "clock":
            self.service.offset += float(data["forward"])
        elif what == "reset":
            self.orders.clear()
            self.service.forget()
            self.released.set()
            type(self).released = threading.Event()
        else:
            raise ValueError("show, unsubscribe, clock, reset or an order")
        return {"ok": True}


def _token(endpoint: str) -> str:
    return endpoint.rpartition("/")[2]


def _shown(message: Message, prefix: str, now: float) -> dict[str, Any]:
    return {
        "endpoint": prefix + message.token,
        "text": message.text,
        "state": state(message, now),
        "topic": message.topic,
        "ttl": message.ttl,
        "size": message.size,
        "subject": message.subject,
        "repeats": message.repeats,
        "time": message.time.isoformat(),
    }


def make_handler(service: Service, shown: str = "") -> type[Push]:
    bound = {"service": service, "orders": Orders(), "released": threading.Event(), "shown": shown}
    return type("BoundPush", (Push,), bound)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m doubles.push", description=str(__doc__).partition("\n")[0])
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--port", type=int, help="port on 127.0.0.1, 0 for any free one")
    place.add_argument("--fd", type=int, help="inherited listening socket")
    parser.add_argument("--shown", default="", help="where browsers tell of shown messages, on this machine")
    given = parser.parse_args(arguments)
    if given.shown and urlsplit(given.shown).hostname not in ("127.0.0.1", "localhost"):
        parser.error("--shown: the double calls this machine only")
    leave_at_once()
    sock = listening_socket(port=given.port, fd=given.fd)
    sys.stderr.write(f"push double: http://{sock.getsockname()[0]}:{sock.getsockname()[1]}\n")
    http_server(sock, make_handler(Service(), given.shown)).serve_forever()


if __name__ == "__main__":
    main()
