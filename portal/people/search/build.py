"""From public rows to an index; no model object is kept."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from portal.people.search.index import Index
from portal.people.search.russian import CHAT, CHILD, OCCUPATION, OTHERS, STOP, VIDEO
from portal.people.search.sense import ADULT, Doctor, Phrase, Row
from portal.people.search.words import STOP_STEMS, Vocabulary, latin_key, plain, stem, words_of

if TYPE_CHECKING:
    from portal.people.models import HealthcareService, Location, Practitioner, Specialty


def build(
    specialties: Iterable[Specialty],
    practitioners: Iterable[Practitioner],
    services: Iterable[HealthcareService],
    locations: Iterable[Location],
) -> Index:
    """`practitioners` with `roles` prefetched: only active roles count."""
    active = [d for d in practitioners if any(role.is_active for role in d.roles.all())]
    lines = list(specialties), active, list(services), list(locations)
    doctors = {d.pk: _doctor(d) for d in active}
    phrases = [phrase for phrase in (*_known(), *_phrases(*lines)) if phrase.words]
    return Index(
        vocabulary=_vocabulary(phrases),
        phrases=phrases,
        rows=_rows(*lines),
        doctors=doctors,
        doctors_at=_doctors_at(doctors),
        services={s.pk: (s.specialty_id, tuple(s.modes)) for s in lines[2]},
        for_children=_for_children(doctors.values()),
    )


def _doctor(doctor: Practitioner) -> Doctor:
    names = (doctor.given_name_ru, doctor.middle_name_ru, doctor.family_name_ru, doctor.given_name_en)
    return Doctor(
        roles=tuple((r.specialty_id, r.location_id) for r in doctor.roles.all() if r.is_active),
        names=tuple(plain(name) for name in (*names, doctor.family_name_en) if name),
        is_for_children=doctor.min_age < ADULT,
        is_for_adults=doctor.max_age >= ADULT,
    )


def _doctors_at(doctors: Mapping[UUID, Doctor]) -> dict[UUID, list[UUID]]:
    """By specialty and by branch."""
    found: dict[UUID, dict[UUID, None]] = defaultdict(dict)
    for row, doctor in doctors.items():
        for key in itertools.chain.from_iterable(doctor.roles):
            found[key][row] = None
    return {key: list(rows) for key, rows in found.items()}


def _for_children(doctors: Iterable[Doctor]) -> frozenset[UUID]:
    """Specialties whose doctors all see children only."""
    pairs = {(specialty, doctor.is_for_adults) for doctor in doctors for specialty, _ in doctor.roles}
    return frozenset(specialty for specialty, _ in pairs if (specialty, True) not in pairs)


def _known() -> Iterator[Phrase]:
    """Words that lead to no row: stop words, other specialties, flags."""
    for kind, words in (("stop", STOP), ("other", OTHERS), ("child", CHILD), ("video", VIDEO), ("chat", CHAT)):
        yield Phrase(kind, None, "", words=tuple(words.split()))


def _phrases(
    specialties: list[Specialty],
    practitioners: list[Practitioner],
    services: list[HealthcareService],
    locations: list[Location],
) -> Iterator[Phrase]:
    for s in specialties:
        for name, worth in ((s.name_ru, 1.0), (s.name_en, 1.0), (s.plural_ru, 1.0), (s.nsi_name, 0.95)):
            yield _phrase("specialty", s.pk, name, worth)
        for words in s.words:
            is_complaint = not OCCUPATION.fullmatch(words.casefold())
            yield _phrase("specialty", s.pk, words, 0.9, is_loose=False, is_complaint=is_complaint)
    for d in practitioners:
        yield _phrase("practitioner", d.pk, f"{d.given_name_ru} {d.middle_name_ru} {d.family_name_ru}")
        yield _phrase("practitioner", d.pk, f"{d.given_name_en} {d.middle_name_en} {d.family_name_en}")
    yield from _service_phrases(services)
    for place in locations:
        for field_name, worth in (("name", 1.0), ("metro", 0.95), ("city", 0.9)):
            for language in ("ru", "en"):
                text = getattr(place, f"{field_name}_{language}")
                yield _phrase("location", place.pk, text if field_name == "name" else text.split(",")[0], worth)


def _service_phrases(services: list[HealthcareService]) -> Iterator[Phrase]:
    """A name only one specialty uses leads to that specialty too."""
    users = Counter(name for name, _ in {(s.name_ru, s.specialty_id) for s in services})
    for s in services:
        for name in (s.name_ru, s.name_en):
            yield _phrase("service", s.pk, name, 0.97, is_loose=False)
            if users[s.name_ru] == 1:
                yield _phrase("specialty", s.specialty_id, name, 0.85, is_loose=False)


def _phrase(
    kind: str, row: UUID, text: str, worth: float = 1.0, *, is_loose: bool = True, is_complaint: bool = False
) -> Phrase:
    is_name = kind in ("practitioner", "location")
    words = tuple(w for w in dict.fromkeys(words_of(text.casefold())) if is_name or stem(plain(w)) not in STOP_STEMS)
    return Phrase(kind, row, text, worth, is_loose, is_complaint, words)


def _vocabulary(phrases: Sequence[Phrase]) -> Vocabulary:
    shown: dict[str, str] = {}
    numbers: dict[str, dict[int, None]] = defaultdict(dict)
    for number, phrase in enumerate(phrases):
        for word in phrase.words:
            shown.setdefault(plain(word), word)
            numbers[plain(word)][number] = None
    stems = _grouped((form, word) for word in numbers for form in (stem(word), word))
    keys = _grouped((latin_key(word), word) for word in numbers if not word.isascii())
    return Vocabulary(
        shown=shown,
        phrases={word: tuple(found) for word, found in numbers.items()},
        stems=stems,
        keys=keys,
        ordered=sorted(word for word, found in numbers.items() if any(phrases[n].id for n in found)),
        ordered_keys=sorted(keys),
    )


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for key, word in pairs:
        found[key][word] = None
    return {key: tuple(words) for key, words in found.items()}


def _rows(
    specialties: list[Specialty],
    practitioners: list[Practitioner],
    services: list[HealthcareService],
    locations: list[Location],
) -> dict[tuple[str, UUID], Row]:
    rows = {("specialty", s.pk): Row(s.slug, (s.name_ru, s.name_en)) for s in specialties}
    names = {s.pk: (s.name_ru, s.name_en) for s in specialties}
    for d in practitioners:
        of = dict.fromkeys(names[r.specialty_id] for r in d.roles.all() if r.is_active and r.specialty_id in names)
        details = ", ".join(ru for ru, _ in of), ", ".join(en or ru for ru, en in of)
        titles = f"{d.given_name_ru} {d.family_name_ru}", f"{d.given_name_en} {d.family_name_en}"
        rows["practitioner", d.pk] = Row(d.slug, titles, details)
    for service in services:
        rows["service", service.pk] = Row(
            service.slug, (service.name_ru, service.name_en), names.get(service.specialty_id, ("", ""))
        )
    for p in locations:
        rows["location", p.pk] = Row(p.slug, (p.name_ru, p.name_en), (p.city_ru, p.city_en))
    return rows
