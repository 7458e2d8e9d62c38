"""SMSC.ru over HTTP: `POST /sys/send.php` and `POST /sys/status.php`, form encoded, JSON answers.

Source: smsc.ru/api/http (send, status, error codes). What matters here:
- the default charset is windows-1251, so `charset=utf-8` is always sent;
- an empty sender falls back to a shared name, so an empty one is refused here;
- the own `id` need not be unique there: only an equal request within a minute is refused (error 9), and that error
  also means "too many requests at once". So after 9 and after silence the status of the own id decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs
from uuid import UUID

import httpx

from portal.adapters.sms._wire import (
    TIMEOUT,
    client_for,
    failure,
    money,
    number,
    parsed,
    post,
    require_account,
    require_gateway,
    require_sender,
)
from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports import (
    SEQUENCES,
    Accepted,
    DeliveryState,
    DeliveryStatus,
    Signal,
    require_e164,
    require_sequence,
)
from portal.notifications.segments import count_segments

if TYPE_CHECKING:
    from portal.settings import Settings

REPEATED = 9
REF = re.compile(r"\d{1,10}", re.ASCII)
WITH_COST = 2

# error_code → our code, permanent, stops the provider, what it means
ERRORS: dict[int, tuple[str, bool, bool, str]] = {
    1: ("bad-parameters", True, False, "the gateway did not understand the request"),
    2: ("wrong-login", False, True, "wrong login or password, or this address is not allowed"),
    3: ("no-money", False, True, "the account at the gateway is empty"),
    4: ("blocked", False, True, "the gateway has blocked this address for a while after many errors"),
    5: ("bad-date", True, False, "the gateway did not understand a date"),
    6: ("forbidden", True, False, "the gateway forbids this text or this sender name"),
    7: ("bad-phone", True, False, "the gateway calls the number malformed"),
    8: ("undeliverable", True, False, "the gateway cannot deliver to this number"),
    9: ("too-often", False, False, "the gateway was asked the same too often within a minute"),
}

# status → our state, whether the clinic must be told
STATES: dict[int, tuple[DeliveryState, bool]] = {
    -3: (DeliveryState.UNKNOWN, False),
    -2: (DeliveryState.FAILED, False),
    -1: (DeliveryState.ACCEPTED, False),
    0: (DeliveryState.SENT, False),
    1: (DeliveryState.DELIVERED, False),
    2: (DeliveryState.DELIVERED, False),
    3: (DeliveryState.FAILED_TEMP, False),
    4: (DeliveryState.DELIVERED, False),
    20: (DeliveryState.FAILED, False),
    22: (DeliveryState.FAILED_PERM, False),
    23: (DeliveryState.FAILED, True),
    24: (DeliveryState.FAILED, True),
    25: (DeliveryState.FAILED_PERM, False),
}
SIGNALS = {1: Signal.PHONE_INVALID, 219: Signal.SIM_REPLACED}


class SmscSender:
    """An SmsSender. `url` is the origin, `timeout` in seconds per phase. Thread-safe."""

    knows_our_number = True
    callback_answer = "OK"

    def __init__(
        self, *, url: str, login: str, password: str, sender: str, timeout: httpx.Timeout | float = TIMEOUT
    ) -> None:
        self._login = login
        self._password = password
        self._sender = sender
        self._client = client_for(url, timeout)

    @classmethod
    def from_settings(cls, portal: Settings) -> Self:
        return cls(
            url=portal.smsc_url, login=portal.smsc_login, password=portal.smsc_password, sender=portal.smsc_sender
        )

    def send(self, to: str, text: str, *, key: UUID, sequence: int) -> Accepted:
        """See SmsSender.send. `key` stays here: the gateway knows the message by `sequence`."""
        self._require_account()
        require_e164(to)
        require_sequence(sequence)
        if not text:
            raise PortFailure(permanent=True, code="empty-text")
        try:
            answer = self._ask(
                "/sys/send.php", phones=to[1:], mes=text, sender=self._sender, id=str(sequence), cost=str(WITH_COST)
            )
        except PortUnknown as unknown:
            return self._adopt(unknown, to=to, text=text, sequence=sequence)
        code = number(answer.get("error_code"))
        if code == REPEATED:
            return self._adopt(PortUnknown(code="repeated"), to=to, text=text, sequence=sequence)
        if code is not None or "error" in answer:
            raise _failure(code)
        parts = number(answer.get("cnt"))
        if number(answer.get("id")) != sequence or not parts:
            return self._adopt(PortUnknown(code="bad-answer"), to=to, text=text, sequence=sequence)
        return Accepted(str(sequence), parts, money(answer.get("cost")))

    def status(self, ref: int | str, to: str) -> DeliveryStatus:
        """See SmsSender.status. Not more than five times a minute for one message."""
        self._require_account()
        require_e164(to)
        sequence = require_sequence(ref)
        try:
            answer = self._ask("/sys/status.php", phone=to[1:], id=str(sequence))
        except PortUnknown as unknown:
            raise PortFailure(permanent=False, code="no-answer", detail=unknown.code) from None
        if "error_code" in answer or "error" in answer:
            raise _failure(number(answer.get("error_code")))
        status = number(answer.get("status"))
        if status is None:
            raise PortFailure(permanent=False, code="bad-answer", detail="no status in the answer")
        state, alert = STATES.get(status, (DeliveryState.SENT, True))
        operator = number(answer.get("err")) or 0
        code = f"{status}/{operator}" if operator else str(status)
        return DeliveryStatus(state, code, SIGNALS.get(operator, Signal.NONE), alert)

    def mentioned(self, body: bytes) -> list[str]:
        """See SmsSender.mentioned. `id` is what examples show; the handler is not documented publicly."""
        ids = parse_qs(body.decode("ascii", "replace")).get("id", [])
        return [ref for ref in ids if REF.fullmatch(ref) and int(ref) in SEQUENCES]  # a range looks for None for ages

    def _adopt(self, unknown: PortUnknown, *, to: str, text: str, sequence: int) -> Accepted:
        """Nobody knows whether it went out: ask by our own id, and take the message for sent when it is known."""
        try:
            status = self.status(sequence, to)
        except PortFailure as refused:
            raise PortUnknown(code=unknown.code, detail=f"asked, {refused.code}") from None
        if status.state is DeliveryState.UNKNOWN:
            raise PortUnknown(code=unknown.code, detail="asked, not known there") from None
        return Accepted(str(sequence), count_segments(text).parts)

    def _ask(self, path: str, **fields: str) -> dict[str, Any]:
        """One POST. Raises PortFailure when nothing was taken, PortUnknown when that cannot be told."""
        form = {"login": self._login, "psw": self._password, "fmt": "3", "charset": "utf-8", **fields}
        response = post(self._client, path, data=form)
        require_gateway(response)
        return parsed(response)

    def _require_account(self) -> None:
        require_account(names="SMSC_LOGIN, SMSC_PASSWORD", values=(self._login, self._password))
        require_sender(self._sender, name="SMSC_SENDER")


def _failure(code: int | None) -> PortFailure:
    unknown = (f"error-{code}", False, True, "an error that is not in the gateway's documentation")
    return failure(*ERRORS.get(code or 0, unknown))
