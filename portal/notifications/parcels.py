"""What a browser's notification and a messenger hold: that there is something to read in the account, nothing else.

No day and no place: push services are abroad, and a lock screen or a messenger is read by others. An SMS, which goes
to a number that was proved, says more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.kernel import crypto
from portal.notifications.models_ways import PushDevice
from portal.notifications.ports_push import PushSubscription
from portal.notifications.words import Words

LONGEST, SHORTEST = 86400, 60  # seconds for which a push service keeps a notification


@dataclass(frozen=True, slots=True)
class Parcel:
    """A notification for each of a person's browsers. `ttl`: seconds after which it is of no use."""

    devices: tuple[tuple[UUID, PushSubscription], ...]
    payload: bytes
    ttl: int


def push_words(language: str) -> Words:
    with override(language):
        title, text = _("There is a new message for you"), _("Open your account to read it.")
        return Words(sms="", subject=title, text=text)


def chat_words(language: str) -> Words:
    """The link asks for signing in: whoever reads the dialog, or opens its links, learns nothing more."""
    account = settings.PUBLIC_URL + reverse("people:home")
    with override(language):
        return Words(sms="", subject="", text=_("There is a new message in your account: %(link)s") % {"link": account})


def bound_words(language: str) -> str:
    with override(language):
        return _(
            "This dialog is connected to your account. Here you read only that there is something new."
            " To end it, write “stop” or switch it off in the account."
        )


def taken_words(language: str) -> str:
    with override(language):
        return _(
            "This dialog is connected to another account already, so nothing has changed."
            " To connect it anew, write “stop” here first and take a new link in the account."
        )


def pack(devices: Iterable[PushDevice], said: Words, token: str, lasts: timedelta) -> Parcel:
    """`token`: with it the browser says that it has shown the message."""
    payload = json.dumps({"id": token, "title": said.subject, "text": said.text}, ensure_ascii=False)
    ttl = max(SHORTEST, min(int(lasts.total_seconds()), LONGEST))
    return Parcel(tuple((device.pk, device.subscription) for device in devices), payload.encode(), ttl)


def shown_digest(token: str) -> bytes:
    """Of another kind than a link's: this token opens no page."""
    return crypto.blind_index("message-shown", token)
