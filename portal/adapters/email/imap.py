"""Reports of mail servers, read from a mailbox over IMAP (RFC 3501), one connection a call.

`imaps://` speaks TLS from the first byte; `imap://` upgrades with STARTTLS when the server offers it. A password is
never sent in the clear except to this machine itself. People answer to the same mailbox: of what is unread only the
type is looked at, and only reports (multipart/report) are fetched and marked as read. A report that a person has opened
before is taken for settled.
"""

from __future__ import annotations

import imaplib
import ipaddress
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesHeaderParser
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from portal.kernel.ports import PortFailure
from portal.notifications.ports_mail import Report

if TYPE_CHECKING:
    from portal.settings import Settings

TIMEOUT = 20.0  # seconds, for each command and its answer
PORTS = {"imap": 143, "imaps": 993}
MOST_BYTES = 256 * 1024  # the report stands before the returned message
LONGEST_TYPE = 4096
LOOKED_AT_ONCE = 200
YOUNGER_THAN = timedelta(days=14)  # longer than any mail server tries
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UID = re.compile(rb"\bUID (\d+)")
REF = re.compile(r"(\d+)-(\d+)", re.ASCII)


class ImapReturns:
    """A ReturnsBox. `tls` replaces the default context. Remembers which mail is no report. Thread-safe."""

    def __init__(
        self,
        *,
        url: str,
        login: str,
        password: str,
        folder: str = "INBOX",
        timeout: float = TIMEOUT,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(url)
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        try:
            self._port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            self._host = ""
        self._login, self._password, self._folder = login, password, folder
        self._timeout = timeout
        self._own_tls = tls
        self._others: set[str] = set()

    @classmethod
    def from_settings(cls, portal: Settings) -> Self:
        return cls(
            url=portal.imap_url, login=portal.imap_login, password=portal.imap_password, folder=portal.imap_folder
        )

    def waiting(self, most: int) -> list[Report]:
        """See ReturnsBox.waiting."""
        with self._session(is_reading=True) as (connection, validity):
            since = datetime.now(UTC) - YOUNGER_THAN
            day = f"{since.day:02d}-{MONTHS[since.month - 1]}-{since.year}"
            (found, *_) = _ask(connection, "SEARCH", "UNSEEN", "SINCE", day) or [b""]
            refs = {f"{validity}-{int(uid)}": int(uid) for uid in (found or b"").split()}
            self._others &= refs.keys()
            unknown = [uid for ref, uid in refs.items() if ref not in self._others]
            reports = self._reports(connection, validity, sorted(unknown), most)
            return [Report(f"{validity}-{uid}", _whole(connection, uid)) for uid in reports]

    def done(self, refs: Sequence[str]) -> None:
        """See ReturnsBox.done."""
        with self._session(is_reading=False) as (connection, validity):
            found = [REF.fullmatch(ref) for ref in refs]
            uids = [match[2] for match in found if match and match[1] == validity]
            if uids:
                _ask(connection, "STORE", ",".join(uids), "+FLAGS.SILENT", r"(\Seen)")

    def _reports(self, connection: imaplib.IMAP4, validity: str, uids: list[int], most: int) -> list[int]:
        """Those that are reports, at most so many; the rest is remembered."""
        reports: list[int] = []
        for at in range(0, len(uids), LOOKED_AT_ONCE):
            kinds = _kinds(connection, uids[at : at + LOOKED_AT_ONCE])
            reports += [uid for uid, is_report in kinds.items() if is_report]
            self._others |= {f"{validity}-{uid}" for uid, is_report in kinds.items() if not is_report}
            if len(reports) >= most:
                break
        return reports[:most]

    @contextmanager
    def _session(self, *, is_reading: bool) -> Iterator[tuple[imaplib.IMAP4, str]]:
        """A connection with the folder open, and the folder's UIDVALIDITY. Raises PortFailure."""
        self._require_settings()
        connection: imaplib.IMAP4 | None = None
        try:
            connection = self._connected()
            _sign_in(connection, self._login, self._password)
            status, _ = connection.select(_quoted(self._folder), readonly=is_reading)
            if status != "OK":
                raise PortFailure(permanent=False, code="no-folder", detail="IMAP_FOLDER: the server has no such one")
            yield connection, _validity(connection)
        except ssl.SSLError:
            raise _unreachable("tls-failed", "the server's certificate") from None
        except (OSError, imaplib.IMAP4.error) as error:
            raise _unreachable("unreachable", type(error).__name__) from None
        finally:
            if connection is not None:
                with suppress(OSError, imaplib.IMAP4.error):
                    connection.logout()

    def _connected(self) -> imaplib.IMAP4:
        if self._scheme == "imaps":
            return imaplib.IMAP4_SSL(self._host, self._port, ssl_context=self._tls, timeout=self._timeout)
        connection = imaplib.IMAP4(self._host, self._port, timeout=self._timeout)
        if "STARTTLS" in connection.capabilities:
            connection.starttls(self._tls)
        elif not _is_this_machine(self._host):
            connection.shutdown()
            raise _unreachable("no-tls", "the server offers no TLS, so the password is not sent")
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._own_tls or ssl.create_default_context()

    def _require_settings(self) -> None:
        words = (self._login, self._password, self._folder)
        are_plain = all(word and word.isascii() and word.isprintable() for word in words)
        if not (self._host and self._scheme in PORTS and are_plain):
            detail = "IMAP_URL, IMAP_LOGIN, IMAP_PASSWORD, IMAP_FOLDER: missing, or not plain ASCII"
            raise PortFailure(permanent=False, code="not-configured", detail=detail, stops_provider=True)


def _sign_in(connection: imaplib.IMAP4, login: str, password: str) -> None:
    try:
        connection.login(_quoted(login), password)  # imaplib quotes the password alone
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        detail = "the server refuses this login and password"
        raise PortFailure(permanent=False, code="wrong-login", detail=detail, stops_provider=True) from None


def _ask(connection: imaplib.IMAP4, command: str, *arguments: str) -> list[Any]:
    status, data = connection.uid(command, *arguments)
    if status != "OK":
        raise PortFailure(permanent=False, code="imap-no", detail=f"the server refuses {command}")
    return list(data)


def _validity(connection: imaplib.IMAP4) -> str:
    _, data = connection.response("UIDVALIDITY")
    told = data[0] if data else None
    return told.decode("ascii", "replace") if isinstance(told, bytes) else "0"


def _kinds(connection: imaplib.IMAP4, uids: list[int]) -> dict[int, bool]:
    """UID → whether it calls itself a report of delivery. One that vanished meanwhile is left out."""
    wanted = ",".join(map(str, uids))
    found = _ask(connection, "FETCH", wanted, f"(UID BODY.PEEK[HEADER.FIELDS (CONTENT-TYPE)]<0.{LONGEST_TYPE}>)")
    return {uid: _is_report(head) for uid, head in _literals(found)}


def _is_report(head: bytes) -> bool:
    """What `email` cannot read is none: anybody may write to this mailbox."""
    mail = BytesHeaderParser(policy=policy.compat32).parsebytes(head)
    if mail.get_content_type() != "multipart/report":
        return False
    try:
        return "delivery-status" in str(mail.get_param("report-type", "delivery-status")).lower()
    except (ValueError, LookupError, TypeError, AttributeError):
        return False


def _whole(connection: imaplib.IMAP4, uid: int) -> bytes:
    found = _ask(connection, "FETCH", str(uid), f"(UID BODY.PEEK[]<0.{MOST_BYTES}>)")
    return next((body for _, body in _literals(found)), b"")


def _literals(data: list[Any]) -> Iterator[tuple[int, bytes]]:
    """(UID, text) of each answer. `imaplib` gives (line, literal) pairs and what follows; the UID is on either side."""
    for at, item in enumerate(data):
        if isinstance(item, tuple):
            after = data[at + 1] if at + 1 < len(data) and isinstance(data[at + 1], bytes) else b""
            if found := UID.search(item[0]) or UID.search(after):
                yield int(found[1]), item[1]


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unreachable(code: str, detail: str) -> PortFailure:
    return PortFailure(permanent=False, code=code, detail=detail, stops_provider=True)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
