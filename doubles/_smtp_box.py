"""The mailbox behind the SMTP double: messages in memory, and what a page or a test wants to know of each."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

KEPT = 500  # messages


@dataclass(frozen=True)
class Mail:
    """One message to one recipient of the envelope. `raw` is the text as it came, without the dots of DATA."""

    number: int
    sender: str
    to: str
    raw: bytes
    is_encrypted: bool
    is_signed_in: bool
    dsn: dict[str, str]
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, EmailMessage, policy=policy.default)

    @property
    def subject(self) -> str:
        return str(self.message.get("Subject", ""))

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for name, value in self.message.items()]

    def part(self, kind: str) -> str:
        """The first part of this type as text, "" when there is none."""
        for part in self.message.walk():
            if part.get_content_type() == kind and not part.is_multipart():
                return _readable(part)
        return ""

    @property
    def structure(self) -> list[str]:
        """Types of the parts, outside in: ["multipart/alternative", "text/plain", "text/html"]."""
        return [part.get_content_type() for part in self.message.walk()]

    @property
    def files(self) -> list[str]:
        return [name for part in self.message.walk() if (name := part.get_filename())]

    def shown(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "from": self.sender,
            "to": self.to,
            "time": self.at.isoformat(),
            "subject": self.subject,
            "text": self.part("text/plain"),
            "html": self.part("text/html"),
            "calendar": self.part("text/calendar"),
            "headers": dict(self.headers),
            "header_names": [name for name, _ in self.headers],
            "structure": self.structure,
            "files": self.files,
            "message_id": str(self.message.get("Message-ID", "")),
            "size": len(self.raw),
            "encrypted": self.is_encrypted,
            "signed_in": self.is_signed_in,
            "dsn": self.dsn,
            "raw": self.raw.decode("utf-8", "replace"),
        }


def _readable(part: EmailMessage) -> str:
    try:
        content = part.get_content()
    except (LookupError, ValueError):  # a charset nobody knows
        content = part.get_payload(decode=True) or b""
    return content if isinstance(content, str) else bytes(content).decode("utf-8", "replace")


class Mailbox:
    """What came in, newest first. Thread-safe."""

    def __init__(self) -> None:
        self._mails: deque[Mail] = deque(maxlen=KEPT)
        self._count = 0
        self._lock = threading.Lock()

    def add(
        self, *, sender: str, to: list[str], raw: bytes, is_encrypted: bool, is_signed_in: bool, dsn: dict[str, str]
    ) -> None:
        with self._lock:
            for recipient in to:
                self._count += 1
                self._mails.append(Mail(self._count, sender, recipient, raw, is_encrypted, is_signed_in, dsn))

    def listed(self, to: str = "") -> list[Mail]:
        with self._lock:
            return [mail for mail in reversed(self._mails) if to.lower() in mail.to.lower()]

    def get(self, number: int) -> Mail | None:
        return next((mail for mail in self.listed() if mail.number == number), None)

    def forget(self) -> None:
        with self._lock:
            self._mails.clear()
