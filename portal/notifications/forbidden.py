"""What no message may say: words that tell an onlooker why a person goes to a clinic (323-FZ art. 13).

Pure: strings in, findings out. Russian forms are met by the light stem of the search; a word is looked at as written,
with Latin letters that only look Cyrillic put right, joined over hyphens and spaces, and spelled in Latin letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from portal.notifications.forbidden_words import (
    ADVERTISING,
    DOCTOR,
    ENDS_OF_HOSTS,
    LOOK,
    MEDICAL,
    MEDICAL_STARTS,
    NEUTRAL,
    NOT_DOCTORS,
    VOWELS,
)
from portal.people.search import plain, stem
from portal.people.search.russian import OTHERS
from portal.people.search.words import STOP_STEMS, latin_key, words_of

CODE = re.compile(r"(?<!\w)[A-ZАВСЕНКМОРТХУ]\d{2}(?:\.\d{1,2})?(?!\w)", re.I)  # of ICD-10
SPELLED = re.compile(r"(?<!\w)[^\W\d_](?:[\s.\-_]+[^\W\d_]){2,}(?!\w)")
HYPHENED = re.compile(r"[^\W_]+(?:[-\u2010-\u2015\u00ad][^\W_]+)+")
LINK = re.compile(
    rf"\w+://\S*|www\.\S+|\S*@\S*|\b\d{{1,3}}(?:\.\d{{1,3}}){{3}}\b"
    rf"|(?<![\w.])[\w-]+(?:\.[\w-]+)*\.(?:{'|'.join(ENDS_OF_HOSTS.split())})(?![\w])\S*|(?<![\w.])[\w-]+\.[a-z]{{2,}}/\S*",
    re.I,
)
LONG = 4  # a shorter stem resembles too much: such words count only as they are written
KNOWN_NAME = 5  # the stem of a family name that is no everyday word in small letters either


class Why(StrEnum):
    DOCTOR = "doctor"
    SPECIALTY = "specialty"
    SERVICE = "service"
    COMPLAINT = "complaint"
    MEDICAL = "medical"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Finding:
    """`said`: as it stands in the text."""

    said: str
    why: Why


@dataclass(frozen=True, slots=True)
class Directory:
    """Names of a clinic, in every language it has them in."""

    specialties: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    givens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What a text is compared with: stems, short words as written, stems of phrases with how the clinic writes them,
    names, spellings in Latin letters."""

    stems: Mapping[str, Why]
    exact: Mapping[str, Why]
    phrases: Mapping[str, str]
    families: frozenset[str]
    givens: frozenset[str]
    keys: Mapping[str, Why]

    def why(self, word: str) -> Why | None:
        """Of one word in small letters."""
        return self.exact.get(word) or self.stems.get(stem(word)) or _medical(word) or self._why_in_latin(word)

    def _why_in_latin(self, word: str) -> Why | None:
        key = latin_key(word) if word.isascii() and word.isalpha() else ""
        if key.startswith(LATIN_STARTS) and not word.startswith("preparation"):
            return Why.MEDICAL
        starts = (key[:length] for length in range(len(key), max(4, len(key) - 4), -1))
        return next((self.keys[start] for start in starts if start in self.keys), None)

    def is_name(self, shown: str, word: str) -> bool:
        base, is_capital = _name_stem(word), shown[:1].isupper()
        return (
            base in (self.families | self.givens)
            if is_capital
            else base in self.families and len(stem(word)) >= KNOWN_NAME
        )


@lru_cache(maxsize=16)
def lexicon(directory: Directory) -> Lexicon:
    """Made once for what a directory says; a person who types asks for it every half second."""
    words = list(_words(directory))
    phrases = [(phrase, found) for phrase in directory.complaints if len(found := _telling(phrase)) > 1]
    families = [plain(word) for name in directory.families for word in words_of(name)]
    stems = {stem(word): why for word, why in words if len(stem(word)) >= LONG}
    return Lexicon(
        stems=stems,
        exact={word: why for word, why in words if len(stem(word)) < LONG},
        phrases={" ".join(map(stem, found)): phrase for phrase, found in phrases},
        families=frozenset(map(_name_stem, families)),
        givens=frozenset(_name_stem(plain(word)) for name in directory.givens for word in words_of(name)),
        keys={latin_key(s): why for s, why in stems.items() if len(s) > LONG and not s.isascii()}
        | {latin_key(root): Why.DOCTOR for name in families if len(root := name.rstrip(VOWELS)) >= KNOWN_NAME},
    )


def _words(directory: Directory) -> Iterator[tuple[str, Why]]:
    """Single words that tell; of two reasons for one word the later is given."""
    yield from ((word, Why.SERVICE) for name in directory.services for word in _telling(name))
    yield from ((found[0], Why.COMPLAINT) for phrase in directory.complaints if len(found := _telling(phrase)) == 1)
    yield from ((word, Why.SPECIALTY) for name in directory.specialties for word in _telling(name))
    yield from ((plain(word), Why.MEDICAL) for word in MEDICAL.split())
    yield from ((plain(word), Why.SPECIALTY) for word in OTHERS.split())


def find(text: str, known: Lexicon) -> list[Finding]:
    """Everything in `text` that must not be said, each once."""
    text = _put_right(text)
    found = [Finding(code[0], Why.CODE) for code in CODE.finditer(text)]
    quiet = []
    for shown, words in _candidates(text):
        if why := _why(shown, words, known):
            found.append(Finding(shown, why))
        quiet.append("" if why else stem(words[0]))
    line = f" {' '.join(base for base in quiet if base not in STOP_STEMS)} "
    found += [Finding(said, Why.COMPLAINT) for phrase, said in known.phrases.items() if f" {phrase} " in line]
    return list({finding.said.casefold(): finding for finding in found}.values())


def _why(shown: str, words: list[str], known: Lexicon) -> Why | None:
    if why := next((why for word in words if (why := known.why(word))), None):
        return why
    return Why.DOCTOR if any(known.is_name(shown, word) for word in words) else None


def advertising(text: str) -> list[str]:
    """Words of an advertisement: it needs the person's consent and must not ride on a message about a visit."""
    return [word for word in dict.fromkeys(words_of(_put_right(text))) if plain(word).startswith(ADVERTISING)]


def links(text: str) -> list[str]:
    """Addresses that a phone turns into links."""
    return [found[0] for found in LINK.finditer(_put_right(text))]


def _put_right(text: str) -> str:
    """One way to write each letter; marks of stress are dropped, й stays."""
    return "".join(
        char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) not in ("Mn", "Cf")
    )


def _candidates(text: str) -> Iterator[tuple[str, list[str]]]:
    """(as written, what it may be read as) for each word, then for what is spelled or hyphened."""
    for word in words_of(text):
        yield word, list(dict.fromkeys((plain(word), plain(word.translate(LOOK)))))
    for pattern in (SPELLED, HYPHENED):
        for found in pattern.finditer(text):
            joined = re.sub(r"[\W_]+", "", found[0])
            yield found[0], [plain(joined), plain(joined.translate(LOOK))]


def _medical(word: str) -> Why | None:
    if word.startswith(MEDICAL_STARTS):
        return Why.MEDICAL
    return Why.SPECIALTY if DOCTOR.fullmatch(word) and not word.startswith(NOT_DOCTORS) else None


def _telling(name: str) -> list[str]:
    """Words of a name that say something: «Приём, первичный» has none."""
    words = [plain(word) for word in words_of(name)]
    return [word for word in words if len(word) > 1 and not word.isdigit() and not _is_neutral(word)]


def _is_neutral(word: str) -> bool:
    return stem(word) in STOP_STEMS or stem(word) in NEUTRAL_STEMS


def _name_stem(word: str) -> str:
    """«Павел» and «Павла» alike."""
    return re.sub(r"(?<=[бвгджзклмнпрстфхцчшщ])[ео](?=[кцлнр]$)", "", stem(word))


LATIN_STARTS = tuple(latin_key(start) for start in MEDICAL_STARTS if len(start) > KNOWN_NAME and not start.isascii())
NEUTRAL_STEMS = frozenset(stem(plain(word)) for word in NEUTRAL.split())
