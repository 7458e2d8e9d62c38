"""A MIS as the contract suite meets it: how to reach it, and what is known of it beforehand.

Beside each adapter stands `portal/adapters/mis/<vendor>/tests/contract.py` with a list `SHAPES`: every kind of server
the adapter is for, and how it is started. The suite finds them itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from portal.mis.line import build
from portal.mis.mapping import Mapping
from portal.mis.ports import TAKES_TIME, Capability, Mis, MisVisit, Person, Slot, Wanted

ADAPTERS = Path(__file__).resolve().parents[3] / "portal" / "adapters" / "mis"
SOON, HORIZON = timedelta(hours=26), timedelta(days=24)


@dataclass
class World:
    """One MIS that is up. Tests share it: each takes times and makes patients that no other test sees.

    has         what it must be found to be able to do, no more and no less
    doctor_ref  of a doctor with free times in the coming days
    patient     of a patient whom it knows, and `person` what it knows of them
    stranger    of another patient
    is_write    method and path of a request → may it change anything?
    """

    mapping: Mapping
    has: frozenset[Capability]
    doctor_ref: str
    patient: str
    person: Person
    stranger: str
    is_write: Callable[[str, str], bool]
    seen: set[datetime] = field(default_factory=set)

    @cached_property
    def mis(self) -> Mis:
        return build(self.mapping)

    def another(self, **changes: Any) -> Mis:
        """Somebody else's line to the same MIS, or one to another address."""
        return build(self.mapping.model_copy(update=changes))

    def slots(self) -> list[Slot]:
        """Of the doctor, in the coming days, as they are now."""
        now = datetime.now(UTC)
        found = self.mis.get_slots(self.doctor_ref, now + SOON, now + HORIZON)
        return sorted(found, key=lambda slot: slot.start)

    @cached_property
    def first_seen(self) -> list[Slot]:
        """As they were at first: only tests give them away, and each takes others."""
        return self.slots()

    def free(self, *, minutes: int = 0) -> Slot:
        """A free time that no other test has had; `minutes`: that much in a row."""
        row: list[Slot] = []
        for slot in self.first_seen:
            is_new = slot.is_free and slot.start not in self.seen
            row = [*(row if row and row[-1].end == slot.start else []), slot] if is_new else []
            if row and row[-1].end - row[0].start >= timedelta(minutes=minutes):
                self.seen |= {one.start for one in row}
                return replace(row[0], end=row[-1].end)
        raise AssertionError("no free time is left in this world")

    def wanted(self, slot: Slot | None = None, **changes: Any) -> Wanted:
        slot = slot or self.free()
        asked = Wanted(uuid.uuid4(), self.doctor_ref, self.patient, slot.start, slot.end)
        return replace(asked, **changes)

    def booked(self, slot: Slot | None = None, **changes: Any) -> tuple[Wanted, MisVisit]:
        wanted = self.wanted(slot, **changes)
        return wanted, self.mis.book(wanted)

    def now_at(self, wanted: Wanted) -> Slot:
        """The time of a visit as the MIS shows it now."""
        (found,) = self.mis.get_slots(wanted.doctor_ref, wanted.start, wanted.start + timedelta(minutes=1))
        return found

    def live_at(self, wanted: Wanted) -> list[MisVisit]:
        """Visits that take this time of this doctor."""
        found = self.mis.booked_between(wanted.start, wanted.end)
        return [one for one in found if one.doctor_ref == wanted.doctor_ref and one.status in TAKES_TIME]


@dataclass(frozen=True)
class Shape:
    """A kind of server. `is_peer`: made by others, fetched by `make soak`."""

    name: str
    start: Callable[[Path], AbstractContextManager[World]]
    is_peer: bool = False


def shapes() -> Iterator[Shape]:
    """Of every adapter there is. One without a contract has no place here."""
    for folder in sorted(path.parent for path in ADAPTERS.glob("*/__init__.py")):
        contract = import_module(f"portal.adapters.mis.{folder.name}.tests.contract")
        for shape in contract.SHAPES:
            yield replace(shape, name=f"{folder.name}-{shape.name}")


def nobody() -> Person:
    """Somebody whom no MIS has heard of; every time somebody else."""
    number = uuid.uuid4().int
    return Person(
        family_name=f"Выдумкин{_letters(number)}",
        given_name="Пётр",
        middle_name="Ильич",
        birth_date=(datetime(1950, 1, 1) + timedelta(days=number % 20000)).date(),
        sex="male",
        phones=(f"+7999{number % 10**7:07}",),
        snils=_snils(number % 900_000_000 + 2_000_000),
        policy=f"{number % 10**16:016}",
    )


def _letters(number: int) -> str:
    return "".join("абвгдежзик"[int(digit)] for digit in str(number)[:8])


def _snils(number: int) -> str:
    """Nine digits and their check, as the state counts it."""
    digits = f"{number:09}"
    check = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 0, -1), strict=True)) % 101 % 100
    return f"{digits}{check:02}"
