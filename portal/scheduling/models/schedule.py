"""When doctors see patients: the clinic's policy, weekly rules, exceptions, and the day sheets written from them."""

from __future__ import annotations

from datetime import time
from uuid import UUID

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.kernel.base import PortalModel
from portal.people.models.directory import Organization, PractitionerRole, Resource
from portal.scheduling.models.ranges import TsTzRange


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
