"""The toy MIS over HTTP: every call is a POST of JSON, every answer is 200 with `ok` in it, every time is naive.

Its errors, and what they mean for the portal:

| error | there                      | here                                       |
|-------|----------------------------|--------------------------------------------|
| 1     | the key is wrong           | AuthExpired                                |
| 4     | no such person             | PatientUnknown                             |
| 5     | no such visit              | Gone                                       |
| 18    | a rule is against it       | RuleViolation                              |
| 99    | the database is locked     | MisBusy                                    |
| else  |                            | MisBroken; of a write MisUnknown           |
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from portal.adapters.mis._http import Http
from portal.mis.ports import (
    AuthExpired,
    Gone,
    MisBroken,
    MisBusy,
    MisFailure,
    MisUnknown,
    PatientUnknown,
    RuleViolation,
)

Row = dict[str, Any]
FORM = "%Y-%m-%d %H:%M"


class Wire:
    """Thread-safe. `zone`: where its naive times are at home."""

    def __init__(self, *, url: str, key: str, zone: ZoneInfo, read: float, write: float) -> None:
        self._url, self.zone = url, zone
        headers = {"X-Key": key, "Content-Type": "application/json", "Accept": "application/json"}
        self._http = Http(headers=headers, login="", password="", read=read, write=write)

    def ask(self, what: str, **asked: Any) -> Row:
        return self._call(what, asked, is_write=False)

    def write(self, what: str, **asked: Any) -> Row:
        return self._call(what, asked, is_write=True)

    def _call(self, what: str, asked: Row, *, is_write: bool) -> Row:
        content = json.dumps(asked, ensure_ascii=False).encode()
        answer = self._http.send("POST", f"{self._url}/{what}", is_write=is_write, content=content)
        if answer.status_code != 200:
            raise _by_status(answer.status_code, is_write)
        told = _parsed(answer.content)
        if told is None:
            raise MisUnknown("not-json") if is_write else MisBroken("not-json", "something else than the toy answers")
        if told.get("ok") is not True:
            raise _by_error(told.get("error"), is_write)
        return told

    # Times -----------------------------------------------------------------------------------------------------

    def local(self, at: datetime) -> str:
        """As the toy writes a moment: its wall clock."""
        return at.astimezone(self.zone).strftime(FORM)

    def moment(self, text: Any) -> datetime:
        """The moment a wall clock of the clinic shows this. In UTC, so that it compares with any other."""
        return _naive(text).replace(tzinfo=self.zone).astimezone(UTC)

    def exists(self, text: Any) -> bool:
        """Does any clock there ever show this? Not in the hour that is left out when the clocks go forward."""
        return self.local(self.moment(text)) == str(text)

    def span(self, start: Any, end: Any) -> tuple[datetime, datetime]:
        """From … to, as long as it says there: on the night when an hour comes twice, too. The first is meant."""
        begins = self.moment(start)
        return begins, begins + (_naive(end) - _naive(start))

    def local_span(self, start: datetime, end: datetime) -> tuple[str, str]:
        """The way back of `span`."""
        begins = self.local(start)
        return begins, (_naive(begins) + (end - start)).strftime(FORM)


def _naive(text: Any) -> datetime:
    try:
        return datetime.strptime(str(text), FORM)
    except ValueError:
        raise MisBroken("bad-time", "a time that is not YYYY-MM-DD HH:MM") from None


def _parsed(content: bytes) -> Row | None:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _by_status(status: int, is_write: bool) -> MisFailure | MisUnknown:
    """The toy itself answers 200 alone: any other is of what stands before it."""
    if status in (401, 403):
        return AuthExpired(f"http {status}")
    if status in (429, 503):
        return MisBusy(f"http-{status}")
    if 300 <= status < 500:
        return MisBroken(f"http-{status}")
    return MisUnknown(f"http-{status}") if is_write else MisBusy(f"http-{status}")


def _by_error(error: Any, is_write: bool) -> MisFailure | MisUnknown:
    known: dict[Any, MisFailure] = {
        1: AuthExpired("the key is not taken"),
        4: PatientUnknown(),
        5: Gone(),
        18: RuleViolation(),
        99: MisBusy("locked"),
    }
    strange = MisUnknown("strange-error") if is_write else MisBroken("strange-error")
    return known.get(error, strange) if isinstance(error, int) else strange
