"""What notifications ask of the outside about mail that was sent: whose fault a refusal is, and what came back.

A mail server refuses at once (SMTP) or writes a report later (RFC 3464) to the envelope's sender. Both carry the same
status (RFC 3463): class, subject, detail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from portal.kernel.ports import PortFailure

STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)", re.ASCII)
# RFC 3463, class 5, as (subject, detail): no such mailbox or domain, moved, no mail there, closed, full, no route.
THE_ADDRESS = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1), (2, 2), (4, 4)})
# A system, protocol, content or policy refuses the message, whoever it is for.
NOT_THE_ADDRESS = frozenset({3, 5, 6, 7})
NOR_THESE = frozenset({(1, 7), (1, 8), (2, 3), (4, 6), (4, 7), (4, 14)})  # our own address, too long, a loop, too late
NO_MAIL_HERE = 556  # RFC 7504: the one bare code that leaves no doubt
BARE = frozenset({550, 551, 552, 553})  # RFC 5321, 4.2.3: of a mailbox, or of a policy


class Fault(StrEnum):
    """Why a message did not arrive.

    ADDRESS: nobody gets mail there. UNCLEAR: refused for good, and nobody says whether for the address or for us.
    FOR_NOW: perhaps later. OTHER: not the address.
    """

    ADDRESS = "address"
    UNCLEAR = "unclear"
    FOR_NOW = "for-now"
    OTHER = "other"


def fault_of(status: str) -> Fault:
    """What an enhanced status (`5.1.1`) says; one that is none says nothing about the address."""
    found = STATUS.fullmatch(status)
    if found is None or found[1] == "2":
        return Fault.OTHER
    if found[1] == "4":
        return Fault.FOR_NOW
    subject, detail = int(found[2]), int(found[3])
    if subject in NOT_THE_ADDRESS or (subject, detail) in NOR_THESE:
        return Fault.OTHER
    return Fault.ADDRESS if (subject, detail) in THE_ADDRESS else Fault.UNCLEAR


class MailboxRefused(PortFailure):
    """The server takes no mail for this address, for good. `fault`: ADDRESS or UNCLEAR."""

    def __init__(self, *, code: str, fault: Fault = Fault.ADDRESS) -> None:
        super().__init__(permanent=True, code=code, detail="the server takes no mail for this address")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Report:
    """One unread report of a mail server. `raw`: as it came, its end cut off when it is long."""

    ref: str
    raw: bytes


class ReturnsBox(Protocol):
    """The mailbox of our envelope's sender. Mail that is no report is never touched: people answer there too."""

    def waiting(self, most: int) -> list[Report]:
        """Reports that nobody has marked as read, the oldest first. Raises PortFailure."""

    def done(self, refs: Sequence[str]) -> None:
        """Mark them as read: what they said is written down. Twice changes nothing. Raises PortFailure."""


class ReturnsOff:
    """Where no mailbox is set: nothing ever comes back."""

    @classmethod
    def from_settings(cls, portal: object) -> ReturnsOff:
        return cls()

    def waiting(self, most: int) -> list[Report]:
        return []

    def done(self, refs: Sequence[str]) -> None:
        return


@dataclass
class FakeReturns:
    """A ReturnsBox in memory. Put an exception into `fail_with` to have the next calls raise it."""

    mails: list[bytes] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    fail_with: list[Exception] = field(default_factory=list)

    def waiting(self, most: int) -> list[Report]:
        self._fail()
        unread = [Report(str(n), raw) for n, raw in enumerate(self.mails) if n not in self.seen]
        return unread[:most]

    def done(self, refs: Sequence[str]) -> None:
        self._fail()
        self.seen.update(int(ref) for ref in refs)

    def _fail(self) -> None:
        if self.fail_with:
            raise self.fail_with.pop(0)
