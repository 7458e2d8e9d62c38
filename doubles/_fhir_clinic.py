"""The invented clinic «Берег» as its MIS knows it: who works where and when, its patients, a grid that rolls on.

The same every time but for the dates. Anna is here with all that identifies her; Boris's record has the year of his
birth only and a telephone he shares, so that nobody may take it for his without asking.
"""

from __future__ import annotations

import zlib
from datetime import date, datetime, time, timedelta
from typing import Any

from doubles._fhir_rules import encounter_of
from doubles._fhir_store import Resource, Store, instant

SNILS, CARD = "urn:oid:1.2.643.100.3", "urn:oid:1.2.643.5.1.13.2.7.100.5"
SPECIALTY = "urn:oid:1.2.643.5.1.13.13.11.1066"
ZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
AHEAD = 28  # days
OPENS, CLOSES, LUNCH, STEP = time(9), time(17), time(13), timedelta(minutes=30)

PLACES = ["Речная, 12", "Садовая, 5"]
# family, given, specialty code and name, place, practising since, number of a SNILS, services
DOCTORS = [
    ("Ахметова", "Лилия Рашидовна", "80", "Эндокринолог", 0, "2004-08-01", "112233445",
     ["Приём эндокринолога, первый", "Приём эндокринолога, повторный"]),
    ("Крылов", "Андрей Викторович", "50", "Офтальмолог", 1, "2011-09-01", "118765432",
     ["Приём офтальмолога", "Подбор очков"]),
    ("Северин", "Павел Олегович", "76", "Уролог", 0, "1998-08-01", "087654303",
     ["Приём уролога, первый", "Приём уролога, повторный"]),
]  # fmt: skip
# family, given, birth date, gender, telephone, number of a SNILS
PATIENTS = [
    ("Белова", "Анна Игоревна", "1961-03-12", "female", "+79990000001", "123123123"),
    ("Нечаев", "Борис Павлович", "1985", "male", "+79990000002", ""),
    ("Нечаева", "Ольга Сергеевна", "1987-11-30", "female", "+79990000002", "145236987"),
    ("Фёдорова", "Галина Тимуровна", "1974-02-19", "female", "+79005550101", "156423789"),
    ("Латыпов", "Ильдар Маратович", "1990-06-05", "male", "+79005550102", "165498732"),
    ("Шестакова", "Нина Петровна", "1952-10-28", "female", "+79005550103", "171829364"),
    ("Горин", "Егор Денисович", "2001-01-15", "male", "+79005550104", "187654321"),
    ("Мухина", "Раиса Львовна", "1968-12-03", "female", "+79005550105", "192837465"),
]
FIRST_BY_PHONE = 3  # those after Anna and both Nechaevs ring the front desk


def snils(number: str) -> str:
    """Nine digits and their check number."""
    total = sum(int(digit) * weight for digit, weight in zip(number, range(9, 0, -1), strict=True)) % 101
    return f"{number}{total % 100:02}"


def seed(store: Store) -> bool:
    """Open the clinic; False when the file already has one."""
    with store.transaction():
        if store.fact("grid"):
            return False
        _directory(store)
        for place, person in enumerate(PATIENTS):
            store.insert(_patient(place, *person))
        today = store.now().astimezone(store.zone).date()
        store.set_fact("grid", _working_day(today - timedelta(days=1), -1).isoformat())
        store.set_fact("night", today.isoformat())
        roll(store)
        _anna_was_here(store)
    return True


def _directory(store: Store) -> None:
    clinic = _named(
        store, "Organization", name="Берег", active=True, identifier=[_id("1.2.643.100.1", "1021600000005")]
    )
    places = [_location(store, place, clinic) for place in PLACES]
    for doctor in DOCTORS:
        _doctor(store, clinic, places, *doctor)


def _named(store: Store, kind: str, **elements: Any) -> Resource:
    """Keep it and return a reference that shows its name."""
    kept = store.insert({"resourceType": kind, **elements})
    shown = kept.get("name")
    return {"reference": f"{kind}/{kept['id']}", **({"display": shown} if isinstance(shown, str) else {})}


def _id(oid: str, value: str) -> Resource:
    return {"system": oid if ":" in oid else f"urn:oid:{oid}", "value": value}


def _location(store: Store, address: str, clinic: Resource) -> Resource:
    return _named(
        store,
        "Location",
        extension=[{"url": ZONE, "valueCode": str(store.zone)}],
        status="active",
        name=address,
        address={"text": f"Казань, ул. {address}", "city": "Казань", "line": [f"ул. {address}"], "country": "RU"},
        managingOrganization=clinic,
    )


def _doctor(
    store: Store, clinic: Resource, places: list[Resource], family: str, given: str, code: str, title: str,
    place: int, since: str, number: str, services: list[str],
) -> None:  # fmt: skip
    specialty = [{"coding": [{"system": SPECIALTY, "code": code, "display": title}], "text": title}]
    where = places[place]
    offered = [
        _named(
            store, "HealthcareService", active=True, providedBy=clinic, specialty=specialty, location=[where], name=name
        )
        for name in services
    ]
    who = _practitioner(store, family, given, title, since, number)
    role = _named(
        store, "PractitionerRole", active=True, practitioner=who, organization=clinic, location=[where],
        specialty=specialty, healthcareService=offered,
    )  # fmt: skip
    _named(store, "Schedule", active=True, specialty=specialty, actor=[who, role, where], planningHorizon={})


def _practitioner(store: Store, family: str, given: str, title: str, since: str, number: str) -> Resource:
    kept = _named(
        store,
        "Practitioner",
        identifier=[_id(SNILS, snils(number))],
        active=True,
        name=[_name(family, given)],
        qualification=[{"code": {"text": title}, "period": {"start": since}}],
    )
    return {**kept, "display": f"{family} {given}"}


def _name(family: str, given: str) -> Resource:
    return {"use": "official", "text": f"{family} {given}", "family": family, "given": given.split()}


def _patient(place: int, family: str, given: str, born: str, gender: str, phone: str, number: str) -> Resource:
    identifiers = [_id(SNILS, snils(number))] if number else []
    return {
        "resourceType": "Patient",
        "identifier": [*identifiers, _id(CARD, f"К-{2041 + place}")],
        "active": True,
        "name": [_name(family, given)],
        "telecom": [{"system": "phone", "value": phone, "use": "mobile"}],
        "gender": gender,
        "birthDate": born,
    }


# The grid --------------------------------------------------------------------------------------------------------


def roll(store: Store) -> None:
    """Slots up to the horizon. Cheap when they are there: asked at each request."""
    today = store.now().astimezone(store.zone).date()
    last, horizon = date.fromisoformat(store.fact("grid")), today + timedelta(days=AHEAD)
    if last > horizon:
        return
    with store.transaction():
        for schedule in _all(store, "Schedule"):
            for number in range((horizon - last).days + 1):
                day = last + timedelta(days=number)
                if day.weekday() < 5:
                    _day(store, schedule, day)
            store.update({**schedule, "planningHorizon": {"start": today.isoformat(), "end": horizon.isoformat()}})
        store.set_fact("grid", (horizon + timedelta(days=1)).isoformat())


def _all(store: Store, kind: str) -> list[Resource]:
    with store.lock:
        sql = "SELECT id FROM resource WHERE type = ? AND NOT deleted ORDER BY n"
        ids = store.db.execute(sql, [kind]).fetchall()
        return [found for (id_,) in ids if (found := store.at(f"{kind}/{id_}"))]


def _day(store: Store, schedule: Resource, day: date) -> None:
    start = datetime.combine(day, OPENS, store.zone)
    while start.time() < CLOSES:
        chance = zlib.crc32(f"{schedule['id']} {start.isoformat()}".encode())
        is_lunch = LUNCH <= start.time() < time(LUNCH.hour + 1)
        is_rung = not is_lunch and chance % 5 == 0
        slot = store.insert(_slot(schedule, start, "busy-unavailable" if is_lunch else "busy" if is_rung else "free"))
        if is_rung:
            _by_phone(store, schedule, slot, chance // 5)
        start += STEP


def _slot(schedule: Resource, start: datetime, status: str) -> Resource:
    return {
        "resourceType": "Slot",
        "schedule": {"reference": f"Schedule/{schedule['id']}"},
        "specialty": schedule["specialty"],
        "status": status,
        "start": start.isoformat(),
        "end": (start + STEP).isoformat(),
    }


def _by_phone(store: Store, schedule: Resource, slot: Resource, chance: int) -> None:
    """Somebody rang. What is past took place, but for a few who did not come."""
    callers = _all(store, "Patient")[FIRST_BY_PHONE:]
    is_past = slot["end"] < store.now().astimezone(store.zone).isoformat()
    status = ("noshow" if chance % 7 == 0 else "fulfilled") if is_past else "booked"
    kept = store.insert(appointment(callers[chance % len(callers)], schedule, slot, status, store))
    if status == "fulfilled":
        encounter_of(store, kept)


def appointment(patient: Resource, schedule: Resource, slot: Resource, status: str, store: Store) -> Resource:
    shown = {"reference": f"Patient/{patient['id']}", "display": name_in_words(patient)}
    actors = [shown, *(actor for actor in schedule["actor"] if not actor["reference"].startswith("PractitionerRole"))]
    return {
        "resourceType": "Appointment",
        "status": status,
        "specialty": schedule.get("specialty", []),
        "start": slot["start"],
        "end": slot["end"],
        "minutesDuration": int(STEP.total_seconds() // 60),
        "slot": [{"reference": f"Slot/{slot['id']}"}],
        "created": instant(store.now()),
        "participant": [{"actor": actor, "required": "required", "status": "accepted"} for actor in actors],
    }


def _anna_was_here(store: Store) -> None:
    """A visit of the last working day, for the list of visits. Nobody else has a free Slot of the past taken."""
    schedule, anna = _all(store, "Schedule")[0], _all(store, "Patient")[0]
    slots = [slot for slot in _all(store, "Slot") if slot["schedule"]["reference"] == f"Schedule/{schedule['id']}"]
    slot = next(slot for slot in slots if slot["status"] == "free")
    store.update({**slot, "status": "busy"})
    encounter_of(store, store.insert(appointment(anna, schedule, slot, "fulfilled", store)))


def _working_day(day: date, step: int) -> date:
    while day.weekday() > 4:
        day += timedelta(days=step)
    return day


# Nights ----------------------------------------------------------------------------------------------------------


def nightly(store: Store) -> None:
    """New ids once a day, as some MIS give them."""
    today = store.now().astimezone(store.zone).date().isoformat()
    if store.fact("night") != today:
        with store.transaction():
            regenerate(store)
            store.set_fact("night", today)


def regenerate(store: Store) -> int:
    """Every Slot gets a new id, its Schedule, start and state stay; the old ids are gone. Answers how many."""
    with store.transaction():
        new: dict[str, str] = {}
        for slot in _all(store, "Slot"):
            bare = {name: value for name, value in slot.items() if name not in ("id", "meta")}
            new[f"Slot/{slot['id']}"] = f"Slot/{store.insert(bare)['id']}"
            store.delete(slot)
        for kept in _all(store, "Appointment"):
            slots = [{"reference": new.get(each["reference"], each["reference"])} for each in kept.get("slot", [])]
            if slots:
                store.update({**kept, "slot": slots})
    return len(new)


def name_in_words(person: Resource) -> str:
    """As it was written, or put together: whoever writes a Patient here may leave `text` out."""
    name: Resource = next(iter(person.get("name", [])), {})
    return str(name.get("text") or " ".join([name.get("family", ""), *name.get("given", [])]).strip())
