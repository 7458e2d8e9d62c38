"""The messages there are, and how each behaves. A new one: a row here, its words in `words.py`, a job that plans it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Stream(StrEnum):
    """What a person switches on and off together."""

    VISITS = "visits"  # bookings, changes: at least one way stays open
    REMINDERS = "reminders"
    OFFERS = "offers"  # a time that has become free
    DOCUMENTS = "documents"
    SECURITY = "security"  # cannot be switched off


PUSH_PATIENCE = timedelta(minutes=5)  # a browser that is awake shows a notification within seconds


class About(StrEnum):
    """What a message is about (`subjects.py`)."""

    VISIT = "visit"
    OFFER = "offer"
    NOTICE = "notice"  # something has happened; the message is all there is of it


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """How a message travels.

    every_way     to each verified contact at once; else the first way that works, and the next one when it does not
    obeys_night   waits for the morning when it falls into the recipient's quiet hours
    patience      the next way is tried when nothing is known to have arrived after so long
    wants_answer  the clinic changed something: the patient confirms having read it, or reception calls
    may_repeat    sent once more where nobody can tell whether it arrived
    free_first    an SMS only where nothing else is left
    """

    stream: Stream
    about: About = About.VISIT
    every_way: bool = False
    obeys_night: bool = False
    patience: timedelta = timedelta(minutes=60)
    wants_answer: bool = False
    may_repeat: bool = True
    free_first: bool = False

    @property
    def must_reach(self) -> bool:
        """It goes by every way that is left, whatever the person has switched off."""
        return self.stream in (Stream.VISITS, Stream.SECURITY)

    @property
    def is_the_clinics(self) -> bool:
        """May the clinic have words of its own for it?"""
        return self.about != About.NOTICE


KINDS: dict[str, Kind] = {
    "booked": Kind(stream=Stream.VISITS, every_way=True),
    "requested": Kind(stream=Stream.VISITS, every_way=True),
    "moved": Kind(stream=Stream.VISITS, every_way=True),
    "cancelled": Kind(stream=Stream.VISITS, every_way=True),
    "refused": Kind(stream=Stream.VISITS, every_way=True, wants_answer=True),
    "move-refused": Kind(stream=Stream.VISITS, every_way=True),
    "clinic-moved": Kind(stream=Stream.VISITS, every_way=True, obeys_night=True, wants_answer=True),
    "clinic-cancelled": Kind(stream=Stream.VISITS, every_way=True, obeys_night=True, wants_answer=True),
    "reminder-day": Kind(stream=Stream.REMINDERS, obeys_night=True),
    "reminder-hours": Kind(stream=Stream.REMINDERS, obeys_night=True, patience=timedelta(minutes=10), may_repeat=False),
    "offer": Kind(stream=Stream.OFFERS, about=About.OFFER, every_way=True, may_repeat=False),
    "document": Kind(stream=Stream.DOCUMENTS, about=About.NOTICE, obeys_night=True, free_first=True),
    "new-browser": Kind(stream=Stream.SECURITY, about=About.NOTICE, every_way=True),
    "contact-added": Kind(stream=Stream.SECURITY, about=About.NOTICE, every_way=True),
    "contact-removed": Kind(stream=Stream.SECURITY, about=About.NOTICE, every_way=True),
    "calendar-opened": Kind(stream=Stream.SECURITY, about=About.NOTICE, every_way=True),
}
OF_A_BATCH = ("booked", "requested")  # an SMS speaks of all visits of a course; each has an e-mail with its calendar
THE_PORTALS = ("requested", "refused", "move-refused")  # of visits; no other system knows of it, so none can tell it


def patience_of(kind: Kind, channel: str) -> timedelta:
    """How long to wait for a sign that a message arrived by this channel."""
    return PUSH_PATIENCE if channel == "push" else kind.patience
