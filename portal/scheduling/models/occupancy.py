"""Time that is taken: of doctors, rooms and devices. No patient here."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q

from portal.kernel.base import PortalModel
from portal.people.models.directory import HealthcareService, Practitioner, PractitionerRole, Resource
from portal.scheduling.models.ranges import TsTzRange


class Occupancy(PortalModel):
    """Time that is taken, by whom does not matter: there is no patient here, so everyone may count with it.

    Its exclusion constraint and that of `ResourceUse` are what makes a double booking impossible (docs/adr/0005).
    `end` includes the pause the service wants after a visit. Holds pressed together share a `batch`: all or none.
    """

    class Kind(models.TextChoices):
        HOLD = "hold"
        BOOKED = "booked"
        BLOCK = "block"

    practitioner = models.ForeignKey(Practitioner, models.PROTECT, related_name="+")
    role = models.ForeignKey(PractitionerRole, models.PROTECT, related_name="+")
    service = models.ForeignKey(HealthcareService, models.PROTECT, null=True, related_name="+")
    mode = models.CharField(max_length=10, blank=True)
    start = models.DateTimeField()
    end = models.DateTimeField()
    kind = models.CharField(max_length=6, choices=Kind.choices)
    owner = models.UUIDField(help_text="a hold's secret or an appointment's id")
    expires_at = models.DateTimeField(null=True)
    batch = models.UUIDField(null=True, help_text="id of the first hold of those pressed together")
    replaces = models.UUIDField(null=True, help_text="the appointment that this hold would move")
    holder = models.BinaryField(null=True, max_length=32, help_text="digest of the account or network, for limits")
    is_extended = models.BooleanField(default=False)

    practitioner_id: UUID
    role_id: UUID
    service_id: UUID | None

    class Meta:
        indexes = [
            models.Index(fields=["owner"], name="occupancy_owner"),
            models.Index(fields=["holder"], name="occupancy_holder", condition=Q(kind="hold")),
            models.Index(fields=["batch"], name="occupancy_batch"),
            models.Index(fields=["expires_at"], name="occupancy_expires", condition=Q(kind="hold")),
        ]
        constraints = [
            ExclusionConstraint(
                name="one_visit_per_doctor",
                expressions=[("practitioner", RangeOperators.EQUAL), (TsTzRange(), RangeOperators.OVERLAPS)],
            ),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="occupancy_ends_after_start"),
            models.CheckConstraint(
                condition=Q(kind="hold", expires_at__isnull=False) | (~Q(kind="hold") & Q(expires_at__isnull=True)),
                name="only_holds_expire",
            ),
        ]

    @property
    def hold_minutes(self) -> int:
        """From the press to the deadline."""
        return 20 if self.is_extended else 10

    @property
    def room(self) -> Resource | None:
        """Where to go, for visits in person."""
        return next((use.resource for use in self.uses.all() if use.resource.kind == Resource.Kind.ROOM), None)


class ResourceUse(PortalModel):
    """A room or a device taken together with the doctor, for the same time."""

    # the database itself deletes them with their time (migration 0003): one statement, nothing slips in between
    occupancy = models.ForeignKey(Occupancy, models.DO_NOTHING, related_name="uses", db_constraint=False)
    resource = models.ForeignKey(Resource, models.PROTECT, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="one_visit_per_resource",
                expressions=[("resource", RangeOperators.EQUAL), (TsTzRange(), RangeOperators.OVERLAPS)],
            ),
        ]
