"""An application at MTS Exolve: what it takes, what it refuses, what becomes of a message.

Written from the vendor's pages (docs.exolve.ru, SMS API: SendSMS, GetList), in memory only. Those pages list neither
errors nor the words of the delivery states, so these are our reading: HTTP statuses in their ordinary meaning with
`{"error": {"message": …}}`, as public clients have seen it, and the words of STATES in `doubles/exolve.py`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from doubles._sms import PRICE, Box, Message, State, count_parts, number_in

TEXTS = {
    400: "invalid argument",
    401: "unauthorized",
    402: "not enough money",
    403: "sender is not allowed",
    404: "not found",
    405: "method not allowed",
    429: "too many requests",
}
MAX_LISTED = 2000
LISTED = 100


class Refusal(Exception):  # an answer of the protocol
    """The request is refused with this HTTP status."""

    def __init__(self, code: int, why: str = "") -> None:
        super().__init__(why or TEXTS.get(code, "error"))
        self.code = code


@dataclass(kw_only=True)
class Account(Box):
    """Known by the application's key. `senders`: registered names and mobile numbers."""

    on_the_way: ClassVar[State] = "SENT"
    delivered: ClassVar[State] = "DELIVERED"

    key: str
    count: int = 0

    def check(self, authorization: str) -> None:
        """Raises Refusal 401 unless the header is "Bearer " and the key."""
        if not hmac.compare_digest(authorization.encode(), f"Bearer {self.key}".encode()):
            raise Refusal(401)

    def send(self, given: dict[str, Any]) -> dict[str, Any]:
        """Take a message, or raise Refusal."""
        sender, destination, text = (_text(given, name) for name in ("number", "destination", "text"))
        if sender not in self.senders or _cannot_send(sender):
            raise Refusal(403)
        # Only whole international numbers are on the vendor's pages: 7 and ten digits, without a plus.
        if number_in(destination) != destination:
            raise Refusal(400, "destination is not a phone number")
        with self.lock:
            return {"message_id": self._taken(sender, destination, text)}

    def find(self, given: dict[str, Any]) -> dict[str, Any]:
        """Messages that pass every filter given, newest first; all of them without one."""
        wanted: dict[str, Callable[[Message], object]] = {
            "message_id": lambda message: message.id,
            "number": lambda message: message.sender,
            "destination": lambda message: message.phone,
        }
        filters = {name: str(given[name]) for name in wanted if given.get(name)}
        limit, offset = _size(given, "limit", LISTED), _size(given, "offset", 0)
        found = [each for each in self.listed() if all(str(wanted[name](each)) == filters[name] for name in filters)]
        return {"messages": [self._shown(each) for each in found[offset : offset + min(limit, MAX_LISTED)]]}

    def names(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"alpha_names": [{"name": sender} for sender in self.senders if not sender.isdigit()]}

    def _taken(self, sender: str, destination: str, text: str) -> str:
        parts = count_parts(text)
        if PRICE * parts > self.balance:
            raise Refusal(402)
        final, err = self.outcome()
        self.count += 1
        ref = str(439_166_538_239_000_000 + self.count)
        self.keep(
            Message(
                id=ref, phone=destination, text=text, sender=sender, parts=parts, at=self.now(), final=final, err=err
            )
        )
        self.balance -= PRICE * parts
        return ref

    def _shown(self, message: Message) -> dict[str, Any]:
        return {
            "message_id": message.id,
            "number": message.sender,
            "destination": message.phone,
            "text": message.text,
            "date": message.time.isoformat(),
            "delivery_status": self.state(message),
            "segments_count": message.parts,
        }


def _text(given: dict[str, Any], name: str) -> str:
    """Raises Refusal 400 unless the field is there and is text."""
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal(400, f"{name} is expected")
    return value


def _size(given: dict[str, Any], name: str, default: int) -> int:
    value = given.get(name, default)
    if not isinstance(value, int) or value < 0:
        raise Refusal(400, f"{name} is not a number")
    return value


def _cannot_send(sender: str) -> bool:
    """City and 8-800 numbers cannot."""
    return sender.isdigit() and not re.fullmatch(r"79\d{9}", sender, re.ASCII)
