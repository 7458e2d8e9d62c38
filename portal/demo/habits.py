"""What makes the demo clinic a clinic and not a table: insurance, courses, a shared scanner, a vacation, odd weeks."""

from __future__ import annotations

from datetime import date, time, timedelta

from portal.people.models import (
    HealthcareService,
    Location,
    Online,
    Organization,
    Payer,
    PractitionerRole,
    Resource,
    ServiceOffer,
)
from portal.scheduling.models import BookingPolicy, Rule, RuleException

INSURED = {
    "therapist": ["self", "oms", "dms"],
    "pediatrician": ["self", "oms", "dms"],
    "surgeon": ["self", "oms", "dms"],
}
CANCEL_MINUTES = 120
SCANNER = "ultrasound-scanner"


def give_habits(clinic: Organization, locations: list[Location], roles: list[PractitionerRole], today: date) -> None:
    """Before day sheets are written."""
    BookingPolicy(organization=clinic, cancel_minutes=CANCEL_MINUTES).save(force_insert=True)
    for service in HealthcareService.objects.select_related("specialty"):
        service.payers = INSURED.get(service.specialty.slug, [Payer.SELF.value, Payer.DMS.value])
        service.save()
    _special_services(clinic, {role.specialty.slug: role for role in reversed(roles)})
    _scanners(locations)
    of = {slug: [role for role in roles if role.specialty.slug == slug] for slug in {r.specialty.slug for r in roles}}
    _two_branches(of["endocrinologist"][0], locations[1])
    _vacations(of, today)
    slow = of["neurologist"][1]
    ServiceOffer.objects.filter(role=slow, service__is_first_choice=True).update(own_minutes=60)
    Rule.objects.filter(role=of["allergologist"][1], weekday=5).update(weeks=Rule.Weeks.ODD)


def _special_services(clinic: Organization, first: dict[str, PractitionerRole]) -> None:
    """A course, a visit that the clinic confirms, one that is booked by phone, one with a referral."""
    course = _service(
        clinic, first["traumatologist"], "shockwave", "Ударно-волновая терапия", "Shock wave therapy", 20, 1800
    )
    course.course_visits = 10
    minor = _service(clinic, first["surgeon"], "minor-surgery", "Малая операция", "Minor surgery", 60, 9800)
    minor.online, minor.buffer_minutes = Online.VIEW, 20
    talk = HealthcareService.objects.get(slug="psychotherapist-first")
    talk.online = Online.REQUEST
    thyroid = HealthcareService.objects.get(slug="ultrasound-thyroid")
    thyroid.needs_referral = True
    for service in (course, minor, talk, thyroid):
        service.save()
    for service in HealthcareService.objects.filter(specialty__slug="ultrasound"):
        service.devices = [SCANNER]
        service.save()


def _service(
    clinic: Organization, role: PractitionerRole, slug: str, ru: str, en: str, minutes: int, price: int
) -> HealthcareService:
    service = HealthcareService(
        organization=clinic,
        specialty=role.specialty,
        slug=slug,
        name_ru=ru,
        name_en=en,
        duration_minutes=minutes,
        price=price,
        modes=["in-person"],
        position=9,
    )
    service.save(force_insert=True)
    for other in PractitionerRole.objects.filter(specialty=role.specialty):
        ServiceOffer(role=other, service=service).save(force_insert=True)
    return service


def _scanners(locations: list[Location]) -> None:
    """One in each branch: two doctors who share it are never booked on it at once."""
    for location in locations:
        Resource(location=location, kind=Resource.Kind.DEVICE, code=SCANNER, name="1").save(force_insert=True)


def _two_branches(role: PractitionerRole, second: Location) -> None:
    """On Saturdays the doctor sees people at another branch."""
    Rule.objects.filter(role=role, weekday=5).delete()
    other = PractitionerRole(
        practitioner=role.practitioner,
        organization=role.organization,
        location=second,
        specialty=role.specialty,
        department=role.department,
    )
    other.save(force_insert=True)
    for offer in ServiceOffer.objects.filter(role=role):
        ServiceOffer(role=other, service_id=offer.service_id, own_price=offer.own_price).save(force_insert=True)
    saturday = {"weekday": 5, "start": time(10), "end": time(15), "step_minutes": 20, "modes": ["in-person"]}
    Rule(role=other, valid_from=date(2026, 1, 1), **saturday).save(force_insert=True)


def _vacations(of: dict[str, list[PractitionerRole]], today: date) -> None:
    """One doctor is away beyond the horizon, one for ten days, one has a closed morning."""
    leaves = [("gastroenterologist", 1, 0, 75), ("dermatologist", 1, 0, 10), ("otolaryngologist", 2, 14, 28)]
    for slug, n, first, last in leaves:
        RuleException(
            role=of[slug][n],
            kind=RuleException.Kind.VACATION,
            first_day=today + timedelta(days=first),
            last_day=today + timedelta(days=last),
        ).save(force_insert=True)
    RuleException(
        role=of["cardiologist"][0],
        kind=RuleException.Kind.BLOCKED,
        first_day=today + timedelta(days=1),
        last_day=today + timedelta(days=1),
        start=time(8),
        end=time(10),
    ).save(force_insert=True)
