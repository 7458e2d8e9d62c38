"""What the demo clinic needs for the exchange with its own system: the branch where that system's eye doctor sees people.

Its doctors are not invented here: they come from the system (`doubles/fhir.py`) when the worker first reads it.
"""

from __future__ import annotations

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.people.models import Location, Organization

CLINIC, INN = "bereg", "1655000009"  # as portal/demo/directory.py makes it
SLUG = "sadovaya"


@command("Demo.look-after", roles={Role.SYSTEM})
def look_after(*, actor: Actor) -> None:
    """A demo that is older than the exchange gets the branch too. The same again changes nothing."""
    for clinic in Organization.objects.filter(slug=CLINIC, inn=INN):
        if not Location.objects.filter(organization=clinic, slug=SLUG).exists():
            make_branch(clinic)


def make_branch(clinic: Organization) -> Location:
    branch = Location(
        organization=clinic,
        slug=SLUG,
        name_ru="Садовая, 5",
        name_en="Sadovaya 5",
        city_ru="Казань",
        city_en="Kazan",
        metro_ru="",
        metro_en="",
        hours_ru="Пн–пт 9:00–17:00",
        hours_en="Mon–Fri 9:00–17:00",
        directions_ru="Второй этаж, вход из сада.",
        directions_en="Second floor, entrance from the garden.",
        zone="Europe/Moscow",
        latitude=55.7903,
        longitude=49.1347,
    )
    branch.save(force_insert=True)
    return branch
