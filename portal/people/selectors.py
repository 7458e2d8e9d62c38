"""Reads of people: the public directory; a person's own data behind the door."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.kernel.actor import Actor
from portal.people.models import (
    Contact,
    LegalDocument,
    Location,
    Organization,
    Patient,
    Practitioner,
    Session,
    Specialty,
)


def current_organization() -> Organization:
    """The clinic whose brand the portal wears: the first one. `LookupError` on an empty installation."""
    organization = Organization.objects.order_by("slug").first()
    if organization is None:
        raise LookupError("no organization yet")
    return organization


def specialties() -> QuerySet[Specialty]:
    return Specialty.objects.filter(roles__is_active=True).distinct().order_by("position", "name_ru")


def locations() -> QuerySet[Location]:
    return Location.objects.select_related("organization").order_by("city_ru", "name_ru")


def current_document(kind: str, today: date) -> LegalDocument | None:
    """The version in force today."""
    in_force = Q(valid_to=None) | Q(valid_to__gte=today)
    return LegalDocument.objects.filter(in_force, kind=kind, valid_from__lte=today).order_by("-version").first()


def practitioner_by_slug(slug: str) -> Practitioner | None:
    return Practitioner.objects.filter(slug=slug, roles__is_active=True).first()


def own_people(actor: Actor) -> list[Patient]:
    """The signed-in person first, then those they represent, oldest first. Doors must be open."""
    people = list(Patient.objects.visible_to(actor))
    return sorted(people, key=lambda p: (p.user_id != actor.user_id, p.birth_date))


def contacts_of(actor: Actor, patient_id: UUID) -> list[Contact]:
    """Confirmed first, phones before e-mails."""
    rows = Contact.objects.visible_to(actor).filter(patient_id=patient_id)
    return sorted(rows, key=lambda c: (c.verified_at is None, c.kind != Contact.Kind.PHONE, c.created_at))


def sessions_of(user_id: UUID) -> QuerySet[Session]:
    return Session.objects.filter(user_id=user_id).order_by("-seen_at")


def spoken_languages() -> list[str]:
    """ISO 639-1 codes that at least one doctor speaks besides Russian."""
    rows = Practitioner.objects.filter(roles__is_active=True).values_list("languages", flat=True)
    return sorted({code for codes in rows for code in codes})


def search(words: str) -> tuple[list[Specialty], list[Practitioner]]:
    """Specialties by name or complaint, doctors by family name; `ё` is `е`, case does not matter."""
    needle = _plain(words)
    if not needle:
        return [], []
    found_specialties = [
        s
        for s in specialties()
        if any(_matches(needle, word) for word in (s.name_ru, s.name_en, s.plural_ru, *s.words))
    ]
    doctors = Practitioner.objects.filter(roles__is_active=True).distinct()
    found_doctors = [d for d in doctors if _is_named(d, needle)]
    return found_specialties, found_doctors


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("ё", "е").split())


def _matches(needle: str, word: str) -> bool:
    plain = _plain(word)
    return plain.startswith(needle) or needle.startswith(plain) or needle in plain


def _is_named(doctor: Practitioner, needle: str) -> bool:
    russian = _plain(f"{doctor.family_name_ru} {doctor.given_name_ru} {doctor.middle_name_ru}")
    english = _plain(f"{doctor.family_name_en} {doctor.given_name_en}")
    return all(any(part.startswith(word) for part in f"{russian} {english}".split()) for word in needle.split())
