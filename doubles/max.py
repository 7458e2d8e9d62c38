"""The MAX messenger's double: `python -m doubles.max --port 8031`, page at `/`.

Speaks the part of the bot API that the portal uses, with the token in the header `Authorization` and nowhere else:
`GET /me`, `POST /messages?chat_id=`, `GET`, `POST` and `DELETE /subscriptions`. Calls the webhook when a person
presses "start", writes to the bot or stops it. Unlike the messenger it calls http, on this machine only, and does not
call again.

Its own, for people and tests (JSON, from this machine only):
    GET  /                     what the bot wrote, newest first, and a "start" button; ?lang=en ?still=1
    GET  /<name of the bot>    the same with the link filled in, as a link to the bot leads to it; ?start=
    GET  /messages.json        the same, ?chat_id=
    POST /control/             {"mode": …, "times": n}: what to do with the next n messages
                                 error:403     refuse with this status and an error of the API
                                 bare:403      refuse with this status and a page, as a proxy before the API would
                                 drop          take nothing, close the connection without an answer
                                 timeout       take the message, never answer (for two minutes)
                                 lost          take the message, close the connection without an answer
                                 http:500      take the message, answer with this status
    POST /control/press        {"chat_id": n, "payload": …}: the person presses "start"; {"status": of the webhook}
    POST /control/stop         {"chat_id": n}: the person stops the bot; "event": "dialog_removed" or any other
    POST /control/say          {"chat_id": n, "text": …}: the person writes to the bot; "chat_type": "chat" in a group
    POST /control/repeat       {}: the last call of the webhook once more
    POST /control/hook         {"url": …, "secret": …}: as POST /subscriptions, without the token
    POST /control/clock        {"forward": seconds}: put the messenger's clock forward
    POST /control/reset        forget dialogs, messages and orders
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from doubles._max_bot import Bot, Hook, Message, Refusal
from doubles._max_page import page
from doubles._pages import REFRESH, language, link
from doubles._server import Handler, Order, Orders, http_server, leave_at_once, listening_socket

TOKEN = "demo"  # noqa: S105 - there is nothing to protect
MODES = {"error", "bare", "drop", "timeout", "lost", "http"}
NUMBERED = {"error", "bare", "http"}
SILENCE = 120.0  # seconds
API = ("/me", "/messages", "/subscriptions")


class Messenger(Handler):
    """One connection. `bot` and `orders` are set on a subclass by `make_handler`."""

    bot: Bot
    orders: Orders
    released: threading.Event

    def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
        routes: dict[str, Callable[[], None]] = {
            "/": self._page,
            "/messages.json": self._messages,
            "/style.css": self.answer_style,
        }
        if self.route in API:
            self._api()
        elif not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
        elif self.route in routes:
            routes[self.route]()
        elif self.route == f"/{self.bot.name}":
            self._page(still=True)
        else:
            self.answer_json({"error": "not found"}, 404)

    def do_POST(self) -> None:  # noqa: N802
        if self.route in API:
            self._api()
        elif not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
        elif self.route.startswith("/control/"):
            self._control()
        elif self.route in ("/press", "/say"):
            self._from_the_page()
        else:
            self.answer_json({"error": "not found"}, 404)

    def do_DELETE(self) -> None:  # noqa: N802
        self._api()

    # The protocol ----------------------------------------------------------------------------------------------

    def _api(self) -> None:
        acts = {
            ("GET", "/me"): lambda _: self.answer_json(self.bot.me()),
            ("POST", "/messages"): self._send,
            ("GET", "/subscriptions"): self._subscriptions,
            ("POST", "/subscriptions"): self._subscribe,
            ("DELETE", "/subscriptions"): self._unsubscribe,
        }
        self.bot.requests += 1
        raw = self.body()
        try:
            self.bot.check(self.headers.get("Authorization", ""), self.query("access_token"))
            if (self.command, self.route) not in acts:
                raise Refusal(405, "method.not.allowed", "Method is not allowed")
            acts[self.command, self.route](_fields(raw))
        except Refusal as refusal:
            self._refuse(refusal)

    def _send(self, given: dict[str, Any]) -> None:
        mode, argument = self.orders.take("send")
        if mode == "drop":
            self.hang_up()
        elif mode == "error":
            raise Refusal(int(argument), "chat.denied" if argument == "403" else "ordered", "ordered")
        elif mode == "bare":
            self.answer("<h1>Forbidden</h1>", "text/html", int(argument))
        else:
            self._after(mode, argument, self.bot.send(self.query("chat_id"), given.get("text")))

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
                self.answer_json({"message": _in_api(message)})

    def _subscriptions(self, _: dict[str, Any]) -> None:
        hook = self.bot.hook
        self.answer_json({"subscriptions": [{"url": hook.url}] if hook.url else []})

    def _subscribe(self, given: dict[str, Any]) -> None:
        try:
            self.bot.hook = Hook.checked(
                str(given.get("url", "")), str(given.get("secret", "")), _kinds(given.get("update_types"))
            )
        except ValueError as error:
            raise Refusal(400, "proto.payload", str(error)) from None
        self.answer_json({"success": True})

    def _unsubscribe(self, _: dict[str, Any]) -> None:
        if self.query("url") == self.bot.hook.url:
            self.bot.hook = Hook()
        self.answer_json({"success": True})

    def _refuse(self, refusal: Refusal) -> None:
        with suppress(OSError):
            self.answer_json({"code": refusal.code, "message": str(refusal)}, refusal.status)

    # Its own part ----------------------------------------------------------------------------------------------

    def _page(self, *, still: bool = False) -> None:
        still = still or self.query("still") == "1"
        html = page(self.bot, lang=language(self.query("lang")), still=still, start=self.query("start"))
        self.answer_page(html, refresh=0 if still else REFRESH)

    def _messages(self) -> None:
        shown = [_shown(message) for message in self.bot.listed(self.query("chat_id"))]
        self.answer_json({"requests": self.bot.requests, "messages": shown, "updates": self.bot.updates})

    def _from_the_page(self) -> None:
        """A form of the page; the browser says itself that it is ours."""
        if self.headers.get("Sec-Fetch-Site") != "same-origin":
            self.answer_json({"error": "only from the page of this double"}, 403)
            return
        given = parse_qs((self.body() or b"").decode("utf-8", "replace"))
        try:
            if self.route == "/press":
                self.bot.press(secrets.randbelow(10**9) + 1, _payload(given.get("link", [""])[0]))
            else:
                self.bot.say(int(given["chat_id"][0]), given["text"][0])
        except (ValueError, KeyError):
            self.answer_json({"error": "no such dialog"}, 400)
            return
        place = link("/", lang=language(given.get("lang", [""])[0])).replace("&amp;", "&")
        self.answer(b"", "text/plain", 303, Location=place)

    def _control(self) -> None:
        try:
            answer = self._obey(self.route.removeprefix("/control/").strip("/"), self.json_body())
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            self.answer_json({"error": str(error)}, 400)
        else:
            self.answer_json({"ok": True, **answer})

    def _obey(self, what: str, data: Any) -> dict[str, Any]:
        """Raises ValueError, KeyError, IndexError, TypeError for an order that is not understood."""
        acts = {
            "": self._order,
            "press": lambda data: self.bot.press(int(data["chat_id"]), str(data.get("payload", ""))),
            "stop": lambda data: self.bot.stop(int(data["chat_id"]), str(data.get("event", "bot_stopped"))),
            "say": lambda data: self.bot.say(
                int(data["chat_id"]), str(data["text"]), str(data.get("chat_type", "dialog"))
            ),
            "repeat": lambda _: {"status": self.bot.repeat()},
            "hook": self._hook,
            "clock": self._forward,
            "reset": self._reset,
        }
        return acts[what](data)

    def _order(self, data: Any) -> dict[str, Any]:
        order = Order.from_json(data, kinds={"send"}, modes=MODES)
        name, _, argument = order.mode.partition(":")
        if name in NUMBERED:
            int(argument)
        self.orders.add(order)
        return {}

    def _hook(self, data: Any) -> dict[str, Any]:
        self.bot.hook = Hook.checked(str(data["url"]), str(data.get("secret", ""))) if data["url"] else Hook()
        return {}

    def _forward(self, data: Any) -> dict[str, Any]:
        self.bot.offset += float(data["forward"])
        return {}

    def _reset(self, _: Any) -> dict[str, Any]:
        self.orders.clear()
        self.bot.forget()
        self.released.set()
        type(self).released = threading.Event()
        return {}


def _fields(raw: bytes | None) -> dict[str, Any]:
    try:
        given = json.loads(raw or b"{}")
    except ValueError:
        raise Refusal(400, "proto.payload", "JSON is expected") from None
    return given if isinstance(given, dict) else {}


def _kinds(given: object) -> tuple[str, ...]:
    return tuple(str(kind) for kind in given) if isinstance(given, list) else ()


def _payload(pasted: str) -> str:
    """The start token of a pasted link, or what was pasted."""
    return parse_qs(urlsplit(pasted.strip()).query).get("start", [pasted.strip()])[0]


def _in_api(message: Message) -> dict[str, Any]:
    return {
        "recipient": {"chat_id": message.chat_id, "chat_type": "dialog"},
        "timestamp": int(message.time.timestamp() * 1000),
        "body": {"mid": message.mid, "seq": 1, "text": message.text},
    }


def _shown(message: Message) -> dict[str, Any]:
    return {
        "mid": message.mid,
        "chat_id": message.chat_id,
        "text": message.text,
        "time": message.time.isoformat(),
    }


def make_handler(bot: Bot) -> type[Messenger]:
    return type("BoundMessenger", (Messenger,), {"bot": bot, "orders": Orders(), "released": threading.Event()})


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m doubles.max", description=str(__doc__).partition("\n")[0])
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--port", type=int, help="port on 127.0.0.1, 0 for any free one")
    place.add_argument("--fd", type=int, help="inherited listening socket")
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--name", default="demo_bot", help="the bot's name")
    parser.add_argument("--hook", default="", help="webhook on this machine, http://127.0.0.1:8000/…")
    parser.add_argument("--secret", default="", help="the webhook's secret")
    parser.add_argument("--secret-file", type=Path, help="a file that holds it")
    given = parser.parse_args(arguments)
    leave_at_once()
    try:
        secret = given.secret_file.read_text(encoding="utf-8").strip() if given.secret_file else given.secret
        hook = Hook.checked(given.hook, secret) if given.hook else Hook()
    except (ValueError, OSError) as error:
        parser.error(str(error))
    sock = listening_socket(port=given.port, fd=given.fd)
    sys.stderr.write(f"max double: http://{sock.getsockname()[0]}:{sock.getsockname()[1]}\n")
    http_server(sock, make_handler(Bot(given.token, given.name, hook))).serve_forever()


if __name__ == "__main__":
    main()
