"""The visit of a patient, and the calendar that shows it. Behind the wall."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.kernel.fields import EncryptedTextField
from portal.people.models.directory import (
    HealthcareService,
    Location,
    Organization,
    Payer,
    Practitioner,
    PractitionerRole,
    Resource,
    Specialty,
)
from portal.people.models.patients import Patient, PatientPart
from portal.scheduling.models.ranges import TsTzRange


class AppointmentStatus(models.TextChoices):
    """FHIR R4 Appointment.status, letter for letter (http://hl7.org/fhir/R4/valueset-appointmentstatus.html)."""

    PROPOSED = "proposed", _("proposed")
    PENDING = "pending", _("waiting for the clinic")
    BOOKED = "booked", _("booked")
    ARRIVED = "arrived", _("arrived")
    CHECKED_IN = "checked-in", _("checked in")
    FULFILLED = "fulfilled", _("took place")
    CANCELLED = "cancelled", _("cancelled")
    NOSHOW = "noshow", _("did not take place")
    ENTERED_IN_ERROR = "entered-in-error", _("entered in error")
    WAITLIST = "waitlist", _("in the queue")


class SameDay(models.TextChoices):
    """Why a person may have two visits of one specialty on one day."""

    POLICY = "policy"  # the clinic does not mind
    TOGETHER = "together"  # booked as one
    STAFF = "staff"  # allowed by hand, with a reason


class Awaits(models.TextChoices):
    """Whose yes a pending visit waits for (FHIR: a participant's status `needs-action`)."""

    NOBODY = "", _("nobody")
    CLINIC = "clinic", _("the reception")
    MIS = "mis", _("the clinic's own system")


HOLDS_TIME = ["pending", "booked", "arrived", "checked-in"]


class Appointment(PatientPart):
    """A visit of a patient. Behind the wall; the patient's own exclusion constraint stands here."""

    public_fields = {
        "status": "a FHIR code",
        "mode": "a code",
        "cancelled_by": "a role's code",
        "local_date": "the day of `start`, which is plain for the constraints",
        "payer": "a code",
        "same_day": "a code",
        "awaits": "a code",
    }
    retention = "MEDICAL_25Y"

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, models.PROTECT, related_name="+")
    practitioner = models.ForeignKey(Practitioner, models.PROTECT, related_name="+")
    role = models.ForeignKey(PractitionerRole, models.PROTECT, related_name="+")
    service = models.ForeignKey(HealthcareService, models.PROTECT, related_name="+")
    specialty = models.ForeignKey(Specialty, models.PROTECT, related_name="+")
    room = models.ForeignKey(Resource, models.PROTECT, null=True, related_name="+")
    mode = models.CharField(max_length=10)
    start = models.DateTimeField()
    end = models.DateTimeField()
    local_date = models.DateField(help_text="of the start, on the branch's calendar")
    status = models.CharField(max_length=16, choices=AppointmentStatus.choices)
    awaits = models.CharField(max_length=6, choices=Awaits.choices, blank=True, help_text="whose yes, while pending")
    price = models.PositiveIntegerField(help_text="whole roubles, as promised at booking")
    payer = models.CharField(max_length=4, choices=Payer.choices, default=Payer.SELF)
    comment = EncryptedTextField(null=True)
    referral = EncryptedTextField(null=True, help_text="what the patient wrote of it: number, date, from whom")
    same_day = models.CharField(max_length=8, choices=SameDay.choices, blank=True, help_text="why a second one is fine")
    same_day_reason = EncryptedTextField(null=True, help_text="what the staff wrote when they allowed it")
    batch = models.UUIDField(null=True, help_text="visits booked together: a course, several services in a row")
    moved_from = models.DateTimeField(null=True, help_text="when it was before the last move")
    accepted_at = models.DateTimeField(null=True, help_text="when the patient said they are coming")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.CharField(max_length=20, blank=True)

    organization_id: UUID
    practitioner_id: UUID
    role_id: UUID
    service_id: UUID
    specialty_id: UUID
    location_id: UUID
    room_id: UUID | None
    person: Patient | None = None  # set by pages that show several people's visits
    again: object = None  # the nearest time to repeat it, set by the list of visits

    class Meta:
        indexes = [
            models.Index(fields=["patient", "-start"], name="appointment_patient"),
            models.Index(fields=["organization", "start"], name="appointment_organization"),
            models.Index(fields=["practitioner", "start"], name="appointment_practitioner"),
        ]
        constraints = [
            ExclusionConstraint(
                name="one_visit_per_patient",
                expressions=[("patient", RangeOperators.EQUAL), (TsTzRange(), RangeOperators.OVERLAPS)],
                condition=Q(status__in=HOLDS_TIME),
            ),
            models.UniqueConstraint(
                fields=["patient", "specialty", "local_date"],
                condition=Q(status__in=HOLDS_TIME, same_day=""),
                name="one_visit_a_day",
            ),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="appointment_ends_after_start"),
            models.CheckConstraint(condition=Q(status__in=AppointmentStatus.values), name="appointment_status"),
        ]

    def is_ahead(self, now: datetime) -> bool:
        return self.status in HOLDS_TIME and self.start > now


class CalendarFeed(PatientPart):
    """The private address of a person's calendar: whoever has it reads when and where. Kept as a digest alone."""

    retention = "ACCOUNT"

    digest = models.BinaryField(max_length=32, unique=True, help_text="of the address's token")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient"], condition=Q(revoked_at__isnull=True), name="one_live_feed_per_person"
            )
        ]
