"""E-mail over SMTP (RFC 5321), one connection a message.

`smtps://` speaks TLS from the first byte; `smtp://` upgrades with STARTTLS when the server offers it. A password is
never sent in the clear except to this machine itself. Certificates are checked against the system's list.

Everything is ASCII in short lines (base64, encoded words), so that no relay rewrites what a signature covers. Where the
server knows DSN (RFC 3461), a report comes back with the message's id and headers, and without its text.
"""

from __future__ import annotations

import ipaddress
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, localtime, parseaddr
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit
from uuid import UUID

from portal.adapters.email.dkim import Signer
from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports import ADDRESS, Accepted, require_address, require_headers
from portal.notifications.ports_mail import BARE, NO_MAIL_HERE, STATUS, Fault, MailboxRefused, fault_of

if TYPE_CHECKING:
    from portal.settings import Settings

TIMEOUT = 15.0  # seconds, for each command and its answer
WHOLE = 40.0  # seconds from the first packet on, for whatever follows the greeting: with a late start within a lease
PORTS = {"smtp": 25, "smtps": 465}
METHOD = re.compile(rb"^METHOD:([A-Z-]{1,20})\r?$", re.MULTILINE)
GO_AHEAD = 354
# Not about this message: shutting down, sign-in wanted or refused; -1 is smtplib's for an answer that is none.
ABOUT_US = frozenset({-1, 421, 530, 534, 535, 538})


class SmtpSender:
    """An EmailSender. `tls` replaces the default context (an own certificate authority). Thread-safe.

    mail_return  the envelope's sender, where reports go; else the address of `mail_from`
    signer       signs with DKIM; None: a relay does, or nobody
    """

    def __init__(
        self,
        *,
        url: str,
        mail_from: str,
        mail_return: str = "",
        signer: Signer | None = None,
        timeout: float = TIMEOUT,
        whole: float = WHOLE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(url)
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        try:
            self._port = parts.port or PORTS.get(parts.scheme, 25)
        except ValueError:  # not a number: told at the first send, like an address that is missing
            self._host = ""
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._name, self._address = parseaddr(mail_from)
        self._return = mail_return or self._address
        self._signer = signer
        self._timeout, self._whole = timeout, whole
        self._own_tls = tls

    @classmethod
    def from_settings(cls, portal: Settings) -> Self:
        signer = Signer(selector=portal.dkim_selector, key=portal.dkim_key) if portal.dkim_selector else None
        return cls(url=portal.smtp_url, mail_from=portal.mail_from, mail_return=portal.mail_return, signer=signer)

    def send(
        self,
        to: str,
        subject: str,
        text: str,
        html: str = "",
        *,
        key: UUID,
        headers: Mapping[str, str] | None = None,
        calendar: bytes | None = None,
    ) -> Accepted:
        """See EmailSender.send. A reply 4xx is a temporary PortFailure, 5xx a permanent one, code `smtp-NNN`.

        Refusals before the message (greeting, sign-in) are about the account, so they stop the provider instead. One
        that is about the recipient's mailbox is MailboxRefused.
        """
        self._require_settings()
        require_address(to)
        require_headers(subject, headers or {})
        message = self._message(to, subject, key, headers or {})
        _fill(message, text, html, calendar)
        with self._connected() as connection:
            _deliver(connection, self._wire(connection, message, to), Envelope(_wire_address(self._return), to, key))
        return Accepted(str(message["Message-ID"]), 1)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._own_tls or ssl.create_default_context()

    def _message(self, to: str, subject: str, key: UUID, headers: Mapping[str, str]) -> EmailMessage:
        message = EmailMessage(policy=WIRE)
        message["From"] = Address(self._name, addr_spec=_wire_address(self._address))
        message["To"] = _wire_address(to)
        message["Subject"] = subject
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = f"<{key}@{_domain(self._address)}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Entity-Ref-ID"] = str(key)
        for name, value in headers.items():
            message[name] = value
        return message

    def _wire(self, connection: smtplib.SMTP, message: EmailMessage, to: str) -> bytes:
        """The message as it is sent, signed. Raises PortFailure when this server cannot take such an address."""
        needs_utf8 = not _wire_address(to).isascii()
        if needs_utf8 and not connection.has_extn("smtputf8"):
            raise PortFailure(permanent=True, code="bad-address", detail="the server takes latin addresses only")
        body = message.as_bytes(policy=WIRE.clone(utf8=needs_utf8))
        return self._signer.sign(body, domain=_domain(self._address)) + body if self._signer else body

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A connection that is greeted, encrypted where possible and signed in. Raises PortFailure."""
        ends = monotonic() + self._whole
        with _refusals():
            connection = self._greeted()
        clock = threading.Timer(max(0.0, ends - monotonic()), _cut, [connection])
        clock.daemon = True
        clock.start()
        try:
            with _refusals():
                self._prepare(connection)
            yield connection
        finally:
            clock.cancel()
            connection.close()

    def _greeted(self) -> smtplib.SMTP:
        helo = _domain(self._address)  # the default would ask the name service who we are
        if self._scheme == "smtps":
            return smtplib.SMTP_SSL(self._host, self._port, helo, timeout=self._timeout, context=self._tls)
        return smtplib.SMTP(self._host, self._port, helo, timeout=self._timeout)

    def _prepare(self, connection: smtplib.SMTP) -> None:
        connection.ehlo_or_helo_if_needed()
        if self._scheme == "smtp" and connection.has_extn("starttls"):
            connection.starttls(context=self._tls)
            connection.ehlo_or_helo_if_needed()
        if not self._user:
            return
        is_private = isinstance(connection.sock, ssl.SSLSocket) or _is_this_machine(self._host)
        if not is_private:
            raise _unreachable("no-tls", "the server offers no TLS, so the password is not sent")
        connection.login(self._user, self._password)

    def _require_settings(self) -> None:
        locals_ = self._address.rpartition("@")[0] + self._return.rpartition("@")[0]
        is_plain = locals_.isascii() and self._name.isprintable()
        has_sender = is_plain and ADDRESS.fullmatch(self._address) and ADDRESS.fullmatch(self._return)
        can_sign_in = (self._user + self._password).isascii()  # smtplib knows no other
        if not (self._host and self._scheme in PORTS and has_sender and can_sign_in):
            raise PortFailure(
                permanent=False,
                code="not-configured",
                detail="SMTP_URL, MAIL_FROM or MAIL_RETURN is missing or malformed",
                stops_provider=True,
            )


@contextmanager
def _refusals() -> Iterator[None]:
    """Before the message everything is about the account."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, stops_provider=True) from None
    except ssl.SSLError:
        raise _unreachable("tls-failed", "the server's certificate") from None
    except (OSError, smtplib.SMTPException) as error:
        raise _unreachable("unreachable", type(error).__name__) from None


def _cut(connection: smtplib.SMTP) -> None:
    """A server that answers slowly enough never meets the limit of one command; whoever waits for it hears an end."""
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _fill(message: EmailMessage, text: str, html: str, calendar: bytes | None) -> None:
    """text, html and calendar as alternatives; the calendar once more as a file. Base64: any relay carries it."""
    message.set_content(text, charset="utf-8", cte="base64")
    if html:
        message.add_alternative(html, subtype="html", charset="utf-8", cte="base64")
    if calendar is None:
        return
    found = METHOD.search(calendar)
    method = found.group(1).decode("ascii") if found else "PUBLISH"
    params = {"method": method, "charset": "UTF-8"}
    message.add_alternative(calendar, "text", "calendar", cte="base64", params=params)
    message.add_attachment(calendar, "text", "calendar", filename="invite.ics", cte="base64")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends to whom, and the id that a report will carry."""

    sender: str
    to: str
    key: UUID

    @property
    def recipient(self) -> str:
        return _wire_address(self.to)

    def mail_options(self, connection: smtplib.SMTP, size: int) -> list[str]:
        options = [] if self.recipient.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        if connection.has_extn("size"):
            options.append(f"SIZE={size}")
        return [*options, "RET=HDRS", f"ENVID={self.key}"] if connection.has_extn("dsn") else options

    def rcpt_options(self, connection: smtplib.SMTP) -> list[str]:
        if not connection.has_extn("dsn"):
            return []
        written = [f"ORCPT=rfc822;{_xtext(self.recipient)}"] if self.recipient.isascii() else []
        return ["NOTIFY=FAILURE,DELAY", *written]


def _xtext(text: str) -> str:
    """RFC 3461, 4: what could end a parameter, in hexadecimal."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)


def _deliver(connection: smtplib.SMTP, body: bytes, envelope: Envelope) -> None:
    """MAIL, RCPT, DATA. Until the text is written a silence means "not sent", afterwards it means "unknown"."""
    try:
        _expect(connection.mail(envelope.sender, envelope.mail_options(connection, len(body))), range(200, 300))
        _expect(connection.rcpt(envelope.recipient, envelope.rcpt_options(connection)), range(200, 300), is_rcpt=True)
        _expect(connection.docmd("data"), range(GO_AHEAD, GO_AHEAD + 1), is_data=True)
    except (OSError, smtplib.SMTPException) as error:
        raise _unreachable("unreachable", type(error).__name__) from None
    try:
        connection.send(_dotted(body))
        reply = connection.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise PortUnknown(code="no-answer", detail=type(error).__name__) from None
    if reply[0] not in range(200, 600):
        raise PortUnknown(code="bad-answer", detail="the server's last answer is none")
    _expect(reply, range(200, 300), is_data=True)
    _part_politely(connection)


def _expect(reply: tuple[int, bytes], codes: range, *, is_rcpt: bool = False, is_data: bool = False) -> None:
    """An answer to MAIL is about the sender, whatever it says."""
    code, text = reply
    if code in codes:
        return
    if 500 <= code < 600 and code not in ABOUT_US and (is_rcpt or is_data):
        fault = _fault(code, text, is_rcpt=is_rcpt)
        if fault is Fault.ADDRESS or (is_rcpt and fault is Fault.UNCLEAR):
            raise MailboxRefused(code=f"smtp-{code}", fault=fault)
    raise _refusal(code, stops_provider=code in ABOUT_US)


def _fault(code: int, text: bytes, *, is_rcpt: bool) -> Fault:
    """By the enhanced status (RFC 2034); without one, by the code itself and only for RCPT."""
    if told := STATUS.match(text.decode("ascii", "replace").strip()):
        return fault_of(told[0])
    if is_rcpt and code == NO_MAIL_HERE:
        return Fault.ADDRESS
    return Fault.UNCLEAR if is_rcpt and code in BARE else Fault.OTHER


def _refusal(code: int, *, stops_provider: bool) -> PortFailure:
    """The server's own words are left out: they quote the address."""
    return PortFailure(
        permanent=500 <= code < 600 and not stops_provider,
        code=f"smtp-{code}",
        detail="the server refused",
        stops_provider=stops_provider,
    )


def _unreachable(code: str, detail: str) -> PortFailure:
    return PortFailure(permanent=False, code=code, detail=detail, stops_provider=True)


def _dotted(body: bytes) -> bytes:
    """The text as DATA carries it: a leading dot doubled, closed by a lone dot (RFC 5321, 4.5.2)."""
    lines = body if body.endswith(b"\r\n") else body + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n"


def _part_politely(connection: smtplib.SMTP) -> None:
    try:
        connection.docmd("quit")
    except (OSError, smtplib.SMTPException):
        return  # the message is taken; how the server hangs up does not matter


def _wire_address(address: str) -> str:
    """The domain in its ASCII form, so that a Russian domain needs no SMTPUTF8."""
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise PortFailure(permanent=True, code="bad-address", detail="not a domain name") from None


def _domain(address: str) -> str:
    return _wire_address(address).rpartition("@")[2]


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
