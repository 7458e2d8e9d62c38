"""The door of a message's link: opens the one patient whom the message is about, for whoever holds the link."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from portal.kernel.access import current_trail


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
