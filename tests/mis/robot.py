"""The front desk of a MIS at work: books, moves and cancels in it while the portal does the same. Plain FHIR R4.

It takes what it finds: free times, and visits of the portal's patients as of anybody else's. Of two who want one time
the faster one has it (If-Match); then the robot has done nothing, and looks for something else.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

Resource = dict[str, Any]
REASON = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"
LOST_THE_RACE = (404, 409, 410, 412, 422)


class Robot(threading.Thread):
    """`may` says whether another operation is due; `patients`: refs of those who ring. `done`: how often what."""

    def __init__(
        self, base: str, patients: list[str], may: Callable[[], bool], seed: int, headers: dict[str, str]
    ) -> None:
        super().__init__(daemon=True, name=f"robot-{seed}")
        fresh = {**headers, "Cache-Control": "no-cache"}
        self.base = base
        self.http = httpx.Client(base_url=f"{base}/", headers=fresh, trust_env=False, timeout=60)
        self.patients, self.may, self.random = patients, may, random.Random(seed)
        self.done: Counter[str] = Counter()
        self.failure: Exception | None = None
        self.actors: dict[str, list[Resource]] = {}

    def run(self) -> None:
        try:
            with self.http:
                while self.may():
                    act = self.random.choice((self.book, self.book, self.move, self.cancel))
                    self.done[act.__name__ if act() else "too late"] += 1
        except Exception as failure:
            self.failure = failure

    # What the front desk does ----------------------------------------------------------------------------------

    def book(self) -> bool:
        slot = self.one_of("Slot", status="free", start=f"gt{_now()}")
        return slot is not None and self.take(slot)

    def take(self, slot: Resource) -> bool:
        """Book this time for somebody."""
        visit = {
            "resourceType": "Appointment",
            "status": "booked",
            "start": slot["start"],
            "end": slot["end"],
            "slot": [_to(slot)],
            "participant": self.participants(slot, f"Patient/{self.random.choice(self.patients)}"),
        }
        return self.transact(_put({**slot, "status": "busy"}), _post(visit))

    def move(self) -> bool:
        visit, slot = self.a_visit(), self.one_of("Slot", status="free", start=f"gt{_now()}")
        if visit is None or slot is None:
            return False
        who = next(one["actor"]["reference"] for one in visit["participant"] if _is(one, "Patient"))
        moved = {**visit, "start": slot["start"], "end": slot["end"], "slot": [_to(slot)]}
        moved["participant"] = self.participants(slot, who)
        left = [{**old, "status": "free"} for old in self.slots_of(visit)]
        return self.transact(_put(moved), *map(_put, left), _put({**slot, "status": "busy"}))

    def cancel(self) -> bool:
        visit = self.a_visit()
        if visit is None:
            return False
        why = {"coding": [{"system": REASON, "code": "prov"}]}
        left = [{**old, "status": "free"} for old in self.slots_of(visit)]
        return self.transact(_put({**visit, "status": "cancelled", "cancelationReason": why}), *map(_put, left))

    # What it sees ----------------------------------------------------------------------------------------------

    def one_of(self, kind: str, **only: str) -> Resource | None:
        found = self.all_of(kind, _count="50", _sort=self.random.choice(("start", "-start")), **only)
        return self.random.choice(found) if found else None

    def a_visit(self) -> Resource | None:
        order = self.random.choice(("date", "-date", "-_lastUpdated"))
        found = self.all_of("Appointment", _count="30", _sort=order, status="booked", date=f"gt{_now()}")
        return self.random.choice(found) if found else None

    def all_of(self, kind: str, **only: str) -> list[Resource]:
        entries = self.http.get(kind, params=only).raise_for_status().json().get("entry", [])
        return [entry["resource"] for entry in entries]

    def slots_of(self, visit: Resource) -> list[Resource]:
        found = [self.http.get(one["reference"]).json() for one in visit.get("slot", [])]
        return [slot for slot in found if slot.get("status") == "busy"]

    def participants(self, slot: Resource, patient: str) -> list[Resource]:
        schedule = slot["schedule"]["reference"]
        if schedule not in self.actors:
            actors = self.http.get(schedule).raise_for_status().json()["actor"]
            self.actors[schedule] = [one for one in actors if not one["reference"].startswith("PractitionerRole")]
        return [{"actor": one, "status": "accepted"} for one in [{"reference": patient}, *self.actors[schedule]]]

    def transact(self, *entries: Resource) -> bool:
        answer = self.http.post(
            self.base, json={"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
        )
        if answer.status_code in LOST_THE_RACE:
            return False
        answer.raise_for_status()
        return True


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _to(resource: Resource) -> Resource:
    return {"reference": f"{resource['resourceType']}/{resource['id']}"}


def _is(participant: Resource, kind: str) -> bool:
    return str(participant.get("actor", {}).get("reference", "")).startswith(f"{kind}/")


def _put(resource: Resource) -> Resource:
    place, seen = f"{resource['resourceType']}/{resource['id']}", f'W/"{resource["meta"]["versionId"]}"'
    return {"resource": resource, "request": {"method": "PUT", "url": place, "ifMatch": seen}}


def _post(resource: Resource) -> Resource:
    return {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
