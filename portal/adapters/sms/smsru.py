"""SMS.ru over HTTP: `POST /sms/send` and `POST /sms/status`, form encoded, JSON answers.

Source: sms.ru/api/send and sms.ru/api/status (examples of answers), codes as two public clients list them. What
matters here:
- `status_code` 100 of the whole answer only means that it was understood: the code beside the number decides;
- there is no field for our own number, so after silence nothing tells whether the message went out;
- an equal text to the same number is refused for a minute (231) and a day (232): the person has these very words
  already, from this message's first attempt or from another message. Repeating would be wrong in both cases, so the
  outcome is told as unknown. Texts that may go twice to a family's one phone need something to tell them apart;
- with an empty sender a shared name is used, so an empty one is refused here.

From memory, not confirmed by the vendor's pages: which errors come for the whole request and which beside a number
(both are read), code 212. The callback is as public clients read it: POST of `data[…]`, each "sms_status", id, code,
time; it is repeated until the answer is `100`. Its `hash` is not needed, as only ids are taken from it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl
from uuid import UUID

import httpx

from portal.adapters.sms._wire import (
    TIMEOUT,
    client_for,
    failure,
    number,
    parsed,
    post,
    require_account,
    require_gateway,
    require_sender,
)
from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports import Accepted, DeliveryState, DeliveryStatus, require_e164, require_sequence
from portal.notifications.segments import count_segments

if TYPE_CHECKING:
    from portal.settings import Settings

REF = re.compile(r"\d{1,12}-\d{1,20}", re.ASCII)
UNDERSTOOD = 100
FIRST_ERROR = 200
REPEATED = {131, 132, 231, 232}

# status_code → our code, permanent, stops the provider, what it means
ERRORS: dict[int, tuple[str, bool, bool, str]] = {
    130: ("number-limit", True, False, "this number has had its messages for today"),
    200: ("wrong-login", False, True, "wrong api_id"),
    201: ("no-money", False, True, "the account at the gateway is empty"),
    202: ("bad-phone", True, False, "the gateway calls the number malformed"),
    203: ("empty-text", True, False, "the gateway saw no text"),
    204: ("sender-refused", False, True, "the gateway has not agreed to the sender name"),
    205: ("too-long", True, False, "more than 8 parts"),
    206: ("day-limit", False, True, "the account has sent what it may send in a day"),
    207: ("undeliverable", True, False, "the gateway does not send to this number"),
    209: ("stop-list", True, False, "the number is in the account's stop list"),
    210: ("bad-method", False, True, "the gateway wants POST"),
    211: ("no-method", False, True, "the gateway has no such address"),
    212: ("bad-encoding", True, False, "the gateway could not read the text as UTF-8"),
    220: ("unavailable", False, True, "the gateway is not available, later it may be"),
    230: ("number-limit", True, False, "this number has had its messages for today"),
    300: ("wrong-login", False, True, "wrong token"),
    301: ("wrong-login", False, True, "wrong api_id or password"),
    302: ("not-confirmed", False, True, "the account at the gateway is not confirmed"),
    303: ("not-confirmed", False, True, "wrong confirmation code"),
    304: ("not-confirmed", False, True, "too many confirmation codes"),
    305: ("not-confirmed", False, True, "too many wrong confirmation codes"),
}

# status_code → our state
STATES: dict[int, DeliveryState] = {
    -1: DeliveryState.UNKNOWN,
    100: DeliveryState.ACCEPTED,
    101: DeliveryState.ACCEPTED,
    102: DeliveryState.SENT,
    103: DeliveryState.DELIVERED,
    104: DeliveryState.FAILED_TEMP,
    105: DeliveryState.FAILED,
    106: DeliveryState.FAILED,
    107: DeliveryState.FAILED,
    108: DeliveryState.FAILED,
    130: DeliveryState.FAILED,
    131: DeliveryState.FAILED,
    132: DeliveryState.FAILED,
}


class SmsRuSender:
    """An SmsSender. `url` is the origin, `timeout` in seconds per phase. Thread-safe."""

    knows_our_number = False
    callback_answer = "100"

    def __init__(self, *, url: str, api_id: str, sender: str, timeout: httpx.Timeout | float = TIMEOUT) -> None:
        self._api_id = api_id
        self._sender = sender
        self._client = client_for(url, timeout)

    @classmethod
    def from_settings(cls, portal: Settings) -> Self:
        return cls(url=portal.smsru_url, api_id=portal.smsru_api_id, sender=portal.smsru_sender)

    def send(self, to: str, text: str, *, key: UUID, sequence: int) -> Accepted:
        """See SmsSender.send. `key` and `sequence` stay here: the gateway has no field for them."""
        self._require_account()
        require_e164(to)
        require_sequence(sequence)
        if not text:
            raise PortFailure(permanent=True, code="empty-text")
        answer = self._ask("/sms/send", to=to[1:], msg=text, **{"from": self._sender})
        told = _about(answer, to[1:])
        code = number(told.get("status_code"))
        ref = str(told.get("sms_id", ""))
        if code == UNDERSTOOD and REF.fullmatch(ref):
            return Accepted(ref, count_segments(text).parts)
        raise _refusal(code)

    def status(self, ref: int | str, to: str) -> DeliveryStatus:
        """See SmsSender.status. The gateway's id is enough, `to` stays here."""
        self._require_account()
        require_e164(to)
        if not (isinstance(ref, str) and REF.fullmatch(ref)):
            raise PortFailure(permanent=True, code="bad-sequence", detail="expected the gateway's own id")
        try:
            told = _about(self._ask("/sms/status", sms_id=ref), ref)
            code = number(told.get("status_code"))
            if code is None or (code not in STATES and code in ERRORS):
                raise _refusal(code)
        except PortUnknown as unknown:
            raise PortFailure(permanent=False, code="no-answer", detail=unknown.code) from None
        return DeliveryStatus(STATES.get(code, DeliveryState.SENT), str(code), alert=code not in STATES)

    def mentioned(self, body: bytes) -> list[str]:
        """See SmsSender.mentioned."""
        fields = parse_qsl(body.decode("utf-8", "replace"))
        entries = [value.splitlines() for name, value in fields if name.partition("[")[0] == "data"]
        refs = [lines[1] for lines in entries if len(lines) > 1 and lines[0] == "sms_status"]
        return [ref for ref in dict.fromkeys(refs) if REF.fullmatch(ref)]

    def _ask(self, path: str, **fields: str) -> dict[str, Any]:
        """One POST. Raises PortFailure when nothing was taken, PortUnknown when that cannot be told."""
        response = post(self._client, path, data={"api_id": self._api_id, "json": "1", **fields})
        require_gateway(response)
        answer = parsed(response)
        code = number(answer.get("status_code"))
        if code != UNDERSTOOD:
            raise _refusal(code)
        return answer

    def _require_account(self) -> None:
        require_account(names="SMSRU_API_ID", values=(self._api_id,))
        require_sender(self._sender, name="SMSRU_SENDER")


def _about(answer: dict[str, Any], name: str) -> dict[str, Any]:
    """What the answer says beside this number or id; nothing when it does not mention it."""
    listed = answer.get("sms")
    told = listed.get(name) if isinstance(listed, dict) else None
    return told if isinstance(told, dict) else {}


def _refusal(code: int | None) -> PortFailure | PortUnknown:
    if code in REPEATED:
        return PortUnknown(code="repeated", detail="an equal text to this number was taken before")
    if code in ERRORS:
        return failure(*ERRORS[code])
    if code is None or code < FIRST_ERROR:
        return PortUnknown(code="bad-answer", detail=f"status_code {code}")
    return failure(f"error-{code}", False, True, "an error that is not in the gateway's documentation")
