"""The standard text of each message. Neutral by law: see `words.py`. A clinic may have its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Text:
    """One message in all its forms. The `BLANKS` in braces are filled in, nothing else is understood."""

    sms: str | Promise
    subject: str | Promise
    body: str | Promise


BLANKS = ("when", "where", "link", "before", "until")
BLANK = re.compile(r"\{(" + "|".join(BLANKS) + r")\}")
TEXTS: dict[str, Text] = {
    "booked": Text(
        _("Appointment {when}, {where}. Details and cancelling: {link}"),
        _("Your appointment is confirmed"),
        _("Your appointment: {when}, {where}.\n\nDetails, the way there, moving and cancelling: {link}"),
    ),
    "requested": Text(
        _("We have your request for {when}. The clinic will confirm it: {link}"),
        _("Your request has arrived"),
        _("You asked for {when}, {where}. The clinic will confirm it by a message.\n\nDetails: {link}"),
    ),
    "moved": Text(
        _("The appointment is moved: {when}, {where}. Details: {link}"),
        _("Your appointment is moved"),
        _("Your appointment is moved. The new time: {when}, {where}.\n\nDetails and cancelling: {link}"),
    ),
    "cancelled": Text(
        _("The appointment {when} is cancelled. To book again: {link}"),
        _("Your appointment is cancelled"),
        _("The appointment {when}, {where} is cancelled.\n\nTo book again: {link}"),
    ),
    "refused": Text(
        _("Sorry, the time {when} was given to someone else. Choose another: {link}"),
        _("The time you chose is taken"),
        _(
            "The time {when}, {where} was given to someone else at the clinic before your booking was confirmed. "
            "We are sorry.\n\nPlease choose another time: {link}"
        ),
    ),
    "move-refused": Text(
        _("The appointment could not be moved and stays {when}, {where}. Other times: {link}"),
        _("Your appointment stays as it was"),
        _(
            "The time you wanted was given to someone else. Your appointment stays {when}, {where}.\n\n"
            "To choose another time or cancel: {link}"
        ),
    ),
    "clinic-moved": Text(
        _("The clinic has moved your appointment of {before} to {when}, {where}. Please confirm: {link}"),
        _("The clinic has moved your appointment"),
        _(
            "The clinic has moved your appointment of {before}. The new time: {when}, {where}.\n\n"
            "Please say whether it suits you: {link}"
        ),
    ),
    "clinic-cancelled": Text(
        _("The clinic has cancelled the appointment {when}. Please confirm and choose another time: {link}"),
        _("The clinic has cancelled your appointment"),
        _(
            "The clinic has cancelled the appointment {when}, {where}. We are sorry.\n\n"
            "Please confirm that you have read this, and choose another time: {link}"
        ),
    ),
    "reminder-day": Text(
        _("Reminder: {when}, {where}. Confirm, move or cancel: {link}"),
        _("Reminder of your appointment"),
        _("We expect you {when}, {where}.\n\nConfirm, move or cancel: {link}"),
    ),
    "reminder-hours": Text(
        _("We expect you {when}, {where}. If you cannot come: {link}"),
        _("Reminder of your appointment"),
        _("We expect you {when}, {where}.\n\nIf you cannot come, please say so: {link}"),
    ),
    "document": Text(
        _("There is a new document in your account: {link}"),
        _("New document in your account"),
        _("There is a new document in your account. It opens after signing in: {link}"),
    ),
    "new-browser": Text(
        _("Signed in to your account from a new browser, {when}. Not you? {link}"),
        _("Signed in from a new browser"),
        _(
            "Somebody has signed in to your account from a browser that was not there before, {when}.\n\n"
            "If it was you, all is well. If not, sign out everywhere and tell the clinic: {link}"
        ),
    ),
    "contact-added": Text(
        _("A phone or an e-mail was added to your account, {when}. Not you? {link}"),
        _("A contact was added to your account"),
        _(
            "A phone or an e-mail was added to your account, {when}. It can be used for signing in.\n\n"
            "If it was not you, remove it and tell the clinic: {link}"
        ),
    ),
    "contact-removed": Text(
        _("A phone or an e-mail was removed from your account, {when}. Not you? {link}"),
        _("A contact was removed from your account"),
        _(
            "A phone or an e-mail was removed from your account, {when}. It cannot be used for signing in any more."
            "\n\nIf it was not you, tell the clinic: {link}"
        ),
    ),
    "calendar-opened": Text(
        _("A calendar may read your appointments since {when}. Not you? {link}"),
        _("Your appointments are shown in a calendar"),
        _(
            "An address by which a calendar reads the times of your appointments was made in your account, {when}.\n\n"
            "If it was not you, switch it off in your account and sign out everywhere: {link}"
        ),
    ),
    "offer": Text(
        _("A time has opened up: {when}, {where}. Kept for you until {until}: {link}"),
        _("A time has opened up"),
        _(
            "A time you have been waiting for has opened up: {when}, {where}.\n\n"
            "It is kept for you until {until}. Take it or leave it to the next person: {link}"
        ),
    ),
}
WITH_CALENDAR = frozenset({"booked", "moved", "cancelled", "refused", "clinic-moved", "clinic-cancelled"})
