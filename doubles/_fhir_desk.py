"""What the front desk does at its own screen: the same rules, no FHIR in between."""

from __future__ import annotations

import json
from typing import Any

from doubles._fhir_clinic import appointment
from doubles._fhir_errors import Refusal
from doubles._fhir_rest import Clinic
from doubles._fhir_rules import actor_of
from doubles._fhir_store import Resource

BECOMES = {"arrive": "arrived", "fulfil": "fulfilled", "noshow": "noshow", "cancel": "cancelled"}
ACTS = ("book", "move", "delete", *BECOMES)
REASON = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"


def act(clinic: Clinic, what: str, given: dict[str, Any]) -> Resource:
    """Do it to the appointment, slot and patient given, or to the first that fit. Raises Refusal."""
    if what not in ACTS:
        raise Refusal(400, "value", f"act: {', '.join(ACTS)}")
    with clinic.writing():
        if what == "book":
            return _book(clinic, given)
        found = _named(clinic, "Appointment", given.get("appointment")) or _first(clinic)
        if what == "move":
            return _move(clinic, found, given)
        if what == "delete":
            return _delete(clinic, found)
        changed = {**found, "status": BECOMES[what]}
        if what == "cancel":
            changed["cancelationReason"] = {"coding": [{"system": REASON, "code": "prov"}]}
        return clinic.change(found, changed)


def _book(clinic: Clinic, given: dict[str, Any]) -> Resource:
    patient = _named(clinic, "Patient", given.get("patient")) or _last_patient(clinic)
    slot = _named(clinic, "Slot", given.get("slot")) or _free(clinic, None)
    schedule = clinic.read("Schedule", slot["schedule"]["reference"].partition("/")[2]).body
    asked = appointment(patient, schedule, slot, "booked", clinic.store)
    return clinic.create("Appointment", asked).body


def _move(clinic: Clinic, found: Resource, given: dict[str, Any]) -> Resource:
    """To another Slot, maybe another doctor's: then that doctor and place take part."""
    slot = _named(clinic, "Slot", given.get("slot")) or _free(clinic, found)
    schedule = clinic.read("Schedule", slot["schedule"]["reference"].partition("/")[2]).body
    patient = clinic.read("Patient", actor_of(found, "Patient").partition("/")[2]).body
    planned = appointment(patient, schedule, slot, found["status"], clinic.store)
    return clinic.change(found, {**found, **planned, "created": found.get("created")})


def _delete(clinic: Clinic, found: Resource) -> Resource:
    """Gone, and no search of changes tells of it. Its time is free again."""
    clinic.change(found, {**found, "status": "entered-in-error"})
    clinic.store.delete(found)
    return found


def _named(clinic: Clinic, kind: str, id_: Any) -> Resource | None:
    return clinic.read(kind, str(id_).removeprefix(f"{kind}/")).body if id_ else None


def _last_patient(clinic: Clinic) -> Resource:
    found = clinic.search("Patient", [("active", "true"), ("_count", "200")]).body["entry"]
    return dict(found[-1]["resource"])


def _first(clinic: Clinic) -> Resource:
    """The next booked one."""
    now = clinic.store.now().isoformat()
    asked = [("status", "booked"), ("date", f"ge{now}"), ("_sort", "date"), ("_count", "1")]
    return _only(clinic, "Appointment", asked)


def _free(clinic: Clinic, like: Resource | None) -> Resource:
    """The next free Slot, of the same doctor when there is one to be like."""
    now = clinic.store.now().isoformat()
    asked = [("status", "free"), ("start", f"gt{now}"), ("_sort", "start"), ("_count", "1")]
    if like:
        asked.append(("schedule.actor", actor_of(like, "Practitioner")))
    return _only(clinic, "Slot", asked)


def _only(clinic: Clinic, kind: str, asked: list[tuple[str, str]]) -> Resource:
    found = clinic.search(kind, asked).body.get("entry")
    if not found:
        raise Refusal(404, "not-found", f"There is no {kind} for this")
    return dict(found[0]["resource"])


def listed(clinic: Clinic) -> list[dict[str, Any]]:
    """Appointments in short, the newest first."""
    sql = "SELECT body FROM resource WHERE type = 'Appointment' AND NOT deleted ORDER BY n DESC"
    with clinic.store.lock:
        rows = clinic.store.db.execute(sql).fetchall()
    return [_short(json.loads(body)) for (body,) in rows]


def _short(each: Resource) -> dict[str, Any]:
    return {
        "id": each["id"],
        "version": each["meta"]["versionId"],
        "status": each["status"],
        "start": each.get("start"),
        "slot": [slot["reference"] for slot in each.get("slot", [])],
        "patient": actor_of(each, "Patient"),
        "practitioner": actor_of(each, "Practitioner"),
        "identifier": each.get("identifier", []),
    }
