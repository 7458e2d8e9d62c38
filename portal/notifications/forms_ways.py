"""What arrives from a browser that is to show notifications, and from its worker."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.kernel.ports import PortFailure
from portal.notifications.ports_push import PushSubscription, require_subscription

MAX_SUBSCRIPTION = 4000  # characters


class DeviceForm(forms.Form):
    """`subscription`: what `PushSubscription.toJSON()` gives. No address but a push service's gets past this form."""

    subscription = forms.CharField(max_length=MAX_SUBSCRIPTION, label=_("Subscription"))

    def clean_subscription(self) -> PushSubscription:
        try:
            subscription = _subscription(json.loads(self.cleaned_data["subscription"]))
            require_subscription(subscription)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise forms.ValidationError(_("This is not what a browser gives.")) from None
        except PortFailure as refused:
            raise forms.ValidationError(_why(refused)) from None
        return subscription


def _subscription(given: Any) -> PushSubscription:
    parts = (given["endpoint"], given["keys"]["p256dh"], given["keys"]["auth"])
    if not all(isinstance(part, str) for part in parts):
        raise TypeError
    return PushSubscription(*parts)


def _why(refused: PortFailure) -> Any:
    if refused.code == "bad-endpoint":
        return _("Your browser takes notifications from a service that we do not know. Try another browser.")
    return _("This is not what a browser gives.")


class ShownForm(forms.Form):
    """What a browser's worker says when it has shown a notification."""

    id = forms.RegexField(r"^[0-9A-Za-z]{22}\Z")
