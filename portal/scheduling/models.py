"""When: weekly rules → day sheets → slots (computed), the occupancy that nobody may overlap, and the appointment."""

from __future__ import annotations

from datetime import datetime, time
from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from portal.kernel.base import PortalModel
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


class TsTzRange(Func):
    """[start, end) of a row, for constraints and indexes."""

    function = "tstzrange"

    def __init__(self) -> None:
        super().__init__(F("start"), F("end"), RangeBoundary())


class BookingPolicy(PortalModel):
    """What a clinic allows patients to do alone. A service may have a lead time and a horizon of its own."""

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="booking_policy")
    lead_minutes = models.PositiveSmallIntegerField(default=30, help_text="nobody reaches the clinic sooner")
    horizon_days = models.PositiveSmallIntegerField(default=56, help_text="so many days ahead times are published")
    publish_at = models.TimeField(default=time(8), help_text="a new day opens then, on the branch's clock")
    cancel_minutes = models.PositiveSmallIntegerField(default=0, help_text="cancel and move until so long before")
    is_one_a_day = models.BooleanField(default=True, help_text="one visit per person, specialty and day")


class Rule(PortalModel):
    """Every such weekday from `start` to `end` on the branch's wall clock, times begin each `step_minutes`.

    An `end` of 0:00 is the midnight that ends the day.
    """

    class Weeks(models.TextChoices):
        EVERY = "every", _("every week")
        ODD = "odd", _("odd weeks")
        EVEN = "even", _("even weeks")

    role = models.ForeignKey(PractitionerRole, models.CASCADE, related_name="rules")
    weekday = models.PositiveSmallIntegerField(help_text="0 is Monday")
    weeks = models.CharField(max_length=5, choices=Weeks.choices, default=Weeks.EVERY, help_text="by ISO 8601 number")
    start = models.TimeField()
    end = models.TimeField()
    step_minutes = models.PositiveSmallIntegerField()
    modes = ArrayField(models.CharField(max_length=10))
    room = models.ForeignKey(Resource, models.PROTECT, null=True, related_name="+", help_text="instead of the role's")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, help_text="the last day, or open")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")) | Q(end=time(0)), name="rule_ends_after_start"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="rule_weekday"),
            models.CheckConstraint(condition=Q(step_minutes__gte=5), name="rule_step"),
        ]


class RuleException(PortalModel):
    """Days that differ from the weekly rules. Whole days without times; `extra` opens, all else closes."""

    class Kind(models.TextChoices):
        VACATION = "vacation", _("vacation")
        SICK = "sick", _("sick leave")
        BLOCKED = "blocked", _("closed hours")
        EXTRA = "extra", _("extra hours")

    role = models.ForeignKey(PractitionerRole, models.CASCADE, related_name="exceptions")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    first_day = models.DateField()
    last_day = models.DateField()
    start = models.TimeField(null=True)
    end = models.TimeField(null=True)
    step_minutes = models.PositiveSmallIntegerField(default=20, help_text="of extra hours")
    modes = ArrayField(models.CharField(max_length=10), default=list, help_text="of extra hours")

    class Meta:
        indexes = [models.Index(fields=["role", "last_day"], name="exception_role")]
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="exception_days"),
            models.CheckConstraint(
                condition=Q(start__isnull=True, end__isnull=True)
                | Q(start__isnull=False, end__isnull=False, end__gt=F("start"))
                | Q(start__isnull=False, end__isnull=False, end=time(0)),
                name="exception_hours",
            ),
            models.CheckConstraint(condition=~Q(kind="extra") | Q(start__isnull=False), name="extra_hours_have_hours"),
        ]


class ScheduleHorizon(PortalModel):
    """How far a role's day sheets are written; the nightly job looks here for what to write next."""

    role = models.OneToOneField(PractitionerRole, models.CASCADE, related_name="+")
    written_to = models.DateField()


class DaySheet(PortalModel):
    """One open interval of a doctor's day, written from the rules. Slots = day sheets minus occupancy.

    Times begin at `anchor` plus whole steps: an hour closed in the middle does not shift those after it.
    """

    role = models.ForeignKey(PractitionerRole, models.CASCADE, related_name="sheets")
    date = models.DateField(help_text="on the branch's calendar")
    start = models.DateTimeField()
    end = models.DateTimeField()
    anchor = models.DateTimeField()
    step_minutes = models.PositiveSmallIntegerField()
    modes = ArrayField(models.CharField(max_length=10))
    room = models.ForeignKey(Resource, models.PROTECT, null=True, related_name="+")

    room_id: UUID | None

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
