"""What booking promises, in plain Python and one thread: each method says what must come of a command.

A refusal is the class of the error; all else changes the model. Holds that ran out are simply not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.kernel.errors import NotFound
from portal.scheduling import errors
from portal.scheduling.tests.wall_clock import expected

ZONE = "Europe/Moscow"
DOCTORS = ("vera", "gleb", "dina")
SPECIALTY = {"vera": "therapist", "gleb": "therapist", "dina": "cardiologist"}
MINUTES = {"vera": 30, "gleb": 30, "dina": 45}
PAUSE = {"vera": 0, "gleb": 0, "dina": 10}
ROOM = {"vera": "room-200", "gleb": "room-200", "dina": "room-202"}  # Gleb sits in Vera's room
SCANNERS = ("scanner-1", "scanner-2")  # every visit needs one
ACTS_FOR = {"anna": {"anna", "mila"}, "boris": {"boris"}, "zoya": {"zoya"}, "rita": {"anna", "mila", "boris"}}
FAR = 14_000  # minutes, beyond every visit of the test
Refusal = type[Exception]


class Ask(NamedTuple):
    doctor: str
    mode: str
    start: datetime


@dataclass
class Taken:
    """A live hold or a booked time."""

    doctor: str
    mode: str
    start: datetime
    end: datetime
    things: frozenset[str]
    owner: UUID
    replaces: UUID | None = None
    holder: bytes | None = None
    left: int | None = 10  # minutes; None when booked
    is_extended: bool = False
    pk: UUID | None = None
    batch: UUID | None = None

    def meets(self, start: datetime, end: datetime) -> bool:
        return self.start < end and start < self.end


@dataclass
class Visit:
    patient: str
    doctor: str
    mode: str
    start: datetime
    pk: UUID
    same_day: str = ""
    room: str | None = None
    status: str = "booked"
    version: int = 1

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)

    @property
    def minutes(self) -> int:
        return 30 if self.room == "cast" else MINUTES[self.doctor]

    @property
    def day(self) -> tuple[str, date]:
        return SPECIALTY[self.doctor], self.start.astimezone(ZoneInfo(ZONE)).date()

    def is_like(self, other: Visit) -> bool:
        """Of one person."""
        return self.patient == other.patient and self.pk != other.pk and other.status != "cancelled"


@dataclass
class Model:
    today: date
    rules: dict[str, list[Any]]
    exceptions: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in DOCTORS})
    taken: list[Taken] = field(default_factory=list)
    visits: dict[UUID, Visit] = field(default_factory=dict)
    jobs: list[tuple[str, UUID]] = field(default_factory=list)
    lead: int = 30
    horizon: int = 56
    cancel: int = 0
    is_one_a_day: bool = True
    opened: dict[tuple[str, date], list[Any]] = field(default_factory=dict)  # kept until rules change

    # --- what is open and free

    def open(self, doctor: str, day: date) -> list[Any]:
        key = (doctor, day)
        if key not in self.opened:
            self.opened[key] = expected(day, ZONE, self.rules[doctor], self.exceptions[doctor])
        return self.opened[key]

    def is_published(self, start: datetime) -> bool:
        day = start.astimezone(ZoneInfo(ZONE)).date()
        return self.lead < FAR and (day - self.today).days <= self.horizon

    def begins(self, doctor: str, mode: str, day: date) -> Iterator[datetime]:
        """Every time that the day's hours allow."""
        for one in self.open(doctor, day):
            for n in count():
                start = one.anchor + timedelta(minutes=one.step_minutes * n)
                if start + timedelta(minutes=MINUTES[doctor]) > one.end:
                    break
                if start >= one.start and mode in one.modes:
                    yield start

    def fits(self, ask: Ask) -> bool:
        return ask.start in self.begins(ask.doctor, ask.mode, ask.start.astimezone(ZoneInfo(ZONE)).date())

    def place(self, ask: Ask, among: Iterable[Taken]) -> tuple[datetime, frozenset[str]] | None:
        """Until when and with which room and device it would be taken; None when something is in the way."""
        end = ask.start + timedelta(minutes=MINUTES[ask.doctor] + PAUSE[ask.doctor])
        rivals = [t for t in among if t.meets(ask.start, end)]
        busy = {thing for t in rivals for thing in t.things}
        scanner = next((name for name in SCANNERS if name not in busy), None)
        needs = {scanner} | ({ROOM[ask.doctor]} if ask.mode == "in-person" else set())
        if scanner is None or needs & busy or any(t.doctor == ask.doctor for t in rivals):
            return None
        return end, frozenset(needs)

    def free(self, doctor: str, mode: str, days: Iterable[date]) -> list[datetime]:
        begins = (start for day in days for start in self.begins(doctor, mode, day))
        return sorted(s for s in begins if self.is_published(s) and self.place(Ask(doctor, mode, s), self.taken))

    def conflicts(self) -> set[UUID]:
        """Visits that no interval of the hours covers as a whole."""
        found = set()
        for t in (t for t in self.taken if t.left is None):
            hours = self.open(t.doctor, t.start.astimezone(ZoneInfo(ZONE)).date())
            end = t.end - timedelta(minutes=PAUSE[t.doctor])
            if not any(one.start <= t.start and end <= one.end and t.mode in one.modes for one in hours):
                found.add(t.owner)
        return found

    # --- holds

    def hold(
        self,
        owner: UUID,
        asks: Iterable[Ask],
        *,
        is_staff: bool = False,
        replaces: UUID | None = None,
        holder: tuple[bytes, int] | None = None,
    ) -> Refusal | list[Taken]:
        """The holds to come, in order of time; `keep` makes them real."""
        asks = sorted(asks, key=lambda ask: ask.start)
        if not all(self.fits(ask) and (is_staff or self.is_published(ask.start)) for ask in asks):
            return errors.NotOffered
        others = [t for t in self.taken if t.left is None or t.owner != owner]
        if holder and len({t.batch for t in others if t.holder == holder[0]}) >= holder[1]:
            return errors.TooManyHolds
        fresh: list[Taken] = []
        for ask in asks:
            placed = self.place(ask, others + fresh)
            if placed is None:
                return errors.SlotTaken
            fresh.append(Taken(*ask, *placed, owner, replaces, holder[0] if holder else None))
        return fresh

    def keep(self, fresh: list[Taken], ids: list[UUID]) -> None:
        self.release(fresh[0].owner)
        for held, pk in zip(fresh, ids, strict=True):
            held.pk, held.batch = pk, ids[0]
            self.taken.append(held)

    def release(self, owner: UUID) -> None:
        self.taken = [t for t in self.taken if t.left is None or t.owner != owner]

    def held(self, owner: UUID, batch: UUID) -> list[Taken]:
        mine = [t for t in self.taken if t.left is not None and t.owner == owner and t.batch == batch]
        return sorted(mine, key=lambda t: t.start)

    def extend(self, owner: UUID, batch: UUID) -> Refusal | None:
        rows = [t for t in self.held(owner, batch) if not t.is_extended]
        for t in rows:
            t.left, t.is_extended = t.left + 10, True
        return None if rows else errors.HoldOver

    def wait(self, minutes: int) -> None:
        for t in self.taken:
            t.left = None if t.left is None else t.left - minutes
        self.taken = [t for t in self.taken if t.left is None or t.left > 0]

    # --- visits

    def may(self, who: str, patient: str) -> bool:
        return patient in ACTS_FOR[who] or (
            who == "rita" and any(visit.patient == patient for visit in self.visits.values())
        )

    def refuses(self, visit: Visit, others: Iterable[Visit]) -> Refusal | None:
        own = [other for other in others if visit.is_like(other)]
        if any(visit.start < other.end and other.start < visit.end for other in own):
            return errors.PatientBusy
        if visit.same_day == "" and any(other.same_day == "" and other.day == visit.day for other in own):
            return errors.OneADay
        return None

    def book(self, who: str, patient: str, owner: UUID, batch: UUID, reason: str = "") -> Refusal | list[Visit]:
        holds = self.held(owner, batch)
        if not self.may(who, patient):
            return NotFound
        if not holds:
            return errors.HoldOver
        if any(t.replaces for t in holds):
            return errors.NotOffered
        if patient == "mila" and any(t.doctor == "dina" for t in holds):
            return errors.AgeNotServed
        fresh: list[Visit] = []
        for t in holds:
            visit = Visit(patient, t.doctor, t.mode, t.start, t.pk, room=room(t))
            if not self.is_one_a_day:
                visit.same_day = "policy"
            elif who == "rita" and reason:
                visit.same_day = "staff"
            elif any(other.day == visit.day for other in fresh):
                visit.same_day = "together"
            if refusal := self.refuses(visit, [*self.visits.values(), *fresh]):
                return refusal
            fresh.append(visit)
        for t, visit in zip(holds, fresh, strict=True):
            self._settle(t, visit, "booked")
        return fresh

    def _settle(self, t: Taken, visit: Visit, verb: str) -> None:
        t.left, t.owner, t.replaces, t.holder = None, visit.pk, None, None
        self.visits[visit.pk] = visit
        self.jobs.append((verb, visit.pk))

    def move(self, who: str, pk: UUID, owner: UUID, batch: UUID) -> Refusal | Visit:
        visit, holds = self.visits[pk], self.held(owner, batch)
        if not self.may(who, visit.patient):
            return NotFound
        if visit.status == "cancelled" or (who != "rita" and self.cancel > FAR):
            return errors.TooLateToMove
        if len(holds) != 1:
            return errors.HoldOver
        (t,) = holds
        if t.replaces != pk or SPECIALTY[t.doctor] != SPECIALTY[visit.doctor]:
            return errors.NotOffered
        moved = replace(visit, doctor=t.doctor, mode=t.mode, start=t.start, room=room(t), version=visit.version + 1)
        if visit.same_day in ("", "policy"):
            moved.same_day = "" if self.is_one_a_day else "policy"
        if refusal := self.refuses(moved, self.visits.values()):
            return refusal
        self._free(pk)
        self._settle(t, moved, "moved")
        return moved

    def cancel_visit(self, who: str, pk: UUID) -> Refusal | Visit:
        visit = self.visits[pk]
        if not self.may(who, visit.patient):
            return NotFound
        if visit.status == "cancelled":
            return visit
        if who != "rita" and self.cancel > FAR:
            return errors.TooLateToCancel
        visit.status, visit.version = "cancelled", visit.version + 1
        self._free(pk)
        self.jobs.append(("cancelled", pk))
        return visit

    def _free(self, pk: UUID) -> None:
        self.taken = [t for t in self.taken if t.left is not None or t.owner != pk]


def room(t: Taken) -> str | None:
    return next((thing for thing in t.things if thing.startswith("room")), None)
