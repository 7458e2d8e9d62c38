"""The directory of the large clinic, the same in every process: branches in four zones, doctors, services, rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from django.db.models import Model

from portal.demo.invented import ABOUT_EN, ABOUT_RU, LOCATIONS, SPECIALTIES, TITLES
from portal.demo.large.selectors_sql import Load, model_load
from portal.demo.large.size import Chunk, Plan, uid
from portal.demo.names import latin, person
from portal.demo.texts import DOCUMENTS
from portal.people.models import (
    HealthcareService,
    LegalDocument,
    Location,
    Organization,
    Practitioner,
    PractitionerRole,
    Resource,
    ServiceOffer,
    Specialty,
)
from portal.scheduling.models import BookingPolicy, DaySheet, Rule, ScheduleHorizon
from portal.scheduling.opening import openings

STEP = 20  # minutes
SHIFTS = ((time(8), time(13)), (time(14), time(19)))  # 15 times each
HOUR_OFF = 15  # the time from which on the break is behind
CHILDREN = "pediatrician"
BRANCHES = [
    *(dict(zip(("slug", "name", "city", "zone"), row[:2] + row[3:4] + row[11:12], strict=True)) for row in LOCATIONS),
    {"slug": "sibirskaya", "name": "Сибирская, 7", "city": "Новосибирск", "zone": "Asia/Novosibirsk"},
    {"slug": "morskaya", "name": "Морская, 1", "city": "Калининград", "zone": "Europe/Kaliningrad"},
]
# slug, name ru/en, minutes, cheaper than a first visit by, mode, first choice
SERVICES = [
    ("first", "Первый приём", "First visit", 40, 0, "in-person", True),
    ("repeat", "Повторный приём", "Repeat visit", 20, 600, "in-person", False),
    ("video", "Консультация по видео", "Video consultation", 20, 900, "video", False),
]


@dataclass(frozen=True, slots=True)
class Desk:
    """A doctor at their branch: all that a visit needs to know."""

    doctor: Practitioner
    role: PractitionerRole
    room: Resource
    zone: ZoneInfo
    offers: list[HealthcareService]
    rules: list[Rule]

    @property
    def gives_video(self) -> bool:
        return len(self.offers) == len(SERVICES)


@dataclass(slots=True)
class Clinic:
    organization: Organization
    locations: list[Location]
    specialties: list[Specialty]
    services: dict[str, list[HealthcareService]]
    desks: list[Desk] = field(default_factory=list)


@lru_cache(maxsize=1)
def clinic_of(plan: Plan) -> Clinic:
    organization = _organization()
    locations = [_location(organization, n) for n in range(len(BRANCHES))]
    specialties = [_specialty(n) for n in range(len(SPECIALTIES))]
    services = {s.slug: _services(organization, s) for s in specialties}
    clinic = Clinic(organization, locations, specialties, services)
    random, taken = Random(2026), set[str]()  # noqa: S311  (invented people, not secrets)
    clinic.desks += [_desk(clinic, plan, n, random, taken) for n in range(plan.size.doctors)]
    return clinic


def directory(plan: Plan, chunk: Chunk) -> list[Load]:
    clinic = clinic_of(plan)
    desks = clinic.desks
    groups: list[list[Model]] = [
        [clinic.organization],
        [BookingPolicy(id=uid("policy"), organization=clinic.organization, horizon_days=plan.size.ahead_days)],
        [*_documents(clinic.organization)],
        [*clinic.locations],
        [*clinic.specialties],
        [service for services in clinic.services.values() for service in services],
        [desk.room for desk in desks],
        [desk.doctor for desk in desks],
        [desk.role for desk in desks],
        [offer for n, desk in enumerate(desks) for offer in _offers(n, desk)],
        [rule for desk in desks for rule in desk.rules],
    ]
    return [model_load(group) for group in groups]


def sheets(plan: Plan, chunk: Chunk) -> list[Load]:
    """What `write_sheets` would write for these doctors, by the same rules and the same function."""
    last = plan.coming_day(plan.size.ahead_days - 1)
    desks = clinic_of(plan).desks[chunk.first : chunk.last]
    horizons = [
        ScheduleHorizon(id=uid("horizon", chunk.first + n), role=desk.role, written_to=last)
        for n, desk in enumerate(desks)
    ]
    rows = [sheet for n, desk in enumerate(desks) for sheet in _sheets(plan, chunk.first + n, desk)]
    return [model_load(rows), model_load(horizons)]


def _sheets(plan: Plan, number: int, desk: Desk) -> Iterator[DaySheet]:
    for n in range(plan.size.ahead_days):
        day = plan.coming_day(n)
        for one in openings(day, desk.zone, desk.rules, [], desk.room.pk):
            yield DaySheet(
                id=uid("sheet", number, n, one.start.hour),
                role=desk.role,
                date=day,
                start=one.start,
                end=one.end,
                anchor=one.anchor,
                step_minutes=one.step_minutes,
                modes=list(one.modes),
                room_id=one.room_id,
            )


def wall_time(place: int) -> time:
    """Time `place` of a day's 30, on the branch's clock."""
    minutes = STEP * place + (480 if place < HOUR_OFF else 540)
    return time(minutes // 60, minutes % 60)


def _organization() -> Organization:
    return Organization(
        id=uid("organization"),
        slug="bolshoy-bereg",
        name_ru="Большой Берег",
        name_en="Great Shore",
        legal_name="ООО «Большой Берег»",
        inn="1655000016",
        ogrn="1021600000014",
        license_number="Л041-00000-00/00000001",
        license_date=date(2016, 4, 18),
        license_issuer_ru="Министерство здравоохранения Республики Татарстан",
        license_issuer_en="Ministry of Health of the Republic of Tatarstan",
        address_ru="420000, Казань, ул. Речная, 12",
        address_en="12 Rechnaya St., Kazan 420000",
        regulators_ru="Росздравнадзор по Республике Татарстан",
        regulators_en="Roszdravnadzor for the Republic of Tatarstan",
        phone="+78000000000",
        email="hello@bereg.example",
        hours_ru="Каждый день с 8:00 до 19:00",
        hours_en="Every day from 8:00 to 19:00",
    )


def _documents(organization: Organization) -> Iterator[LegalDocument]:
    for n, (kind, title_ru, title_en, body_ru, body_en) in enumerate(DOCUMENTS):
        yield LegalDocument(
            id=uid("document", n),
            organization=organization,
            kind=kind,
            version=1,
            title_ru=title_ru,
            title_en=title_en,
            body_ru=body_ru,
            body_en=body_en,
            sha256=hashlib.sha256(body_ru.encode()).hexdigest(),
            valid_from=date(2025, 9, 1),
        )


def _location(organization: Organization, n: int) -> Location:
    branch = BRANCHES[n]
    return Location(
        id=uid("location", n),
        organization=organization,
        slug=branch["slug"],
        name_ru=branch["name"],
        name_en=latin(branch["name"]),
        city_ru=branch["city"],
        city_en=latin(branch["city"]),
        hours_ru="Каждый день 8:00–19:00",
        hours_en="Every day 8:00–19:00",
        zone=branch["zone"],
        latitude=55.0 + n,
        longitude=37.0 + 10 * n,
    )


def _specialty(n: int) -> Specialty:
    slug, nsi, ru, en, plural_ru, plural_en, words, *_ = SPECIALTIES[n]
    return Specialty(
        id=uid("specialty", n),
        slug=slug,
        nsi_name=nsi,
        name_ru=ru,
        name_en=en,
        plural_ru=plural_ru,
        plural_en=plural_en,
        position=n,
        words=str(words).split("|"),
    )


def _services(organization: Organization, specialty: Specialty) -> list[HealthcareService]:
    price = next(int(row[8]) for row in SPECIALTIES if row[0] == specialty.slug)
    return [
        HealthcareService(
            id=uid("service", specialty.position, n),
            organization=organization,
            specialty=specialty,
            slug=f"{specialty.slug}-{slug}",
            name_ru=ru,
            name_en=en,
            duration_minutes=minutes,
            price=price - cheaper,
            modes=[mode],
            is_first_choice=is_first,
            position=n,
        )
        for n, (slug, ru, en, minutes, cheaper, mode, is_first) in enumerate(SERVICES)
    ]


def _desk(clinic: Clinic, plan: Plan, n: int, random: Random, taken: set[str]) -> Desk:
    specialty = _specialty_of(clinic, plan, n)
    location = clinic.locations[n % len(clinic.locations)]
    room = Resource(id=uid("room", n), location=location, kind=Resource.Kind.ROOM, code="room", name=str(101 + n))
    doctor = _doctor(specialty, n, random, taken)
    role = PractitionerRole(
        id=uid("role", n),
        practitioner=doctor,
        organization=clinic.organization,
        location=location,
        specialty=specialty,
        department=specialty.slug,
        room=room,
    )
    offers = clinic.services[specialty.slug][: 3 if n % 2 == 0 else 2]
    return Desk(doctor, role, room, ZoneInfo(location.zone), offers, list(_rules(n, role, plan)))


def _specialty_of(clinic: Clinic, plan: Plan, n: int) -> Specialty:
    """Doctors for children come last (`Plan.crowds`); the others by the shares of the demo clinic."""
    grown, _ = plan.crowds()
    shares = [s for s, row in zip(clinic.specialties, SPECIALTIES, strict=True) for _ in range(int(row[7]))]
    shares = [s for s in shares if (s.slug == CHILDREN) != (n in grown.doctors)]
    return shares[n * 7 % len(shares)]


def _doctor(specialty: Specialty, n: int, random: Random, taken: set[str]) -> Practitioner:
    family, given, middle = person(random, random.random() < 0.6)
    name = f"{latin(given)}-{latin(family)}".lower()
    slug = f"{name}-{n}" if name in taken else name
    taken.add(slug)
    min_age, max_age = next((int(row[9]), int(row[10])) for row in SPECIALTIES if row[0] == specialty.slug)
    return Practitioner(
        id=uid("doctor", n),
        slug=slug,
        family_name_ru=family,
        given_name_ru=given,
        middle_name_ru=middle,
        family_name_en=latin(family),
        given_name_en=latin(given),
        title_ru=TITLES[n % len(TITLES)][0],
        title_en=TITLES[n % len(TITLES)][1],
        about_ru=ABOUT_RU[specialty.slug],
        about_en=ABOUT_EN[specialty.slug],
        practising_since=random.randint(1996, 2018),
        min_age=min_age,
        max_age=max_age,
    )


def _offers(n: int, desk: Desk) -> Iterator[ServiceOffer]:
    for m, service in enumerate(desk.offers):
        yield ServiceOffer(id=uid("offer", n, m), role=desk.role, service=service)


def _rules(n: int, role: PractitionerRole, plan: Plan) -> Iterator[Rule]:
    modes = ["in-person", "video"] if n % 2 == 0 else ["in-person"]
    since = plan.today - timedelta(days=400)
    for weekday in range(7):
        for m, (start, end) in enumerate(SHIFTS):
            yield Rule(
                id=uid("rule", n, weekday, m),
                role=role,
                weekday=weekday,
                start=start,
                end=end,
                step_minutes=STEP,
                modes=modes,
                valid_from=since,
            )
