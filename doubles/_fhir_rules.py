"""The clinic's rules of booking: an Appointment holds free Slots of one Schedule in the future, or nothing is written.

Every function runs inside a transaction of the store: what is checked is still so when it is written.
"""

from __future__ import annotations

from datetime import datetime

from doubles._fhir_errors import Refusal
from doubles._fhir_store import Resource, Store, instant

HOLDING = {"pending", "booked", "arrived", "checked-in", "fulfilled", "noshow"}
NEW = {"proposed", "pending", "booked", "waitlist"}
MOVABLE = {"proposed", "pending", "booked", "waitlist"}
FINAL = {"cancelled", "entered-in-error"}
DONE = {"fulfilled", "noshow"}


def settle(store: Store, old: Resource | None, new: Resource) -> Resource:
    """Give back the Slots `old` held, take those `new` wants, and return what is to be kept. Raises Refusal."""
    _check_change(old, new)
    _check_patient(store, old, new)
    before = slots_of(old) if old and old["status"] in HOLDING else []
    wanted = _wanted(store, old, new) if new["status"] in HOLDING else []
    for reference in before:
        if reference not in [_reference(slot) for slot in wanted] and not holder(store, reference, but=old):
            _flip(store, reference, "free")
    for slot in wanted:
        _take(store, slot, new, is_kept=_reference(slot) in before)
    return _completed(store, new, wanted)


def slots_of(appointment: Resource) -> list[str]:
    return [str(slot.get("reference", "")) for slot in appointment.get("slot", [])]


def actor_of(appointment: Resource, kind: str) -> str:
    """The reference to the first participant of this kind, "" when there is none."""
    actors = (str(each.get("actor", {}).get("reference", "")) for each in appointment.get("participant", []))
    return next((actor for actor in actors if actor.startswith(f"{kind}/")), "")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


# What may become of what -----------------------------------------------------------------------------------------


def _check_change(old: Resource | None, new: Resource) -> None:
    status = new["status"]
    if old is None:
        if status not in NEW:
            raise Refusal(422, "business-rule", f"A new Appointment cannot be {status}")
        return
    was = old["status"]
    if was in FINAL and status != was and status != "entered-in-error":
        raise Refusal(422, "business-rule", f"An Appointment that is {was} stays so")
    if was in DONE and status not in {*DONE, "arrived", "entered-in-error"}:
        raise Refusal(422, "business-rule", f"An Appointment that is {was} cannot become {status}")
    if was not in MOVABLE and _place(old) != _place(new):
        raise Refusal(422, "business-rule", f"An Appointment that is {was} cannot be moved")


def _place(appointment: Resource) -> tuple[datetime, datetime] | None:
    """Compared as time: the same moment is written in many ways."""
    start = appointment.get("start")
    return (moment(start), moment(appointment["end"])) if start else None


def _check_patient(store: Store, old: Resource | None, new: Resource) -> None:
    """A time may be held before anybody knows for whom (IHE ITI-116); whoever it is booked for, keeps it."""
    reference = actor_of(new, "Patient")
    if old is not None and (before := actor_of(old, "Patient")):
        if reference != before:
            raise Refusal(422, "business-rule", "An Appointment stays with its patient")
        return
    if not reference and new["status"] in ("pending", "cancelled"):
        return
    patient = store.at(reference)
    if patient is None:
        raise Refusal(422, "business-rule", "The patient is not known here")
    if patient.get("active") is False:
        raise Refusal(422, "business-rule", "The patient's record is not active")


# Slots -----------------------------------------------------------------------------------------------------------


def _wanted(store: Store, old: Resource | None, new: Resource) -> list[Resource]:
    """The Slots of the new time. Told ones must fit it; without any they are looked for. Raises Refusal."""
    if old is not None and old["status"] in HOLDING and _place(old) == _place(new) and not _other(old, new):
        slots = [slot for slot in map(store.at, slots_of(old)) if slot]
    elif new.get("slot") and (old is None or old["status"] not in HOLDING or _other(old, new)):
        slots = [_known(store, reference) for reference in slots_of(new)]
        _check_fit(slots, new)
    else:
        slots = _found(store, new)
    _check_practitioner(store, slots, new)
    return slots


def _other(old: Resource, new: Resource) -> bool:
    """Other Slots are told. With the old ones and another time, the time says where it moves."""
    return bool(new.get("slot")) and slots_of(old) != slots_of(new)


def _known(store: Store, reference: str) -> Resource:
    slot = store.at(reference) if reference.startswith("Slot/") else None
    if slot is None:
        raise Refusal(422, "business-rule", "A Slot is not known here any more")
    return slot


def _check_fit(slots: list[Resource], new: Resource) -> None:
    slots.sort(key=lambda slot: moment(slot["start"]))
    ends, starts = [moment(slot["end"]) for slot in slots[:-1]], [moment(slot["start"]) for slot in slots[1:]]
    if ends != starts or len({slot["schedule"]["reference"] for slot in slots}) > 1:
        raise Refusal(422, "business-rule", "The Slots do not follow each other in one Schedule")
    if (moment(slots[0]["start"]), moment(slots[-1]["end"])) != (moment(new["start"]), moment(new["end"])):
        raise Refusal(422, "business-rule", "start and end are not those of the Slots")


def _found(store: Store, new: Resource) -> list[Resource]:
    """Slots of the practitioner that cover the time without a gap."""
    practitioner = actor_of(new, "Practitioner")
    if not practitioner:
        raise Refusal(422, "business-rule", "A Slot, or a practitioner with start and end, is needed")
    start, end = moment(new["start"]), moment(new["end"])
    inside = [slot for slot in slots_between(store, practitioner, start, end) if slot["status"] != "entered-in-error"]
    if not inside:
        raise Refusal(422, "business-rule", "The practitioner does not work at this time")
    _check_fit(inside, new)
    return inside


def slots_between(store: Store, actor: str, start: datetime, end: datetime) -> list[Resource]:
    """Slots of this actor's Schedules that begin in the time given, the earliest first."""
    rows = store.db.execute(
        "SELECT r.id FROM idx i JOIN resource r USING (n) WHERE i.param = 'Slot.start' AND i.value >= ? AND i.value < ?"
        " AND r.n IN (SELECT n FROM idx WHERE param = 'Slot.schedule' AND value IN (SELECT 'Schedule/' || s.id"
        " FROM resource s JOIN idx a USING (n) WHERE a.param = 'Schedule.actor' AND a.value = ?)) ORDER BY i.value",
        [_index_key(start), _index_key(end), actor],
    ).fetchall()
    return [slot for (id_,) in rows if (slot := store.at(f"Slot/{id_}"))]


def _index_key(at: datetime) -> str:
    return instant(at)[:-1] + "000"


def _check_practitioner(store: Store, slots: list[Resource], new: Resource) -> None:
    told = actor_of(new, "Practitioner")
    schedule = (store.at(slots[0]["schedule"]["reference"]) if slots else None) or {}
    owners = [actor.get("reference") for actor in schedule.get("actor", [])]
    if told and slots and told not in owners:
        raise Refusal(422, "business-rule", "The Slot is of another practitioner")


def _take(store: Store, slot: Resource, new: Resource, *, is_kept: bool) -> None:
    """Make a Slot busy for this Appointment. Raises Refusal when it is somebody else's."""
    reference, status = _reference(slot), "busy-tentative" if new["status"] == "pending" else "busy"
    is_ours = is_kept or slot["id"] in store.flipped or store.is_careless
    if not is_ours and slot["status"] != "free":
        raise Refusal(409, "conflict", "This time has been taken")
    if not is_kept and moment(slot["start"]) <= store.now():
        raise Refusal(422, "business-rule", "This time is past")
    store.flipped.discard(slot["id"])
    if slot["status"] != status and (slot["status"] != "busy" or not is_kept):
        _flip(store, reference, status)


def _flip(store: Store, reference: str, status: str) -> None:
    slot = store.at(reference)
    if slot is not None and slot["status"] != status:
        store.update({**slot, "status": status})


def holder(store: Store, slot: str, *, but: Resource | None = None) -> Resource | None:
    """The Appointment a Slot belongs to now, other than this one."""
    rows = store.db.execute(
        "SELECT r.id FROM idx i JOIN resource r USING (n) WHERE i.param = 'Appointment.slot' AND i.value = ?", [slot]
    ).fetchall()
    found, own = (store.at(f"Appointment/{id_}") for (id_,) in rows), (but or {}).get("id")
    return next((each for each in found if each and each["status"] in HOLDING and each["id"] != own), None)


def check_slots(store: Store, touched: set[str]) -> None:
    """At the end of a transaction: no Slot is free while an Appointment holds it. Raises Refusal."""
    for reference in touched:
        slot = store.at(reference)
        if slot is not None and slot["status"] == "free" and holder(store, reference):
            raise Refusal(409, "conflict", "The Slot belongs to an Appointment: cancel or move that")


# What the clinic adds ----------------------------------------------------------------------------------------------


def _completed(store: Store, new: Resource, slots: list[Resource]) -> Resource:
    """With the length, the day of writing, and the practitioner and place of the Schedule."""
    kept = {**new, "created": new.get("created") or instant(store.now())}
    if new["status"] in FINAL | {"proposed", "waitlist"} or not slots:
        return kept
    start, end = moment(new["start"]), moment(new["end"])
    kept["minutesDuration"] = int((end - start).total_seconds() // 60)
    kept["slot"] = [{"reference": _reference(slot)} for slot in slots]
    kept["participant"] = [*new["participant"], *_missing(store, new, slots[0])]
    return kept


def _missing(store: Store, new: Resource, slot: Resource) -> list[Resource]:
    schedule = store.at(slot["schedule"]["reference"]) or {}
    owners = [str(actor.get("reference", "")) for actor in schedule.get("actor", [])]
    added = [owner for owner in owners if owner.startswith(("Practitioner/", "Location/"))]
    return [
        {"actor": {"reference": owner}, "required": "required", "status": "accepted"}
        for owner in added
        if not actor_of(new, owner.partition("/")[0])
    ]


def encounter_of(store: Store, appointment: Resource) -> None:
    """A visit that took place leaves an Encounter, once."""
    reference = _reference(appointment)
    rows = store.db.execute("SELECT 1 FROM idx WHERE param = 'Encounter.appointment' AND value = ?", [reference])
    if rows.fetchone():
        return
    actors = [{"individual": {"reference": who}} for who in [actor_of(appointment, "Practitioner")] if who]
    store.insert(
        {
            "resourceType": "Encounter",
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": {"reference": actor_of(appointment, "Patient")},
            "participant": actors,
            "appointment": [{"reference": reference}],
            "period": {"start": appointment["start"], "end": appointment["end"]},
        }
    )
