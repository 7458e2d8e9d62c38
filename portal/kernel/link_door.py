"""The doors of links: they open, for whoever holds the link, the patients whom it is about and nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from portal.kernel.access import current_trail, open_with


@dataclass(frozen=True, slots=True)
class Linked:
    message_id: UUID
    patient_id: UUID


def link_door(digest: bytes, *, purpose: str) -> Linked | None:
    """Open the door behind the link whose token has this digest; None for a token that leads nowhere."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT message_id, patient_id FROM guard.link_door(%s, %s)", [digest, purpose])
        row = cursor.fetchone()
    if row is None:
        return None
    current_trail().opened.add(row[1])
    return Linked(*row)


@dataclass(frozen=True, slots=True)
class Feed:
    feed_id: UUID
    owner_id: UUID


def feed_door(digest: bytes) -> Feed | None:
    """Open the doors behind the address of a calendar: its owner's, and those of whom they represent now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT feed_id, owner_id, patients FROM guard.feed_door(%s)", [digest])
        row = cursor.fetchone()
    if row is None:
        return None
    current_trail().opened.update(row[2])
    return Feed(*row[:2])


def chat_door(digest: bytes, *, by_link: bool) -> UUID | None:
    """Open the patient behind a one-time link to our bot, or behind a dialog with it; None for neither."""
    opened = open_with("SELECT ARRAY_REMOVE(ARRAY[guard.chat_door(%s, %s)], NULL)", [digest, by_link])
    current_trail().opened.update(opened)
    return next(iter(opened), None)
