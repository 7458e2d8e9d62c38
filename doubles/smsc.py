"""The SMS gateway's double: `python -m doubles.smsc --port 8025`, page at `/`.

Speaks what smsc.ru speaks: `/sys/send.php`, `/sys/status.php`, `/sys/balance.php`, `/sys/senders.php` (GET or POST
form, windows-1251 unless `charset` says otherwise, fmt 0, 1 or 3) and `/rest/send/` (POST JSON).

Its own pages and orders: `doubles/_sms_gateway.py`; here `error:3` refuses with this error, `status:22` lets this
become of a message, `status:20/219` with the err.
"""

from __future__ import annotations

import argparse
import json
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from doubles._sms import Message, State
from doubles._sms_caller import Callback
from doubles._sms_gateway import SmsGateway, run
from doubles._sms_page import States
from doubles._smsc_account import Account, Arrival, Refusal

LOGIN = PASSWORD = "demo"  # noqa: S105 - there is nothing to protect
CHARSETS = {"": "cp1251", "windows-1251": "cp1251", "utf-8": "utf-8", "koi8-r": "koi8-r"}
STATES = States(
    words={
        "ru": {
            -3: "неизвестно",
            -2: "остановлено",
            -1: "в очереди",
            0: "передано оператору",
            1: "доставлено",
            2: "прочитано",
            3: "просрочено",
            4: "открыта ссылка",
            20: "не доставить",
            22: "неверный номер",
            23: "запрещено",
            24: "нет денег",
            25: "номер недоступен",
        },
        "en": {
            -3: "unknown",
            -2: "stopped",
            -1: "queued",
            0: "passed to the operator",
            1: "delivered",
            2: "read",
            3: "expired",
            4: "link opened",
            20: "cannot be delivered",
            22: "wrong number",
            23: "forbidden",
            24: "no money",
            25: "number unavailable",
        },
    },
    good=frozenset({1, 2, 4}),
    bad=frozenset({-2, 3, 20, 22, 23, 24, 25}),
)


class Gateway(SmsGateway):
    prefixes = ("/sys/",)
    states = STATES
    account: Account

    @classmethod
    def callback(cls, message: Message, state: State) -> Callback:
        """Our reading: the vendor's page of the handler was not read, examples show `id`, `phone`, `status`."""
        fields = {"id": message.id, "phone": message.phone, "status": state, "time": message.time.isoformat()}
        return Callback(urlencode({**fields, "err": message.err}).encode(), "application/x-www-form-urlencoded", "GET")

    def protocol(self, raw: bytes) -> None:
        query = urlsplit(self.path).query
        if self.route == "/rest/send/":
            self._rest(raw)
            return
        joined = "&".join(part for part in (query, raw.decode("ascii", "replace")) if part)
        self._protocol(self._form(joined), from_url=self.command == "GET" or "login=" in query)

    def shown(self, message: Message) -> dict[str, Any]:
        return {"login_in_url": message.secret_in_url}

    def check_argument(self, mode: str, argument: str) -> None:
        for number in argument.replace("/", " ").split():
            int(number)

    def _form(self, encoded: str) -> dict[str, str]:
        """The fields of a form, in the charset the form itself names, windows-1251 when it names none."""
        names = parse_qs(encoded, keep_blank_values=True, encoding="latin-1")
        charset = CHARSETS.get(names.get("charset", [""])[0].lower(), "cp1251")
        fields = parse_qs(encoded, keep_blank_values=True, encoding=charset, errors="replace")
        return {name: values[-1] for name, values in fields.items()}

    def _rest(self, raw: bytes) -> None:
        try:
            given = {name: str(value) for name, value in json.loads(raw).items()}
        except (ValueError, AttributeError):
            given = {}
        self._protocol({"fmt": "3", "charset": "utf-8", **given}, from_url=False, route="/sys/send.php")

    def _protocol(self, given: dict[str, str], *, from_url: bool, route: str = "") -> None:
        acts = {
            "/sys/send.php": self._send,
            "/sys/status.php": self._status,
            "/sys/balance.php": self._balance,
            "/sys/senders.php": self._senders,
        }
        act = acts.get(route or self.route)
        if act is None:
            self.answer_json({"error": "not found"}, 404)
            return
        self.account.requests += 1
        try:
            act(given, Arrival(self.command, from_url))
        except Refusal as refusal:
            self._reply(given, _refused(refusal))

    def _send(self, given: dict[str, str], arrival: Arrival) -> None:
        mode, argument = self.orders.take("send")
        if mode == "error":
            raise Refusal(int(argument), int(given.get("id") or 0) or None)
        if mode == "drop":
            self.hang_up()
            return
        if mode == "status":
            state, _, err = argument.partition("/")
            self.account.outcomes.append((int(state), int(err or 0)))
        answer = self.account.send(given, arrival)
        self.after(mode, argument, lambda: self._reply(given, answer))

    def _status(self, given: dict[str, str], _: Arrival) -> None:
        mode, argument = self.orders.take("status")
        if mode == "error":
            raise Refusal(int(argument))
        answer = self.account.status(given)
        self.after("lost" if mode == "drop" else mode, argument, lambda: self._reply(given, answer))

    def _balance(self, given: dict[str, str], _: Arrival) -> None:
        self.account.check(given)
        self._reply(given, {"balance": str(self.account.balance)})

    def _senders(self, given: dict[str, str], _: Arrival) -> None:
        self.account.check(given)
        self._reply(given, [{"sender": sender} for sender in self.account.senders])

    def _reply(self, given: dict[str, str], answer: Any) -> None:
        charset = CHARSETS.get(given.get("charset", "").lower(), "cp1251")
        kind = "application/json" if given.get("fmt") == "3" else "text/plain"
        text = _in_format(answer, given.get("fmt", "0"))
        name = {"cp1251": "windows-1251"}.get(charset, charset)
        with suppress(OSError):  # the client may have given up meanwhile
            self.answer(text.encode(charset, "replace"), f"{kind}; charset={name}")


def _refused(refusal: Refusal) -> dict[str, Any]:
    answer: dict[str, Any] = {"error": str(refusal), "error_code": refusal.code}
    return answer if refusal.message_id is None else {**answer, "id": refusal.message_id}


def _in_format(answer: Any, fmt: str) -> str:
    """fmt 3 is JSON; 1 is numbers with commas; anything else the sentence of fmt 0."""
    if fmt == "3" or not isinstance(answer, dict):
        return json.dumps(answer, ensure_ascii=False)
    if "error_code" in answer:
        number = answer["error_code"]
        tail = f", ID - {answer['id']}" if "id" in answer else ""
        return f"{answer.get('id', 0)},-{number}" if fmt == "1" else f"ERROR = {number} ({answer['error']}){tail}"
    if "status" in answer:
        if fmt == "1":
            return f"{answer['status']},{answer['last_timestamp']},{answer['err']}"
        return f"Status = {answer['status']}, check_time = {answer['last_date']}, err = {answer['err']}"
    if "id" in answer:
        if fmt == "1":
            return ",".join(str(answer[name]) for name in ("id", "cnt", "cost", "balance") if name in answer)
        return f"OK - {answer['cnt']} SMS, ID - {answer['id']}"
    return ",".join(str(value) for value in answer.values())


def build(given: argparse.Namespace, **common: Any) -> Account:
    return Account(login=given.login, password=given.password, **common)


def main(words: list[str] | None = None) -> None:
    run("smsc", str(__doc__), Gateway, build, {"--login": LOGIN, "--password": PASSWORD}, words)


if __name__ == "__main__":
    main()
