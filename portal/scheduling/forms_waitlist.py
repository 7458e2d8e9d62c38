"""What arrives from the pages of the queue for freed times."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.people.models.directory import Mode
from portal.scheduling.forms import ANY_MODE, PARTS, DayField
from portal.scheduling.selectors import WRITTEN_AHEAD

USUAL = timedelta(days=30)


class WaitedForm(forms.Form):
    """What is waited for, from the address: a doctor or a specialty, perhaps a service and a branch."""

    doctor = forms.SlugField(required=False, max_length=50)
    specialty = forms.SlugField(required=False, max_length=50)
    service = forms.SlugField(required=False, max_length=80)
    location = forms.SlugField(required=False, max_length=50)
    mode = forms.ChoiceField(required=False, choices=ANY_MODE)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not data.get("doctor") and not data.get("specialty"):
            raise forms.ValidationError(_("Choose a doctor or a specialty."))
        return data


class JoinForm(forms.Form):
    """Who waits, on which days, at which hours, how. `today` is the branch's."""

    patient = forms.UUIDField(
        label=_("Who is coming"),
        error_messages={"required": _("Choose who is coming."), "invalid": _("Choose who is coming.")},
    )
    first_day = DayField()
    last_day = DayField()
    part = forms.ChoiceField(
        label=_("Part of the day"),
        required=False,
        choices=[("", _("Any")), *((key, label) for key, (label, _hours) in PARTS.items())],
    )
    way = forms.ChoiceField(
        label=_("How the visit takes place"), required=False, choices=[("", _("Any way")), *Mode.choices]
    )
    payer = forms.ChoiceField(label=_("Who pays"), required=False)
    at_night = forms.BooleanField(label=_("Write to me at night too"), required=False)

    def __init__(self, *args: Any, today: date, payers: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["payer"].choices = payers  # type: ignore[attr-defined]
        for name, label in (("first_day", _("From day")), ("last_day", _("To day"))):
            self.fields[name].required = True
            self.fields[name].label = label
            self.fields[name].widget = forms.DateInput(
                format="%Y-%m-%d", attrs={"type": "date", "min": today.isoformat()}
            )
            self.fields[name].error_messages |= {"required": _("Choose a day."), "invalid": _("This is not a day.")}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        first, last = data.get("first_day"), data.get("last_day")
        if last and last < self.today:
            self.add_error("last_day", _("This day has passed."))
        elif last and last > self.today + WRITTEN_AHEAD:
            self.add_error("last_day", _("Times are published three months ahead at most. Choose an earlier day."))
        elif first and last and last < first:
            self.add_error("last_day", _("The last day is before the first one."))
        return data

    @property
    def hours(self) -> tuple[int, int]:
        part = self.cleaned_data["part"]
        return PARTS[part][1] if part else (0, 24)


class EntryForm(forms.Form):
    """A pressed button of an entry."""

    action = forms.ChoiceField(choices=[("pause", ""), ("resume", ""), ("leave", "")])


class OfferForm(forms.Form):
    """A pressed button of an offer."""

    action = forms.ChoiceField(choices=[("take", ""), ("decline", "")])
