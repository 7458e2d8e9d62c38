"""Events that open nothing: changes, refusals, sign-ins; and the operator's view of the trail."""

from __future__ import annotations

import json
from typing import Any, Literal
from uuid import UUID

from django.db import connection, transaction

from portal.kernel.access import acting
from portal.kernel.actor import Actor


def record(
    action: str, outcome: Literal["success", "refused", "failure"], *, patient_id: UUID | None = None, **detail: Any
) -> None:
    """Write one AuditEvent in the running transaction. `detail` holds ids, codes and counts, never names."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT guard.record_event(%s, %s, %s, %s::jsonb)",
            [action, outcome, patient_id, json.dumps(detail, default=str)],
        )


def record_refusal(actor: Actor, action: str, *, patient_id: UUID | None = None, **detail: Any) -> None:
    """In a transaction of its own, because the one that was refused has been rolled back."""
    with acting(actor):
        record(action, "refused", patient_id=patient_id, **detail)


def show(patient_id: UUID, operator: str, limit: int = 200) -> list[dict[str, Any]]:
    """The newest events about a patient, for the operator who signs in as the database owner. Itself an event."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE ops_read")
        cursor.execute("SELECT * FROM guard.show_audit(%s, %s, %s)", [patient_id, operator, limit])
        columns = [column.name for column in cursor.description or []]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
