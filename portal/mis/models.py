"""What the portal remembers of its exchange with a clinic's own system (MIS): ids and times, and the patient's links.

Rows of one table are written by one file of `services/`. What names a person is behind the wall and encrypted.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.kernel.base import PortalModel
from portal.kernel.fields import EncryptedJSONField, EncryptedTextField
from portal.people.models.directory import Organization, PractitionerRole
from portal.people.models.patients import PatientPart


class Exchange(PortalModel):
    """One clinic's exchange. Whoever claims it (`next_at`) reads the changes; nobody else meanwhile."""

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="+")
    cursor = models.TextField(blank=True, help_text="from where on changes are asked for")
    next_at = models.DateTimeField(help_text="when to look again; further on while one worker looks")
    directory_at = models.DateTimeField(null=True, help_text="when the directory was last read in whole")
    reconciled_at = models.DateTimeField(null=True)
    capabilities = ArrayField(models.CharField(max_length=10), default=list)
    trouble = models.CharField(max_length=40, blank=True, help_text="code of why nothing goes, or of an alarm")
    trouble_detail = models.TextField(blank=True, help_text="for the administrator, without personal data")

    organization_id: UUID


class DirectoryRef(PortalModel):
    """Which thing of ours a thing of the MIS is. A ref that is used again for another thing makes a new row."""

    class Kind(models.TextChoices):
        DOCTOR = "doctor", _("doctor")
        BRANCH = "branch", _("branch")
        SERVICE = "service", _("service")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    ref = models.CharField(max_length=200)
    object_id = models.UUIDField(null=True, help_text="a role, a location, a service; empty while nothing matches")
    said = models.TextField(help_text="what the MIS calls it, for the administrator")
    valid_from = models.DateTimeField(auto_now_add=True)
    gone_at = models.DateTimeField(null=True, help_text="not in the MIS's directory any more")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "ref"], condition=Q(gone_at__isnull=True), name="one_meaning_per_ref"
            )
        ]


class PatientRef(PatientPart):
    """Who a patient is in a clinic's MIS, and how surely. History of the MIS is shown for `verified` alone."""

    class State(models.TextChoices):
        CLAIMED = "claimed", _("being looked for")
        VERIFIED = "verified", _("verified")
        UNVERIFIED = "unverified", _("to be looked at")

    public_fields = {"state": "a code", "by": "a code"}
    retention = "MEDICAL_25Y"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    ref = EncryptedTextField(null=True, help_text="empty while somebody looks: nobody else does meanwhile")
    digest = models.BinaryField(
        max_length=32, null=True, help_text="of organization and ref, to find the patient of a visit"
    )
    made_digest = models.BinaryField(
        max_length=32, null=True, help_text="of the record made for them before it was known who they are: theirs, too"
    )
    state = models.CharField(max_length=10, choices=State.choices)
    by = models.CharField(max_length=10, blank=True, help_text="what told: key, snils, policy, person, created, staff")
    candidates = EncryptedJSONField(null=True, help_text="whom it could be, side by side, until someone has looked")
    claimed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "organization"], name="one_ref_per_clinic"),
            models.UniqueConstraint(fields=["digest"], name="one_patient_per_ref"),
        ]


class VisitRef(PortalModel):
    """Which visit of the MIS a visit of ours is, and its state there when we last looked."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    appointment_id = models.UUIDField(unique=True)
    ref = models.CharField(max_length=200)
    version = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "ref"], name="one_visit_per_ref")]


class HoldRef(PortalModel):
    """A hold of ours that the MIS keeps too, until it is booked or let go there."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    occupancy_id = models.UUIDField(unique=True)
    ref = models.CharField(max_length=200)
    made_at = models.DateTimeField(auto_now_add=True)


class Outgoing(PortalModel):
    """A visit of ours that the MIS has to hear of: outbox. What is to be done is looked up when it is done.

    Claimed by `next_at`; `round` grows with every cause, so that none that comes meanwhile is forgotten.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DEAD = "dead", _("somebody has to look")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    appointment_id = models.UUIDField(unique=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    round = models.PositiveIntegerField(default=1)
    next_at = models.DateTimeField()
    written_at = models.DateTimeField(null=True, help_text="a write was sent then and no answer came back yet")
    is_misfiled = models.BooleanField(default=False, help_text="it may stand there under a record that is not theirs")
    attempts = models.PositiveSmallIntegerField(default=0)
    code = models.CharField(max_length=40, blank=True, help_text="why it did not work last time")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["next_at"], condition=Q(state="waiting"), name="outgoing_due")]


class Incoming(PortalModel):
    """A change of the MIS that has been seen: inbox. Done ones are kept so that the overlap does them once."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")
        DEAD = "dead", _("somebody has to look")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    ref = models.CharField(max_length=200, help_text="of the visit there")
    version = models.CharField(max_length=100, help_text="the newest that was seen")
    state = models.CharField(max_length=7, choices=State.choices)
    next_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    code = models.CharField(max_length=40, blank=True)
    seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "ref"], name="one_inbox_row_per_visit")]
        indexes = [models.Index(fields=["next_at"], condition=Q(state="waiting"), name="incoming_due")]


class Look(PortalModel):
    """When a doctor's times are read again, by distance. Claimed by `next_at`."""

    class Band(models.TextChoices):
        NEAR = "near", _("today and tomorrow")
        WEEK = "week", _("this week")
        FAR = "far", _("beyond")

    role = models.ForeignKey(PractitionerRole, models.CASCADE, related_name="+")
    band = models.CharField(max_length=4, choices=Band.choices)
    next_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["role", "band"], name="one_look_per_band")]
        indexes = [models.Index(fields=["next_at"], name="look_due")]


class PastLook(PortalModel):
    """When the visits that took place are read again of one patient's link. Claimed by `next_at`; names nobody."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    link_id = models.UUIDField(unique=True, help_text="a PatientRef")
    digest = models.BinaryField(max_length=32, null=True, help_text="of the record it was read of last")
    next_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    organization_id: UUID

    class Meta:
        indexes = [models.Index(fields=["organization", "next_at"], name="past_look_due")]


class RefusedTime(PortalModel):
    """A time the MIS calls free and refuses to book. After so many times it is not offered any more."""

    role = models.ForeignKey(PractitionerRole, models.CASCADE, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()
    times = models.PositiveSmallIntegerField(default=1)
    last_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["role", "start"], name="one_row_per_refused_time")]


class Drift(PortalModel):
    """A difference between the portal and the MIS, found by comparing everything. No person is named."""

    class Kind(models.TextChoices):
        MISSING_THERE = "missing-there", _("booked here, not in the clinic’s system")
        MISSING_HERE = "missing-here", _("booked in the clinic’s system, not here")
        MOVED = "moved", _("another time in the clinic’s system")
        STATUS = "status", _("another state in the clinic’s system")
        TWICE = "twice", _("written down twice in the clinic’s system")
        PATIENT = "patient", _("another patient in the clinic’s system")
        PHANTOM = "phantom", _("offered here, not free in the clinic’s system")
        UNDEFINED = "undefined", _("a state of the clinic’s system that nobody has mapped")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=13, choices=Kind.choices)
    key = models.CharField(max_length=200, help_text="what it is about: one row per difference")
    role = models.ForeignKey(PractitionerRole, models.CASCADE, null=True, related_name="+")
    appointment_id = models.UUIDField(null=True)
    ref = models.CharField(max_length=200, blank=True)
    start = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(auto_now_add=True)
    times = models.PositiveIntegerField(default=1, help_text="in so many comparisons in a row")
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "key"], condition=Q(settled_at__isnull=True), name="one_row_per_drift"
            )
        ]
