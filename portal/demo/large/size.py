"""How much there is, who shares whom, and how it is cut into chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b
from itertools import pairwise
from uuid import UUID

PAST_A_DAY = 8  # visits a doctor had on each past day
# Times already booked with each doctor, from the first coming day on; of 30 a day.
TAKEN = (24, 20, 16, 12, 8, 6, 5, 4, 3, 3, *(2,) * 4, *(1,) * 36)
CHILDREN_DOCTORS = 11  # one doctor in so many sees children
PRIME = 7919  # larger than any factor of a day's visits, so that multiplying by it only shuffles


@dataclass(frozen=True, slots=True)
class Size:
    """`past_days` × `doctors` × 8 past visits; `ahead_days` × `doctors` × 30 coming times."""

    patients: int = 200_000
    doctors: int = 500
    past_days: int = 250
    ahead_days: int = 60
    patients_a_chunk: int = 4000
    days_a_chunk: int = 4
    doctors_a_chunk: int = 25

    @property
    def past_visits(self) -> int:
        return self.past_days * self.doctors * PAST_A_DAY

    @property
    def coming_visits(self) -> int:
        return self.doctors * sum(TAKEN[: self.ahead_days])


@dataclass(frozen=True, slots=True)
class Crowd:
    """Doctors and patients who meet only each other: grown-ups, or children and their doctors."""

    doctors: range
    patients: range

    def patient(self, day: int, before: int, place: int, places: int) -> int:
        """Number of the patient at `place` of a day's `places`, after `before` places on earlier days.

        A day's patients are one run of neighbours, shuffled: nobody comes twice a day.
        """
        shuffled = (place * PRIME + day * day * 31) % places
        return self.patients[(before + shuffled) % len(self.patients)]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One transaction: the items `first`…`last` (not included) of a kind."""

    kind: str
    first: int
    last: int

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.first}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fixed when the first chunk is written; `today` stays that day however long the seed takes."""

    size: Size
    today: date

    def crowds(self) -> tuple[Crowd, Crowd]:
        doctors, patients = self.size.doctors, self.size.patients
        child_doctors = max(1, doctors // CHILDREN_DOCTORS)
        adults = patients - patients * child_doctors // doctors
        split = doctors - child_doctors
        return Crowd(range(split), range(adults)), Crowd(range(split, doctors), range(adults, patients))

    def coming_day(self, number: int) -> date:
        """Local day 0 is tomorrow: then all times are ahead, in every zone of the clinic."""
        return self.today + timedelta(days=1 + number)

    def past_day(self, number: int) -> date:
        return self.today - timedelta(days=2 + number)

    def chunks(self) -> list[Chunk]:
        size, coming = self.size, min(self.size.ahead_days, len(TAKEN))
        return [
            Chunk("directory", 0, 1),
            *_cut("sheets", size.doctors, size.doctors_a_chunk),
            *_cut("patients", size.patients, size.patients_a_chunk),
            *_cut("past", size.past_days, size.days_a_chunk),
            *_cut("coming", coming, size.days_a_chunk),
        ]


def _cut(kind: str, count: int, step: int) -> Iterator[Chunk]:
    edges = [*range(0, count, step), count]
    return (Chunk(kind, first, last) for first, last in pairwise(edges))


def key(kind: str, *numbers: int) -> str:
    """32 hexadecimal digits of a UUID, the same in every run: looks like a random one, so indexes grow as in life."""
    digits = blake2b(f"{kind}:{numbers}".encode(), digest_size=16).hexdigest()
    return f"{digits[:12]}4{digits[13:16]}8{digits[17:]}"


def uid(kind: str, *numbers: int) -> UUID:
    return UUID(key(kind, *numbers))
