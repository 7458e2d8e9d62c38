"""Who works where and when: PractitionerRole → Schedule → Slot. What seldom changes is remembered for some minutes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from portal.adapters.mis._http import Params
from portal.adapters.mis.fhir_r4 import parse
from portal.adapters.mis.fhir_r4.options import Options
from portal.adapters.mis.fhir_r4.text import Resource
from portal.adapters.mis.fhir_r4.wire import Wire
from portal.mis.ports import Slot

REMEMBERED = 300.0  # seconds
T = TypeVar("T")


class Memory:
    """What was asked a short while ago. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Any]] = {}

    def of(self, name: str, ask: Callable[[], T]) -> T:
        known = self._known.get(name)
        if known is None or time.monotonic() - known[0] > REMEMBERED:
            known = (time.monotonic(), ask())
            with self._lock:
                self._known[name] = known
        found: T = known[1]
        return found

    def clear(self) -> None:
        with self._lock:
            self._known.clear()


class Grid:
    def __init__(self, wire: Wire, options: Options, memory: Memory) -> None:
        self._wire, self._options, self._memory = wire, options, memory

    def all(self, kind: str) -> Iterator[Resource]:
        return self._wire.search(kind, [("_count", self._options.page)])

    def roles(self) -> dict[str, Resource]:
        """PractitionerRoles by id."""
        return self._memory.of(
            "roles", lambda: {parse.words(one.get("id")): one for one in self.all("PractitionerRole")}
        )

    def role_of(self) -> dict[str, str]:
        """Practitioner → PractitionerRole, of those who have one alone."""
        return self._memory.of("role-of", self._ask_role_of)

    def _ask_role_of(self) -> dict[str, str]:
        pairs = [(parse.reference(r.get("practitioner"), "Practitioner"), id_) for id_, r in self.roles().items()]
        roles = Counter(person for person, _id in pairs)
        return {person: id_ for person, id_ in pairs if person and roles[person] == 1}

    def parts(self, doctor_ref: str) -> list[str]:
        """References of those who take part in a visit besides the patient."""
        role = self.roles().get(doctor_ref, {})
        person = parse.reference(role.get("practitioner"), "Practitioner")
        places = [ref for one in parse.dicts(role.get("location")) if (ref := parse.reference(one, "Location"))]
        return [
            f"PractitionerRole/{doctor_ref}",
            *([f"Practitioner/{person}"] if person else []),
            *([f"Location/{places[0]}"] if places else []),
        ]

    def _schedules(self, doctor_ref: str) -> list[str]:
        """Ids of a doctor's schedules: those that name the role, else those that name the person at that place."""
        all_ = self._memory.of("schedules", lambda: list(self.all("Schedule")))
        person = parse.reference(self.roles().get(doctor_ref, {}).get("practitioner"), "Practitioner")
        live = [one for one in all_ if one.get("active") is not False]
        named = [one for one in live if doctor_ref in _actors(one, "PractitionerRole")]
        own = [one for one in live if person in _actors(one, "Practitioner") and not _actors(one, "PractitionerRole")]
        return [parse.words(one.get("id")) for one in named or (own if person else [])]

    def slots(self, doctor_ref: str, since: datetime, until: datetime) -> Iterator[Resource]:
        """Slots of a doctor's schedules. A server may ignore what it was asked, so it is looked at again."""
        for schedule in self._schedules(doctor_ref):
            params: Params = [
                ("schedule", f"Schedule/{schedule}"),
                ("start", f"ge{iso(since)}"),
                ("start", f"lt{iso(until)}"),
                ("_count", self._options.page),
            ]
            for one in self._wire.search("Slot", params):
                if parse.reference(one.get("schedule"), "Schedule") == schedule:
                    yield one

    def slots_at(self, doctor_ref: str, start: datetime, end: datetime) -> list[tuple[Slot, Resource]]:
        """Slots that a visit covers: by schedule and time, because ids may be other ones every night."""
        day = timedelta(hours=24)
        found = [(parse.slot(one, doctor_ref), one) for one in self.slots(doctor_ref, start - day, end)]
        hit = [(slot, one) for slot, one in found if slot and slot.start < end and slot.end > start]
        return sorted(hit, key=lambda pair: pair[0].start)


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _actors(resource: Resource, kind: str) -> set[str]:
    return {parse.reference(one, kind) for one in parse.dicts(resource.get("actor"))} - {""}
