"""Reads of a clinic's own texts, and of the names that must not stand in them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db.models import QuerySet

from portal.kernel.access import Trail, current_trail
from portal.notifications.forbidden import Directory, Lexicon, lexicon
from portal.notifications.models import MessageText
from portal.notifications.texts import Text
from portal.people.models import HealthcareService, Location, Practitioner, Specialty, StaffAccount

Texts = dict[tuple[str, str], MessageText]
NAMES = ("family_name_ru", "family_name_en", "given_name_ru", "given_name_en", "middle_name_ru", "middle_name_en")
_read: WeakKeyDictionary[Trail, dict[UUID, Texts]] = WeakKeyDictionary()


def texts_of(organization_id: UUID) -> Texts:
    """The version in force of each text the clinic has ever written, by (kind, language)."""
    rows = MessageText.objects.filter(organization_id=organization_id)
    newest = rows.order_by("kind", "language", "-version").distinct("kind", "language")
    return {(text.kind, text.language): text for text in newest}


def said_by(organization_id: UUID, kind: str, language: str) -> MessageText | None:
    """The clinic's own text to be said, if there is one. One transaction reads a clinic's texts once."""
    of_clinics = _read.setdefault(current_trail(), {})
    if organization_id not in of_clinics:
        of_clinics[organization_id] = texts_of(organization_id)
    text = of_clinics[organization_id].get((kind, language))
    return None if text is None or text.is_standard else text


def versions(organization_id: UUID, kind: str, language: str) -> QuerySet[MessageText]:
    """Newest first."""
    rows = MessageText.objects.filter(organization_id=organization_id, kind=kind, language=language)
    return rows.order_by("-version")


def own_words(text: MessageText | None) -> Text | None:
    return None if text is None or text.is_standard else Text(text.sms, text.subject, text.body)


def names_of(user_ids: set[UUID]) -> dict[UUID, str]:
    accounts = StaffAccount.objects.filter(user_id__in=user_ids)
    return {account.user_id: account.display_name for account in accounts}


def places_of(organization_id: UUID) -> list[Location]:
    return list(Location.objects.filter(organization_id=organization_id).order_by("slug"))


def lexicon_of(organization_id: UUID) -> Lexicon:
    """All that the clinic's directory says of doctors, specialties, services and complaints, in both languages."""
    specialties = list(Specialty.objects.all())
    doctors = Practitioner.objects.filter(roles__organization_id=organization_id)
    services = HealthcareService.objects.filter(organization_id=organization_id)
    people = list(doctors.values_list(*NAMES).distinct())
    names = ("name_ru", "name_en", "plural_ru", "plural_en", "nsi_name")
    return lexicon(
        Directory(
            specialties=_each(getattr(one, name) for one in specialties for name in names),
            services=_each(name for pair in services.values_list("name_ru", "name_en") for name in pair),
            complaints=_each(word for one in specialties for word in one.words),
            families=_each(name for row in people for name in row[:2]),
            givens=_each(name for row in people for name in row[2:]),
        )
    )


def _each(names: Iterable[str]) -> tuple[str, ...]:
    """Each once and in one order, so that a directory that has not changed is known again."""
    return tuple(sorted(set(names)))
