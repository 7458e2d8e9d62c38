"""What a resource must look like before any rule of the clinic is asked: its shape, required elements, codes, times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from doubles._fhir_errors import Refusal
from doubles._fhir_params import MOMENT, PARAMS
from doubles._fhir_store import Resource

REQUIRED = {
    "Slot": ["schedule", "status", "start", "end"],
    "Schedule": ["actor"],
    "Appointment": ["status", "participant"],
    "Encounter": ["status", "class"],
}
APPOINTMENT_CODES = [
    "proposed",
    "pending",
    "booked",
    "arrived",
    "fulfilled",
    "cancelled",
    "noshow",
    "entered-in-error",
    "checked-in",
    "waitlist",
]
CODES = {
    ("Slot", "status"): ["busy", "free", "busy-unavailable", "busy-tentative", "entered-in-error"],
    ("Appointment", "status"): APPOINTMENT_CODES,
    ("Encounter", "status"): (
        [
            "planned",
            "arrived",
            "triaged",
            "in-progress",
            "onleave",
            "finished",
            "cancelled",
            "entered-in-error",
            "unknown",
        ]
    ),
    ("Patient", "gender"): ["male", "female", "other", "unknown"],
    ("Location", "status"): ["active", "suspended", "inactive"],
}
# What is read later, by name. Lists are so at the top only: a Reference may have one identifier.
STRINGS = {"reference", "display", "system", "value", "start", "end", "family", "birthDate", "status", "gender"}
OBJECTS = {"meta", "period", "planningHorizon", "subject", "schedule", "managingOrganization", "providedBy", "partOf"}
OBJECTS |= {"practitioner", "organization", "valueReference"}
LISTS = {"identifier", "telecom", "participant", "slot", "specialty", "qualification", "healthcareService", "location"}
LISTS |= {"appointment", "actor"}
REFERENCES = {"Slot": ["schedule"], "Schedule": ["actor"]}
PEOPLE = {"Patient", "Practitioner"}
PARTICIPANT = ["accepted", "declined", "tentative", "needs-action"]
INSTANTS = {("Slot", "start"), ("Slot", "end"), ("Appointment", "start"), ("Appointment", "end")}


def check(resource: Any, kind: str) -> Resource:
    """The resource when it is one of this kind. Raises Refusal."""
    if not isinstance(resource, dict) or resource.get("resourceType") != kind:
        raise Refusal(400, "structure", f"A resource of type {kind} is expected")
    if kind not in PARAMS:
        raise Refusal(405, "not-supported", f"{kind} is not kept here")
    for look in LOOKS:
        look(resource, kind)
    return resource


def _required(resource: Resource, kind: str) -> None:
    for name in REQUIRED.get(kind, []):
        if not resource.get(name):
            raise Refusal(422, "required", f"{kind}.{name} is missing")


def _codes(resource: Resource, kind: str) -> None:
    for (owner, name), codes in CODES.items():
        if owner == kind and name in resource and resource[name] not in codes:
            raise Refusal(422, "code-invalid", f"{kind}.{name} is not one of its codes")


def _shapes(value: Any, kind: str) -> None:
    """All the way down: what is read later is a string, an object or a list where one is expected."""
    if isinstance(value, list):
        for each in value:
            _shapes(each, kind)
    elif isinstance(value, dict):
        for name, each in value.items():
            if not _fits(name, each, kind, is_top="resourceType" in value):
                raise Refusal(400, "structure", f"{kind}: {name} has a wrong shape")
            _shapes(each, kind)


def _fits(name: str, value: Any, kind: str, *, is_top: bool) -> bool:
    if name in STRINGS:
        return isinstance(value, str)
    if name in OBJECTS:
        return isinstance(value, dict)
    if name == "given":
        return _is_list(value, str)
    if name == "coding" or (is_top and (name in LISTS or (name == "name" and kind in PEOPLE))):
        return _is_list(value, dict)
    if name == "name" and is_top:
        return isinstance(value, str)
    if name == "actor":
        return isinstance(value, dict)
    return value is not None and (name != "text" or isinstance(value, (str, dict)))


def _is_list(value: Any, of: type) -> bool:
    return isinstance(value, list) and all(isinstance(each, of) for each in value)


def _references(resource: Resource, kind: str) -> None:
    for name in REFERENCES.get(kind, []):
        value = resource[name]
        if not all(each.get("reference") for each in (value if isinstance(value, list) else [value])):
            raise Refusal(422, "required", f"{kind}.{name} has no reference")


def _instants(resource: Resource, kind: str) -> None:
    for owner, name in INSTANTS:
        if owner != kind or name not in resource:
            continue
        found = MOMENT.fullmatch(str(resource[name]))
        if found is None or found[6] is None or found[8] is None:
            raise Refusal(422, "value", f"{kind}.{name} is an instant with seconds and a zone")


def _participants(resource: Resource, kind: str) -> None:
    if kind != "Appointment":
        return
    for each in resource["participant"]:
        if each.get("status") not in PARTICIPANT:
            raise Refusal(422, "required", "Appointment.participant.status is missing or not one of its codes")
        if not each.get("type") and not each.get("actor"):
            raise Refusal(422, "invariant", "app-1: a participant has a type or an actor")


def _times(resource: Resource, kind: str) -> None:
    if kind != "Appointment":
        return
    status, start, end = resource["status"], resource.get("start"), resource.get("end")
    if bool(start) != bool(end):
        raise Refusal(422, "invariant", "app-2: start and end are both told or neither is")
    if not start and status not in ("proposed", "cancelled", "waitlist"):
        raise Refusal(422, "invariant", "app-3: only a proposed, cancelled or waitlisted one has no time")
    if resource.get("cancelationReason") and status not in ("cancelled", "noshow"):
        raise Refusal(422, "invariant", "app-4: a reason is for a cancelled one or a no-show")


Look = Callable[[Resource, str], None]
LOOKS: list[Look] = [
    _shapes,
    _required,
    _references,
    _codes,
    _instants,
    _participants,
    _times,
]
