"""A job's door. Importable by jobs alone (import contract 4): no page may ever open a patient this way."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from portal.kernel.access import current_trail, open_with


def system_door(job: str, patient_ids: Iterable[UUID]) -> None:
    """Open exactly the patients named in a job's arguments; the event says which job it was."""
    trail = current_trail()
    wanted = set(patient_ids) - trail.opened
    if wanted:
        trail.opened |= open_with("SELECT guard.system_door(%s, %s::uuid[])", [job, list(wanted)])
