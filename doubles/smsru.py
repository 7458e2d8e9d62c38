"""The double of SMS.ru: `python -m doubles.smsru --port 8028`, page at `/`.

Speaks what sms.ru speaks: `/sms/send`, `/sms/status`, `/sms/cost`, `/my/balance` (POST form, UTF-8; JSON with json=1,
lines of text otherwise). One text to one or several numbers; the form with a text for each number is not spoken.

Its own pages and orders: `doubles/_sms_gateway.py`; here `error:207` is told beside the number in an answer that is
100 as a whole, `deny:201` refuses the whole request, `status:104` lets this become of a message. Also
    POST /control/stop         {"phone": "+7…"}: put a number on the account's stop list (209)
"""

from __future__ import annotations

import argparse
import hashlib
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from doubles._sms import Message, State
from doubles._sms_caller import Callback
from doubles._sms_gateway import SmsGateway, run
from doubles._sms_page import States
from doubles._smsru_account import OK, Account, Refusal, beside

API_ID = "demo"
STATES = States(
    words={
        "ru": {
            100: "в очереди",
            101: "передаётся оператору",
            102: "в пути",
            103: "доставлено",
            104: "просрочено",
            105: "удалено оператором",
            106: "сбой в телефоне",
            107: "не доставлено",
            108: "отклонено",
        },
        "en": {
            100: "queued",
            101: "being passed to the operator",
            102: "on the way",
            103: "delivered",
            104: "expired",
            105: "removed by the operator",
            106: "failure of the phone",
            107: "not delivered",
            108: "rejected",
        },
    },
    good=frozenset({103}),
    bad=frozenset({104, 105, 106, 107, 108}),
)


class Gateway(SmsGateway):
    prefixes = ("/sms/", "/my/")
    modes = SmsGateway.modes | {"deny"}
    states = STATES
    account: Account

    @classmethod
    def callback(cls, message: Message, state: State) -> Callback:
        """As public clients read it; `hash` is of the api_id and all entries."""
        account: Account = cls.account
        entry = f"sms_status\n{message.id}\n{state}\n{int(time.time())}"
        digest = hashlib.sha256((account.api_id + entry).encode()).hexdigest()
        body = urlencode({"data[0]": entry, "hash": digest}).encode()
        return Callback(body, "application/x-www-form-urlencoded", taken=b"100")

    def protocol(self, raw: bytes) -> None:
        acts = {
            "/sms/send": self._send,
            "/sms/status": self._status,
            "/sms/cost": self._cost,
            "/my/balance": self._balance,
        }
        given = self._form(raw)
        self.account.requests += 1
        try:
            self.account.check(given, self.command)
            acts.get(self.route, self._unknown)(given)
        except Refusal as refusal:
            self._reply(given, _refused(refusal))

    def shown(self, message: Message) -> dict[str, Any]:
        return {}

    def obey(self, what: str, data: Any) -> None:
        if what == "stop":
            self.account.stop(str(data["phone"]))
        else:
            super().obey(what, data)

    def _form(self, raw: bytes) -> dict[str, str]:
        encoded = "&".join(part for part in (urlsplit(self.path).query, raw.decode("ascii", "replace")) if part)
        fields = parse_qs(encoded, keep_blank_values=True, errors="replace")
        return {name: values[-1] for name, values in fields.items()}

    def _send(self, given: dict[str, str]) -> None:
        mode, argument = self._order("send")
        if mode == "drop":
            self.hang_up()
            return
        if mode == "error":
            self.account.refusing.append(int(argument))
        if mode == "status":
            self.account.outcomes.append((int(argument), 0))
        answer = self.account.send(given)
        self.after(mode, argument, lambda: self._reply(given, answer))

    def _status(self, given: dict[str, str]) -> None:
        mode, argument = self._order("status")
        answer = self.account.status(given)
        if mode == "error":
            answer["sms"] = {ref: beside(int(argument)) for ref in answer["sms"]}
        self.after("lost" if mode == "drop" else mode, argument, lambda: self._reply(given, answer))

    def _cost(self, given: dict[str, str]) -> None:
        self._reply(given, self.account.cost(given))

    def _balance(self, given: dict[str, str]) -> None:
        self._reply(given, {"status": "OK", "status_code": OK, "balance": float(self.account.balance)})

    def _unknown(self, given: dict[str, str]) -> None:
        raise Refusal(211)

    def _order(self, on: str) -> tuple[str, str]:
        mode, argument = self.orders.take(on)
        if mode == "deny":
            raise Refusal(int(argument))
        return mode, argument

    def _reply(self, given: dict[str, str], answer: dict[str, Any]) -> None:
        with suppress(OSError):  # the client may have given up meanwhile
            if given.get("json") == "1":
                self.answer_json(answer)
            else:
                self.answer("\n".join(_lines(answer)), "text/plain; charset=utf-8")


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {"status": "ERROR", "status_code": refusal.code, "status_text": str(refusal)}


def _lines(answer: dict[str, Any]) -> list[str]:
    """The same without json=1: the code, a line for each number or id, the balance."""
    told = [str(each.get("sms_id", each["status_code"])) for each in answer.get("sms", {}).values()]
    balance = [f"balance={answer['balance']}"] if "sms" in answer else [str(answer.get("balance", ""))]
    return [str(answer["status_code"]), *told, *(line for line in balance if line)]


def build(given: argparse.Namespace, **common: Any) -> Account:
    return Account(api_id=given.api_id, **common)


def main(words: list[str] | None = None) -> None:
    run("smsru", str(__doc__), Gateway, build, {"--api-id": API_ID}, words)


if __name__ == "__main__":
    main()
