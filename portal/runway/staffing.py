"""`portal staff add`: words from the command line become rows."""

from __future__ import annotations

from portal.kernel.access import acting
from portal.kernel.actor import Role, system
from portal.people.contacts import parse_address
from portal.people.models import Organization, Practitioner
from portal.people.services.staff import add_staff
from portal.runway.errors import WrongUsage


def invite(*, email: str, name: str, role: str, organization: str | None, department: str, doctor: str | None) -> None:
    if role == Role.DOCTOR and not doctor:
        raise WrongUsage("--doctor: expected for the role doctor: the slug of the doctor in the directory.")
    with acting(system("cli.staff-add")) as trail:
        add_staff(
            actor=trail.actor,
            email=parse_address(email),
            name=name,
            organization=_organization(organization),
            role=Role(role),
            department=department,
            practitioner=_practitioner(doctor) if doctor else None,
        )


def _organization(slug: str | None) -> Organization:
    """The named clinic, or the only one."""
    clinics = list(Organization.objects.all())
    found = [clinic for clinic in clinics if slug in (None, clinic.slug)]
    if len(found) != 1:
        known = ", ".join(clinic.slug for clinic in clinics) or "none; `portal seed` makes the demo's"
        raise WrongUsage(f"--organization: expected the slug of a clinic. There are: {known}")
    return found[0]


def _practitioner(slug: str) -> Practitioner:
    found = Practitioner.objects.filter(slug=slug).first()
    if found is None:
        raise WrongUsage(f"--doctor: expected the slug of a doctor in the directory, not {slug}.")
    return found
