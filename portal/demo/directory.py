"""The demo clinic «Берег»: branches, specialties, services, doctors, published texts. Everything is invented."""

from __future__ import annotations

from datetime import date, time
from random import Random

from portal.demo.invented import ABOUT_EN, ABOUT_RU, CAST, LOCATIONS, SPECIALTIES, TITLES
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
from portal.scheduling.models import Rule


def make_organization() -> Organization:
    clinic = Organization(
        slug="bereg",
        name_ru="Берег",
        name_en="Bereg",
        legal_name="ООО «Берег»",
        inn="1655000009",
        ogrn="1021600000003",
        license_number="Л041-00000-00/00000000",
        license_date=date(2016, 4, 18),
        license_issuer_ru="Министерство здравоохранения Республики Татарстан",
        license_issuer_en="Ministry of Health of the Republic of Tatarstan",
        address_ru="420000, Казань, ул. Речная, 12",
        address_en="12 Rechnaya St., Kazan 420000",
        regulators_ru="Росздравнадзор по Республике Татарстан\nРоспотребнадзор по Республике Татарстан\nМинистерство здравоохранения Республики Татарстан",
        regulators_en="Roszdravnadzor for the Republic of Tatarstan\nRospotrebnadzor for the Republic of Tatarstan\nMinistry of Health of the Republic of Tatarstan",
        phone="+78000000000",
        email="hello@bereg.example",
        hours_ru="Каждый день с 7:30 до 21:00",
        hours_en="Every day from 7:30 to 21:00",
        accent="",
    )
    clinic.save(force_insert=True)
    for kind, title_ru, title_en, body_ru, body_en in DOCUMENTS:
        LegalDocument(
            organization=clinic,
            kind=kind,
            version=1,
            title_ru=title_ru,
            title_en=title_en,
            body_ru=body_ru,
            body_en=body_en,
            valid_from=date(2025, 9, 1),
        ).save(force_insert=True)
    return clinic


def make_locations(clinic: Organization) -> list[Location]:
    names = (
        "slug",
        "name_ru",
        "name_en",
        "city_ru",
        "city_en",
        "metro_ru",
        "metro_en",
        "hours_ru",
        "hours_en",
        "directions_ru",
        "directions_en",
        "zone",
        "latitude",
        "longitude",
    )
    return Location.objects.bulk_create(
        [Location(organization=clinic, **dict(zip(names, row, strict=True))) for row in LOCATIONS]
    )


def make_services(clinic: Organization, specialty: Specialty, price: int) -> list[HealthcareService]:
    """First visit, repeat visit, video; ultrasound and children have their own habits."""
    slug = specialty.slug
    bring = ("Возьмите паспорт и прошлые анализы.", "Bring your passport and earlier test results.")
    rows = [
        (f"{slug}-first", "Первый приём", "First visit", 40, price, ["in-person"], bring, True),
        (f"{slug}-repeat", "Повторный приём", "Repeat visit", 20, price - 600, ["in-person"], bring, False),
        (
            f"{slug}-video",
            "Консультация по видео",
            "Video consultation",
            20,
            price - 900,
            ["video"],
            ("Приготовьте тихое место и зарядите телефон.", "Find a quiet place and charge your phone."),
            False,
        ),
    ]
    if slug == "ultrasound":
        rows = [
            (
                f"{slug}-abdomen",
                "УЗИ брюшной полости",
                "Abdominal ultrasound",
                40,
                price,
                ["in-person"],
                ("Не ешьте 8 часов, воду пить можно.", "Do not eat for 8 hours; water is fine."),
                True,
            ),
            (
                f"{slug}-thyroid",
                "УЗИ щитовидной железы",
                "Thyroid ultrasound",
                20,
                price - 300,
                ["in-person"],
                ("", ""),
                False,
            ),
        ]
    return HealthcareService.objects.bulk_create(
        [
            HealthcareService(
                organization=clinic,
                specialty=specialty,
                slug=s,
                name_ru=ru,
                name_en=en,
                duration_minutes=minutes,
                price=cost,
                modes=modes,
                preparation_ru=prep[0],
                preparation_en=prep[1],
                is_first_choice=first,
                position=n,
            )
            for n, (s, ru, en, minutes, cost, modes, prep, first) in enumerate(rows)
        ]
    )


def make_directory(clinic: Organization, locations: list[Location], random: Random) -> list[PractitionerRole]:
    """Specialties with services, and doctors who give them."""
    roles: list[PractitionerRole] = []
    taken: set[tuple[str, str]] = set()
    for position, row in enumerate(SPECIALTIES):
        slug, nsi, ru, en, plural_ru, plural_en, words, doctors, price, min_age, max_age = row
        specialty = Specialty(
            slug=slug,
            nsi_name=nsi,
            name_ru=ru,
            name_en=en,
            plural_ru=plural_ru,
            plural_en=plural_en,
            position=position,
            words=words.split("|") if "|" in words else words.split(),
        )
        specialty.save(force_insert=True)
        services = make_services(clinic, specialty, price)
        for n in range(doctors):
            doctor = make_doctor(specialty, n, random, taken, min_age, max_age)
            location = locations[(n + position) % len(locations)] if n else locations[0]
            role = PractitionerRole(
                practitioner=doctor,
                organization=clinic,
                location=location,
                specialty=specialty,
                department=slug,
                room=make_room(location, str(201 + len(roles))),
            )
            role.save(force_insert=True)
            gives = [s for s in services if "video" not in s.modes or n % 2 == 0]
            ServiceOffer.objects.bulk_create(
                [ServiceOffer(role=role, service=s, own_price=_own_price(s, n)) for s in gives]
            )
            Rule.objects.bulk_create(make_rules(role, n, random))
            roles.append(role)
    return roles


def make_room(location: Location, name: str) -> Resource:
    room = Resource(location=location, kind=Resource.Kind.ROOM, code="room", name=name)
    room.save(force_insert=True)
    return room


def _own_price(service: HealthcareService, n: int) -> int | None:
    return None if n % 3 else service.price + 200 * (n % 2)


def make_doctor(
    specialty: Specialty, n: int, random: Random, taken: set[tuple[str, str]], min_age: int, max_age: int
) -> Practitioner:
    cast = CAST.get((specialty.slug, n))
    family, given, middle = cast or person(random, random.random() < 0.6)
    while not cast and (family, given) in taken:
        family, given, middle = person(random, random.random() < 0.6)
    taken.add((family, given))
    since = random.randint(1996, 2018)
    title_ru, title_en = TITLES[random.randrange(len(TITLES))]
    doctor = Practitioner(
        slug=f"{latin(given)}-{latin(family)}".lower(),
        family_name_ru=family,
        given_name_ru=given,
        middle_name_ru=middle,
        family_name_en=latin(family),
        given_name_en=latin(given),
        middle_name_en="",
        title_ru=title_ru,
        title_en=title_en,
        about_ru=ABOUT_RU[specialty.slug],
        about_en=ABOUT_EN[specialty.slug],
        education=[
            {
                "year": max(2016, since),
                "ru": f"{specialty.name_ru} клиники «Берег»",
                "en": f"{specialty.name_en} at Bereg",
            },
            {"year": since, "ru": f"Ординатура, {specialty.nsi_name.lower()}", "en": "Residency in the specialty"},
            {
                "year": since - 2,
                "ru": "Медицинский университет, лечебное дело",
                "en": "Medical university, general medicine",
            },
        ],
        practising_since=since,
        languages=random.choice([[], ["tt"], ["en"], ["tt", "en"], []]),
        min_age=min_age,
        max_age=max_age,
    )
    doctor.save(force_insert=True)
    return doctor


def make_rules(role: PractitionerRole, n: int, random: Random) -> list[Rule]:
    """Five days a week, mornings and evenings by turns, a break in the middle; even doctors also by video."""
    start = date(2026, 1, 1)
    free_day = random.randrange(5)
    modes = ["in-person", "video"] if n % 2 == 0 and role.specialty.slug != "ultrasound" else ["in-person"]
    rules = []
    for weekday in range(6):
        if weekday == free_day:
            continue
        shifts = (
            [(time(8), time(11, 40)), (time(12, 20), time(15))]
            if (weekday + n) % 2 == 0
            else [(time(13), time(16)), (time(16, 40), time(20))]
        )
        if weekday == 5:
            shifts = [(time(9), time(14))]
        rules += [
            Rule(role=role, weekday=weekday, start=s, end=e, step_minutes=20, modes=modes, valid_from=start)
            for s, e in shifts
        ]
    return rules
