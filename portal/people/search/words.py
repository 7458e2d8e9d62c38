"""Words and their shapes: stems, layouts, Latin letters, typos; the vocabulary finds a word by any of them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from portal.people.search.russian import ENDINGS, LAYOUT, LETTERS, STOP, WEAK


def plain(text: str) -> str:
    return text.casefold().replace("ё", "е").replace("й", "и")


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


def stem(word: str) -> str:
    """A light stem: endings go while three letters stay. Both sides are cut alike, so it need not be a real root."""
    base = re.sub(r"(?<=[а-я]{4})с[ья]$|(?<=[a-z]{3})s$", "", word)
    base = next((base[:n] for n in range(max(3, len(base) - 4), len(base)) if ENDINGS.fullmatch(base, n)), base)
    return re.sub(r"(?<=[а-я]{4})[ое]в$", "", base)


def latin_key(word: str) -> str:
    """One spelling for all ways to write Russian in Latin letters: `khirurg`, `hirurg`, `Khirurg`."""
    text = "".join(LETTERS.get(char, char) for char in word)
    for pair, one in (("shch", "sh"), ("sch", "sh"), ("kh", "h"), ("ts", "c"), ("yo", "e"), ("ye", "e"), ("x", "ks")):
        text = text.replace(pair, one)
    return re.sub("i+", "i", text.replace("y", "i").replace("j", "i"))


def swapped(text: str) -> str:
    """The same keys in the other layout."""
    latin, russian = LAYOUT
    table = str.maketrans(latin, russian) if re.search("[a-z]", text) else str.maketrans(russian, latin)
    return text.translate(table)


def budget(word: str) -> int:
    return 0 if len(word) < 4 or not word.isalpha() else 1 if len(word) <= 6 else 2


Matches = dict[str, float]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every word of the directory, found by any of its shapes."""

    shown: Mapping[str, str]
    phrases: Mapping[str, tuple[int, ...]]
    stems: Mapping[str, tuple[str, ...]]
    keys: Mapping[str, tuple[str, ...]]
    ordered: Sequence[str]
    ordered_keys: Sequence[str]

    def resolve(self, word: str, is_typing: bool) -> Matches:
        """Words meant, with the quality of each. A later way is tried only when the earlier ones give nothing."""
        found = self._same(word)
        if is_typing:
            found = self._starting(word, 2) | found
        key = latin_key(word) if word.isascii() else ""
        found = found or dict.fromkeys(self.keys.get(key, ()), 0.94)
        found = found or self._starting(word, 3) or self._starting_key(key) or self._continued(word)
        found = found or self._near(word) or self._near_key(key)
        return found or (self._near_start(word) if is_typing and len(word) > 4 else {})

    def _same(self, word: str) -> Matches:
        found = dict.fromkeys(self.stems.get(stem(word), ()), 0.96)
        return found | {word: 1.0} if word in self.phrases else found

    def _starting(self, word: str, least: int) -> Matches:
        return {w: 0.6 + 0.25 * len(word) / len(w) for w in between(self.ordered, word, least)}

    def _starting_key(self, key: str) -> Matches:
        return {w: 0.55 + 0.25 * len(key) / len(k) for k in between(self.ordered_keys, key, 4) for w in self.keys[k]}

    def _continued(self, word: str) -> Matches:
        """`кардиологический` continues a word we have."""
        for length in range(len(word) - 1, max(4, len(word) // 2), -1):
            if words := self.stems.get(word[:length]):
                return dict.fromkeys(words, 0.7)
        return {}

    def _near(self, word: str) -> Matches:
        """Typos: whole words against words, stems against stems; a short stem resembles too much for two slips."""
        costs, base = dict(near(word, self.phrases)), stem(word)
        for other, cost in near(base, self.stems, most=1 if len(base) < 8 else 2) if base != word else ():
            for w in self.stems[other]:
                costs[w] = min(cost + 0.5, costs.get(w, 9.0))
        return _closest(costs)

    def _near_key(self, key: str) -> Matches:
        return _closest({w: cost for k, cost in near(key, self.keys) for w in self.keys[k]})

    def split(self, word: str) -> tuple[str, str] | None:
        """Two words run together, perhaps with one stray letter instead of the space."""
        for gap in (0, 1):
            for n in range(3, len(word) - 2 - gap):
                if plain(word[:n]) in self.phrases and plain(word[n + gap :]) in self.phrases:
                    return word[:n], word[n + gap :]
        return None

    def _near_start(self, word: str) -> Matches:
        """A typo in a word that is not finished yet."""
        starts: dict[str, list[str]] = defaultdict(list)
        for whole in self.ordered:
            if len(whole) > len(word):
                starts[whole[: len(word)]].append(whole)
        return {w: 0.45 for start, _ in near(word, list(starts), most=1) for w in starts[start]}


def between(ordered: Sequence[str], start: str, least: int) -> Sequence[str]:
    if len(start) < least:
        return ()
    return ordered[bisect_left(ordered, start) : bisect_left(ordered, start + "\uffff")]


def near(word: str, choices: Iterable[str], most: int = 2) -> Iterator[tuple[str, float]]:
    """Words within the budget of slips, with their cost; a wrong first letter costs a little more."""
    if allowed := min(most, budget(word)):
        rows = process.extract(word, tuple(choices), scorer=OSA.distance, score_cutoff=allowed, limit=None)
        yield from ((w, slips + (0.2 if w[0] != word[0] else 0)) for w, slips, _ in rows if len(w) > 3)


def _closest(costs: Mapping[str, float]) -> Matches:
    least = min(costs.values(), default=0)
    return {w: 0.6 - 0.08 * cost for w, cost in costs.items() if cost < least + 0.5}


def weight(word: str) -> float:
    return 0.2 if stem(word) in WEAK_STEMS or word.isdigit() else 1.0


STOP_STEMS = frozenset(stem(plain(word)) for word in STOP.split())
WEAK_STEMS = frozenset(WEAK.split())


def stems_of(text: str) -> frozenset[str]:
    return frozenset(stem(plain(word)) for word in words_of(text.casefold()))
