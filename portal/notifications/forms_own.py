"""What arrives from the pages of a message's link, of the journal and of a person's own messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.notifications.models import Channel
from portal.scheduling.forms import DayField, InstantField


class LinkForm(forms.Form):
    """A pressed button."""

    action = forms.ChoiceField(choices=[("accept", ""), ("cancel", ""), ("read", "")])


class MoveForm(forms.Form):
    """A week to look at, or a pressed time (`mode|instant`)."""

    day = DayField()
    start = forms.CharField(required=False, max_length=60)

    def clean_start(self) -> datetime | None:
        value: Any = self.cleaned_data["start"].rpartition("|")[2]
        return InstantField().clean(value) if value else None


class JournalForm(forms.Form):
    """A day of the journal, and its page."""

    day = DayField()
    page = forms.IntegerField(required=False, min_value=1, max_value=1000)


ZONES = [
    ("", _("as at the clinic")),
    ("Europe/Kaliningrad", _("Kaliningrad")),
    ("Europe/Moscow", _("Moscow")),
    ("Europe/Samara", _("Samara")),
    ("Asia/Yekaterinburg", _("Yekaterinburg")),
    ("Asia/Omsk", _("Omsk")),
    ("Asia/Krasnoyarsk", _("Krasnoyarsk")),
    ("Asia/Irkutsk", _("Irkutsk")),
    ("Asia/Yakutsk", _("Yakutsk")),
    ("Asia/Vladivostok", _("Vladivostok")),
    ("Asia/Magadan", _("Magadan")),
    ("Asia/Kamchatka", _("Kamchatka")),
]


class WishesForm(forms.Form):
    """Which way first, and where the person lives: reminders wait for the morning there.

    An empty box means "off", so a post that is not of this form must not be taken for one with all boxes empty.
    """

    form = forms.ChoiceField(choices=[("wishes", "")], widget=forms.HiddenInput)
    first = forms.ChoiceField(label=_("Try first"), required=False)
    zone = forms.ChoiceField(label=_("Your time zone"), required=False, choices=ZONES)

    def __init__(self, *args: Any, has_push: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usual = _("notification, SMS, e-mail") if has_push else _("SMS, then e-mail")
        left_out = {Channel.CHAT, *([] if has_push else [Channel.PUSH])}  # a messenger comes besides, never first
        self.fields["first"].choices = [("", usual), *(one for one in Channel.choices if one[0] not in left_out)]  # type: ignore[attr-defined]
