"""The link of a message about a visit: confirm, move, cancel without signing in.

Opening it shows the day, the hour and the place and nothing else: the phone may be a shared one, and scanners open
links. Only a button changes anything. The link ends with the version of the visit it speaks of, and with the visit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from portal.kernel.base import get_one
from portal.kernel.errors import BadInput, Conflict, NotFound
from portal.notifications import services
from portal.notifications.forms_own import LinkForm, MoveForm
from portal.notifications.kinds import KINDS, About
from portal.notifications.views.link_door import Opened, with_link
from portal.notifications.views.offer_links import offer_link
from portal.people.models import ServiceOffer
from portal.scheduling import selectors
from portal.scheduling import services as scheduling
from portal.scheduling.errors import SlotTaken
from portal.scheduling.models import Appointment
from portal.scheduling.selectors_sql import free_slots

DAYS_SHOWN = 7


@dataclass(frozen=True)
class Link(Opened):
    """The visit it is about, whatever has become of it."""

    visit: Appointment

    @classmethod
    def of(cls, opened: Opened) -> Link:
        rows = Appointment.objects.visible_to(opened.actor).select_related("location__organization", "service", "role")
        visit = get_one(rows, pk=opened.message.subject_id)
        return cls(opened.token, opened.actor, opened.message, opened.now, visit)

    @property
    def is_current(self) -> bool:
        return self.message.subject_version == self.visit.version

    @property
    def may_change(self) -> bool:
        """The patient's own limit for moving and cancelling, as in the account."""
        policy = selectors.policy_of(self.visit.organization_id)
        return self.is_alive and selectors.cancel_until(self.visit.start, policy) > self.now

    @property
    def is_alive(self) -> bool:
        return self.is_current and self.visit.is_ahead(self.now)


@with_link
def link(request: HttpRequest, opened: Opened) -> HttpResponse:
    """What the message is about; with a button pressed, what came of it."""
    if KINDS[opened.message.kind].about == About.OFFER:
        return offer_link(request, opened)
    of_visit = Link.of(opened)
    if request.method == "POST":
        return _pressed(request, of_visit)
    return _page(request, of_visit, asks=request.GET.get("ask") == "cancel")


def _page(request: HttpRequest, opened: Link, **more: Any) -> HttpResponse:
    status = 200 if opened.is_current else 409
    return render(request, "notifications/link.html", {"link": opened, "visit": opened.visit} | more, status=status)


def _pressed(request: HttpRequest, opened: Link) -> HttpResponse:
    form = LinkForm(request.POST)
    if not form.is_valid():
        raise BadInput
    if not opened.is_current:
        return _page(request, opened)
    wanted, visit = form.cleaned_data["action"], opened.visit
    if wanted == "accept":
        scheduling.accept_appointment(actor=opened.actor, appointment_id=visit.pk)
    elif wanted == "cancel":
        scheduling.cancel_appointment(actor=opened.actor, appointment_id=visit.pk)
    services.answer(actor=opened.actor, message_id=opened.message.pk)
    return redirect(reverse("notifications:link", args=[opened.token]) + f"?done={wanted}")


@with_link
def move(request: HttpRequest, opened: Opened) -> HttpResponse:
    """Free times of the same doctor and service; a press moves the visit at once, the old time until then kept."""
    if KINDS[opened.message.kind].about != About.VISIT:
        raise NotFound
    return _move(request, Link.of(opened))


def _move(request: HttpRequest, opened: Link) -> HttpResponse:
    form = MoveForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        raise BadInput
    if not opened.may_change:
        return _page(request, opened)
    start = form.cleaned_data["start"]
    if request.method == "GET" or start is None:
        return _times(request, opened, form.cleaned_data["day"])
    try:
        moved = scheduling.move_to(actor=opened.actor, appointment_id=opened.visit.pk, start=start)
    except SlotTaken:
        return _times(request, opened, start.astimezone(_choice(opened).zone).date(), lost=start)
    except Conflict as refused:
        return _times(request, opened, start.astimezone(_choice(opened).zone).date(), refused=refused)
    services.answer(actor=opened.actor, message_id=opened.message.pk)
    return render(request, "notifications/link.html", {"link": opened, "visit": moved, "is_moved": True})


def _choice(opened: Link) -> selectors.Choice:
    visit = opened.visit
    rows = ServiceOffer.objects.select_related(*selectors.OFFER_RELATIONS)
    offer = get_one(rows, role_id=visit.role_id, service_id=visit.service_id, role__is_active=True)
    return selectors.choice_of(offer)


def _times(request: HttpRequest, opened: Link, day: date | None, **more: Any) -> HttpResponse:
    choice = _choice(opened)
    today = opened.now.astimezone(choice.zone).date()
    first = max(day or today, today)
    window = selectors.When(mode=opened.visit.mode, first=first, last=first + timedelta(days=DAYS_SHOWN - 1))
    slots = free_slots([window.window(choice)], mode=opened.visit.mode)
    context = {
        "link": opened,
        "visit": opened.visit,
        "days": selectors.days_of(slots, choice.zone, choice.offer.service, opened.visit.mode),
        "first": first,
        "last": first + timedelta(days=DAYS_SHOWN - 1),
        "earlier": first - timedelta(days=DAYS_SHOWN) if first > today else None,
        "later": first + timedelta(days=DAYS_SHOWN)
        if first + timedelta(days=DAYS_SHOWN) <= choice.bounds.last_day
        else None,
        "now": opened.now,
    } | more
    return render(request, "notifications/link_times.html", context, status=409 if more else 200)
