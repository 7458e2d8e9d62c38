"""What the clock does for schedules."""

from __future__ import annotations

from portal.kernel.outbox import as_system, every
from portal.people.models import PractitionerRole
from portal.scheduling.services import extend_sheets


@every("17 * * * *")
def extend() -> None:
    """Write the day sheets of the days that have come into sight, role by role: a crash half-way loses nothing."""
    with as_system("scheduling.extend"):
        roles = list(PractitionerRole.objects.filter(is_active=True).values_list("pk", flat=True))
    for role_id in roles:
        with as_system("scheduling.extend") as trail:
            extend_sheets(actor=trail.actor, role_ids=[role_id])
