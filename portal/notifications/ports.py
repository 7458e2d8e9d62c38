"""What notifications ask of the outside: two senders, their answers, and small fakes for tests.

Refusals are `PortFailure`, an unknown outcome is `PortUnknown` (both in `portal.kernel.ports`). A sender is safe
to use from several threads, never logs a recipient or a text, and never waits longer than its timeouts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from portal.kernel.ports import PortFailure
from portal.notifications.segments import count_segments

E164 = re.compile(r"\+[1-9]\d{9,14}", re.ASCII)
SEQUENCES = range(1, 2**31)
ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}@(?:[\w-]{1,63}\.)+[^\W\d_][\w-]{1,62}")
HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
SENDER_SETS = frozenset(
    {"from", "to", "cc", "bcc", "sender", "subject", "date", "message-id", "mime-version", "return-path", "received"}
    | {"auto-submitted", "x-entity-ref-id", "content-type", "content-transfer-encoding", "content-disposition"}
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has taken the message.

    provider_ref  what to ask about later; for e-mail the Message-ID with its angle brackets
    segments      parts the provider will charge (1 for e-mail)
    cost          in the account's currency; None when the provider did not say
    """

    provider_ref: str
    segments: int
    cost: Decimal | None = None


class DeliveryState(StrEnum):
    """Where a message is. UNKNOWN: not known to the provider. ACCEPTED and SENT are on the way, the rest final."""

    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED_TEMP = "failed_temp"  # expired: another attempt or another channel makes sense
    FAILED = "failed"
    FAILED_PERM = "failed_perm"  # this number will not take messages


class Signal(StrEnum):
    """What a delivery status says about the number itself."""

    NONE = ""
    PHONE_INVALID = "phone-invalid"
    SIM_REPLACED = "sim-replaced"  # no sign-in by SMS for 24 hours


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """vendor_code: the provider's own, for the operator; alert: the clinic's account needs attention."""

    state: DeliveryState
    vendor_code: str = ""
    signal: Signal = Signal.NONE
    alert: bool = False


class SmsSender(Protocol):
    """`knows_our_number`: after PortUnknown `status(sequence, …)` tells whether the message went out. Where it is
    False nothing tells, and a repeat may reach the person twice. `callback_answer`: the body by which a callback's
    sender knows that it was taken; without it some repeat.
    """

    knows_our_number: bool
    callback_answer: str

    def send(self, to: str, text: str, *, key: UUID, sequence: int) -> Accepted:
        """Send one SMS.

        to        E.164 with the plus, one number
        key       the message's id in the portal, the same in every attempt
        sequence  the message's own integer, 1…2147483647, the same in every attempt: repeats are known by it

        Where our number is known, a repeat within a minute is recognised by the provider and adopted. A later one is
        sent again, so after PortUnknown ask `status` first. Raises PortFailure, PortUnknown.
        """

    def status(self, ref: int | str, to: str) -> DeliveryStatus:
        """What became of the message with this `provider_ref`, or with this `sequence` where our number is known.

        Raises PortFailure when not told, `bad-sequence` for a reference that the provider cannot have given.
        """

    def mentioned(self, body: bytes) -> list[str]:
        """References of the messages that a callback of the provider speaks of; empty for one not understood.

        Nothing else of a callback is believed: the portal asks `status` itself.
        """


class SmsOff:
    """Where no provider is chosen: refuses everything, `not-configured`."""

    knows_our_number = False
    callback_answer = ""

    @classmethod
    def from_settings(cls, portal: object) -> SmsOff:
        return cls()

    def send(self, to: str, text: str, *, key: UUID, sequence: int) -> Accepted:
        raise PortFailure(permanent=False, code="not-configured", stops_provider=True)

    def status(self, ref: int | str, to: str) -> DeliveryStatus:
        raise PortFailure(permanent=False, code="not-configured", stops_provider=True)

    def mentioned(self, body: bytes) -> list[str]:
        return []


class EmailSender(Protocol):
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
        """Send one e-mail to one address.

        html      "" for a message of text only
        key       the message's id; the Message-ID is made from it, so a repeat is recognisable as the same message
        headers   further headers; those the sender sets itself are refused, as is CR or LF anywhere
        calendar  an iCalendar object (UTF-8, with METHOD), added as an alternative and as invite.ics

        Raises PortFailure, PortUnknown.
        """


def require_e164(to: str) -> None:
    """Raises PortFailure `bad-phone` unless `to` is exactly one number in E.164."""
    if not E164.fullmatch(to):
        raise PortFailure(permanent=True, code="bad-phone", detail="not one number in E.164")


def require_sequence(ref: int | str) -> int:
    """The own id as a number. Raises PortFailure `bad-sequence` unless 1 ≤ ref ≤ 2147483647."""
    try:
        sequence = int(ref)
    except ValueError:
        sequence = 0
    if sequence not in SEQUENCES:
        raise PortFailure(permanent=True, code="bad-sequence", detail="expected 1 to 2147483647")
    return sequence


def require_address(to: str) -> None:
    """Raises PortFailure `bad-address` unless `to` is exactly one `local@domain.tld`, without a name or brackets."""
    if not ADDRESS.fullmatch(to) or len(to) > 254:
        raise PortFailure(permanent=True, code="bad-address", detail="not one e-mail address")


def require_headers(subject: str, headers: Mapping[str, str]) -> None:
    """Raises PortFailure `bad-header`: a name is not plain or not free to set, or a value could start a new line."""
    for name in headers:
        if not HEADER_NAME.fullmatch(name) or name.lower() in SENDER_SETS:
            raise PortFailure(permanent=True, code="bad-header", detail="a header that is not free to set")
    for value in (subject, *headers.values()):
        if any(unicodedata.category(char) in ("Cc", "Zl", "Zp", "Cs") for char in value):
            raise PortFailure(permanent=True, code="bad-header", detail="a control character in a header")


@dataclass(frozen=True, slots=True)
class SentSms:
    to: str
    text: str
    key: UUID
    sequence: int


@dataclass
class FakeSms:
    """An SmsSender in memory. Put exceptions into `fail_with` to have the next sends raise them."""

    knows_our_number = True
    callback_answer = "OK"

    sent: list[SentSms] = field(default_factory=list)
    fail_with: list[Exception] = field(default_factory=list)
    states: dict[int, DeliveryStatus] = field(default_factory=dict)

    def send(self, to: str, text: str, *, key: UUID, sequence: int) -> Accepted:
        require_e164(to)
        require_sequence(sequence)
        if not text:
            raise PortFailure(permanent=True, code="empty-text")
        if self.fail_with:
            raise self.fail_with.pop(0)
        message = SentSms(to, text, key, sequence)
        if message not in self.sent:
            self.sent.append(message)
        return Accepted(str(sequence), count_segments(text).parts, Decimal(0))

    def status(self, ref: int | str, to: str) -> DeliveryStatus:
        require_e164(to)
        sequence = require_sequence(ref)
        if not any(message.sequence == sequence and message.to == to for message in self.sent):
            return DeliveryStatus(DeliveryState.UNKNOWN)
        return self.states.get(sequence, DeliveryStatus(DeliveryState.SENT))

    def mentioned(self, body: bytes) -> list[str]:
        return [ref for ref in body.decode(errors="replace").split() if ref.isdecimal()]


@dataclass(frozen=True, slots=True)
class SentEmail:
    to: str
    subject: str
    text: str
    html: str
    key: UUID
    headers: dict[str, str]
    calendar: bytes | None
    message_id: str


@dataclass
class FakeEmail:
    """An EmailSender in memory. Put exceptions into `fail_with` to have the next sends raise them."""

    sent: list[SentEmail] = field(default_factory=list)
    fail_with: list[Exception] = field(default_factory=list)

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
        extra = dict(headers or {})
        require_address(to)
        require_headers(subject, extra)
        if self.fail_with:
            raise self.fail_with.pop(0)
        message_id = f"<{key}@fake.invalid>"
        self.sent.append(SentEmail(to, subject, text, html, key, extra, calendar, message_id))
        return Accepted(message_id, 1)
