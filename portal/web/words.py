"""What a doctor's row of codes and years says in words, and what a browser's session says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from portal.people.words import language_name
from portal.web import dates


def years_since(year: int) -> int:
    """Whole years of practice, never under one."""
    return max(1, timezone.now().year - int(year))


def speaks(codes: Sequence[str]) -> str:
    """Speaks Tatar and English; nothing when only Russian. Sign language is not a code we know: it is left out."""
    names = [name for name in map(language_name, codes) if name]
    if not names:
        return ""
    listed = (
        names[0]
        if len(names) == 1
        else _("%(some)s and %(last)s")
        % {
            "some": ", ".join(names[:-1]),
            "last": names[-1],
        }
    )
    return _("Speaks %(languages)s") % {"languages": listed}


def audience(min_age: int, max_age: int) -> str:
    """Whom a doctor sees; nothing when it is everyone."""
    if min_age >= 18:
        return _("Sees adults")
    if max_age < 18:
        return _("Sees children") if not min_age else _("Sees children from %(age)s") % {"age": min_age}
    return _("Sees adults and children from %(age)s") % {"age": min_age} if min_age else _("Sees adults and children")


def initials(name: str) -> str:
    """Of the given name and the family name: first and last word."""
    words = [word for word in name.split() if word[:1].isalpha()]
    return "".join(word[0] for word in (words if len(words) < 3 else [words[0], words[-1]])).upper()


def why_nothing(reason: Any, zone: ZoneInfo) -> str:
    """What is, why, and when it changes, of a doctor without free times (`scheduling.selectors.reasons`)."""
    opens = {"when": dates.near_day(reason.opens, zone), "at": dates.hour(reason.opens, zone)}
    if reason.kind == "filtered":
        at = {"day": dates.near_day(reason.slot.start, zone), "at": dates.hour(reason.slot.start, zone)}
        return _("Not at the chosen time. The nearest: %(day)s, %(at)s.") % at
    if reason.kind == "away":
        return _("Sees nobody until %(day)s.") % {"day": dates.date_words(reason.day)}
    last = {"day": dates.date_words(reason.day)}
    if reason.kind == "full":
        first = _("All times until %(day)s are taken, cancelled ones come back here at once.") % last
    else:
        first = _("No visits until %(day)s.") % last
    return f"{first} " + _("The next day opens %(when)s at %(at)s.") % opens
