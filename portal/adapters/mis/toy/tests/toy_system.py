"""The toy MIS itself, an own process: `python -m portal.adapters.mis.toy.tests.toy_system --fd N --zone Asia/Omsk`.

It is as careless as real ones are. It takes a visit to a time that is taken, has no ids of anybody else, keeps naive
local times, tells errors with status 200, and has a state (`Q`, "asked by telephone") that nobody has mapped.
Its clinic receives at night: times begin half an hour before midnight and end half an hour after it, too.
"""

from __future__ import annotations

import argparse
import json
import threading
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from doubles._server import Handler, http_server, leave_at_once, listening_socket

Row = dict[str, Any]
FORM = "%Y-%m-%d %H:%M"
STEP, FIRST, SLOTS = timedelta(minutes=30), timedelta(hours=15), 20  # 15:00 … 01:00 of the next day
DIRECTORY = {
    "places": [{"id": 1, "name": "Ночная, 1"}],
    "services": [{"id": 31, "name": "Приём терапевта", "minutes": 30}],
    "doctors": [
        {
            "id": 7,
            "place": 1,
            "surname": "Совин",
            "names": "Фома Лукич",
            "post": "Терапевт",
            "works": 1,
            "services": [31],
        },
        {"id": 9, "place": 1, "surname": "Зорина", "names": "Ева", "post": "Хирург", "works": 0, "services": []},
    ],
}
PEOPLE = [
    {"id": 1, "surname": "Тихая", "names": "Нина Юрьевна", "born": "1970-05-06", "sex": "f", "phones": ["+79160000001"],
     "snils": "11223344595", "policy": ""},
    {"id": 2, "surname": "Ранний", "names": "Олег", "born": "", "sex": "m", "phones": [], "snils": "", "policy": ""},
]  # fmt: skip


class Refused(Exception):
    """`args[0]`: the number of the error."""


class Toy:
    """Everything it keeps. One call at a time."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone, self.lock, self.numbers = zone, threading.Lock(), count(100)
        self.people: dict[int, Row] = {one["id"]: dict(one) for one in PEOPLE}
        self.visits: dict[int, Row] = {}

    def now(self) -> datetime:
        """Its wall clock."""
        return datetime.now(self.zone).replace(tzinfo=None)

    def about(self, _asked: Row) -> Row:
        return {"name": "Diary", "version": "3", "now": self.now().strftime(FORM)}

    def directory(self, _asked: Row) -> Row:
        return DIRECTORY

    def grid(self, asked: Row) -> Row:
        """What begins on this day of the wall calendar."""
        day = date.fromisoformat(asked["day"])
        far = self.now().date() + timedelta(days=40)
        if asked["doctor"] != 7 or not self.now().date() - timedelta(days=2) <= day <= far:
            return {"rows": []}
        starts = [one for shift in (day - timedelta(days=1), day) for one in _shift(shift) if one.date() == day]
        return {"rows": [self._row(one) for one in starts]}

    def _row(self, start: datetime) -> Row:
        text, end = start.strftime(FORM), (start + STEP).strftime(FORM)
        live = [one for one in self.visits.values() if one["state"] != "X" and one["doctor"] == 7]
        return {"from": text, "to": end, "busy": int(any(one["start"] < end and one["end"] > text for one in live))}

    def people_find(self, asked: Row) -> Row:
        tests = {"phone": lambda one, value: value in one["phones"]}
        plain = lambda name: lambda one, value: one[name] == value  # noqa: E731
        found = [
            one
            for one in self.people.values()
            if all(tests.get(name, plain(name))(one, value) for name, value in asked.items())
        ]
        return {"rows": found}

    def people_get(self, asked: Row) -> Row:
        return {"row": _found(self.people, asked["id"], 4)}

    def people_add(self, asked: Row) -> Row:
        number = next(self.numbers)
        self.people[number] = {**asked, "id": number}
        return {"id": number}

    def visits_add(self, asked: Row) -> Row:
        _found(self.people, asked["person"], 4)
        start = datetime.strptime(asked["start"], FORM)
        if asked["doctor"] != 7 or start < self.now():
            raise Refused(18)
        number = next(self.numbers)
        self.visits[number] = {**asked, "id": number, "state": asked.get("state", "N"), "changed": next(self.numbers)}
        return {"id": number}

    def visits_get(self, asked: Row) -> Row:
        return {"row": _found(self.visits, asked["id"], 5)}

    def visits_list(self, asked: Row) -> Row:
        rows = [one for one in self.visits.values() if asked["since"] <= one["start"] <= asked["until"]]
        return {"rows": sorted(rows, key=lambda one: (one["start"], one["id"]))}

    def visits_drop(self, asked: Row) -> Row:
        visit = _found(self.visits, asked["id"], 5)
        if visit["state"] != "X":
            visit |= {"state": "X", "changed": next(self.numbers)}
        return {}


def _shift(day: date) -> list[datetime]:
    """Of an evening and the night after it."""
    opens = datetime(day.year, day.month, day.day) + FIRST
    return [opens + STEP * n for n in range(SLOTS)]


def _found(rows: dict[int, Row], number: Any, error: int) -> Row:
    if number not in rows:
        raise Refused(error)
    return rows[number]


class Front(Handler):
    toy: Toy
    disable_nagle_algorithm = True

    def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
        self.answer_json({"messages": [], "requests": 0})

    def do_POST(self) -> None:  # noqa: N802
        raw, work = self.body(), getattr(self.toy, self.route.strip("/").replace("/", "_"), None)
        with self.toy.lock:
            try:
                if self.headers.get("X-Key") != "demo":
                    raise Refused(1)
                told = {"ok": True, **work(json.loads(raw or b"{}"))}
            except Refused as refusal:
                told = {"ok": False, "error": refusal.args[0], "text": "нельзя"}
            except (KeyError, TypeError, ValueError):
                told = {"ok": False, "error": 13, "text": "не понимаю"}
            body = json.dumps(told, ensure_ascii=False)
        self.answer(body, "application/json; charset=utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--zone", default="Asia/Omsk")
    given = parser.parse_args()
    leave_at_once()
    sock = listening_socket(port=None, fd=given.fd)
    http_server(sock, type("BoundFront", (Front,), {"toy": Toy(ZoneInfo(given.zone))})).serve_forever()


if __name__ == "__main__":
    main()
