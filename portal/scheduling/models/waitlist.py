"""Who waits for a time to become free, and the times they were offered. Behind the wall.

The order in which people are asked is docs/adr/0011: by `queued_at`, which is when they joined or were last asked.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.kernel.base import PortalModel
from portal.people.models.directory import (
    HealthcareService,
    Location,
    Organization,
    Payer,
    Practitioner,
    PractitionerRole,
    Specialty,
)
from portal.people.models.patients import Patient, PatientPart


class FreedTime(PortalModel):
    """A doctor at a branch who may have a time that was not there before. Written by triggers (`freed.sql`).

    Between `start` and `end`; without them at any time.
    """

    role_id = models.UUIDField()
    start = models.DateTimeField(null=True)
    end = models.DateTimeField(null=True)
    noted_at = models.DateTimeField()


class WaitlistEntry(PatientPart):
    """One wish: whom, where, when, how. `practitioner`, `location` and `service` empty: any."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        PAUSED = "paused", _("paused")
        DONE = "done", _("found a time")
        LEFT = "left", _("left")
        OVER = "over", _("the days are over")

    public_fields = {
        "state": "a code",
        "mode": "a code",
        "payer": "a code",
        "first_day": "free times are matched with it in the database, as with an appointment's start",
        "last_day": "the same",
    }
    retention = "ACCOUNT"

    recipient = models.ForeignKey(Patient, models.PROTECT, related_name="+", help_text="the person who is told")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    specialty = models.ForeignKey(Specialty, models.PROTECT, related_name="+")
    practitioner = models.ForeignKey(Practitioner, models.PROTECT, null=True, related_name="+")
    location = models.ForeignKey(Location, models.PROTECT, null=True, related_name="+")
    service = models.ForeignKey(HealthcareService, models.PROTECT, null=True, related_name="+")
    mode = models.CharField(max_length=10, blank=True, help_text="empty: any")
    payer = models.CharField(max_length=4, choices=Payer.choices, default=Payer.SELF)
    first_day = models.DateField()
    last_day = models.DateField()
    hour_from = models.PositiveSmallIntegerField(default=0, help_text="on the branch's clock")
    hour_until = models.PositiveSmallIntegerField(default=24, help_text="this hour excluded")
    at_night = models.BooleanField(default=False, help_text="may be asked in the quiet hours too")
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    queued_at = models.DateTimeField()
    rest_until = models.DateTimeField(null=True, help_text="is not asked until then")
    ignored = models.PositiveSmallIntegerField(default=0, help_text="offers in a row that were not answered")
    unfit_roles = ArrayField(models.UUIDField(), default=list, help_text="doctors who do not see this age")
    created_at = models.DateTimeField(auto_now_add=True)

    recipient_id: UUID
    organization_id: UUID
    specialty_id: UUID
    practitioner_id: UUID | None
    location_id: UUID | None
    service_id: UUID | None

    class Meta:
        indexes = [
            models.Index(fields=["specialty", "queued_at"], name="waitlist_queue", condition=Q(state="waiting")),
            models.Index(fields=["patient"], name="waitlist_patient"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "organization", "specialty", "practitioner"],
                condition=Q(state__in=["waiting", "paused"]),
                name="one_wait_per_wish",
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="wait_has_days"),
            models.CheckConstraint(
                condition=Q(hour_until__gt=F("hour_from"), hour_until__lte=24), name="wait_has_hours"
            ),
        ]

    @property
    def is_live(self) -> bool:
        return self.state in (self.State.WAITING, self.State.PAUSED)


class WaitlistOffer(PatientPart):
    """One free time kept for one waiting person until `expires_at`, by a hold whose owner is the offer itself.

    A time is offered to a person once, whatever became of it.
    """

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        LAPSED = "lapsed"
        PASSED = "passed"  # never offered: the person has another visit then

    public_fields = {"state": "a code", "mode": "a code"}
    retention = "ACCOUNT"

    entry = models.ForeignKey(WaitlistEntry, models.PROTECT, related_name="+")
    role = models.ForeignKey(PractitionerRole, models.PROTECT, related_name="+")
    service = models.ForeignKey(HealthcareService, models.PROTECT, related_name="+")
    mode = models.CharField(max_length=10)
    start = models.DateTimeField()
    price = models.PositiveIntegerField(help_text="whole roubles")
    hold = models.UUIDField(null=True)
    state = models.CharField(max_length=8, choices=State.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    entry_id: UUID
    role_id: UUID
    service_id: UUID

    class Meta:
        indexes = [
            models.Index(fields=["expires_at"], name="offer_expires", condition=Q(state="open")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["entry"], condition=Q(state="open"), name="one_open_offer_per_wait"),
            models.UniqueConstraint(fields=["entry", "role", "start"], name="a_time_is_offered_once"),
        ]

    def is_open(self, now: datetime) -> bool:
        return self.state == self.State.OPEN and self.expires_at > now
