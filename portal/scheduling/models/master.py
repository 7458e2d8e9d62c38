"""What scheduling has to know about the clinic's own system, when that is the master of a doctor's times."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.kernel.base import PortalModel
from portal.people.models.directory import Organization


class MisLine(PortalModel):
    """The line between the portal and a clinic's MIS: up or down, how fresh our copy is, what the clinic wants then.

    Kept up to date by the room above (portal/mis), so that a booking asks nobody but the database.
    """

    class WhenDown(models.TextChoices):
        REQUEST = "request", _("take it as a request")
        LATER = "later", _("ask to come back later")

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="mis_line")
    when_down = models.CharField(max_length=7, choices=WhenDown.choices, default=WhenDown.REQUEST)
    down_since = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True, help_text="when it last answered: the age of our copy")
    tells = ArrayField(
        models.CharField(max_length=20), default=list, help_text="kinds of messages the MIS sends itself"
    )

    organization_id: UUID

    @property
    def is_closed(self) -> bool:
        """May nothing be booked now where the MIS is the master?"""
        return self.down_since is not None and self.when_down == self.WhenDown.LATER
