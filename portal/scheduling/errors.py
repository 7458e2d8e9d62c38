"""What can happen to a booking, in words a patient acts on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.kernel.errors import Conflict, PortalError


class SlotTaken(Conflict):
    """Lost a race for a time. `alternatives` are offered in place."""

    title = _("This time has just been taken")
    text = _("Nothing you entered is lost. Here are the nearest free times.")


class HoldOver(Conflict):
    title = _("This time is no longer held for you")
    text = _("The ten minutes are over. Choose a time again; what you entered stays.")


class TooManyHolds(PortalError):
    status, issue = 429, "throttled"
    title = _("Too many times are held at once")
    text = _("Book or leave one of the times you hold, or wait ten minutes: a time that is not booked becomes free.")


class PatientBusy(Conflict):
    title = _("There is another visit at this time")
    text = _("The same person already has a visit that overlaps. Choose another time or cancel that one.")


class OneADay(Conflict):
    title = _("There is a visit to this specialist on this day")
    text = _(
        "A person can have one visit a day to one specialty. Move that visit, choose another day, or call the clinic."
    )


class TooLateToCancel(Conflict):
    title = _("This visit cannot be cancelled here any more")
    text = _("It has begun, has passed, or is cancelled already. If plans changed at the last moment, call the clinic.")


class TooLateToMove(Conflict):
    title = _("This visit cannot be moved here any more")
    text = _("It has begun, has passed, or is cancelled already. If plans changed at the last moment, call the clinic.")


class NotOffered(PortalError):
    status, issue = 422, "business-rule"
    title = _("This cannot be booked")
    text = _("This doctor does not offer that. Choose a time on the doctor's page.")


class MisAway(PortalError):
    status, issue = 503, "transient"
    title = _("The clinic’s system does not answer now")
    text = _("Nothing is booked yet and nothing is lost: the time is still held for you. Try again in a few minutes.")


class MoveUnderWay(Conflict):
    title = _("This visit is being moved already")
    text = _("The clinic’s system has not answered yet. Wait a moment and open the visit again.")


class AgeNotServed(PortalError):
    status, issue = 422, "business-rule"
    title = _("This doctor sees other ages")
    text = _("Choose another person or another doctor.")


class PayerNotServed(PortalError):
    status, issue = 422, "business-rule"
    title = _("This visit is paid in another way")
    text = _("Choose who pays from the list, or another doctor.")


class ReferralNeeded(PortalError):
    status, issue = 422, "business-rule"
    title = _("A referral is needed for this visit")
    text = _("Write its number, or from whom and when you have it.")


class OfferOver(Conflict):
    title = _("This time is no longer kept for you")
    text = _("It went to the next person. You are still in the queue, and we will write when another time is free.")


class AlreadyWaiting(Conflict):
    title = _("You are in this queue already")
    text = _("One place a person and doctor is enough: we write as soon as a time becomes free.")


class TooManyWaits(PortalError):
    status, issue = 422, "business-rule"
    title = _("Five queues at once are the most")
    text = _("Leave one of them first, then join this one.")
