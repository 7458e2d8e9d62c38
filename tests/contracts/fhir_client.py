"""A small FHIR client for the tests of the MIS's double: what it sends is plain to see."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.contracts.processes import Double, http

TOKEN = {"Authorization": "Bearer demo"}
FHIR = {**TOKEN, "Content-Type": "application/fhir+json"}


@dataclass
class Client:
    double: Double

    @property
    def base(self) -> str:
        return f"{self.double.url}/fhir"

    def get(self, path: str, params: Any = None, **headers: str) -> httpx.Response:
        return http.get(f"{self.base}/{path}", params=params, headers={**TOKEN, **_named(headers)})

    def post(self, path: str, resource: Any, **headers: str) -> httpx.Response:
        return http.post(f"{self.base}/{path}".rstrip("/"), json=resource, headers={**FHIR, **_named(headers)})

    def put(self, resource: Any, **headers: str) -> httpx.Response:
        path = f"{resource['resourceType']}/{resource['id']}"
        return http.put(f"{self.base}/{path}", json=resource, headers={**FHIR, **_named(headers)})

    def found(self, kind: str, **params: Any) -> list[dict[str, Any]]:
        answer = self.get(kind, params).raise_for_status().json()
        return [entry["resource"] for entry in answer.get("entry", [])]

    def read(self, reference: str) -> dict[str, Any]:
        return self.get(reference).raise_for_status().json()

    def free(self, **params: Any) -> list[dict[str, Any]]:
        """Free Slots of the future, the earliest first."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return self.found("Slot", status="free", start=f"gt{now}", _sort="start", _count=60, **params)

    def anna(self) -> dict[str, Any]:
        (found,) = self.found("Patient", family="Белова", given="Анна")
        return found

    def appointment(self, *slots: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A booking of Anna for these Slots; a change to None leaves the element out."""
        asked = {
            "resourceType": "Appointment",
            "status": "booked",
            "start": slots[0]["start"],
            "end": slots[-1]["end"],
            "slot": [{"reference": f"Slot/{slot['id']}"} for slot in slots],
            "participant": [participant(self.anna())],
            **changes,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def book(self, *slots: dict[str, Any], **changes: Any) -> dict[str, Any]:
        answer = self.post("Appointment", self.appointment(*slots, **changes))
        assert answer.status_code == 201, answer.text
        return answer.json()

    def pair(self) -> list[dict[str, Any]]:
        """Two free Slots of one doctor, one right after the other."""
        for schedule in self.found("Schedule"):
            free = self.free(schedule=schedule["id"])
            for slot, after in itertools.pairwise(free):
                if slot["end"] == after["start"]:
                    return [slot, after]
        raise AssertionError("no pair")


def participant(resource: dict[str, Any], status: str = "accepted") -> dict[str, Any]:
    return {"actor": {"reference": f"{resource['resourceType']}/{resource['id']}"}, "status": status}


def refused(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of a refusal, which is always an OperationOutcome."""
    told = answer.json()
    assert told["resourceType"] == "OperationOutcome", told
    assert answer.headers["Content-Type"].startswith("application/fhir+json")
    return answer.status_code, told["issue"][0]["code"]


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
