"""The words of messages. Neutral: no doctor, specialty, service, result (323-FZ art. 13; regulation MED-1).

Each text is rendered in the recipient's language; SMS of a booking fits in two parts, a code in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from portal.notifications.texts import BLANK, TEXTS, WITH_CALENDAR, Text
from portal.people.models import Location
from portal.scheduling.calendar import calendar_file
from portal.scheduling.models import Appointment, WaitlistOffer

# Where the link of a notice leads, signed in; else to the person's own data.
PAGES = {"document": "people:home", "calendar-opened": "scheduling:feed-page"}


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
            text=f"{sentence}\n\n" + _("If you did not ask for it, do nothing: without the code nobody gets in."),
        )


def visit_words(
    kind: str, visit: Appointment, language: str, link: str, own: Text | None = None, *, more: int = 0
) -> Words:
    """What is said of a visit. `own`: the clinic's text instead of ours; `more`: visits that the SMS speaks of too."""
    with override(language):
        text = own or TEXTS[kind]
        blanks = {
            "when": _when(visit.location, visit.start),
            "where": _where(visit.location, visit.mode),
            "link": link,
            "before": _when(visit.location, visit.moved_from or visit.start),
        }
        page = settings.PUBLIC_URL + reverse("scheduling:visit", args=[visit.pk])
        return Words(
            sms=fill(str(text.sms), blanks | {"when": _with_others(blanks["when"], more)}),
            subject=fill(str(text.subject), blanks),
            text=fill(str(text.body), blanks),
            calendar=calendar_file(visit, page, method="REQUEST") if _has_calendar(kind, visit) else None,
        )


def offer_words(offer: WaitlistOffer, language: str, link: str, own: Text | None = None) -> Words:
    """What is said of a time that has become free. The hours are those of the branch's clock."""
    place = offer.role.location
    with override(language):
        text = own or TEXTS["offer"]
        until = offer.expires_at.astimezone(ZoneInfo(place.zone))
        blanks = {
            "when": _when(place, offer.start),
            "where": _where(place, offer.mode),
            "link": link,
            "until": f"{until:%H:%M}",
        }
        return Words(
            sms=fill(str(text.sms), blanks),
            subject=fill(str(text.subject), blanks),
            text=fill(str(text.body), blanks),
        )


def notice_words(kind: str, happened: datetime, zone: str, language: str) -> Words:
    """Something has happened to an account or in it; the link leads there, signed in."""
    with override(language):
        local = happened.astimezone(ZoneInfo(zone))
        page = reverse(PAGES.get(kind, "people:data"))
        blanks = {"when": _at(local), "link": settings.PUBLIC_URL + page}
        text = TEXTS[kind]
        return Words(
            sms=fill(str(text.sms), blanks), subject=fill(str(text.subject), blanks), text=fill(str(text.body), blanks)
        )


def _has_calendar(kind: str, visit: Appointment) -> bool:
    """A request has one when the visit is in the person's calendar already, with the time it had before."""
    return kind in WITH_CALENDAR or (kind == "requested" and visit.version > 1)


def fill(text: str, blanks: dict[str, str]) -> str:
    """Put the values into their places: no logic, no attributes. Braces that name no blank stay as they are."""
    return BLANK.sub(lambda found: blanks.get(found[1], found[0]), text)


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


def _when(place: Location, moment: datetime) -> str:
    return _at(moment.astimezone(ZoneInfo(place.zone)))


def _at(local: datetime) -> str:
    return _("%(date)s at %(time)s") % {"date": f"{local:%d.%m}", "time": f"{local:%H:%M}"}


def _with_others(when: str, more: int) -> str:
    if not more:
        return when
    others = ngettext("%(count)d more visit", "%(count)d more visits", more) % {"count": more}
    return _("%(when)s and %(others)s") % {"when": when, "others": others}


def _where(place: Location, mode: str) -> str:
    return _("by video") if mode == "video" else _("by chat") if mode == "chat" else place.name
