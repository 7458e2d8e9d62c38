"""Visits that took place in a clinic's own system (MIS). Behind the wall."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models import Q

from portal.people.models.directory import Organization, Practitioner, PractitionerRole
from portal.people.models.patients import Patient, PatientPart
from portal.scheduling.models.appointment import Appointment


class Encounter(PatientPart):
    """A visit that took place, as the clinic's own system tells it. Our copy: what vanishes there vanishes here."""

    public_fields = {"zone": "of the clinic"}
    retention = "MEDICAL_25Y"

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    role = models.ForeignKey(PractitionerRole, models.PROTECT, null=True, related_name="+", help_text="when known here")
    appointment = models.ForeignKey(
        Appointment, models.PROTECT, null=True, related_name="+", help_text="the visit of ours that it was"
    )
    digest = models.BinaryField(max_length=32, help_text="of its ref in the clinic's system")
    start = models.DateTimeField()
    end = models.DateTimeField(null=True)
    zone = models.CharField(max_length=40, help_text="IANA: on whose clock it took place")

    organization_id: UUID
    role_id: UUID | None
    appointment_id: UUID | None
    is_told = True  # by the clinic's system: how a list of visits knows it from an appointment
    person: Patient | None = None  # set by pages that show several people's visits

    class Meta:
        indexes = [models.Index(fields=["patient", "-start"], name="encounter_patient")]
        constraints = [
            models.UniqueConstraint(fields=["organization", "digest"], name="one_encounter_per_ref"),
            models.CheckConstraint(
                condition=Q(end__isnull=True) | Q(end__gte=models.F("start")), name="encounter_ends_after_start"
            ),
        ]

    @property
    def practitioner(self) -> Practitioner | None:
        return self.role.practitioner if self.role else None
