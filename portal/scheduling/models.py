"""When: weekly rules → day sheets → slots (computed), the occupancy that nobody may overlap, and the appointment."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from portal.kernel.base import PortalModel
from portal.kernel.fields import EncryptedTextField
from portal.people.models.directory import HealthcareService, Location, Organization, Practitioner, PractitionerRole
from portal.people.models.patients import Patient, PatientPart


class TsTzRange(Func):
    """[start, end) of a row, for constraints and indexes."""

    function = "tstzrange"

    def __init__(self) -> None:
        super().__init__(F("start"), F("end"), RangeBoundary())


class Rule(PortalModel):
    """Every such weekday from `start` to `end` on the branch's wall clock, times begin each `step_minutes`."""

    role = models.ForeignKey(PractitionerRole, models.CASCADE, related_name="rules")
    weekday = models.PositiveSmallIntegerField(help_text="0 is Monday")
    start = models.TimeField()
    end = models.TimeField()
    step_minutes = models.PositiveSmallIntegerField()
    modes = ArrayField(models.CharField(max_length=10))
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, help_text="the last day, or open")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="rule_ends_after_start"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="rule_weekday"),
            models.CheckConstraint(condition=Q(step_minutes__gte=5), name="rule_step"),
        ]


class DaySheet(PortalModel):
    """One open interval of a doctor's day, written from the rules. Slots = day sheets minus occupancy."""

    role = models.ForeignKey(PractitionerRole, models.CASCADE, related_name="sheets")
    date = models.DateField(help_text="on the branch's calendar")
    start = models.DateTimeField()
    end = models.DateTimeField()
    step_minutes = models.PositiveSmallIntegerField()
    modes = ArrayField(models.CharField(max_length=10))

    class Meta:
        indexes = [models.Index(fields=["role", "start"], name="sheet_role_start")]
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="sheet_ends_after_start"),
            ExclusionConstraint(
                name="sheets_do_not_overlap",
                expressions=[("role", RangeOperators.EQUAL), (TsTzRange(), RangeOperators.OVERLAPS)],
            ),
        ]


class Occupancy(PortalModel):
    """Time that is taken, by whom does not matter: there is no patient here, so everyone may count with it.

    The two exclusion constraints are what makes a double booking impossible (docs/adr/0005).
    """

    class Kind(models.TextChoices):
        HOLD = "hold"
        BOOKED = "booked"
        BLOCK = "block"

    practitioner = models.ForeignKey(Practitioner, models.PROTECT, related_name="+")
    role = models.ForeignKey(PractitionerRole, models.PROTECT, related_name="+")
    service = models.ForeignKey(HealthcareService, models.PROTECT, null=True, related_name="+")
    mode = models.CharField(max_length=10, blank=True)
    room_key = models.TextField(null=True, help_text="branch and room, for visits in person")
    start = models.DateTimeField()
    end = models.DateTimeField()
    kind = models.CharField(max_length=6, choices=Kind.choices)
    owner = models.UUIDField(help_text="a hold's secret or an appointment's id")
    expires_at = models.DateTimeField(null=True)

    practitioner_id: UUID
    role_id: UUID
    service_id: UUID | None

    class Meta:
        indexes = [models.Index(fields=["owner"], name="occupancy_owner")]
        constraints = [
            ExclusionConstraint(
                name="one_visit_per_doctor",
                expressions=[("practitioner", RangeOperators.EQUAL), (TsTzRange(), RangeOperators.OVERLAPS)],
            ),
            ExclusionConstraint(
                name="one_visit_per_room",
                expressions=[("room_key", RangeOperators.EQUAL), (TsTzRange(), RangeOperators.OVERLAPS)],
                condition=Q(room_key__isnull=False),
            ),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="occupancy_ends_after_start"),
            models.CheckConstraint(
                condition=Q(kind="hold", expires_at__isnull=False) | (~Q(kind="hold") & Q(expires_at__isnull=True)),
                name="only_holds_expire",
            ),
        ]


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


HOLDS_TIME = ["pending", "booked", "arrived", "checked-in"]


class Appointment(PatientPart):
    """A visit of a patient. Behind the wall; the patient's own exclusion constraint stands here."""

    public_fields = {
        "status": "a FHIR code",
        "mode": "a code",
        "cancelled_by": "a role's code",
    }
    retention = "MEDICAL_25Y"

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, models.PROTECT, related_name="+")
    practitioner = models.ForeignKey(Practitioner, models.PROTECT, related_name="+")
    role = models.ForeignKey(PractitionerRole, models.PROTECT, related_name="+")
    service = models.ForeignKey(HealthcareService, models.PROTECT, related_name="+")
    mode = models.CharField(max_length=10)
    start = models.DateTimeField()
    end = models.DateTimeField()
    status = models.CharField(max_length=16, choices=AppointmentStatus.choices)
    price = models.PositiveIntegerField(help_text="whole roubles, as promised at booking")
    comment = EncryptedTextField(null=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.CharField(max_length=20, blank=True)

    organization_id: UUID
    practitioner_id: UUID
    person: Patient | None = None  # set by pages that show several people's visits

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
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="appointment_ends_after_start"),
            models.CheckConstraint(condition=Q(status__in=AppointmentStatus.values), name="appointment_status"),
        ]

    def is_ahead(self, now: datetime) -> bool:
        return self.status in HOLDS_TIME and self.start > now
