"""Parsing at the edge: what arrives from a browser becomes typed values or an error beside its field."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.people.models.directory import Mode, Payer

ANY_MODE = [("", _("Any way")), *Mode.choices]
MOST_TOGETHER = 10
MOST_SERVICES = 3


PARTS: dict[str, tuple[Any, tuple[int, int]]] = {
    "morning": (_("Morning"), (0, 12)),
    "afternoon": (_("Afternoon"), (12, 17)),
    "evening": (_("Evening"), (17, 24)),
}


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


class DayField(forms.DateField):
    """A day as our own links write it."""

    def __init__(self) -> None:
        super().__init__(required=False, input_formats=["%Y-%m-%d"])

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day and not 2000 <= day.year <= 2100:
            raise forms.ValidationError(_("This is not a day."))
        return day


class SearchForm(forms.Form):
    """The filters of the results page; all optional, all in the address."""

    q = forms.CharField(required=False, max_length=100)
    specialty = forms.SlugField(required=False, max_length=50)
    location = forms.SlugField(required=False, max_length=50)
    service = forms.SlugField(required=False, max_length=80)
    mode = forms.ChoiceField(required=False, choices=ANY_MODE)
    day = DayField()
    until = DayField()
    part = forms.ChoiceField(required=False, choices=[(key, label) for key, (label, _hours) in PARTS.items()])
    language = forms.RegexField("^[a-z]{2}$", required=False)
    payer = forms.ChoiceField(required=False, choices=Payer.choices)
    child = forms.BooleanField(required=False)
    price = forms.IntegerField(required=False, min_value=0, max_value=1_000_000)
    page = forms.IntegerField(required=False, min_value=1, max_value=1000)


class PickerForm(forms.Form):
    """What the doctor's page shows: which service, how, which day and week."""

    service = forms.SlugField(required=False, max_length=80)
    location = forms.SlugField(required=False, max_length=50)
    mode = forms.ChoiceField(required=False, choices=ANY_MODE)
    day = DayField()


def _split_press(data: Any) -> dict[str, Any]:
    """The button of a time carries `mode|instant`, because one form holds chips of several modes."""
    values: dict[str, Any] = data.dict()
    mode, bar, start = str(values.get("start", "")).partition("|")
    return values | {"mode": mode, "start": start} if bar else values


class AnyForm(SearchForm):
    """A press on a time of whoever has it, among those whom the search found."""

    specialty = forms.SlugField(max_length=50)
    near = forms.SlugField(max_length=50)
    mode = forms.ChoiceField(choices=Mode.choices)
    start = InstantField()

    @classmethod
    def from_press(cls, data: Any) -> AnyForm:
        return cls(_split_press(data))


class HoldForm(forms.Form):
    """A press on a time."""

    role = forms.UUIDField()
    service = forms.UUIDField()
    mode = forms.ChoiceField(choices=Mode.choices)
    start = InstantField()
    move = forms.UUIDField(required=False)
    person = forms.UUIDField(required=False)

    @classmethod
    def from_press(cls, data: Any) -> HoldForm:
        return cls(_split_press(data))


class CourseForm(forms.Form):
    """How many visits a course has, and how many days lie between them."""

    visits = forms.IntegerField(required=False, min_value=2, max_value=MOST_TOGETHER)
    every = forms.IntegerField(required=False, min_value=1, max_value=31)


class SameDayForm(forms.Form):
    """Services wanted one after another at one branch."""

    location = forms.SlugField(required=False, max_length=50)
    service = forms.Field(required=False)

    def __init__(self, data: Any) -> None:
        super().__init__({"location": data.get("location", "")})
        self._services = data.getlist("service")

    def clean(self) -> dict[str, Any]:
        slug = forms.SlugField(max_length=80)
        if len(self._services) > MOST_SERVICES:
            raise forms.ValidationError(_("Choose two or three services."))
        services = list(dict.fromkeys(slug.clean(one) for one in self._services))
        return {"location": self.cleaned_data.get("location", ""), "services": services}


class TogetherForm(forms.Form):
    """Several times at once; each arrives as `role|service|mode|instant`."""

    time = forms.Field(required=False)

    def __init__(self, presses: list[str]) -> None:
        super().__init__({})
        self._presses = presses
        self.asks: list[dict[str, Any]] = []

    @classmethod
    def from_press(cls, data: Any) -> TogetherForm:
        return cls(data.getlist("time"))

    def clean(self) -> dict[str, Any]:
        if not 1 <= len(self._presses) <= MOST_TOGETHER:
            raise forms.ValidationError(_("Choose from 1 to 10 times."))
        for press in self._presses:
            parts = dict(zip(("role", "service", "mode", "start"), press.split("|"), strict=False))
            form = HoldForm(parts)
            if not form.is_valid():
                raise forms.ValidationError(_("This is not a time."))
            asked = form.cleaned_data
            self.asks.append(
                {
                    "role_id": asked["role"],
                    "service_id": asked["service"],
                    "mode": asked["mode"],
                    "start": asked["start"],
                }
            )
        return {}


class CheckForm(forms.Form):
    """The last page before a visit: who comes, and what the doctor should know."""

    TYPED: ClassVar[set[str]] = {"comment", "referral"}

    patient = forms.UUIDField(
        label=_("Who is coming"),
        error_messages={"required": _("Choose who is coming."), "invalid": _("Choose who is coming.")},
    )
    payer = forms.ChoiceField(label=_("Who pays"), required=False, choices=Payer.choices)
    referral = forms.CharField(
        label=_("Referral"),
        help_text=_("its number, or from whom and when you have it"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": _("Up to 200 characters fit here.")},
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
        return _printable(self.cleaned_data["comment"])

    def clean_referral(self) -> str:
        return _printable(self.cleaned_data["referral"])


def _printable(text: str) -> str:
    if any(ord(char) < 32 and char not in "\r\n\t" for char in text):
        raise forms.ValidationError(_("There is a character here that cannot be shown. Type the text anew."))
    return text.strip()
