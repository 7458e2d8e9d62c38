"""What is given back, what the index keeps of a row, and one query understood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from portal.people.search.words import Matches, plain, weight

KINDS = ("specialty", "practitioner", "complaint", "service", "location")
LONGEST, MOST_TOKENS, LEAST_SCORE, NEAR_BEST = 100, 10, 0.2, 0.6
ADULT = 18


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that answers; `because` is the complaint or synonym that led to it, as the clinic wrote it."""

    id: UUID
    score: float
    because: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Each tuple best first. Doctors satisfy everything named at once; services too."""

    specialties: tuple[Hit, ...] = ()
    practitioners: tuple[Hit, ...] = ()
    services: tuple[Hit, ...] = ()
    locations: tuple[Hit, ...] = ()
    corrected: str | None = None
    ignored: tuple[str, ...] = ()
    mode: str = ""
    is_child: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.specialties or self.practitioners or self.services or self.locations)

    @property
    def first(self) -> tuple[str, Hit] | None:
        """The kind and the hit that answers best."""
        kinds = ("specialty", "practitioner", "service", "location")
        rows = zip(kinds, (self.specialties, self.practitioners, self.services, self.locations), strict=True)
        heads = [(kind, hits[0]) for kind, hits in rows if hits]
        return max(heads, key=lambda head: round(head[1].score, 6), default=None)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A line under the field. `slug` is the row's own (empty for a complaint); the others narrow the link."""

    kind: str
    title: str
    detail: str = ""
    slug: str = ""
    specialties: tuple[str, ...] = ()
    location: str = ""
    score: float = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that lead to one row. `is_loose`: any of them is as good as all (parts of a name)."""

    kind: str
    id: UUID | None
    text: str
    worth: float = 1.0
    is_loose: bool = True
    is_complaint: bool = False
    words: tuple[str, ...] = ()

    def completeness(self, matched: Iterable[str]) -> float:
        if self.is_loose:
            return 1.0
        return sum(map(weight, matched)) / sum(weight(plain(word)) for word in self.words)


@dataclass(frozen=True, slots=True)
class Row:
    """What a suggestion shows of a row: the index keeps no model objects."""

    slug: str
    titles: tuple[str, str]
    details: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Doctor:
    roles: tuple[tuple[UUID, UUID], ...]
    names: tuple[str, ...]
    is_for_children: bool
    is_for_adults: bool


@dataclass(frozen=True, slots=True)
class Token:
    typed: str
    shown: str
    matches: Matches

    @property
    def quality(self) -> float:
        return max(self.matches.values(), default=0)

    @property
    def is_sure(self) -> bool:
        """Not a typo, or one slip in a long word."""
        return self.quality >= (0.6 if len(self.shown) < 7 else 0.5)


Shares = dict[int, float]  # how well each token of the query speaks for a row
Touched = Mapping[int, dict[str, tuple[int, float]]]  # phrase → its words → the token that meant it, how surely


@dataclass(frozen=True, slots=True)
class Sense:
    """A query understood: what each token says for each row, and through which phrase it says most."""

    tokens: list[Token]
    weights: list[float]
    total: float
    named: dict[str, dict[UUID, Shares]]
    best: dict[tuple[str, UUID], Phrase]
    complaints: dict[str, dict[UUID, float]]
    flags: dict[str, set[int]]
    reached: set[int]

    @property
    def corrected(self) -> str | None:
        """Without single Latin letters: they are prepositions typed in the other layout."""
        if all(token.shown == token.typed for token in self.tokens):
            return None
        return " ".join(t.shown for t in self.tokens if len(t.shown) > 1 or not t.shown.isascii())

    @property
    def ignored(self) -> tuple[str, ...]:
        lost = (n for n, w in enumerate(self.weights) if w and n not in self.reached)
        return tuple(self.tokens[n].typed for n in lost if self.tokens[n].typed)

    def score(self, shares: Shares) -> float:
        return sum(self.weights[n] * share for n, share in shares.items()) / self.total

    def asked(self, kind: str) -> set[int]:
        return {n for shares in self.named[kind].values() for n in shares if self.weights[n]}

    def hits(self, kind: str) -> tuple[Hit, ...]:
        return ordered(Hit(i, self.score(s), self.because(kind, i)) for i, s in self.named[kind].items())

    def because(self, kind: str, row: UUID) -> str:
        phrase = self.best[kind, row]
        return phrase.text if phrase.is_complaint else ""

    @property
    def mode(self) -> str:
        return next((mode for mode in ("video", "chat") if self.flags[mode]), "")


def ordered(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    return tuple(sorted(hits, key=lambda hit: -hit.score))


def count(
    sense: Sense, phrase: Phrase, row: UUID, words: dict[str, tuple[int, float]], values: dict[tuple[str, UUID], float]
) -> None:
    """Add what one phrase says for its row; of several phrases a token counts in the best."""
    share_of = phrase.completeness(words)
    said = {n: phrase.worth * share_of * quality for n, quality in words.values()}
    value = sum(share * sense.weights[n] for n, share in said.items())
    shares = sense.named[phrase.kind][row]
    shares.update({n: max(share, shares.get(n, 0)) for n, share in said.items()})
    if value > values.get((phrase.kind, row), -1):
        values[phrase.kind, row], sense.best[phrase.kind, row] = value, phrase
    if phrase.is_complaint:
        texts = sense.complaints[phrase.text]
        texts[row] = max((value / share_of + value) / 2, texts.get(row, 0))  # the rest may be typed yet


def pruned(sense: Sense) -> Sense:
    """Only rows near the best of their kind; of people and places, only those that explain most tokens."""
    for kind, rows in sense.named.items():
        scores = {row: sense.score(shares) for row, shares in rows.items()}
        least = max(LEAST_SCORE, NEAR_BEST * max(scores.values(), default=0))
        kept = {row: rows[row] for row, score in scores.items() if score >= least}
        if kind in ("practitioner", "location"):
            most = max(map(len, kept.values()), default=0)
            kept = {row: shares for row, shares in kept.items() if len(shares) == most}
        sense.named[kind] = kept
    return sense


def doubted(tokens: list[Token]) -> list[Token]:
    """Among unknown words a corrected one is chance: `купить машину` must not find Марина."""
    if all(token.matches for token in tokens) or any(token.is_sure for token in tokens):
        return tokens
    return [Token(token.typed, token.typed, {}) for token in tokens]
