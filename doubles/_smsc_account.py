"""An account at the SMS gateway: what it takes, what it refuses and with which number, what becomes of a message.

Written from the vendor's public documentation (smsc.ru/api/http: send, status, error codes), in memory only.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from doubles._sms import MINUTE, PRICE, Box, Message, State, count_parts, number_in

IDS = range(1, 2**31)
SAME_STATUS_A_MINUTE = SAME_COST_A_MINUTE = 5
WITHOUT_ID = {1, 2, 4, 5, 9}  # errors 3, 6, 7, 8 tell the message's id

ERRORS = {
    1: "parameters error",
    2: "authorise error",
    3: "no money",
    4: "IP is blocked",
    5: "date error",
    6: "message is denied",
    7: "invalid number",
    8: "can't deliver message",
    9: "duplicate request, wait a minute",
}
SENT, DELIVERED, NOT_FOUND = 0, 1, -3


class Refusal(Exception):  # an answer of the protocol
    """Error `code` of the protocol, with the message's id where the vendor tells it."""

    def __init__(self, code: int, message_id: int | None = None) -> None:
        super().__init__(ERRORS.get(code, "error"))
        self.code = code
        self.message_id = None if code in WITHOUT_ID else message_id


@dataclass(frozen=True)
class Arrival:
    """How a request came in, for tests that look whether secrets stay out of addresses."""

    method: str = "POST"
    url_login: bool = False


@dataclass(kw_only=True)
class Account(Box):
    """Known by login and password."""

    on_the_way: ClassVar[State] = SENT
    delivered: ClassVar[State] = DELIVERED

    login: str
    password: str
    next_id: int = 1

    def check(self, given: Mapping[str, str]) -> None:
        """Raises Refusal 1 without login or password, 2 when they are wrong."""
        login, password = given.get("login"), given.get("psw")
        if not login or not password:
            raise Refusal(1)
        is_right = hmac.compare_digest(login.encode(), self.login.encode())
        if not (hmac.compare_digest(password.encode(), self.password.encode()) and is_right):
            raise Refusal(2)

    def send(self, given: Mapping[str, str], arrival: Arrival) -> dict[str, Any]:
        """Take a message, or raise Refusal. The answer as the JSON format has it."""
        with self.lock:
            self.check(given)
            text, message_id = given.get("mes", ""), self._id(given.get("id", ""))
            phones = [phone.strip() for phone in re.split("[,;\n]", given.get("phones", "")) if phone.strip()]
            if not text or not phones or message_id is None:
                raise Refusal(1)
            _check_time(given.get("time", ""))
            numbers = [_number(phone, message_id) for phone in phones]
            parts = count_parts(text)
            cost = PRICE * parts * len(numbers)
            if given.get("cost") == "1":
                self._count_equal(("cost", *numbers, text), limit=SAME_COST_A_MINUTE)
                return {"cost": _money(cost), "cnt": parts * len(numbers)}
            if given.get("sender", "") not in self.senders:
                raise Refusal(6, message_id)
            if cost > self.balance:
                raise Refusal(3, message_id)
            self._count_equal(("send", given.get("id", ""), *numbers, text), limit=1)
            self._take(given, numbers, message_id, parts, arrival)
            self.balance -= cost
            return self._taken(given.get("cost", ""), message_id, parts * len(numbers), cost)

    def status(self, given: Mapping[str, str]) -> dict[str, Any] | list[dict[str, Any]]:
        """What became of a message; a list when several ids were asked for."""
        with self.lock:
            self.check(given)
            phone, ids = given.get("phone", ""), given.get("id", "")
            if not phone or not ids:
                raise Refusal(1)
            if "," not in ids:
                return self._status(phone, ids)
            pairs = zip(phone.split(","), ids.split(","), strict=False)
            return [{**self._status(p, i), "id": i, "phone": p} for p, i in pairs if p and i]

    def _status(self, phone: str, ref: str) -> dict[str, Any]:
        number = re.sub(r"\D", "", phone)
        found = self.known(ref.strip(), number) if number else None
        if found is None:
            return {"status": NOT_FOUND, "last_date": "", "last_timestamp": 0, "flag": 0, "err": 0}
        found.asked = [moment for moment in found.asked if self.now() - moment < MINUTE]
        if len(found.asked) >= SAME_STATUS_A_MINUTE:
            raise Refusal(9)
        found.asked.append(self.now())
        state = self.state(found)
        return {
            "status": state,
            "last_date": found.time.astimezone().strftime("%d.%m.%Y %H:%M:%S"),
            "last_timestamp": int(found.at),
            "flag": 0,
            "err": found.err if state == found.final else 0,
        }

    def _take(
        self, given: Mapping[str, str], numbers: list[str], message_id: int, parts: int, arrival: Arrival
    ) -> None:
        final, err = self.outcome()
        for number in numbers:
            self.keep(
                Message(
                    id=message_id,
                    phone=number,
                    text=given["mes"],
                    sender=given["sender"],
                    parts=parts,
                    at=self.now(),
                    final=final,
                    err=err,
                    method=arrival.method,
                    secret_in_url=arrival.url_login,
                )
            )

    def _taken(self, asked: str, message_id: int, parts: int, cost: Decimal) -> dict[str, Any]:
        answer: dict[str, Any] = {"id": message_id, "cnt": parts}
        if asked in ("2", "3"):
            answer["cost"] = _money(cost)
        if asked == "3":
            answer["balance"] = _money(self.balance)
        return answer

    def _id(self, given: str) -> int | None:
        """The own id, or the next of the gateway's; None when it is no number from 1 to 2147483647."""
        if not given:
            self.next_id += 1
            return self.next_id
        return int(given) if given.isascii() and given.isdigit() and int(given) in IDS else None

    def _count_equal(self, key: tuple[str, ...], *, limit: int) -> None:
        """Raises Refusal 9 when the same was asked `limit` times within this minute."""
        if self.equals_within(key, MINUTE) >= limit:
            raise Refusal(9)
        self.remember(key)


def _number(phone: str, message_id: int) -> str:
    """Raises Refusal 7 for no number."""
    digits = number_in(phone)
    if not digits:
        raise Refusal(7, message_id)
    return digits


def _check_time(given: str) -> None:
    """Raises Refusal 5 unless empty, DDMMYYhhmm, h1-h2, 0ts or +minutes."""
    if not given or re.fullmatch(r"\d{1,2}-\d{1,2}|0\d{1,10}|\+\d{1,6}", given, re.ASCII):
        return
    try:
        datetime.strptime(given, "%d%m%y%H%M")
    except ValueError:
        raise Refusal(5) from None


def _money(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
