"""Read a mail server's report (RFC 3462, 3464, 6533): which message of ours, to whom, what became of it.

Servers differ and some are wrong: a part may be missing, a status wholly general, a block unseparated. What cannot be
read says nothing. Answers of people and of their holiday programs, receipts of reading and of delivery are no reports
here. The text comes from outside: only ids, addresses and a status are taken, and the caller believes none of them.
"""

from __future__ import annotations

import base64
import binascii
import logging
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string, policy
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Any
from uuid import UUID

from portal.notifications.ports_mail import STATUS, Fault, fault_of

logger = logging.getLogger(__name__)
STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
RETURNED_TYPES = ("text/rfc822-headers", "message/rfc822", "message/global", "message/global-headers")
OURS = re.compile(r"<([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})@[^<>@\s]{1,255}>", re.ASCII)
ENVELOPE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
REPLY = re.compile(r"(?:^|[;\s])([45])\d\d(?:[\s-]|$)", re.ASCII)
BLANK_LINE = re.compile(r"\r?\n[ \t]*\r?\n")
MOST_PARTS, MOST_RECIPIENTS = 50, 20
TYPE_LINES = re.compile(r"(?:^|[\r\n])content-type[ \t]*:[^\r\n]*(?:(?:\r\n?|\n)[ \t][^\r\n]*)*", re.IGNORECASE)
LONGEST_TYPE = 4000
DELAYED, FAILED = "delayed", "failed"


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one recipient. `addresses`: the last one and the one we wrote to, in lower case."""

    addresses: tuple[str, ...]
    action: str
    status: str

    @property
    def fault(self) -> Fault:
        return Fault.FOR_NOW if self.action == DELAYED else fault_of(self.status)


@dataclass(frozen=True, slots=True)
class Returned:
    """`refs`: Message-IDs, with brackets; `keys`: ids that the envelope carried. Either names the message."""

    refs: tuple[str, ...]
    keys: tuple[UUID, ...]
    told: tuple[Told, ...]

    def names(self) -> dict[UUID, set[str]]:
        """Message id → the Message-IDs it was named by, none for the envelope's."""
        found: dict[UUID, set[str]] = {key: set() for key in self.keys}
        for ref in self.refs:
            found.setdefault(UUID(ref[1:37]), set()).add(ref)
        return found


def read_report(raw: bytes) -> Returned | None:
    """None for whatever is no report of something that did not arrive."""
    try:
        return _read(_parsed(raw.decode("ascii", "surrogateescape")))
    except Exception as fault:  # `email` raises much on broken mail; whatever it is, the next turn would meet it again
        logger.warning("a report of a mail server cannot be read", extra={"why": type(fault).__name__})
        return None


def _parsed(text: str) -> Message:
    """`email` takes types apart in quadratic time, those inside other parts too."""
    if any(len(found[0]) > LONGEST_TYPE for found in TYPE_LINES.finditer(text)):
        raise ValueError("a type that long is no type")
    return message_from_string(text, policy=policy.compat32)


def _read(mail: Message) -> Returned | None:
    kind = mail.get_param("report-type", "delivery-status")
    if mail.get_content_type() != "multipart/report" or _word(kind) != "delivery-status":
        return None
    parts = list(_parts(mail))
    blocks = [block for part in parts if part.get_content_type() in STATUS_TYPES for block in _blocks(part)]
    told = [one for block in blocks if (one := _told(block))][:MOST_RECIPIENTS]
    if not told:
        return None
    refs = [ref for part in parts if part.get_content_type() in RETURNED_TYPES for ref in _message_ids(part)]
    keys = [UUID(text) for block in blocks if ENVELOPE.fullmatch(text := _value(block, "Original-Envelope-Id").lower())]
    if not refs and not keys:  # some copy the thread of the message there: its last id is the message's own
        refs = _refs(mail, "In-Reply-To") or _refs(mail, "References")[-1:]
    return Returned(tuple(dict.fromkeys(refs)), tuple(dict.fromkeys(keys)), tuple(told))


def _parts(mail: Message) -> Iterator[Message]:
    """The report's own parts; what lies inside a returned message is not the server's word."""
    for part in _inner(mail)[:MOST_PARTS]:
        if part.get_content_maintype() == "multipart":
            yield from _parts(part)
        else:
            yield part


def _inner(mail: Message) -> list[Message]:
    payload: Any = mail.get_payload()
    return list(payload) if isinstance(payload, list) else []


def _word(value: object) -> str:
    text = collapse_rfc2231_value(value) if isinstance(value, str | tuple) else ""
    return text.strip().strip('"').lower()


def _text(part: Message) -> str:
    """The body of a part as text, however it was encoded: `email` takes message/* apart before it decodes."""
    payload: Any = part.get_payload(decode=True)
    if payload is not None:
        return bytes(payload).decode("utf-8", "replace")
    raw = b"\n".join(inner.as_bytes(policy=policy.compat32) for inner in _inner(part)[: MOST_RECIPIENTS + 1])
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding == "base64":
        try:
            raw = base64.b64decode(raw)
        except binascii.Error:
            return ""
    elif encoding == "quoted-printable":
        raw = quopri.decodestring(raw)
    return raw.decode("utf-8", "replace")


def _blocks(part: Message) -> list[Message]:
    texts = BLANK_LINE.split(_text(part).strip())[: MOST_RECIPIENTS + 1]
    return [_parsed(text.strip() + "\n\n") for text in texts]


def _value(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())


def _told(block: Message) -> Told | None:
    """None for the block about the message, and for a recipient whom it did reach."""
    addresses = [_address(_value(block, name)) for name in ("Final-Recipient", "Original-Recipient")]
    known = tuple(dict.fromkeys(address for address in addresses if address))
    status = _status(_value(block, "Status"), _value(block, "Diagnostic-Code"))
    meant = {"5": FAILED, "4": DELAYED}.get(status[:1], "")
    action = _value(block, "Action").partition(" ")[0].lower() or meant
    if not known or action not in (FAILED, DELAYED) or status.startswith("2"):
        return None
    return Told(known, action, status)


def _address(value: str) -> str:
    """`rfc822; <Anna@Example.RU>` → `anna@example.ru`."""
    text = value.partition(";")[2] or value
    inside = re.search(r"<([^<>]*)>", text)
    return (inside[1] if inside else text).strip().strip('"').lower()


def _status(told: str, diagnostic: str) -> str:
    """A general status (`5.0.0` is all that some servers ever write) gives way to what the other server answered."""
    own, answered = STATUS.match(told), STATUS.search(diagnostic)
    if own and own.group(2, 3) != ("0", "0"):
        return own[0]
    if answered and (own is None or own[1] == answered[1]):
        return answered[0]
    if own:
        return own[0]
    reply = REPLY.search(diagnostic)
    return f"{reply[1]}.0.0" if reply else ""


def _message_ids(part: Message) -> list[str]:
    """Message-ID of the returned message: its headers alone, or all of it."""
    inner = _inner(part) or [_parsed(_text(part))]
    return _refs(inner[0], "Message-ID")


def _refs(mail: Message, name: str) -> list[str]:
    return [found[0] for found in OURS.finditer(str(mail.get(name, "")).lower())][-MOST_RECIPIENTS:]
