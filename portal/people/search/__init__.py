"""The directory search behind "Doctor, specialty or complaint". Pure: built from public rows, answers from memory.

A query is cut into tokens; each token is resolved to words of the vocabulary (as typed, by its stem, from the other
keyboard layout or Latin letters, as a prefix, at last with typos); words lead to phrases, phrases to rows.
Nothing here writes a query down anywhere.
"""

from __future__ import annotations

from portal.people.search.build import build
from portal.people.search.index import Index
from portal.people.search.sense import Found, Hit, Suggestion
from portal.people.search.words import plain, stem, swapped

__all__ = ["Found", "Hit", "Index", "Suggestion", "build", "plain", "stem", "swapped"]
