"""What the clock does for schedules, and what ends with an account's sessions."""

from __future__ import annotations

from uuid import UUID

from portal.kernel.outbox import as_system, every, on
from portal.kernel.system_door import system_door
from portal.people.models import PractitionerRole
from portal.scheduling.services import end_feed, extend_sheets


@every("17 * * * *")
def extend() -> None:
    """Write the day sheets of the days that have come into sight, role by role: a crash half-way loses nothing."""
    with as_system("scheduling.extend"):
        roles = list(PractitionerRole.objects.filter(is_active=True).values_list("pk", flat=True))
    for role_id in roles:
        with as_system("scheduling.extend") as trail:
            extend_sheets(actor=trail.actor, role_ids=[role_id])


@on("sessions.ended")
def end_calendar(*, patient_id: UUID, account_id: UUID) -> None:
    """Whoever got into the account may have made an address of the calendar for themselves."""
    with as_system("scheduling.end_calendar") as trail:
        system_door("scheduling.end_calendar", [patient_id])
        end_feed(actor=trail.actor, patient_id=patient_id, account_id=account_id)
