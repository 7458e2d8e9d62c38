"""MTS Exolve over HTTP: `POST /messaging/v1/SendSMS` and `POST /messaging/v1/GetList`, JSON, a key in the header.

Source: docs.exolve.ru, SMS API: SendSMS, GetList. What matters here:
- `number` is the SENDER, `destination` the recipient; a public wrapper documents them the other way round;
- city and 8-800 numbers cannot send, delivery from a mobile number is not guaranteed: a registered name is wanted;
- SendSMS names no field for our own number, so after silence nothing tells whether the message went out;
- GetList finds one message by `message_id`, and without a filter tells everything, so each answer is searched for ours.

From memory, not confirmed by the vendor's pages, to be seen in the first real message:
- `message_id` goes as a string: the page says int64, an older version of it string, and a string is commonly read as
  both;
- the answer to SendSMS is `{"message_id": "…"}`, the list is in `messages`, its state in `delivery_status`;
- the words of the states (STATES, with or without PREFIX, which such interfaces often put before them). An unknown
  one is "sent" and alerts, `vendor_code` then shows it; such a message is never told to be delivered;
- there is no public list of errors: refusals are told apart by the HTTP status alone, in its ordinary meaning;
- the callback: its payload was not read. Whatever stands there under `message_id` is taken as a reference, no more.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import httpx

from portal.adapters.sms._wire import TIMEOUT, client_for, failure, parsed, post, require_account, require_sender
from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports import Accepted, DeliveryState, DeliveryStatus, require_e164, require_sequence
from portal.notifications.segments import count_segments

if TYPE_CHECKING:
    from portal.settings import Settings

REF = re.compile(r"[1-9]\d{0,18}", re.ASCII)
KEY = re.compile(r"[!-~]+")  # a header carries nothing else
MOBILE = re.compile(r"79\d{9}", re.ASCII)
WORD = re.compile(r"[A-Z0-9_]{1,32}", re.ASCII)
PREFIX = "DELIVERY_STATUS_"
REFUSED = range(300, 500)

# HTTP status → our code, permanent, stops the provider, what it means
ERRORS: dict[int, tuple[str, bool, bool, str]] = {
    400: ("bad-request", True, False, "the gateway refuses this message"),
    401: ("wrong-login", False, True, "the gateway does not know the key"),
    402: ("no-money", False, True, "the account at the gateway is empty"),
    403: ("forbidden", False, True, "the key or the sender may not send"),
    422: ("bad-request", True, False, "the gateway refuses this message"),
    429: ("too-often", False, True, "the gateway was asked too often"),
}

# delivery_status → our state
STATES: dict[str, DeliveryState] = {
    "QUEUED": DeliveryState.ACCEPTED,
    "PENDING": DeliveryState.ACCEPTED,
    "SENT": DeliveryState.SENT,
    "DELIVERED": DeliveryState.DELIVERED,
    "EXPIRED": DeliveryState.FAILED_TEMP,
    "UNDELIVERED": DeliveryState.FAILED,
    "FAILED": DeliveryState.FAILED,
    "REJECTED": DeliveryState.FAILED,
}


class ExolveSender:
    """An SmsSender. `url` is the origin, `timeout` in seconds per phase. Thread-safe."""

    knows_our_number = False
    callback_answer = "OK"

    def __init__(self, *, url: str, key: str, sender: str, timeout: httpx.Timeout | float = TIMEOUT) -> None:
        self._key = key
        self._sender = sender
        self._client = client_for(url, timeout)

    @classmethod
    def from_settings(cls, portal: Settings) -> Self:
        return cls(url=portal.exolve_url, key=portal.exolve_key, sender=portal.exolve_sender)

    def send(self, to: str, text: str, *, key: UUID, sequence: int) -> Accepted:
        """See SmsSender.send. `key` and `sequence` stay here: the gateway has no field for them."""
        self._require_account()
        require_e164(to)
        require_sequence(sequence)
        if not text:
            raise PortFailure(permanent=True, code="empty-text")
        answer = self._ask("SendSMS", number=self._sender, destination=to[1:], text=text)
        ref = str(answer.get("message_id", ""))
        if not REF.fullmatch(ref):
            raise PortUnknown(code="bad-answer", detail="no message_id")
        return Accepted(ref, count_segments(text).parts)

    def status(self, ref: int | str, to: str) -> DeliveryStatus:
        """See SmsSender.status. The gateway's id is enough, `to` stays here."""
        self._require_account()
        require_e164(to)
        if not (isinstance(ref, str) and REF.fullmatch(ref)):
            raise PortFailure(permanent=True, code="bad-sequence", detail="expected the gateway's own id")
        try:
            listed = self._ask("GetList", message_id=ref, limit=1).get("messages")
        except PortUnknown as unknown:
            raise PortFailure(permanent=False, code="no-answer", detail=unknown.code) from None
        if not isinstance(listed, list):
            raise PortFailure(permanent=False, code="bad-answer", detail="no list of messages")
        return _state_of(listed, ref)

    def mentioned(self, body: bytes) -> list[str]:
        """See SmsSender.mentioned."""
        try:
            waiting: list[Any] = [json.loads(body)]
        except (ValueError, RecursionError):
            return []
        refs: dict[str, None] = {}
        while waiting:
            told = waiting.pop()
            if isinstance(told, dict):
                refs[str(told.get("message_id"))] = None
                waiting.extend(told.values())
            elif isinstance(told, list):
                waiting.extend(told)
        return [ref for ref in refs if REF.fullmatch(ref)]

    def _ask(self, method: str, **fields: Any) -> dict[str, Any]:
        """One POST. Raises PortFailure when nothing was taken, PortUnknown when that cannot be told."""
        headers = {"Authorization": f"Bearer {self._key}"}
        response = post(self._client, f"/messaging/v1/{method}", json=fields, headers=headers)
        if response.status_code in REFUSED:
            other = (f"http-{response.status_code}", False, True, "not the gateway, or an error nobody has described")
            raise failure(*ERRORS.get(response.status_code, other))
        return parsed(response)

    def _require_account(self) -> None:
        require_account(names="EXOLVE_KEY", values=(KEY.fullmatch(self._key),))
        require_sender(self._sender, name="EXOLVE_SENDER")
        if self._sender.isdigit() and not MOBILE.fullmatch(self._sender):
            raise failure("no-sender", False, True, "EXOLVE_SENDER: city and 8-800 numbers cannot send")


def _state_of(listed: list[Any], ref: str) -> DeliveryStatus:
    """Raises PortFailure when the list speaks of other messages only: then it was not searched for ours."""
    told = next((each for each in listed if isinstance(each, dict) and str(each.get("message_id")) == ref), None)
    if told is None and listed:
        raise PortFailure(permanent=False, code="bad-answer", detail="a list of other messages")
    if told is None:
        return DeliveryStatus(DeliveryState.UNKNOWN)
    word = str(told.get("delivery_status")).upper().removeprefix(PREFIX)
    code = word if WORD.fullmatch(word) else "unreadable"
    return DeliveryStatus(STATES.get(code, DeliveryState.SENT), code, alert=code not in STATES)
