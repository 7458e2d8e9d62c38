"""What the SMS doubles share: messages in memory, a clock that can be put forward, money, parts of a text."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar

KEPT = 5000  # messages
MINUTE = 60.0
DAY = 24 * 60 * MINUTE
PRICE = Decimal("3.50")  # roubles a part

GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_WIDE = "^{}\\[~]|€\f"

State = int | str  # as the vendor writes it


@dataclass(kw_only=True)
class Message:
    """One SMS to one number. `final`, `err`: what becomes of it; `secret_in_url`: login or key stood in the address."""

    id: int | str
    phone: str
    text: str
    sender: str
    parts: int
    at: float
    final: State
    err: int = 0
    method: str = "POST"
    secret_in_url: bool = False
    asked: list[float] = field(default_factory=list)

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


@dataclass(kw_only=True)
class Box:
    """Base of an account at a gateway. `deliver_after` in seconds; `balance` in roubles.

    `outcomes`: what becomes of the next messages, instead of `delivered`; with the operator's own number.
    """

    on_the_way: ClassVar[State]
    delivered: ClassVar[State]

    senders: tuple[str, ...]
    balance: Decimal = Decimal(100_000)
    deliver_after: float = 2.0
    offset: float = 0.0  # seconds the gateway's clock was put forward
    requests: int = 0
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=KEPT))
    outcomes: deque[tuple[State, int]] = field(default_factory=deque)
    lock: threading.RLock = field(default_factory=threading.RLock)
    equal: dict[tuple[str, ...], list[float]] = field(default_factory=dict)
    newest: dict[str, dict[str, Message]] = field(default_factory=dict)  # by id and phone: an id may be used again

    def now(self) -> float:
        return time.time() + self.offset

    def state(self, message: Message) -> State:
        return message.final if self.now() - message.at >= self.deliver_after else self.on_the_way

    def outcome(self) -> tuple[State, int]:
        return self.outcomes.popleft() if self.outcomes else (self.delivered, 0)

    def keep(self, message: Message) -> None:
        """The oldest one makes room."""
        if len(self.messages) == self.messages.maxlen:
            gone = self.messages[0]
            same = self.newest[str(gone.id)]
            if same.get(gone.phone) is gone:
                del same[gone.phone]
            if not same:
                del self.newest[str(gone.id)]
        self.messages.append(message)
        self.newest.setdefault(str(message.id), {})[message.phone] = message

    def known(self, ref: str, phone: str = "") -> Message | None:
        """The newest message of this id, to `phone` when given."""
        same = self.newest.get(ref, {})
        return same.get(phone) if phone else next(iter(same.values()), None)

    def listed(self, phone: str = "") -> list[Message]:
        """Newest first; only those to `phone` (any writing of it) when given."""
        digits = re.sub(r"^8(?=\d{10}$)", "7", re.sub(r"\D", "", phone))
        with self.lock:
            return [message for message in reversed(self.messages) if digits in message.phone]

    def forget(self) -> None:
        """As after a restart, but the balance and the clock stay."""
        with self.lock:
            self.messages.clear()
            self.newest.clear()
            self.outcomes.clear()
            self.requests = 0
            self.equal.clear()

    def equals_within(self, key: tuple[str, ...], seconds: float) -> int:
        """How often `remember` was told this key in the last `seconds`."""
        return sum(self.now() - moment < seconds for moment in self.equal.get(key, []))

    def remember(self, key: tuple[str, ...]) -> None:
        if len(self.equal) > KEPT:
            self.equal.clear()
        recent = [moment for moment in self.equal.get(key, []) if self.now() - moment < DAY]
        self.equal[key] = [*recent, self.now()]


def count_parts(text: str) -> int:
    """Parts of a message: 160/153 septets or 70/67 UTF-16 units, wide characters not split."""
    is_gsm = all(char in GSM or char in GSM_WIDE for char in text)
    one, each = (160, 153) if is_gsm else (70, 67)
    sizes = [1 + (char in GSM_WIDE) if is_gsm else len(char.encode("utf-16-le")) // 2 for char in text]
    if sum(sizes) <= one:
        return 1
    parts, left = 1, each
    for size in sizes:
        if size > left:
            parts, left = parts + 1, each
        left -= size
    return parts


def number_in(phone: str) -> str:
    """Digits with the country code, "" for no number; 8… and 9… are read as Russian, as the gateways do."""
    digits = re.sub(r"[\s()+-]", "", phone)
    if re.fullmatch(r"8\d{10}", digits, re.ASCII):
        digits = "7" + digits[1:]
    if re.fullmatch(r"9\d{9}", digits, re.ASCII):
        digits = "7" + digits
    return digits if re.fullmatch(r"7[3-9]\d{9}|[1-689]\d{9,14}", digits, re.ASCII) else ""
