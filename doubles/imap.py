"""The mailbox's double: `python -m doubles.imap --imap-port 8032 --http-port 8033`. A real IMAP server, in memory.

Needs pymap, which the development environment has. It refuses a wrong login or password, commands before LOGIN, and
with --tls-cert a LOGIN before STARTTLS. Mail comes in by APPEND, as any client may, or by
    POST /control/deliver      {"raw": base64, "seen": false}
    POST /control/reset        forget all mail; UIDs start again under another UIDVALIDITY
and is told by
    GET  /messages.json        [{"uid", "subject", "seen", "flags"}], oldest first
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import logging
import ssl
import sys
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, DictBackend
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxSet
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials import FetchRequirement
from pymap.parsing.specials.flag import Flag, Seen

from doubles._server import Handler, http_server, leave_at_once, listening_socket


class Box:
    """The one mailbox behind the server, reached from the threads of the pages."""

    def __init__(self, config: Config, loop: asyncio.AbstractEventLoop) -> None:
        self._config, self._loop = config, loop

    def deliver(self, raw: bytes, *, seen: bool = False) -> None:
        self._do(self._append(raw, frozenset({Seen}) if seen else frozenset()))

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._do(self._list())
        return found

    def reset(self) -> None:
        self._do(self._renew())

    def _do(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(30)

    async def _renew(self) -> None:
        self._config.apply_context()
        self._config.set_cache[self._config.demo_user] = (MailboxSet(), FilterSet())

    async def _inbox(self) -> Any:
        self._config.apply_context()
        if self._config.demo_user not in self._config.set_cache:
            await self._renew()
        return await self._config.set_cache[self._config.demo_user][0].get_mailbox("INBOX")

    async def _append(self, raw: bytes, flags: frozenset[Flag]) -> None:
        await (await self._inbox()).append(AppendMessage(raw, datetime.now(UTC), flags))

    async def _list(self) -> list[dict[str, Any]]:
        found = []
        async for message in (await self._inbox()).messages():
            raw = bytes((await message.load_content(FetchRequirement.CONTENT)).content)
            head = message_from_bytes(raw, policy=policy.compat32)
            flags = sorted(str(flag) for flag in message.permanent_flags)
            subject = str(head.get("Subject", ""))
            found.append(
                {"uid": message.uid, "subject": subject, "seen": Seen in message.permanent_flags, "flags": flags}
            )
        return found


class Pages(Handler):
    """One HTTP connection. `box` is set on a subclass by `main`."""

    box: Box

    def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
        if not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
        elif self.route == "/messages.json":
            self.answer_json({"messages": self.box.listed()})
        else:
            self.answer_json({"error": "not found"}, 404)

    def do_POST(self) -> None:  # noqa: N802
        if not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
            return
        try:
            self._obey(self.json_body())
        except (ValueError, KeyError, TypeError) as error:
            self.answer_json({"error": str(error)}, 400)
        else:
            self.answer_json({"ok": True})

    def _obey(self, data: Any) -> None:
        """Raises ValueError, KeyError, TypeError for an order that is not understood."""
        if self.route == "/control/deliver":
            self.box.deliver(base64.b64decode(data["raw"], validate=True), seen=bool(data.get("seen")))
        elif self.route == "/control/reset":
            self.box.reset()
        else:
            raise ValueError("deliver or reset")


def configured(given: argparse.Namespace) -> Config:
    """pymap's own settings. Without a certificate LOGIN is taken in the clear: this machine only."""
    words = {"host": None, "port": 0, "debug": False, "cert": given.tls_cert, "key": given.tls_key}
    kept = {"passlib_cfg": None, "proxy_protocol": None, "demo_data": False}
    offers_tls = bool(given.tls_cert) and not given.tls_wrapped
    account = {"demo_user": given.login, "demo_password": given.password, "tls": offers_tls}
    return Config.from_args(argparse.Namespace(**words, **kept, **account), invalid_user_sleep=0.0)


async def serve(sock: Any, web: Any, given: argparse.Namespace) -> None:
    """Run until the process ends; pages answer only when the IMAP side does."""
    config = configured(given)
    config.apply_context()
    backend, config = await DictBackend.init(config.args, invalid_user_sleep=0.0)
    tls = None
    if given.tls_wrapped:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(given.tls_cert, given.tls_key)
    take = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(backend.login, config))
    server = await asyncio.start_server(take, sock=sock, ssl=tls)
    pages = type("BoundPages", (Pages,), {"box": Box(config, asyncio.get_running_loop())})
    threading.Thread(target=http_server(web, pages).serve_forever, daemon=True).start()
    await server.serve_forever()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m doubles.imap", description=str(__doc__).partition("\n")[0])
    for name in ("imap", "http"):
        place = parser.add_mutually_exclusive_group(required=True)
        place.add_argument(f"--{name}-port", type=int, help="port on 127.0.0.1, 0 for any free one")
        place.add_argument(f"--{name}-fd", type=int, help="inherited listening socket")
    parser.add_argument("--login", default="demo")
    parser.add_argument("--password", default="demo")
    parser.add_argument("--tls-cert", help="PEM file: offer STARTTLS, and take LOGIN only after it")
    parser.add_argument("--tls-key", help="PEM file")
    parser.add_argument("--tls-wrapped", action="store_true", help="TLS from the first byte instead of STARTTLS")
    given = parser.parse_args(arguments)
    leave_at_once()
    logging.getLogger("pymap").setLevel(logging.CRITICAL)  # it would write down addresses
    mail = listening_socket(port=given.imap_port, fd=given.imap_fd)
    web = listening_socket(port=given.http_port, fd=given.http_fd)
    for name, sock in (("imap", mail), ("http", web)):
        sys.stderr.write(f"imap double: {name}://{sock.getsockname()[0]}:{sock.getsockname()[1]}\n")
    asyncio.run(serve(mail, web, given))


if __name__ == "__main__":
    main()
