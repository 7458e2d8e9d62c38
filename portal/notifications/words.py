"""The words of messages. Neutral: no doctor, specialty, service, result (323-FZ art. 13; regulation MED-1).

Each text is rendered in the recipient's language; SMS of a booking fits in two parts, a code in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.scheduling.calendar import calendar_file
from portal.scheduling.models import Appointment


@dataclass(frozen=True)
class Words:
    """One message in all its forms. `calendar` is an ICS file or None."""

    sms: str
    subject: str
    text: str
    calendar: bytes | None = None


def code_words(code: str, language: str) -> Words:
    """The last line binds the code to our origin for browsers that fill it in (WebOTP)."""
    host = settings.PUBLIC_URL.split("://", 1)[1]
    with override(language):
        sentence = _("Code %(code)s for signing in. Tell it to nobody.") % {"code": code}
        return Words(
            sms=f"{sentence}\n@{host} #{code}",
            subject=_("Code for signing in"),
            text=sentence + "\n\n" + _("If you did not ask for it, do nothing: without the code nobody gets in."),
        )


def booked_words(visit: Appointment, language: str) -> Words:
    with override(language):
        when, where = _when(visit), _where(visit)
        link = settings.PUBLIC_URL + reverse("scheduling:visit", args=[visit.pk])
        return Words(
            sms=_("Appointment %(when)s, %(where)s. Details and cancelling: %(link)s")
            % {"when": when, "where": where, "link": settings.PUBLIC_URL + reverse("scheduling:visits")},
            subject=_("Your appointment is confirmed"),
            text=_("Your appointment: %(when)s, %(where)s.\n\nDetails, the way there and cancelling: %(link)s")
            % {"when": when, "where": where, "link": link},
            calendar=calendar_file(visit, link, method="REQUEST"),
        )


def requested_words(visit: Appointment, language: str) -> Words:
    with override(language):
        when, where = _when(visit), _where(visit)
        link = settings.PUBLIC_URL + reverse("scheduling:visit", args=[visit.pk])
        return Words(
            sms=_("We have your request for %(when)s. The clinic will confirm it: %(link)s")
            % {"when": when, "link": settings.PUBLIC_URL + reverse("scheduling:visits")},
            subject=_("Your request has arrived"),
            text=_("You asked for %(when)s, %(where)s. The clinic will confirm it by a message.\n\nDetails: %(link)s")
            % {"when": when, "where": where, "link": link},
        )


def moved_words(visit: Appointment, language: str) -> Words:
    with override(language):
        when, where = _when(visit), _where(visit)
        link = settings.PUBLIC_URL + reverse("scheduling:visit", args=[visit.pk])
        return Words(
            sms=_("The appointment is moved: %(when)s, %(where)s. Details: %(link)s")
            % {"when": when, "where": where, "link": settings.PUBLIC_URL + reverse("scheduling:visits")},
            subject=_("Your appointment is moved"),
            text=_("Your appointment is moved. The new time: %(when)s, %(where)s.\n\nDetails and cancelling: %(link)s")
            % {"when": when, "where": where, "link": link},
            calendar=calendar_file(visit, link, method="REQUEST"),
        )


def cancelled_words(visit: Appointment, language: str) -> Words:
    with override(language):
        when, where = _when(visit), _where(visit)
        link = settings.PUBLIC_URL + reverse("scheduling:visits")
        return Words(
            sms=_("The appointment %(when)s is cancelled. To book again: %(link)s")
            % {"when": when, "link": settings.PUBLIC_URL},
            subject=_("Your appointment is cancelled"),
            text=_("The appointment %(when)s, %(where)s is cancelled.\n\nYour appointments: %(link)s")
            % {"when": when, "where": where, "link": link},
            calendar=calendar_file(visit, link, method="REQUEST"),
        )


def invite_words(token: str) -> Words:
    link = settings.PUBLIC_URL + reverse("people:staff-invite", args=[token])
    return Words(
        sms="",
        subject=_("Invitation to the clinic's portal"),
        text=_(
            "You are invited to work in the clinic's portal."
            " Open the link within three days and set a password:\n\n%(link)s"
        )
        % {"link": link},
    )


def _when(visit: Appointment) -> str:
    local = visit.start.astimezone(ZoneInfo(visit.location.zone))
    return _("%(date)s at %(time)s") % {"date": f"{local:%d.%m}", "time": f"{local:%H:%M}"}


def _where(visit: Appointment) -> str:
    return _("by video") if visit.mode == "video" else _("by chat") if visit.mode == "chat" else visit.location.name
