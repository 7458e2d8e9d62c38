"""The fixed cast. Ids are derived from names, so a test can name anyone without looking them up.

Anna (patient), Boris (stranger), Mila (Anna's child); Vera (Anna's doctor), Gleb (same department), Dina (another
department); Rita (registrar), Oleg (privacy officer), Alla (administrator). Clinic «Shore» with two branches, and
clinic «Far» with a registrar of its own, Foma, and a patient of its own, Zoya.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import NAMESPACE_DNS, UUID, uuid5
from zoneinfo import ZoneInfo

PASSWORD = "seven quiet rivers"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PHONES = {"anna": "+79990000001", "boris": "+79990000002", "zoya": "+79990000003"}
SNILS = "11223344595"  # Anna's
EMAILS = {"anna": "anna@example.ru"}
ZONE = ZoneInfo("Europe/Moscow")


def uid(name: str) -> UUID:
    return uuid5(NAMESPACE_DNS, f"{name}.portal.test")


def next_weekday(days: int = 7) -> date:
    """A day that is surely ahead: the cast's doctors work every day from 9 to 17 at Moscow time."""
    return datetime.now(ZONE).date() + timedelta(days=days)


def at(hour: int, minute: int = 0, *, days: int = 7) -> datetime:
    return datetime.combine(next_weekday(days), time(hour, minute), tzinfo=ZONE).astimezone(UTC)


def migrate() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def make() -> None:
    import django

    django.setup()
    from portal.kernel.access import acting
    from portal.kernel.actor import Role, system
    from portal.kernel.commands import command

    @command("Test.cast", roles={Role.SYSTEM})
    def build(*, actor):  # type: ignore[no-untyped-def]
        _build(actor)

    with acting(system("cast")) as trail:
        build(actor=trail.actor)


def _build(actor) -> None:  # type: ignore[no-untyped-def]
    from portal.people.models import Organization, PatientAtOrganization

    for slug in ("shore", "far"):
        _clinic(slug)
    shore, far = Organization.objects.get(slug="shore"), Organization.objects.get(slug="far")
    _doctors(actor, shore)
    _patients(actor)
    PatientAtOrganization.objects.bulk_create(
        [PatientAtOrganization(patient_id=uid(n), organization=shore) for n in ("anna", "mila", "boris")]
        + [PatientAtOrganization(patient_id=uid("zoya"), organization=far)]
    )
    _staff(shore, far)
    _visits(shore)
    _waits(shore)


def _clinic(slug: str) -> None:
    from portal.people.models import LegalDocument, Location, Organization

    clinic = Organization(
        id=uid(slug),
        slug=slug,
        name_ru=f"Клиника {slug}",
        name_en=slug.title(),
        legal_name="ООО",
        inn="7707083893",
        ogrn="1027700132195",
        license_number="Л041",
        license_date=date(2020, 1, 1),
        license_issuer_ru="Минздрав",
        license_issuer_en="Ministry",
        address_ru="Казань",
        address_en="Kazan",
        regulators_ru="Росздравнадзор",
        regulators_en="Roszdravnadzor",
        phone="+78000000000",
        email="a@example.ru",
        hours_ru="8–20",
        hours_en="8–20",
    )
    clinic.save(force_insert=True)
    for kind in LegalDocument.Kind.values if slug == "shore" else []:
        LegalDocument(
            id=uid(f"document-{kind}"),
            organization=clinic,
            kind=kind,
            version=1,
            title_ru="Согласие",
            title_en="Consent",
            body_ru="Текст документа.\n\nВторой абзац.",
            body_en="Text.",
            valid_from=date(2025, 9, 1),
        ).save(force_insert=True)
    Location(
        id=uid(f"place-{slug}"),
        organization=clinic,
        slug=f"{slug}-place",
        name_ru="Речная, 12",
        name_en="Rechnaya 12",
        city_ru="Казань",
        city_en="Kazan",
        hours_ru="8–20",
        hours_en="8–20",
        zone="Europe/Moscow",
        latitude=55.7,
        longitude=49.1,
    ).save(force_insert=True)


DOCTORS = [("vera", "therapist", 0, 120), ("gleb", "therapist", 0, 120), ("dina", "cardiologist", 18, 120)]


def _doctors(actor, shore) -> None:  # type: ignore[no-untyped-def]
    from portal.scheduling.services import write_sheets

    for position, (slug, russian) in enumerate((("therapist", "Терапевт"), ("cardiologist", "Кардиолог"))):
        _specialty(shore, slug, russian, position)
    for n, (name, slug, min_age, max_age) in enumerate(DOCTORS):
        _doctor(shore, name, slug, (min_age, max_age), room=str(200 + n))
    roles = [uid(f"role-{name}") for name, *_ in DOCTORS]
    today = datetime.now(ZONE).date()
    write_sheets(actor=actor, role_ids=roles, first=today, last=today + timedelta(days=30))


def _specialty(shore, slug: str, russian: str, position: int) -> None:  # type: ignore[no-untyped-def]
    from portal.people.models import HealthcareService, Specialty

    specialty = Specialty(
        id=uid(slug),
        slug=slug,
        nsi_name=slug,
        name_ru=russian,
        name_en=slug.title(),
        plural_ru=f"{russian}ы",
        plural_en=f"{slug.title()}s",
        words=["кашель"],
        position=position,
    )
    specialty.save(force_insert=True)
    HealthcareService(
        id=uid(f"{slug}-first"),
        organization=shore,
        specialty=specialty,
        slug=f"{slug}-first",
        name_ru="Первый приём",
        name_en="First visit",
        duration_minutes=30,
        price=2400,
        modes=["in-person", "video"],
        is_first_choice=True,
        preparation_ru="Возьмите паспорт.",
        preparation_en="Bring a passport.",
    ).save(force_insert=True)


def _doctor(shore, name: str, slug: str, ages: tuple[int, int], room: str) -> None:  # type: ignore[no-untyped-def]
    from portal.people.models import Practitioner, PractitionerRole, ServiceOffer
    from portal.scheduling.models import Rule

    doctor = Practitioner(
        id=uid(name),
        slug=name,
        family_name_ru=f"Врач{name}",
        given_name_ru=name.title(),
        family_name_en=f"Doc{name}",
        given_name_en=name.title(),
        practising_since=2010,
        min_age=ages[0],
        max_age=ages[1],
    )
    doctor.save(force_insert=True)
    role = PractitionerRole(
        id=uid(f"role-{name}"),
        practitioner=doctor,
        organization=shore,
        location_id=uid("place-shore"),
        specialty_id=uid(slug),
        department=slug,
        room=_room(room),
    )
    role.save(force_insert=True)
    ServiceOffer(role=role, service_id=uid(f"{slug}-first")).save(force_insert=True)
    daily = {"role": role, "start": time(9), "end": time(17), "step_minutes": 30, "valid_from": date(2020, 1, 1)}
    Rule.objects.bulk_create([Rule(weekday=day, modes=["in-person", "video"], **daily) for day in range(7)])


def _room(name: str):  # type: ignore[no-untyped-def]
    from portal.people.models import Resource

    room = Resource(id=uid(f"room-{name}"), location_id=uid("place-shore"), kind="room", code="room", name=name)
    room.save(force_insert=True)
    return room


def _patients(actor) -> None:  # type: ignore[no-untyped-def]
    from psycopg.types.range import TimestamptzRange

    from portal.kernel import crypto
    from portal.kernel.access import register_door
    from portal.kernel.models import give_keyset
    from portal.people.contacts import parse_address
    from portal.people.models import Contact, Patient, PatientIdentifier, Proxy, User

    born = {"anna": date(1961, 3, 12), "boris": date(1985, 7, 2), "mila": date(2019, 5, 20), "zoya": date(1970, 1, 1)}
    for name, birth_date in born.items():
        user = None
        if name != "mila":
            user = User(id=uid(f"user-{name}"))
            user.set_unusable_password()
            user.save(force_insert=True)
        register_door(actor, uid(name), purpose="cast")
        give_keyset(uid(name))
        Patient(
            id=uid(name),
            user=user,
            family_name=f"{name.title()}ова",
            given_name=name.title(),
            birth_date=birth_date,
            sex="male" if name == "boris" else "female",
        ).save(force_insert=True)
        for text in (PHONES.get(name), EMAILS.get(name)):
            if text:
                a = parse_address(text)
                Contact(
                    id=uid(f"contact-{a.kind}-{name}"),
                    patient_id=uid(name),
                    kind=a.kind,
                    value=a.value,
                    digest=a.digest,
                    verified_at=datetime.now(UTC),
                ).save(force_insert=True)
    snils = PatientIdentifier.System.SNILS
    PatientIdentifier(patient_id=uid("anna"), system=snils, value=SNILS, digest=crypto.blind_index(snils, SNILS)).save(
        force_insert=True
    )
    Proxy(patient_id=uid("mila"), user_id=uid("user-anna"), period=TimestamptzRange(datetime.now(UTC), None)).save(
        force_insert=True
    )


def _staff(shore, far) -> None:  # type: ignore[no-untyped-def]
    from portal.kernel.actor import Role
    from portal.people.contacts import parse_address
    from portal.people.models import StaffAssignment
    from portal.people.services.staff import activate_staff, create_staff

    rows = [
        ("vera", Role.DOCTOR, "therapist", shore),
        ("gleb", Role.DOCTOR, "therapist", shore),
        ("dina", Role.DOCTOR, "cardiologist", shore),
        ("rita", Role.REGISTRAR, "", shore),
        ("oleg", Role.PRIVACY_OFFICER, "", shore),
        ("alla", Role.CLINIC_ADMIN, "", shore),
        ("foma", Role.REGISTRAR, "", far),
    ]
    for name, role, department, clinic in rows:
        account = create_staff(email=parse_address(f"{name}@bereg.example"), name=name.title())
        StaffAssignment(
            id=uid(f"assignment-{name}"),
            user=account.user,
            organization=clinic,
            role=role.value,
            department=department,
            practitioner_id=uid(name) if role == Role.DOCTOR else None,
        ).save(force_insert=True)
        activate_staff(user=account.user, password=PASSWORD, secret=SECRET)


def _visits(shore) -> None:  # type: ignore[no-untyped-def]
    """Anna's coming visit to Vera (id `visit-anna`), Mila's (`visit-mila`), Boris's to Dina (`visit-boris`)."""
    from psycopg.types.range import TimestamptzRange

    from portal.people.models import CareTeam
    from portal.scheduling.models import Appointment, Occupancy

    for name, doctor, slug, hour in (
        ("anna", "vera", "therapist", 16),
        ("mila", "vera", "therapist", 15),
        ("boris", "dina", "cardiologist", 14),
    ):
        start = at(hour, days=9)
        end = start + timedelta(minutes=30)
        visit_id = uid(f"visit-{name}")
        common = {
            "practitioner_id": uid(doctor),
            "role_id": uid(f"role-{doctor}"),
            "service_id": uid(f"{slug}-first"),
            "start": start,
            "end": end,
        }
        Occupancy(id=visit_id, owner=visit_id, mode="in-person", kind="booked", **common).save(force_insert=True)
        Appointment(
            id=visit_id,
            patient_id=uid(name),
            organization=shore,
            location_id=uid("place-shore"),
            specialty_id=uid(slug),
            local_date=start.astimezone(ZONE).date(),
            mode="in-person",
            status="booked",
            price=2400,
            **common,
        ).save(force_insert=True)
        CareTeam(
            patient_id=uid(name),
            organization=shore,
            practitioner_id=uid(doctor),
            department=slug,
            appointment_id=visit_id,
            period=TimestamptzRange(datetime.now(UTC) - timedelta(minutes=5), end + timedelta(days=30)),
        ).save(force_insert=True)


def _waits(shore) -> None:  # type: ignore[no-untyped-def]
    """Anna waits for a cardiologist, at rest (id `wait-anna`); once she was asked in vain (`offer-anna`)."""
    from portal.scheduling.models import WaitlistEntry, WaitlistOffer

    WaitlistEntry(
        id=uid("wait-anna"),
        patient_id=uid("anna"),
        recipient_id=uid("anna"),
        organization=shore,
        specialty_id=uid("cardiologist"),
        first_day=next_weekday(1),
        last_day=next_weekday(20),
        state="paused",
        queued_at=datetime.now(UTC),
    ).save(force_insert=True)
    WaitlistOffer(
        id=uid("offer-anna"),
        patient_id=uid("anna"),
        entry_id=uid("wait-anna"),
        role_id=uid("role-dina"),
        service_id=uid("cardiologist-first"),
        mode="in-person",
        start=at(9, days=1),
        price=2400,
        hold=uid("offer-anna"),
        state="lapsed",
        expires_at=datetime.now(UTC),
    ).save(force_insert=True)
