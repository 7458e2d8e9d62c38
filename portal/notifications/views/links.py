"""The link of a message: confirm, move, cancel without signing in.

Opening it shows the day, the hour and the place and nothing else: the phone may be a shared one, and scanners open
links. Only a button changes anything. The link ends with the version of the visit it speaks of, and with the visit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.kernel.access import current_trail
from portal.kernel.actor import Actor, link_bearer
from portal.kernel.address import client_ip, network_of
from portal.kernel.base import get_one
from portal.kernel.errors import BadInput, Conflict, NotFound, TooMany, respond
from portal.kernel.link_door import link_door
from portal.kernel.origin import from_own_pages
from portal.notifications import services
from portal.notifications.forms_own import LinkForm, MoveForm
from portal.notifications.models import Message
from portal.notifications.services.send import token_digest
from portal.people.models import ServiceOffer
from portal.people.rates import is_over
from portal.scheduling import selectors
from portal.scheduling import services as scheduling
from portal.scheduling.errors import SlotTaken
from portal.scheduling.models import Appointment
from portal.scheduling.selectors_sql import database_now, free_slots

GUESSES = (20, timedelta(minutes=1))
DAYS_SHOWN = 7


@dataclass(frozen=True)
class Link:
    """A link that leads somewhere: the message it came with and the visit, whatever has become of it."""

    token: str
    actor: Actor
    message: Message
    visit: Appointment
    now: datetime

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


View = Callable[[HttpRequest, Link], HttpResponse]


def with_link(view: View) -> Callable[[HttpRequest, str], HttpResponse]:
    """Open the door behind the token, whoever is signed in here; the same 404 for every token that leads nowhere."""

    @never_cache
    @from_own_pages
    @require_http_methods(["GET", "POST"])
    @functools.wraps(view)
    def opened(request: HttpRequest, token: str) -> HttpResponse:
        link = _open(request, token)
        language = _language(request, link)
        with override(language):
            response = view(request, link) if link else _nowhere(request)
        response["Content-Language"] = language
        response["X-Robots-Tag"] = "noindex"
        response["Referrer-Policy"] = "same-origin"  # no-referrer would take the Origin from our own forms
        return response

    return opened


def _language(request: HttpRequest, link: Link | None) -> str:
    """That of the message, unless this browser has chosen one."""
    has_chosen = settings.LANGUAGE_COOKIE_NAME in request.COOKIES
    return (link.message.language if link and not has_chosen else "") or get_language() or "ru"


def _nowhere(request: HttpRequest) -> HttpResponse:
    """Answered, not raised: the guess has to be counted, and a refusal that is raised takes the count back."""
    is_guessing = is_over("link", network_of(client_ip(request)), GUESSES)
    return respond(request, TooMany() if is_guessing else NotFound())


def _open(request: HttpRequest, token: str) -> Link | None:
    actor = link_bearer(request.request_id)  # type: ignore[attr-defined]
    request.actor = actor  # type: ignore[attr-defined]
    current_trail().become(actor)
    found = link_door(token_digest(token), purpose="message")
    if found is None:
        return None
    message = get_one(Message.objects.visible_to(actor), pk=found.message_id)
    visits = Appointment.objects.visible_to(actor).select_related("location__organization", "service", "role")
    return Link(token, actor, message, get_one(visits, pk=message.subject_id), database_now())


@with_link
def link(request: HttpRequest, opened: Link) -> HttpResponse:
    """What the message is about; with a button pressed, what came of it."""
    if request.method == "POST":
        return _pressed(request, opened)
    return _page(request, opened, asks=request.GET.get("ask") == "cancel")


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
def move(request: HttpRequest, opened: Link) -> HttpResponse:
    """Free times of the same doctor and service; a press moves the visit at once, the old time until then kept."""
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
