"""A text the clinic writes: what is wrong with it, what is doubtful, how it will look at its longest. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.notifications import forbidden
from portal.notifications.forbidden import Finding, Lexicon, Why
from portal.notifications.segments import Segments, count_segments
from portal.notifications.texts import BLANKS, Text
from portal.notifications.words import Words, offer_words, visit_words
from portal.people.models import Location, PractitionerRole
from portal.scheduling.models import Appointment, AppointmentStatus, WaitlistOffer

MOST_PARTS = 2
LENGTHS = {"sms": 300, "subject": 100, "body": 2000}
TOKEN = "a1B2c3D4e5F6g7H8i9J0kL"  # noqa: S105 – of a link that leads nowhere, as long as a real one
IN_BRACES = re.compile(r"\{[^{}]*\}?|\}")
START = datetime(2026, 11, 28, 7, 30, tzinfo=UTC)


NOWHERE = Location(zone="Europe/Moscow")  # of a clinic that has no branch yet


@dataclass(frozen=True, slots=True)
class Look:
    """The message with invented values, the longest there are."""

    words: Words
    segments: Segments


def blanks_of(kind: str) -> tuple[str, ...]:
    """What may be filled in: only a change by the clinic knows what was before, only an offer when it ends."""
    only = {"before": "clinic-moved", "until": "offer"}
    return tuple(blank for blank in BLANKS if only.get(blank, kind) == kind)


def explained(kind: str) -> list[dict[str, str]]:
    words = {
        "when": _("the day and the hour of the visit, as 28.11 at 10:30"),
        "where": _("the branch, or “by video”"),
        "link": _("the page of the visit: to confirm, to move, to cancel"),
        "before": _("the day and the hour that held before"),
        "until": _("the hour until which the time is kept, as 10:45"),
    }
    return [{"code": f"{{{blank}}}", "words": words[blank]} for blank in blanks_of(kind)]


def required(field: str) -> tuple[str, ...]:
    return () if field == "subject" else ("when", "link")


def problems(field: str, text: str, kind: str, known: Lexicon) -> list[str]:
    """Why `text` cannot be said, in words for the administrator. Empty: it can."""
    said = IN_BRACES.sub(" ", text)
    found = [*_characters(field, text), *_blanks(field, text, kind), *_links(text)]
    return found + [_says(finding) for finding in forbidden.find(said, known)[:5]]


def _characters(field: str, text: str) -> list[str]:
    allowed = "" if field == "subject" else "\n"
    strange = [
        c for c in text if c not in allowed and unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp")
    ]
    if not strange:
        return []
    code = f"U+{ord(strange[0]):04X}"
    return [_("There is an invisible character (%(code)s). Type the text anew instead of copying it.") % {"code": code}]


def _blanks(field: str, text: str, kind: str) -> list[str]:
    allowed = [blank for blank in blanks_of(kind) if (field, blank) != ("subject", "link")]
    known = ", ".join(f"{{{blank}}}" for blank in allowed)
    here = IN_BRACES.findall(text)
    strange = [piece for piece in here if piece[1:-1] not in allowed or not piece.endswith("}")]
    wrong = [
        _("%(piece)s cannot be filled in here. There are: %(known)s.") % {"piece": p, "known": known} for p in strange
    ]
    missing = [f"{{{blank}}}" for blank in required(field) if f"{{{blank}}}" not in here]
    return wrong[:3] + [_("%(blank)s is missing: the message is of no use without it.") % {"blank": b} for b in missing]


def _links(text: str) -> list[str]:
    others = [_("“%(link)s”: the only link of a message is {link}.") % {"link": one} for one in _foreign_links(text)]
    glued = re.search(r"[\w/@.:?=&#-]\{link\}|\{link\}[\w/@?=&#%-]|\{link\}\.\w", text)
    return others[:3] + ([_("Leave a space around {link}, or it will not open.")] if glued else [])


def _foreign_links(text: str) -> list[str]:
    return forbidden.links(text.replace("{link}", " "))


def _says(finding: Finding) -> str:
    reasons = {
        Why.DOCTOR: _("“%(said)s” is a doctor's name."),
        Why.SPECIALTY: _("“%(said)s” tells the specialty."),
        Why.SERVICE: _("“%(said)s” tells the service."),
        Why.COMPLAINT: _("“%(said)s” tells the complaint."),
        Why.MEDICAL: _("“%(said)s” tells why the person comes."),
        Why.CODE: _("“%(said)s” reads as a code of a diagnosis."),
    }
    return reasons[finding.why] % {"said": finding.said}


def too_long(segments: Segments) -> str | None:
    if segments.parts <= MOST_PARTS:
        return None
    return _("With the longest address it takes %(parts)s parts. Shorten it to %(most)s.") % {
        "parts": segments.parts,
        "most": MOST_PARTS,
    }


def advertising(text: Text) -> list[str]:
    """Words of an advertisement in any of the fields."""
    return list(
        dict.fromkeys(w for part in (text.sms, text.subject, text.body) for w in forbidden.advertising(str(part)))
    )


def parts_words(segments: Segments) -> str:
    """What the SMS costs: each part is paid for like a message."""
    parts = ngettext("%(n)s part", "%(n)s parts", segments.parts) % {"n": segments.parts}
    return _("%(parts)s, %(units)s characters with the longest address") % {"parts": parts, "units": segments.units}


def look(kind: str, language: str, places: Sequence[Location], text: Text | None) -> Look:
    """The message at its longest, over all branches and ways of meeting of the clinic."""
    link = f"{settings.PUBLIC_URL}/m/{TOKEN}/"
    said = [_said(kind, visit, language, link, text) for visit in _visits(places or [NOWHERE])]
    looks = [Look(words, count_segments(words.sms)) for words in said]
    return max(looks, key=lambda one: (one.segments.parts, one.segments.units))


def _said(kind: str, visit: Appointment, language: str, link: str, text: Text | None) -> Words:
    if kind != "offer":
        return visit_words(kind, visit, language, link, text)
    role = PractitionerRole(location=visit.location)
    return offer_words(
        WaitlistOffer(role=role, mode=visit.mode, start=visit.start, expires_at=START), language, link, text
    )


def _visits(places: Sequence[Location]) -> Iterable[Appointment]:
    """Never saved: a time, a place, nobody."""
    for n, place in enumerate(places):
        for mode in ("in-person", "video", "chat") if n == 0 else ("in-person",):
            yield Appointment(
                location=place,
                mode=mode,
                start=START,
                end=START + timedelta(minutes=20),
                moved_from=START - timedelta(days=1),
                created_at=START,
                status=AppointmentStatus.BOOKED,
                version=2,
            )
