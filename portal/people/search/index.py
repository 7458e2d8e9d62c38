"""The directory in memory, asked with `find` and `suggest`."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from rapidfuzz.distance import OSA

from portal.people.search.russian import ALIASES
from portal.people.search.sense import (
    KINDS,
    LEAST_SCORE,
    LONGEST,
    MOST_TOKENS,
    Doctor,
    Found,
    Hit,
    Phrase,
    Row,
    Sense,
    Suggestion,
    Token,
    Touched,
    count,
    doubted,
    ordered,
    pruned,
)
from portal.people.search.words import Vocabulary, plain, stems_of, swapped, weight, words_of


@dataclass(frozen=True, slots=True)
class Index:
    """The whole directory in memory; build a new one when the directory changes."""

    vocabulary: Vocabulary
    phrases: Sequence[Phrase]
    rows: Mapping[tuple[str, UUID], Row]
    doctors: Mapping[UUID, Doctor]
    doctors_at: Mapping[UUID, Sequence[UUID]]
    services: Mapping[UUID, tuple[UUID, tuple[str, ...]]]
    for_children: frozenset[UUID]

    def find(self, words: str) -> Found:
        sense = self._understand(words, is_typing=False)
        specialties, is_child = self._specialties(sense), bool(sense.flags["child"])
        return Found(
            specialties=specialties,
            practitioners=self._practitioners(sense, specialties),
            services=self._services(sense, specialties),
            locations=sense.hits("location"),
            corrected=sense.corrected,
            ignored=sense.ignored,
            mode=sense.mode,
            is_child=is_child or (bool(specialties) and specialties[0].id in self.for_children),
        )

    def suggest(self, words: str, limit: int = 8, language: str = "ru") -> list[Suggestion]:
        """Lines for a word that may be unfinished, best first."""
        sense = self._understand(words, is_typing=True)
        lines = [*self._suggested_specialties(sense, language), *self._suggested_rows(sense, limit, language)]
        services = {plain(line.title) for line in lines if line.kind == "service"}
        lines = [line for line in lines if line.kind != "complaint" or plain(line.title) not in services]
        lines.sort(key=lambda line: (-round(line.score, 6), KINDS.index(line.kind), line.title))
        return list(dict.fromkeys(lines))[:limit]

    # --- understanding

    def _understand(self, words: str, is_typing: bool) -> Sense:
        text = unicodedata.normalize("NFKC", words[:LONGEST]).casefold()[:LONGEST]
        chunks = text.split()[:MOST_TOKENS]
        last = len(chunks) - 1 if is_typing and not text[-1:].isspace() else -1
        read = [token for n, chunk in enumerate(chunks) for token in self._read(chunk, n == last)]
        tokens = doubted(read[:MOST_TOKENS])
        touched = self._touched(tokens)
        flags = {kind: self._flag(touched, kind) for kind in ("stop", "video", "chat", "child")}
        reached = {n for number in touched if self.phrases[number].id for n, _ in touched[number].values()}
        if last >= 0:
            flags["stop"] -= reached & {len(tokens) - 1}  # an unfinished word only looks like a stop word
        return self._sense(tokens, touched, flags, reached)

    def _read(self, chunk: str, is_typing: bool) -> list[Token]:
        """As typed, or with the keyboard in the other layout when that says clearly more."""
        typed = [self._token(word, is_typing) for word in words_of(ALIASES.get(chunk, chunk))]
        if not typed or min(map(_certainty, typed)) >= 0.9:
            return typed
        if len(typed) == 1 and not typed[0].matches and (halves := self.vocabulary.split(typed[0].typed)):
            first, second = (self._token(half, False) for half in halves)
            return [Token(chunk, first.shown, first.matches), Token("", second.shown, second.matches)]
        other = [self._token(word, is_typing) for word in words_of(swapped(chunk))]
        if not other or max(len(t.typed) for t in other) < 2 or _mean(other) - 0.05 <= _mean(typed):
            return typed
        return [Token(chunk if n == 0 else "", token.shown, token.matches) for n, token in enumerate(other)]

    def _token(self, word: str, is_typing: bool) -> Token:
        matches = self.vocabulary.resolve(plain(word), is_typing) if len(word) > 1 else {}
        best = max(matches, key=lambda w: matches[w], default="")
        is_guess = bool(best) and (matches[best] < 0.6 or matches[best] == 0.94)
        return Token(word, self.vocabulary.shown[best] if is_guess else word, matches)

    def _touched(self, tokens: list[Token]) -> Touched:
        touched: dict[int, dict[str, tuple[int, float]]] = defaultdict(dict)
        for n, token in enumerate(tokens):
            for word, quality in token.matches.items():
                for number in self.vocabulary.phrases[word]:
                    if quality > touched[number].get(word, (0, 0.0))[1]:
                        touched[number][word] = n, quality
        return touched

    def _flag(self, touched: Touched, kind: str) -> set[int]:
        return {n for number, words in touched.items() if self.phrases[number].kind == kind for n, _ in words.values()}

    def _sense(self, tokens: list[Token], touched: Touched, flags: dict[str, set[int]], reached: set[int]) -> Sense:
        silent = flags["stop"] | flags["video"] | flags["chat"]
        weights = [0.0 if n in silent or len(t.shown) < 2 else weight(plain(t.shown)) for n, t in enumerate(tokens)]
        for n in flags["child"] if reached - flags["child"] else ():
            weights[n] = 0.05
        total = sum(w if t.matches else 0.3 for t, w in zip(tokens, weights, strict=True) if w) or 1.0
        sense = Sense(
            tokens, weights, total, {k: defaultdict(dict) for k in KINDS}, {}, defaultdict(dict), flags, reached
        )
        values: dict[tuple[str, UUID], float] = {}
        for number, words in touched.items():
            phrase = self.phrases[number]
            if phrase.id is not None:
                count(sense, phrase, phrase.id, words, values)
        return pruned(sense)

    # --- answering

    def _specialties(self, sense: Sense) -> tuple[Hit, ...]:
        """For a child: those who see children; a complaint also leads to the children's doctor."""
        hits = sense.hits("specialty")
        if sense.flags["child"] and not sense.asked("specialty") - sense.flags["child"]:
            hits = () if sense.asked("practitioner") else tuple(Hit(row, 0.9) for row in self.for_children)
        if not sense.flags["child"] or not hits:
            return hits
        fit = tuple(hit for hit in hits if self._sees_children(hit.id) or not hit.because)
        has_name = any(not hit.because and self._sees_children(hit.id) for hit in fit)
        known = {hit.id for hit in fit}
        top = hits[0].score + (0.01 if hits[0].because else -0.01)
        extra = () if has_name else tuple(Hit(row, top) for row in self.for_children - known)
        return ordered((*fit, *extra))

    def _sees_children(self, specialty: UUID) -> bool:
        return any(self.doctors[row].is_for_children for row in self.doctors_at.get(specialty, ()))

    def _practitioners(self, sense: Sense, specialties: tuple[Hit, ...]) -> tuple[Hit, ...]:
        """Doctors named, cut down to the specialty and place named beside them; without a name, all who fit."""
        named = sense.named["practitioner"]
        fields = {hit.id: hit.score for hit in specialties}
        places = {hit.id: hit.score for hit in sense.hits("location")}
        about, where = sense.asked("specialty"), sense.asked("location")
        is_name_needed = bool(sense.asked("practitioner") - about - where)
        others = () if is_name_needed else [row for key in (fields or places) for row in self.doctors_at.get(key, ())]
        hits = []
        for row in dict.fromkeys((*named, *others)):
            shares, doctor = named.get(row, {}), self.doctors[row]
            if sense.flags["child"] and not shares and not doctor.is_for_children:
                continue
            extra = _best_role(
                doctor,
                fields if not shares or about - shares.keys() else {},
                places if not shares or where - shares.keys() else {},
            )
            if extra is not None:
                hits.append(Hit(row, self._own_score(sense, row) + (extra if shares else extra / 2)))
        return ordered(hits) or tuple(Hit(row, self._own_score(sense, row)) for row in named)

    def _own_score(self, sense: Sense, row: UUID) -> float:
        """Initials and words too short to be corrected only order people of one name: `Крылова В.`, `Ана Крылова`."""
        shares = sense.named["practitioner"].get(row)
        if not shares:
            return sense.score({})
        names = self.doctors[row].names
        letters = {plain(token.typed) for token in sense.tokens if len(token.typed) == 1}
        lost = [plain(t.typed) for t in sense.tokens if not t.matches and len(t.typed) > 1]
        alike = sum(any(OSA.distance(word, name, score_cutoff=1) < 2 for name in names) for word in lost)
        return sense.score(shares) + 0.02 * len(letters & {name[0] for name in names}) + 0.02 * alike

    def _services(self, sense: Sense, specialties: tuple[Hit, ...]) -> tuple[Hit, ...]:
        """Services named, of the specialty named beside them; with only a way of meeting, those held so."""
        fit = {hit.id: hit.score for hit in specialties}
        about = sense.asked("specialty")
        if sense.mode and not sense.named["service"]:
            held = ((row, of) for row, (of, modes) in self.services.items() if sense.mode in modes)
            return ordered(Hit(row, fit[of] / 2) for row, of in held if of in fit)
        return tuple(
            hit
            for hit in sense.hits("service")
            if self.services[hit.id][0] in fit or not about - sense.named["service"][hit.id].keys()
        )

    # --- suggesting

    def _suggested_specialties(self, sense: Sense, language: str) -> Iterator[Suggestion]:
        places = sense.hits("location") if sense.asked("location") - sense.asked("specialty") else ()
        for hit in self._specialties(sense):
            row, top = self.rows["specialty", hit.id], hit.score
            if not hit.because:
                title = _in(row.titles, language)
                yield Suggestion("specialty", title, "", row.slug, (row.slug,), score=top)
                for place in (self.rows["location", p.id] for p in places):
                    detail = ", ".join((_in(place.details, language), _in(place.titles, language)))
                    yield Suggestion("specialty", title, detail, row.slug, (row.slug,), place.slug, top + 0.001)
        yield from self._suggested_complaints(sense, language)

    def _suggested_complaints(self, sense: Sense, language: str) -> Iterator[Suggestion]:
        """Once for all forms of one complaint, and not where it only repeats the specialty's name."""
        seen: set[object] = set()
        for text, scores in sorted(sense.complaints.items(), key=lambda item: -max(item[1].values())):
            rows = [self.rows["specialty", row] for row in sorted(scores, key=lambda r: -scores[r])]
            slugs, stems = tuple(row.slug for row in rows), stems_of(text)
            is_name = any(stems <= stems_of(" ".join(row.titles)) for row in rows)
            score = max(scores.values()) / sense.total
            if score >= LEAST_SCORE and not is_name and (stems, slugs) not in seen:
                seen.add((stems, slugs))
                detail = ", ".join(_in(row.titles, language) for row in rows)
                yield Suggestion("complaint", text, detail, "", slugs, score=score)

    def _suggested_rows(self, sense: Sense, limit: int, language: str) -> Iterator[Suggestion]:
        specialties = self._specialties(sense)
        doctors = self._practitioners(sense, specialties)
        is_name = any(not hit.because for hit in specialties)
        kinds = {
            "practitioner": [hit for hit in doctors if is_name or hit.id in sense.named["practitioner"]],
            "service": self._services(sense, specialties),
            "location": sense.hits("location"),
        }
        for kind, hits in kinds.items():
            for hit in hits[:limit]:
                row = self.rows[kind, hit.id]
                of = tuple(self.rows["specialty", s].slug for s in self._specialties_of(kind, hit.id))
                title, detail = _in(row.titles, language), _in(row.details, language)
                yield Suggestion(kind, title, detail, row.slug, of, row.slug if kind == "location" else "", hit.score)

    def _specialties_of(self, kind: str, row: UUID) -> tuple[UUID, ...]:
        if kind == "service":
            return (self.services[row][0],)
        return tuple(dict.fromkeys(s for s, _ in self.doctors[row].roles)) if kind == "practitioner" else ()


def _best_role(doctor: Doctor, fields: Mapping[UUID, float], places: Mapping[UUID, float]) -> float | None:
    """Nothing when no role is in the fields and at the places asked for, where any are."""
    fit = [
        fields.get(field, 0) + places.get(place, 0)
        for field, place in doctor.roles
        if (field in fields or not fields) and (place in places or not places)
    ]
    return max(fit, default=None)


def _certainty(token: Token) -> float:
    return token.quality if len(token.typed) > 1 else 1.0


def _mean(tokens: Sequence[Token]) -> float:
    return sum(map(_certainty, tokens)) / len(tokens)


def _in(texts: tuple[str, str], language: str) -> str:
    return (texts[1] if language == "en" else "") or texts[0]
