"""What the clinic's administrator enters about messages."""

from __future__ import annotations

from datetime import time
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.notifications import drafts
from portal.notifications.drafts import LENGTHS, Look
from portal.notifications.forbidden import Lexicon
from portal.notifications.models import MessagePolicy
from portal.notifications.texts import Text
from portal.people.models import Location
from portal.scheduling.forms_staff import time_field

LONGEST_NIGHT = 14 * 60  # minutes; a longer one is two hours in each other's place
OFF = {"has_day": "day_hours", "has_last": "last_minutes"}


class TimingsForm(forms.Form):
    """When patients are reminded, and when nobody is."""

    has_day = forms.BooleanField(label=gettext_lazy("First reminder"), required=False)
    day_hours = forms.IntegerField(
        label=gettext_lazy("Hours before the visit"), min_value=6, max_value=168, required=False
    )
    has_last = forms.BooleanField(label=gettext_lazy("Last reminder"), required=False)
    last_minutes = forms.IntegerField(
        label=gettext_lazy("Minutes before the visit"), min_value=45, max_value=720, required=False
    )
    quiet_from = time_field(gettext_lazy("Quiet from"))
    quiet_until = time_field(gettext_lazy("Quiet until"))

    @staticmethod
    def initial_of(policy: MessagePolicy) -> dict[str, Any]:
        """A reminder that is off shows the hours it would have."""
        return {
            "has_day": policy.day_hours > 0,
            "day_hours": policy.day_hours or 24,
            "has_last": policy.last_minutes > 0,
            "last_minutes": policy.last_minutes or 120,
            "quiet_from": policy.quiet_from,
            "quiet_until": policy.quiet_until,
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        for switch, name in OFF.items():
            if data.get(switch) and data.get(name) is None and name not in self.errors:
                self.add_error(name, _("Write how long before the visit."))
        quiet_from, quiet_until = data.get("quiet_from"), data.get("quiet_until")
        if quiet_from and quiet_until and _length(quiet_from, quiet_until) > LONGEST_NIGHT:
            self.add_error(
                "quiet_until", _("That is more than 14 quiet hours. Perhaps the two stand the wrong way round.")
            )
        return data

    @property
    def values(self) -> dict[str, Any]:
        """For the command."""
        data = self.cleaned_data
        numbers = {name: data[name] if data[switch] else 0 for switch, name in OFF.items()}
        return numbers | {name: data[name] for name in ("quiet_from", "quiet_until")}


def _length(start: time, end: time) -> int:
    return (end.hour * 60 + end.minute - start.hour * 60 - start.minute) % 1440


def _text_field(label: Any, name: str, rows: int) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput()
    return forms.CharField(
        label=label,
        max_length=LENGTHS[name],
        widget=widget,
        error_messages={"required": gettext_lazy("Write the text.")},
    )


class TextForm(forms.Form):
    """One message in one language. `seen`: the version its writer started from."""

    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 2)
    sms = _text_field(gettext_lazy("SMS"), "sms", 3)
    subject = _text_field(gettext_lazy("Subject of the e-mail"), "subject", 0)
    body = _text_field(gettext_lazy("Text of the e-mail"), "body", 8)

    def __init__(
        self, *args: Any, kind: str, language: str, known: Lexicon, places: list[Location], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.language, self.known, self.places = kind, language, known, places
        self.look: Look | None = None

    def clean_sms(self) -> str:
        return self._checked("sms")

    def clean_subject(self) -> str:
        return self._checked("subject")

    def clean_body(self) -> str:
        return self._checked("body")

    def _checked(self, name: str) -> str:
        text = self.cleaned_data[name].replace("\r\n", "\n")
        if wrong := drafts.problems(name, text, self.kind, self.known):
            raise forms.ValidationError(wrong)
        return str(text)

    def clean(self) -> dict[str, Any]:
        """The look is made of what stands in the fields, also when something is wrong with it."""
        data: dict[str, Any] = super().clean() or {}
        self.look = drafts.look(self.kind, self.language, self.places, self.draft)
        if "sms" in data and (wrong := drafts.too_long(self.look.segments)):
            self.add_error("sms", wrong)
        return data

    @property
    def draft(self) -> Text:
        """As it was typed, no longer than a field may be."""
        typed = {
            name: str(self.data.get(name, "")).replace("\r\n", "\n").strip()[:most] for name, most in LENGTHS.items()
        }
        return Text(**typed)

    @property
    def text(self) -> Text:
        return Text(**{name: self.cleaned_data[name] for name in LENGTHS})
