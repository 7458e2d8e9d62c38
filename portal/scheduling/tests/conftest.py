"""Short words for booking tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.scheduling import services
from portal.scheduling.models import Appointment, Occupancy
from tests.cast import at, uid


def press(doctor: str = "vera", start: datetime | None = None, mode: str = "in-person") -> dict[str, Any]:
    """What hold_time takes for a time of one of the cast's doctors."""
    specialty = "cardiologist" if doctor == "dina" else "therapist"
    return {
        "role_id": uid(f"role-{doctor}"),
        "service_id": uid(f"{specialty}-first"),
        "mode": mode,
        "start": start or at(10),
    }


def chip(doctor: str = "vera", start: datetime | None = None, mode: str = "in-person") -> dict[str, str]:
    """What the browser posts for the same."""
    values = press(doctor, start, mode)
    return {
        "role": str(values["role_id"]),
        "service": str(values["service_id"]),
        "start": f"{mode}|{values['start'].isoformat()}",
    }


def book(trail: Any, patient: str = "anna", *, owner: UUID | None = None, **values: Any) -> Appointment:
    """Hold and book in one transaction as the trail's actor."""
    owner = owner or uuid4()
    held: Occupancy = services.hold_time(actor=trail.actor, owner=owner, **press(**values))
    return services.book_appointment(actor=trail.actor, patient_id=uid(patient), hold_id=held.pk, owner=owner)


@pytest.fixture
def jobs():
    """Rows of the job table as (task, args)."""
    from procrastinate.contrib.django.models import ProcrastinateJob

    return lambda: list(ProcrastinateJob.objects.order_by("id").values_list("task_name", "args"))
