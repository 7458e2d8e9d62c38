"""Reads of people: the public directory; a person's own data behind the door."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from portal.kernel.actor import Actor
from portal.people.models import (
    Contact,
    HealthcareService,
    LegalDocument,
    Location,
    Organization,
    Patient,
    PatientIdentifier,
    Practitioner,
    ReturningMail,
    Session,
    Specialty,
)
from portal.people.numbers import policy_words, snils_words
from portal.people.search import Found, Index, Suggestion, build


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


def published_doctors() -> QuerySet[Practitioner, str]:
    """Slugs of the doctors who have a page."""
    rows = Practitioner.objects.filter(roles__is_active=True).distinct().order_by("slug")
    return rows.values_list("slug", flat=True)


def own_people(actor: Actor) -> list[Patient]:
    """The signed-in person first, then those they represent, oldest first. Doors must be open."""
    people = list(Patient.objects.visible_to(actor))
    return sorted(people, key=lambda p: (p.user_id != actor.user_id, p.birth_date))


def contacts_of(actor: Actor, patient_id: UUID) -> list[Contact]:
    """Confirmed first, phones before e-mails. Each knows whether messages come back from it."""
    return in_order(Contact.objects.visible_to(actor).filter(patient_id=patient_id, removed_at=None))


def numbers_of(actor: Actor, patient_id: UUID) -> list[PatientIdentifier]:
    """SNILS, then the policy, each with its words. Behind the open door."""
    rows = list(PatientIdentifier.objects.visible_to(actor).filter(patient_id=patient_id).order_by("system"))
    for row in rows:
        row.words = (snils_words if row.system == PatientIdentifier.System.SNILS else policy_words)(row.value)
    return rows


def in_order(contacts: Iterable[Contact]) -> list[Contact]:
    """The same of several people's."""
    rows = list(contacts)
    off = addresses_off(bytes(c.digest) for c in rows if c.kind == Contact.Kind.EMAIL)
    for contact in rows:
        contact.comes_back = bytes(contact.digest) in off
    return sorted(rows, key=lambda c: (c.verified_at is None, c.kind != Contact.Kind.PHONE, c.created_at))


def addresses_off(digests: Iterable[bytes]) -> set[bytes]:
    """Those of these addresses that no message goes to, because mail came back from there."""
    keys = list(digests)
    rows = ReturningMail.objects.filter(key__in=keys, off_since__isnull=False) if keys else ReturningMail.objects.none()
    return {bytes(key) for key in rows.values_list("key", flat=True)}


def sessions_of(user_id: UUID) -> QuerySet[Session]:
    """Browsers that are signed in now, the last seen first."""
    return Session.objects.filter(user_id=user_id, expire_date__gt=Now()).order_by("-seen_at")


def spoken_languages() -> list[str]:
    """ISO 639-1 codes that at least one doctor speaks besides Russian."""
    rows = Practitioner.objects.filter(roles__is_active=True).values_list("languages", flat=True)
    return sorted({code for codes in rows for code in codes})


REMEMBERED = 60.0  # seconds: a doctor who joins is found within a minute, and booked at once by their page
_indexes: dict[str, tuple[float, Index]] = {}


def find(words: str) -> Found:
    """Whom a query means: specialty, doctor, service, branch, complaint; typos and the other keyboard forgiven."""
    return _index().find(words)


def suggest(words: str, language: str) -> list[Suggestion]:
    """Lines under the field while it is being filled in."""
    return _index().suggest(words, language=language)


def _index() -> Index:
    """Built once a minute for each process and database."""
    name = str(connection.settings_dict["NAME"])
    known = _indexes.get(name)
    if known is None or time.monotonic() - known[0] > REMEMBERED:
        doctors = Practitioner.objects.filter(roles__is_active=True).distinct().prefetch_related("roles")
        services = HealthcareService.objects.filter(offers__role__is_active=True).distinct()
        known = (time.monotonic(), build(specialties(), doctors, services, Location.objects.all()))
        _indexes[name] = known
    return known[1]
