"""Rows of messages: numbered, each once however often it is written (the unique key of `Message`). Inside a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.notifications.kinds import KINDS
from portal.notifications.models import Message, MessageState
from portal.notifications.selectors_sql import next_sequences
from portal.notifications.selectors_ways import Way


@dataclass(frozen=True, slots=True)
class Matter:
    """What a message is about, and which version of it; whose clinic, whose patient, who hears of it."""

    subject_id: UUID
    version: int
    organization_id: UUID | None
    patient_id: UUID
    recipient_id: UUID


@dataclass(frozen=True, slots=True)
class Said:
    """A message still without a number: kind, way, when it is due and until when it is of use.

    `error`: it is known to arrive nowhere, and is noted so that reception calls.
    """

    kind: str
    way: Way
    at: datetime
    until: datetime
    error: str = ""


def write(matter: Matter, said: Sequence[Said]) -> list[UUID]:
    """The ids of the rows, in their order; of one that was there already (it stays as it is) an id that nothing has."""
    numbers = next_sequences(len(said))
    rows = [_row(matter, one, number) for one, number in zip(said, numbers, strict=True)]
    Message.objects.bulk_create(rows, ignore_conflicts=True)
    return [row.pk for row in rows]


def _row(matter: Matter, one: Said, number: int) -> Message:
    return Message(
        patient_id=matter.patient_id,
        recipient_id=matter.recipient_id,
        organization_id=matter.organization_id,
        kind=one.kind,
        subject_id=matter.subject_id,
        subject_version=matter.version,
        channel=one.way.channel,
        contact_id=one.way.contact_id,
        sequence=number,
        state=MessageState.FAILED if one.error else MessageState.PLANNED,
        error=one.error,
        due_at=one.at,
        next_at=None if one.error else one.at,
        expires_at=one.until,
        wants_answer=KINDS[one.kind].wants_answer,
    )
