"""`$find`, `$hold` and `$book` on Appointment, as IHE Scheduling has them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from doubles._fhir_checks import check
from doubles._fhir_errors import Refusal
from doubles._fhir_params import span
from doubles._fhir_rest import Clinic, Reply
from doubles._fhir_rules import moment, slots_between
from doubles._fhir_search import LARGEST
from doubles._fhir_store import Resource, Store, instant

NAMES = ("$find", "$hold", "$book")


def find(clinic: Clinic, given: dict[str, str]) -> Reply:
    """Free times as proposed Appointments. Raises Refusal without `start` and `end`."""
    store = clinic.store
    try:
        start, end = (moment(span(given[name], store.zone)[0] + "Z") for name in ("start", "end"))
    except (KeyError, ValueError):
        raise Refusal(400, "required", "start and end are needed") from None
    with store.lock:
        free = [
            slot
            for actor in _schedules(store, given)
            for slot in slots_between(store, actor, max(start, store.now()), end)
            if slot["status"] == "free"
        ]
        entries = [{"resource": _proposed(store, slot), "search": {"mode": "match"}} for slot in free[:LARGEST]]
    links = [{"relation": "self", "url": f"{clinic.base}/Appointment/$find"}]
    return Reply(
        200,
        {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "link": links, "entry": entries},
    )


def _schedules(store: Store, given: dict[str, str]) -> list[str]:
    """References to the practitioners asked for, or all."""
    if wanted := given.get("practitioner"):
        return [wanted if "/" in wanted else f"Practitioner/{wanted}"]
    if wanted := given.get("schedule"):
        schedule = store.at(wanted if "/" in wanted else f"Schedule/{wanted}") or {}
        actors = [actor["reference"] for actor in schedule.get("actor", [])]
        return [actor for actor in actors if actor.startswith("Practitioner/")]
    rows = store.db.execute("SELECT id FROM resource WHERE type = 'Practitioner' AND NOT deleted ORDER BY n").fetchall()
    return [f"Practitioner/{id_}" for (id_,) in rows]


def _proposed(store: Store, slot: Resource) -> Resource:
    schedule = store.at(slot["schedule"]["reference"]) or {}
    actors = [actor for actor in schedule.get("actor", []) if actor["reference"].startswith(("Practitioner/", "Loc"))]
    return {
        "resourceType": "Appointment",
        "status": "proposed",
        "slot": [{"reference": f"Slot/{slot['id']}"}],
        "start": slot["start"],
        "end": slot["end"],
        "participant": [{"actor": actor, "status": "needs-action"} for actor in actors],
    }


def hold(clinic: Clinic, body: Any, seconds: float) -> Reply:
    """A pending Appointment that is let go after `seconds` unless it is booked."""
    with clinic.writing():
        reply = _as(clinic, body, "pending")
        until = instant(clinic.store.now() + timedelta(seconds=seconds))
        clinic.store.db.execute("INSERT OR REPLACE INTO hold VALUES (?, ?)", [reply.body["id"], until])
    return reply


def book(clinic: Clinic, body: Any) -> Reply:
    with clinic.writing():
        reply = _as(clinic, body, "booked")
        clinic.store.db.execute("DELETE FROM hold WHERE appointment = ?", [reply.body["id"]])
    return reply


def _as(clinic: Clinic, body: Any, status: str) -> Reply:
    """The Appointment told or referred to, with this status. Raises Refusal."""
    reference, resource = _parameters(body)
    if not reference:
        resource = {name: value for name, value in check(resource, "Appointment").items() if name not in ("id", "meta")}
        return clinic.create("Appointment", {**resource, "status": status})
    kind, _, id_ = reference.removeprefix(f"{clinic.base}/").partition("/")
    if kind != "Appointment":
        raise Refusal(400, "value", "appointment-reference leads to an Appointment")
    old = clinic.read(kind, id_).body
    if old["status"] not in ("proposed", "pending"):
        raise Refusal(409, "conflict", f"The Appointment is {old['status']}")
    return clinic.reply(clinic.change(old, {**old, "status": status}), 200)


def _parameters(body: Any) -> tuple[str, Any]:
    """(reference, resource) of Parameters, or of an Appointment sent as it is."""
    if isinstance(body, dict) and body.get("resourceType") == "Appointment":
        return "", body
    try:
        given = {each["name"]: each for each in body["parameter"]}
        if "appointment-reference" in given:
            return str(given["appointment-reference"]["valueReference"]["reference"]), None
        return "", given["appointment-resource"]["resource"]
    except (KeyError, TypeError):
        raise Refusal(400, "required", "appointment-reference or appointment-resource is needed") from None


def let_go(clinic: Clinic) -> None:
    """Cancel what was held for too long. Cheap when there is nothing: asked at each request."""
    store = clinic.store
    with store.lock:
        sql = "SELECT appointment FROM hold WHERE until <= ?"
        for (id_,) in store.db.execute(sql, [instant(store.now())]).fetchall():
            with clinic.writing():
                store.db.execute("DELETE FROM hold WHERE appointment = ?", [id_])
                held = store.at(f"Appointment/{id_}")
                if held is not None and held["status"] == "pending":
                    clinic.change(held, {**held, "status": "cancelled"})
