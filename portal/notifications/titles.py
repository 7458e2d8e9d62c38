"""What staff call each message, and when it goes."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Title:
    name: str | Promise
    when: str | Promise


TITLES: dict[str, Title] = {
    "booked": Title(_("Appointment made"), _("at once")),
    "requested": Title(_("Request received"), _("at once, where the clinic confirms")),
    "moved": Title(_("Appointment moved"), _("at once, when the patient moves it")),
    "cancelled": Title(_("Appointment cancelled"), _("at once, when the patient cancels it")),
    "clinic-moved": Title(_("Moved by the clinic"), _("at once, at night only within 18 hours of the visit")),
    "clinic-cancelled": Title(_("Cancelled by the clinic"), _("at once, at night only within 18 hours of the visit")),
    "reminder-day": Title(_("First reminder"), _("before the visit")),
    "reminder-hours": Title(_("Last reminder"), _("before the visit")),
}
