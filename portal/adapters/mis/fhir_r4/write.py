"""The port's values → FHIR resources and the entries of a transaction. What a server added to a resource is kept."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from portal.adapters.mis.fhir_r4.options import Options
from portal.adapters.mis.fhir_r4.parse import version
from portal.mis.ports import Person, Wanted

Resource = dict[str, Any]
REASON = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"


def patient(person: Person, key: UUID, options: Options) -> Resource:
    """RuCore and regional practice: given[0] is the name, given[1] the patronymic."""
    numbers = [
        {"system": options.patient_system, "value": str(key)},
        *([{"system": options.snils[0], "value": person.snils}] if person.snils else []),
        *([{"system": options.policy[0], "value": person.policy}] if person.policy else []),
    ]
    made: Resource = {
        "resourceType": "Patient",
        "active": True,
        "identifier": numbers,
        "name": [
            {
                "use": "official",
                "family": person.family_name,
                "given": [one for one in (person.given_name, person.middle_name) if one],
            }
        ],
        "telecom": [{"system": "phone", "value": phone, "use": "mobile"} for phone in person.phones],
        "gender": person.sex if person.sex in ("male", "female") else "unknown",
    }
    if person.birth_date:
        made["birthDate"] = person.birth_date.isoformat()
    return {name: value for name, value in made.items() if value not in ([], "")}


def appointment(wanted: Wanted, parts: list[str], slots: list[Resource], options: Options) -> Resource:
    made: Resource = {
        "resourceType": "Appointment",
        "identifier": [{"system": options.visit_system, "value": str(wanted.key)}],
        "status": "booked",
        "participant": [],
    }
    return _placed(made, wanted, parts, slots)


def _placed(body: Resource, wanted: Wanted, parts: list[str], slots: list[Resource]) -> Resource:
    """Time, slots and those who take part."""
    body["start"], body["end"] = stamp(wanted.start), stamp(wanted.end)
    body["minutesDuration"] = int((wanted.end - wanted.start).total_seconds() // 60)
    body["slot"] = [{"reference": f"Slot/{one['id']}"} for one in slots]
    if not body["slot"]:
        body.pop("slot")
    who = [f"Patient/{wanted.patient_ref}"] if wanted.patient_ref else []
    body["participant"] = [{"actor": {"reference": ref}, "status": "accepted"} for ref in [*who, *parts]]
    if wanted.service_ref:
        service = {"reference": f"HealthcareService/{wanted.service_ref}"}
        body["participant"].append({"actor": service, "status": "accepted"})
    return body


def moved(raw: Resource, wanted: Wanted, parts: list[str], slots: list[Resource]) -> Resource:
    """The same visit at another time, or a hold that is somebody's now; the rest stays as the server had it."""
    body = _placed(_kept(raw), wanted, parts, slots)
    return {**body, "status": "booked"} if body.get("status") in ("pending", "proposed") else body


def _kept(raw: Resource) -> Resource:
    """Everything but the narrative: it tells of what was, and nobody but its author may write another."""
    return {name: copy.deepcopy(value) for name, value in raw.items() if name != "text"}


def cancelled(raw: Resource, options: Options) -> Resource:
    body = _kept(raw)
    body["status"] = "cancelled"
    body["cancelationReason"] = {"coding": [{"system": REASON, "code": options.cancel_reason}]}
    return body


# Entries of a transaction ------------------------------------------------------------------------------------------


def slot_entry(slot: Resource, status: str) -> Resource:
    """A slot becomes free or busy, if nobody has touched it since it was read."""
    return update_entry("Slot", {**slot, "status": status})


def update_entry(kind: str, body: Resource) -> Resource:
    request = {"method": "PUT", "url": f"{kind}/{body['id']}"}
    known = version(body)
    if known:
        request["ifMatch"] = f'W/"{known}"'
    return {"resource": body, "request": request}


def create_entry(kind: str, body: Resource) -> Resource:
    return {"resource": body, "request": {"method": "POST", "url": kind}}


# Operations --------------------------------------------------------------------------------------------------------


def parameters(body: Resource) -> Resource:
    """IHE ITI Scheduling 1.0, ITI-116: the Appointment to be held."""
    return {"resourceType": "Parameters", "parameter": [{"name": "appointment-resource", "resource": body}]}


def booking(body: Resource, hold_ref: str) -> Resource:
    """ITI-117: what is held already by its reference, with what it has become; else the whole Appointment."""
    made = parameters(body)
    if hold_ref:
        held = {"name": "appointment-reference", "valueReference": {"reference": f"Appointment/{hold_ref}"}}
        made["parameter"].insert(0, held)
    return made


def stamp(at: datetime) -> str:
    """An instant with its zone, as R4 demands."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
