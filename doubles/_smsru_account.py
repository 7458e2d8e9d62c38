"""An account at SMS.ru: what it takes, what it refuses and with which code, what becomes of a message.

Written from the vendor's pages (sms.ru/api/send, /status: examples of answers) and from the codes that public clients
list; in memory only. Not on those pages, so our reading: which refusals are for the whole request (`Refusal`) and which
beside one number. Stricter than the vendor: an address must not carry the api_id, so GET is refused (210); an empty
sender, which there falls back to a shared name, is refused (204); one equal text a minute and a day, where the
account may allow more.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from doubles._sms import DAY, MINUTE, PRICE, Box, Message, State, count_parts, number_in

OK, NOT_FOUND, PASSED, DELIVERED = 100, -1, 102, 103
MAX_NUMBERS, MAX_PARTS = 100, 8

TEXTS = {
    -1: "Сообщение не найдено",
    100: "Запрос выполнен",
    101: "Сообщение передается оператору",
    102: "Сообщение отправлено (в пути)",
    103: "Сообщение доставлено",
    104: "Не может быть доставлено: время жизни истекло",
    105: "Не может быть доставлено: удалено оператором",
    106: "Не может быть доставлено: сбой в телефоне",
    107: "Не может быть доставлено: неизвестная причина",
    108: "Не может быть доставлено: отклонено",
    200: "Неправильный api_id",
    201: "Не хватает средств на лицевом счету",
    202: "Неправильно указан получатель",
    203: "Нет текста сообщения",
    204: "Имя отправителя не согласовано",
    205: "Сообщение слишком длинное (превышает 8 СМС)",
    207: "На этот номер нельзя отправлять сообщения, либо указано более 100 номеров",
    209: "Номер в стоп-листе",
    210: "Используется GET, где необходимо использовать POST",
    211: "Метод не найден",
    220: "Сервис временно недоступен",
    231: "Превышен лимит одинаковых сообщений на этот номер в минуту",
    232: "Превышен лимит одинаковых сообщений на этот номер в день",
}


class Refusal(Exception):  # an answer of the protocol
    """The whole request is refused with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(TEXTS.get(code, "Ошибка"))
        self.code = code


def beside(code: int, **more: Any) -> dict[str, Any]:
    """What stands beside one number or one id."""
    is_error = code == NOT_FOUND or code >= 200
    told: dict[str, Any] = {"status": "ERROR" if is_error else "OK", "status_code": code, **more}
    return told if code == OK else {**told, "status_text": TEXTS.get(code, "Ошибка")}


@dataclass(kw_only=True)
class Account(Box):
    """Known by its api_id. `stopped`: numbers it never writes to; `refusing`: codes for the next numbers."""

    on_the_way: ClassVar[State] = PASSED
    delivered: ClassVar[State] = DELIVERED

    api_id: str
    stopped: set[str] = field(default_factory=set)
    refusing: list[int] = field(default_factory=list)
    count: int = 0

    def check(self, given: Mapping[str, str], method: str) -> None:
        """Raises Refusal 210 for GET, 200 for a wrong api_id."""
        if method != "POST":
            raise Refusal(210)
        if not hmac.compare_digest(given.get("api_id", "").encode(), self.api_id.encode()):
            raise Refusal(200)

    def send(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Take a text to each number that may have it, or raise Refusal."""
        with self.lock:
            numbers, text = self._checked(given)
            if PRICE * count_parts(text) * len(numbers) > self.balance:
                raise Refusal(201)
            take = self._tried if given.get("test") == "1" else self._taken
            return self._answer({each: self._for(each, text, given["from"], take) for each in numbers})

    def cost(self, given: Mapping[str, str]) -> dict[str, Any]:
        with self.lock:
            numbers, text = self._checked(given)
            parts = count_parts(text)
            price = float(PRICE * parts)
            told = {each: self._priced(each, parts, price) for each in numbers}
            good = sum(one["status_code"] == OK for one in told.values())
            return {**self._answer(told), "total_cost": price * good, "total_sms": parts * good}

    def status(self, given: Mapping[str, str]) -> dict[str, Any]:
        """What became of the messages with these ids; each must be the account's own."""
        ids = [each.strip() for each in given.get("sms_id", "").split(",") if each.strip()]
        with self.lock:
            return self._answer({ref: self._told(self.known(ref)) for ref in ids})

    def stop(self, phone: str) -> None:
        """Raises ValueError for no number."""
        number = number_in(phone)
        if not number:
            raise ValueError("a phone number is expected")
        self.stopped.add(number)

    def forget(self) -> None:
        super().forget()
        self.stopped.clear()
        self.refusing.clear()

    def _checked(self, given: Mapping[str, str]) -> tuple[list[str], str]:
        """Numbers and text. Raises Refusal for what is wrong with the whole request."""
        numbers = [each.strip() for each in given.get("to", "").split(",") if each.strip()]
        text = given.get("msg", "")
        wrong = {
            202: not numbers,
            203: not text,
            204: given.get("from", "") not in self.senders,
            205: count_parts(text) > MAX_PARTS,
            207: len(numbers) > MAX_NUMBERS,
        }
        if code := next((code for code, holds in wrong.items() if holds), 0):
            raise Refusal(code)
        return numbers, text

    def _for(
        self, given: str, text: str, sender: str, take: Callable[[str, str, str], dict[str, Any]]
    ) -> dict[str, Any]:
        number = number_in(given)
        code = self.refusing.pop(0) if self.refusing else self._forbids(number, text)
        return beside(code) if code else take(number, text, sender)

    def _forbids(self, number: str, text: str) -> int:
        """Why this number may not have this text; 0 when it may."""
        if not number:
            return 202
        if number in self.stopped:
            return 209
        if self.equals_within((number, text), MINUTE):
            return 231
        return 232 if self.equals_within((number, text), DAY) else 0

    def _taken(self, number: str, text: str, sender: str) -> dict[str, Any]:
        parts = count_parts(text)
        final, err = self.outcome()
        ref = self._next_id()
        self.keep(
            Message(
                id=ref, phone=number, text=text, sender=sender, parts=parts, at=self.now(), final=final, err=err
            )
        )  # fmt: skip
        self.remember((number, text))
        self.balance -= PRICE * parts
        return beside(OK, sms_id=ref)

    def _tried(self, number: str, text: str, sender: str) -> dict[str, Any]:
        """With test=1 the answer is as if it were sent."""
        return beside(OK, sms_id=self._next_id())

    def _priced(self, given: str, parts: int, price: float) -> dict[str, Any]:
        return beside(OK, cost=price, sms=parts) if number_in(given) else beside(202)

    def _told(self, message: Message | None) -> dict[str, Any]:
        if message is None:
            return beside(NOT_FOUND)
        return beside(int(self.state(message)), cost=float(PRICE * message.parts))

    def _answer(self, told: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return {"status": "OK", "status_code": OK, "sms": told, "balance": float(self.balance)}

    def _next_id(self) -> str:
        self.count += 1
        return f"202648-{1_000_000 + self.count}"
