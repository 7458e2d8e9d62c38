"""What the clinic's staff enter about schedules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.people.models.directory import Mode
from portal.scheduling.models import Rule, RuleException

WEEKDAYS = [
    (0, _("Monday")), (1, _("Tuesday")), (2, _("Wednesday")), (3, _("Thursday")), (4, _("Friday")), (5, _("Saturday")),
    (6, _("Sunday")),
]  # fmt: skip
STEPS = [(n, str(n)) for n in (5, 10, 15, 20, 30, 40, 45, 60)]
TIME = {"type": "time", "step": "300"}
DAY = {"type": "date"}


def time_field(label: Any, *, required: bool = True) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        required=required,
        widget=forms.TimeInput(attrs=TIME, format="%H:%M"),
        input_formats=["%H:%M"],
        error_messages={"invalid": _("Write the time as 9:00."), "required": _("Write the time as 9:00.")},
    )


def day_field(label: Any, *, required: bool = True) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=required,
        widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("There is no such day."), "required": _("Choose the day.")},
    )


class HoursForm(forms.Form):
    """From … to …, how, and how often a time begins."""

    start = time_field(_("From"))
    end = time_field(_("To"))
    step_minutes = forms.TypedChoiceField(label=_("A time every … minutes"), choices=STEPS, coerce=int, initial=20)
    modes = forms.MultipleChoiceField(
        label=_("How"),
        choices=Mode.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=["in-person"],
        error_messages={"required": _("Choose at least one way.")},
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        start, end = data.get("start"), data.get("end")
        if start and end and end <= start and (end.hour or end.minute):
            self.add_error("end", _("The end is before the beginning. Midnight is 0:00."))
        return data


class RuleForm(HoursForm):
    """Hours that repeat each week."""

    weekday = forms.TypedChoiceField(label=_("Weekday"), choices=WEEKDAYS, coerce=int)
    weeks = forms.ChoiceField(label=_("Weeks"), choices=Rule.Weeks.choices)
    valid_from = day_field(_("From day"))
    valid_to = day_field(_("To day"), required=False)

    field_order = ("weekday", "weeks", "start", "end", "step_minutes", "modes", "valid_from", "valid_to")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("valid_from") and data.get("valid_to") and data["valid_to"] < data["valid_from"]:
            self.add_error("valid_to", _("The last day is before the first."))
        return data


class ExceptionForm(HoursForm):
    """Days that differ: without hours a whole day is closed; extra hours need them."""

    kind = forms.ChoiceField(label=_("What"), choices=RuleException.Kind.choices)
    first_day = day_field(_("First day"))
    last_day = day_field(_("Last day"), required=False)
    start = time_field(_("From"), required=False)
    end = time_field(_("To"), required=False)
    modes = forms.MultipleChoiceField(
        label=_("How"), choices=Mode.choices, widget=forms.CheckboxSelectMultiple, required=False, initial=["in-person"]
    )

    field_order = ("kind", "first_day", "last_day", "start", "end", "step_minutes", "modes")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        first = data.get("first_day")
        data["last_day"] = data.get("last_day") or first
        if first and data["last_day"] < first:
            self.add_error("last_day", _("The last day is before the first."))
        if bool(data.get("start")) != (data.get("end") is not None):
            self.add_error("end", _("Write both hours, or none for whole days."))
        if data.get("kind") == RuleException.Kind.EXTRA:
            self._check_extra(data)
        return data

    def _check_extra(self, data: dict[str, Any]) -> None:
        if data.get("start") is None:
            self.add_error("start", _("Extra hours need a beginning and an end."))
        if not data.get("modes"):
            self.add_error("modes", _("Choose at least one way."))


class PolicyForm(forms.Form):
    """What patients may do alone."""

    horizon_days = forms.IntegerField(label=_("Times are published, days ahead"), min_value=1, max_value=90)
    publish_at = time_field(_("A new day opens at"))
    lead_minutes = forms.IntegerField(label=_("Booking closes, minutes before the visit"), min_value=0, max_value=10080)
    cancel_minutes = forms.IntegerField(
        label=_("Cancelling and moving close, minutes before the visit"), min_value=0, max_value=10080
    )
    is_one_a_day = forms.BooleanField(label=_("One visit a person, specialty and day"), required=False)
