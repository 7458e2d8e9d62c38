"""Who of the MIS's patients is this person? A ladder; whoever is found on a lower rung is never linked by itself. Pure.

SNILS → policy → name, birth date and phone together. A phone alone says nothing: a family shares it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from portal.mis.ports import KnownPatient, Person
from portal.mis.russian import LOOKALIKES

NOT_LETTERS = re.compile(r"[^а-яa-z]+")


@dataclass(frozen=True, slots=True)
class Match:
    """`sure`: the one. Else `candidates`: whoever it could be, for a person to look at; empty when nobody."""

    sure: KnownPatient | None
    by: str
    candidates: Sequence[KnownPatient] = ()


def match(person: Person, key: object, found: Sequence[KnownPatient]) -> Match:
    """`key`: the portal's id of the person, which the MIS keeps with records that we made."""
    alive = [one for one in found if one.is_active and not one.replaced_by]
    rungs = (
        ("key", [one for one in alive if one.key == key]),
        ("snils", [one for one in alive if person.snils and one.person.snils == person.snils]),
        ("policy", [one for one in alive if person.policy and one.person.policy == person.policy]),
        ("person", [one for one in alive if _is_same(person, one.person) and _shares_phone(person, one.person)]),
    )
    for by, hits in rungs:
        if len(hits) == 1 and not _contradicts(person, hits[0].person):
            return Match(hits[0], by)
        if hits:
            return Match(None, by, hits)
    return Match(None, "", [one for one in alive if _is_near(person, one.person)])


def _is_same(one: Person, other: Person) -> bool:
    return one.birth_date is not None and one.birth_date == other.birth_date and _same_name(one, other)


def _is_near(one: Person, other: Person) -> bool:
    return _is_same(one, other) or _shares_phone(one, other)


def _shares_phone(one: Person, other: Person) -> bool:
    return bool(set(one.phones) & set(other.phones))


def _contradicts(one: Person, other: Person) -> bool:
    """A number that is equal by a slip of the pen: neither name nor birth date agree, or SNILS differ."""
    if one.snils and other.snils and one.snils != other.snils:
        return True
    has_other_birthday = bool(one.birth_date and other.birth_date and one.birth_date != other.birth_date)
    return has_other_birthday and not _same_name(one, other)


def _same_name(one: Person, other: Person) -> bool:
    """Parts may be swapped, and the patronymic may be missing or stand in the field of the name."""
    mine, theirs = _words(one), _words(other)
    shorter, longer = sorted((mine, theirs), key=len)
    return len(shorter) >= 2 and shorter <= longer


def _words(person: Person) -> set[str]:
    whole = f"{person.family_name} {person.given_name} {person.middle_name}"
    return {word for word in NOT_LETTERS.split(normal(whole)) if word}


def normal(text: str) -> str:
    """For comparing alone; what is shown stays as it was written."""
    return unicodedata.normalize("NFKC", text).casefold().translate(LOOKALIKES)
