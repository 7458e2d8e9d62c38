"""The double of MTS Exolve: `python -m doubles.exolve --port 8029`, page at `/`.

Speaks what api.exolve.ru speaks: `/messaging/v1/SendSMS`, `/messaging/v1/GetList`, `/messaging/v1/GetAlphaNames`
(POST, JSON, `Authorization: Bearer <key>`). `number` is the sender, `destination` the recipient.

Its own pages and orders: `doubles/_sms_gateway.py`; here `error:403` refuses with this HTTP status,
`status:UNDELIVERED` lets this become of a message.
"""

from __future__ import annotations

import argparse
import json
import re
from contextlib import suppress
from typing import Any

from doubles._exolve_account import Account, Refusal
from doubles._sms import Message, State
from doubles._sms_caller import Callback
from doubles._sms_gateway import SmsGateway, run
from doubles._sms_page import States

KEY = "demo"
STATES = States(
    words={
        "ru": {
            "QUEUED": "в очереди",
            "SENT": "в пути",
            "DELIVERED": "доставлено",
            "UNDELIVERED": "не доставлено",
            "EXPIRED": "просрочено",
            "REJECTED": "отклонено",
            "FAILED": "ошибка",
        },
        "en": {
            "QUEUED": "queued",
            "SENT": "on the way",
            "DELIVERED": "delivered",
            "UNDELIVERED": "not delivered",
            "EXPIRED": "expired",
            "REJECTED": "rejected",
            "FAILED": "failed",
        },
    },
    good=frozenset({"DELIVERED"}),
    bad=frozenset({"UNDELIVERED", "EXPIRED", "REJECTED", "FAILED"}),
)


class Gateway(SmsGateway):
    prefixes = ("/messaging/",)
    states = STATES
    account: Account

    @classmethod
    def callback(cls, message: Message, state: State) -> Callback:
        """Our reading: the vendor's page of the webhook was not read."""
        event = {"message_id": message.id, "delivery_status": state, "destination": message.phone}
        return Callback(json.dumps({"event_type": "sms", "payload": event}).encode(), "application/json")

    def protocol(self, raw: bytes) -> None:
        acts = {
            "/messaging/v1/SendSMS": self._send,
            "/messaging/v1/GetList": self._list,
            "/messaging/v1/GetAlphaNames": self._names,
        }
        self.account.requests += 1
        try:
            if self.command != "POST":
                raise Refusal(405)
            self.account.check(self.headers.get("Authorization", ""))
            acts.get(self.route, self._unknown)(_object(raw))
        except Refusal as refusal:
            self._reply({"error": {"message": str(refusal)}}, refusal.code)

    def shown(self, message: Message) -> dict[str, Any]:
        return {}

    def check_argument(self, mode: str, argument: str) -> None:
        if mode == "status" and re.fullmatch(r"[A-Z0-9_]{1,40}", argument):
            return
        super().check_argument(mode, argument)

    def _send(self, given: dict[str, Any]) -> None:
        mode, argument = self._order("send")
        if mode == "drop":
            self.hang_up()
            return
        if mode == "status":
            self.account.outcomes.append((argument, 0))
        answer = self.account.send(given)
        self.after(mode, argument, lambda: self._reply(answer))

    def _list(self, given: dict[str, Any]) -> None:
        mode, argument = self._order("status")
        answer = self.account.find(given)
        self.after("lost" if mode == "drop" else mode, argument, lambda: self._reply(answer))

    def _names(self, given: dict[str, Any]) -> None:
        self._reply(self.account.names(given))

    def _unknown(self, given: dict[str, Any]) -> None:
        raise Refusal(404)

    def _order(self, on: str) -> tuple[str, str]:
        mode, argument = self.orders.take(on)
        if mode == "error":
            raise Refusal(int(argument))
        return mode, argument

    def _reply(self, answer: dict[str, Any], status: int = 200) -> None:
        with suppress(OSError):  # the client may have given up meanwhile
            self.answer_json(answer, status)


def _object(raw: bytes) -> dict[str, Any]:
    """Raises Refusal 400 unless it is a JSON object."""
    try:
        given = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Refusal(400, "a JSON object is expected")
    return given


def build(given: argparse.Namespace, **common: Any) -> Account:
    return Account(key=given.key, **common)


def main(words: list[str] | None = None) -> None:
    run("exolve", str(__doc__), Gateway, build, {"--key": KEY}, words)


if __name__ == "__main__":
    main()
