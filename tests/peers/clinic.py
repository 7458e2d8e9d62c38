"""A small clinic for a peer, put there by one transaction: three doctors, 28 weekdays of free times, ten patients."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from tests.peers.servers import http

SNILS = "urn:oid:1.2.643.100.3"
OWN = "https://clinic.example/id"
SPECIALTY = "urn:oid:1.2.643.5.1.13.13.11.1066"
MOSCOW = ZoneInfo("Europe/Moscow")
WEEKDAYS, STEP, OPENS, CLOSES = 28, timedelta(minutes=30), time(9), time(17)
DOCTORS = (("Соколова", "Вера", "Ильинична"), ("Орлов", "Глеб", "Петрович"), ("Зимина", "Дина", "Олеговна"))
PATIENTS = (
    ("Волкова", "Анна", "Сергеевна", "female"),
    ("Крылов", "Борис", "Андреевич", "male"),
    ("Ершова", "Зоя", "Павловна", "female"),
    ("Ёлкин", "Фёдор", "Ильич", "male"),
    ("Белая", "Мила", "Борисовна", "female"),
    ("Ким", "Юрий", "Денисович", "male"),
    ("Салтыкова-Щедрина", "Яна", "Львовна", "female"),
    ("Громов", "Пётр", "Ильич", "male"),
    ("Щукина", "Ольга", "Юрьевна", "female"),
    ("Цой", "Роман", "Викторович", "male"),
)

Resource = dict[str, Any]


@dataclass
class Clinic:
    """Ids as the server gave them, in the order of the lists above; slots by schedule, earliest first."""

    organization: str
    location: str
    service: str
    practitioners: list[str]
    roles: list[str]
    schedules: list[str]
    slots: dict[str, list[str]]
    patients: list[str]
    snils: list[str]
    starts: list[datetime] = field(repr=False)


def seed(base_url: str, *, first: date | None = None) -> Clinic:
    """Each call makes a clinic of its own, with patients of its own: a server is shared by tests.

    The weekdays are counted from `first`, from tomorrow when there is none.
    """
    starts = list(_starts(first or datetime.now(MOSCOW).date() + timedelta(days=1)))
    snils = [_snils(random.randrange(2_000_000, 999_999_999)) for _ in PATIENTS]
    resources = [*_staff(starts), *map(_patient, range(len(PATIENTS)), snils)]
    made = _put(base_url, resources)
    schedules = made["Schedule"]
    slots = {schedule: made["Slot"][n :: len(DOCTORS)] for n, schedule in enumerate(schedules)}
    return Clinic(
        made["Organization"][0],
        made["Location"][0],
        made["HealthcareService"][0],
        made["Practitioner"],
        made["PractitionerRole"],
        schedules,
        slots,
        made["Patient"],
        snils,
        starts,
    )


def _put(base_url: str, resources: list[Resource]) -> dict[str, list[str]]:
    """Ids by type. `id` is the temporary one: the server gives another and mends the references."""
    entries = [
        {"fullUrl": one.pop("id"), "resource": one, "request": {"method": "POST", "url": one["resourceType"]}}
        for one in resources
    ]
    answer = http.post(base_url, json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    made: dict[str, list[str]] = {}
    for entry in answer.raise_for_status().json()["entry"]:
        assert entry["response"]["status"].startswith("201"), entry
        kind, number = entry["response"]["location"].split("/")[:2]
        made.setdefault(kind, []).append(number)
    return made


def _staff(starts: list[datetime]) -> Iterator[Resource]:
    clinic = _new("Organization", name="Клиника на набережной", active=True)
    place = _new("Location", name="Набережная, 1", status="active", managingOrganization=_to(clinic))
    service = _new("HealthcareService", name="Приём врача", active=True, providedBy=_to(clinic), location=[_to(place)])
    schedules = []
    for family, *given in DOCTORS:
        doctor = _new("Practitioner", active=True, name=[{"family": family, "given": given}])
        role = _new(
            "PractitionerRole",
            active=True,
            practitioner=_to(doctor),
            organization=_to(clinic),
            location=[_to(place)],
            healthcareService=[_to(service)],
            specialty=[{"coding": [{"system": SPECIALTY, "code": "49"}]}],
        )
        horizon = {"start": starts[0].isoformat(), "end": (starts[-1] + STEP).isoformat()}
        actors = [_to(doctor), _to(role), _to(place)]
        schedules.append(_new("Schedule", active=True, actor=actors, planningHorizon=horizon))
        yield from (doctor, role)
    yield from (clinic, place, service, *schedules)
    for start in starts:
        for schedule in schedules:
            end = (start + STEP).isoformat()
            yield _new("Slot", schedule=_to(schedule), status="free", start=start.isoformat(), end=end)


def _patient(number: int, snils: str) -> Resource:
    family, name, patronymic, gender = PATIENTS[number]
    return _new(
        "Patient",
        identifier=[{"system": SNILS, "value": snils}],
        active=True,
        name=[{"family": family, "given": [name, patronymic]}],
        gender=gender,
        birthDate=date(1950 + 7 * number, 1 + number, 3 + 2 * number).isoformat(),
        telecom=[{"system": "phone", "use": "mobile", "value": f"+7916{snils[:7]}"}],
    )


def _new(kind: str, **fields: Any) -> Resource:
    temporary = uuid4()
    own = [{"system": OWN, "value": str(temporary)}]
    return {"resourceType": kind, "id": temporary.urn, **fields, "identifier": [*fields.get("identifier", []), *own]}


def _to(resource: Resource) -> Resource:
    return {"reference": resource["id"]}


def _starts(first: date) -> Iterator[datetime]:
    days = (first + timedelta(days=n) for n in range(2 * WEEKDAYS))
    for day in [day for day in days if day.weekday() < 5][:WEEKDAYS]:
        start = datetime.combine(day, OPENS, MOSCOW)
        while start.time() < CLOSES:
            yield start
            start += STEP


def _snils(number: int) -> str:
    """Nine digits and their check, as the state counts it."""
    digits = f"{number:09}"
    check = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 0, -1), strict=True)) % 101 % 100
    return f"{digits}{check:02}"
