"""Parsing at the edge: what arrives from a browser becomes typed values or an error beside its field."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.people.models.directory import Mode

ANY_MODE = [("", _("Any way")), *Mode.choices]


class InstantField(forms.CharField):
    """An ISO 8601 instant with an offset, as our own buttons send it."""

    def __init__(self) -> None:
        super().__init__(max_length=40)

    def clean(self, value: Any) -> datetime:
        text = super().clean(value)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise forms.ValidationError(_("This is not a time.")) from None
        if timezone.is_naive(moment) or not 2000 <= moment.year <= 2100:
            raise forms.ValidationError(_("This is not a time."))
        return moment


class SearchForm(forms.Form):
    """The filters of the results page; all optional, all in the address."""

    q = forms.CharField(required=False, max_length=100)
    specialty = forms.SlugField(required=False, max_length=50)
    location = forms.SlugField(required=False, max_length=50)
    mode = forms.ChoiceField(required=False, choices=ANY_MODE)
    child = forms.BooleanField(required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=1000)


class PickerForm(forms.Form):
    """What the doctor's page shows: which service, how, which day and week."""

    service = forms.SlugField(required=False, max_length=80)
    location = forms.SlugField(required=False, max_length=50)
    mode = forms.ChoiceField(required=False, choices=ANY_MODE)
    day = forms.DateField(required=False, input_formats=["%Y-%m-%d"])

    def clean_day(self) -> date | None:
        day: date | None = self.cleaned_data["day"]
        if day and not 2000 <= day.year <= 2100:
            raise forms.ValidationError(_("This is not a day."))
        return day


class HoldForm(forms.Form):
    """A press on a time."""

    role = forms.UUIDField()
    service = forms.UUIDField()
    mode = forms.ChoiceField(choices=Mode.choices)
    start = InstantField()

    @classmethod
    def from_press(cls, data: Any) -> HoldForm:
        """The button of a time carries `mode|instant`, because one form holds chips of several modes."""
        values = data.dict()
        mode, bar, start = str(values.get("start", "")).partition("|")
        if bar:
            values |= {"mode": mode, "start": start}
        return cls(values)


class CheckForm(forms.Form):
    """The last page before a visit: who comes, and what the doctor should know."""

    patient = forms.UUIDField(
        label=_("Who is coming"),
        error_messages={"required": _("Choose who is coming."), "invalid": _("Choose who is coming.")},
    )
    comment = forms.CharField(
        label=_("What troubles you"),
        help_text=_("if you like; only the doctor sees it"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        error_messages={"max_length": _("Up to 1,000 characters fit here. The rest you can tell the doctor.")},
    )

    def clean_comment(self) -> str:
        text: str = self.cleaned_data["comment"]
        if any(ord(char) < 32 and char not in "\r\n\t" for char in text):
            raise forms.ValidationError(_("There is a character here that cannot be shown. Type the text anew."))
        return text.strip()
