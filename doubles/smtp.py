"""The mail server's double: `python -m doubles.smtp --smtp-port 8026 --http-port 8027`, page at `/`.

A real SMTP server (aiosmtpd) that delivers nowhere. It refuses: recipients without a proper domain (550), messages
over 10 MB (552), a bare CR or LF (521, and it hangs up), unknown commands (500), and with --login also anything
before AUTH (530, 535). It offers SIZE, 8BITMIME, SMTPUTF8, DSN (RFC 3461; not with --no-dsn), and STARTTLS when given a
certificate.

Its own, for people and tests (JSON, from this machine only):
    GET  /                     what was sent, newest first; ?to= ?lang=en ?still=1
    GET  /m/<number>           one message
    GET  /messages.json        the same, ?to=
    POST /control/             {"mode": …, "times": n, "on": "mail" | "rcpt" | "data"}: for the next n commands
                                 reply:451   refuse with this code; reply:550 5.1.1 with this enhanced status too
                                 drop        take nothing, close the connection
                                 timeout     (data) take the message, never answer
                                 lost        (data) take the message, close the connection without an answer
    POST /control/reset        forget messages and orders
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import ssl
import sys
import threading
import warnings
from http.server import ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from doubles._pages import REFRESH, language
from doubles._server import PAGE_POLICY, Handler, Order, Orders, http_server, leave_at_once, listening_socket
from doubles._smtp_box import Mailbox
from doubles._smtp_page import list_page, mail_page

MAX_SIZE = 10 * 1024 * 1024  # bytes
NAME = "mail.double.invalid"
RECIPIENT = re.compile(r"[^@\s]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_][\w-]{1,62}")
BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"
RET, XTEXT = re.compile("FULL|HDRS"), re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2}){1,100}")
NOTIFY = re.compile("NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2}")
ORCPT = re.compile(r"rfc822;(?:[!-*,-<>-~]|\+[0-9A-F]{2}){1,500}")
MODES = {"reply", "drop", "timeout", "lost"}


class StrictServer(SMTP):
    """aiosmtpd, but strict about line ends: what some relays read as two messages is refused here. And with DSN."""

    _held = b""
    knows_dsn = True
    dsn: dict[str, str]  # what the envelope asks of reports

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        """RET and ENVID are taken here, the rest by aiosmtpd, which refuses what it does not know."""
        self.dsn = {}
        rest = self._without_dsn(arg, {"RET": RET, "ENVID": XTEXT})
        await (super().smtp_MAIL(rest) if rest is not None else self.push("501 5.5.4 Error: malformed DSN parameter"))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        rest = self._without_dsn(arg, {"NOTIFY": NOTIFY, "ORCPT": ORCPT})
        await (super().smtp_RCPT(rest) if rest is not None else self.push("501 5.5.4 Error: malformed DSN parameter"))

    def _without_dsn(self, arg: str | None, known: dict[str, re.Pattern[str]]) -> str | None:
        """The command without these parameters; None for a malformed one."""
        rest = []
        for word in (arg or "").split(" "):
            name, _, value = word.partition("=")
            if not self.knows_dsn or name.upper() not in known:
                rest.append(word)
            elif known[name.upper()].fullmatch(value):
                self.dsn[name.upper()] = value
            else:
                return None
        return " ".join(rest)

    def data_received(self, data: bytes) -> None:
        seen = self._held + data
        self._held = b"\r" if seen.endswith(b"\r") else b""
        complete = seen.removesuffix(b"\r") if self._held else seen
        if BARE.search(complete) and self.transport is not None:
            transport: Any = self.transport
            transport.write(b"521 5.5.2 Error: bare <CR> or <LF> received\r\n")
            transport.close()
            return
        super().data_received(data)


class Postman:
    """aiosmtpd's hooks: each answers with the reply line."""

    def __init__(self, box: Mailbox, orders: Orders) -> None:
        self.box = box
        self.orders = orders

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds it by this name
        self, server: SMTP, session: Session, _: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        offers = ["250-DSN"] if isinstance(server, StrictServer) and server.knows_dsn else []
        return [*responses[:-1], *offers, responses[-1]]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd finds it by this name
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._ordered(server, "mail"):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender ok"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._ordered(server, "rcpt"):
            return refusal
        if not RECIPIENT.fullmatch(address):
            return "550 5.1.1 No such recipient here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        mode, argument = self.orders.take("data")
        if mode == "reply":
            return f"{argument} Ordered by the double's control"
        if mode != "drop":
            self.box.add(
                sender=envelope.mail_from or "",
                to=[str(address) for address in envelope.rcpt_tos],
                raw=bytes(envelope.original_content or b""),
                is_encrypted=server.transport is not None and bool(server.transport.get_extra_info("sslcontext")),
                is_signed_in=bool(session.authenticated),
                dsn=dict(server.dsn) if isinstance(server, StrictServer) else {},
            )
        if mode == "timeout":
            await asyncio.Event().wait()
        if mode in ("drop", "lost"):
            _hang_up(server)
        return "250 2.0.0 Taken"

    def _ordered(self, server: SMTP, command: str) -> str:
        mode, argument = self.orders.take(command)
        if mode == "drop":
            _hang_up(server)
        return f"{argument or 421} Ordered by the double's control" if mode else ""


def _hang_up(server: SMTP) -> None:
    transport: Any = server.transport
    if transport is not None:
        transport.abort()


class Pages(Handler):
    """One HTTP connection. `box` and `orders` are set on a subclass by `make_pages`."""

    box: Mailbox
    orders: Orders

    def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
        if not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
        elif self.route == "/":
            self._list()
        elif self.route == "/style.css":
            self.answer_style()
        elif self.route == "/messages.json":
            self.answer_json({"messages": [mail.shown() for mail in self.box.listed(self.query("to"))]})
        elif found := re.fullmatch(r"/m/(\d{1,9})(/html)?", self.route, re.ASCII):
            self._mail(int(found.group(1)), is_frame=bool(found.group(2)))
        else:
            self.answer_json({"error": "not found"}, 404)

    def do_POST(self) -> None:  # noqa: N802
        if not self.is_for_this_machine():
            self.answer_json({"error": "only for this machine"}, 421)
            return
        try:
            self._obey(self.route, self.json_body())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.answer_json({"error": str(error)}, 400)
        else:
            self.answer_json({"ok": True})

    def _list(self) -> None:
        lang, still, to = language(self.query("lang")), self.query("still") == "1", self.query("to")[:254]
        html = list_page(self.box.listed(to), lang=lang, still=still, to=to)
        self.answer_page(html, refresh=0 if still else REFRESH)

    def _mail(self, number: int, *, is_frame: bool) -> None:
        mail = self.box.get(number)
        status = 200 if mail else 404
        if is_frame:
            self.answer_page(mail.part("text/html") if mail else "", policy=MAIL_POLICY, status=status)
            return
        html = mail_page(mail, lang=language(self.query("lang")), path=f"/m/{number}")
        self.answer_page(html, policy=f"{PAGE_POLICY}; frame-src 'self'", status=status)

    def _obey(self, route: str, data: Any) -> None:
        """Raises ValueError, KeyError, TypeError for an order that is not understood."""
        if route == "/control/reset":
            self.orders.clear()
            self.box.forget()
        elif route == "/control/":
            order = Order.from_json({"on": "data", **data}, kinds={"mail", "rcpt", "data"}, modes=MODES)
            mode, _, code = order.mode.partition(":")
            if not re.fullmatch(r"[45]\d\d(?: [45]\.\d{1,3}\.\d{1,3})?" if mode == "reply" else "", code, re.ASCII):
                raise ValueError("reply:CODE with a code of 400 to 599, and perhaps a status")
            self.orders.add(order)
        else:
            raise ValueError("reset or an order")


def make_pages(box: Mailbox, orders: Orders) -> type[Pages]:
    return type("BoundPages", (Pages,), {"box": box, "orders": orders})


def server_factory(postman: Postman, given: argparse.Namespace) -> SMTP:
    """One SMTP session's protocol."""

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _way: str, data: Any) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and data.login == given.login.encode()
        return AuthResult(success=is_right and data.password == given.password.encode(), handled=False)

    server = StrictServer(
        postman,
        data_size_limit=MAX_SIZE,
        enable_SMTPUTF8=True,
        hostname=NAME,
        ident="double",
        tls_context=_tls(given) if given.tls_cert and not given.tls_wrapped else None,
        auth_required=bool(given.login),
        auth_require_tls=False,
        auth_exclude_mechanism=None if given.login else ["LOGIN", "PLAIN"],
        authenticator=authenticate if given.login else None,
    )
    server.knows_dsn = not given.no_dsn
    return server


def _tls(given: argparse.Namespace) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(given.tls_cert, given.tls_key)
    return context


async def serve(sock: Any, pages: ThreadingHTTPServer, postman: Postman, given: argparse.Namespace) -> None:
    """Run until the process ends; pages answer only when the SMTP side does."""
    loop = asyncio.get_running_loop()
    tls = _tls(given) if given.tls_wrapped else None
    server = await loop.create_server(lambda: server_factory(postman, given), sock=sock, ssl=tls)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    await server.serve_forever()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m doubles.smtp", description=str(__doc__).partition("\n")[0])
    for name in ("smtp", "http"):
        place = parser.add_mutually_exclusive_group(required=True)
        place.add_argument(f"--{name}-port", type=int, help="port on 127.0.0.1, 0 for any free one")
        place.add_argument(f"--{name}-fd", type=int, help="inherited listening socket")
    parser.add_argument("--login", default="", help="demand AUTH with this login")
    parser.add_argument("--password", default="")
    parser.add_argument("--tls-cert", help="PEM file: offer STARTTLS")
    parser.add_argument("--tls-key", help="PEM file")
    parser.add_argument("--tls-wrapped", action="store_true", help="TLS from the first byte instead of STARTTLS")
    parser.add_argument("--no-dsn", action="store_true", help="do not offer DSN")
    given = parser.parse_args(arguments)
    leave_at_once()
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # it would write down addresses
    warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
    mail = listening_socket(port=given.smtp_port, fd=given.smtp_fd)
    web = listening_socket(port=given.http_port, fd=given.http_fd)
    box, orders = Mailbox(), Orders()
    for name, sock in (("smtp", mail), ("http", web)):
        sys.stderr.write(f"smtp double: {name}://{sock.getsockname()[0]}:{sock.getsockname()[1]}\n")
    asyncio.run(serve(mail, http_server(web, make_pages(box, orders)), Postman(box, orders), given))


if __name__ == "__main__":
    main()
