"""The private calendar: the person's page about it, and the address that their calendar reads without signing in."""

from __future__ import annotations

import secrets
import time
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import conditional_page, require_GET, require_POST, require_safe

from portal.kernel import crypto
from portal.kernel.access import current_trail
from portal.kernel.actor import Actor, link_bearer
from portal.kernel.address import client_ip, network_of
from portal.kernel.base import get_one
from portal.kernel.errors import NotFound, TooMany, respond
from portal.kernel.link_door import Feed, feed_door
from portal.people.compartment import open_own_doors
from portal.people.models import Patient
from portal.people.rates import is_over
from portal.people.selectors import own_people
from portal.people.views.guards import patient_page
from portal.scheduling import selectors, services
from portal.scheduling.calendar import feed_file

HOUR = timedelta(hours=1)
READS = (60, HOUR)
ADDRESSES = (5, timedelta(days=1))  # each is told to every contact
GUESSES = (20, timedelta(minutes=1))


@never_cache
@require_GET
@patient_page
def page(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What the address gives away, and the button that makes it."""
    return _page(request, actor, _own(actor))


@never_cache
@require_POST
@patient_page
def make(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Shown once, in the answer itself: kept nowhere, so it cannot be shown again."""
    people = _own(actor)
    if is_over("calendar", str(people[0].pk), ADDRESSES):
        raise TooMany
    token = secrets.token_urlsafe(16)
    services.open_feed(actor=actor, patient_id=people[0].pk, digest=_digest(token))
    address = settings.PUBLIC_URL + reverse("scheduling:feed", args=[token])
    return _page(request, actor, people, address=address, webcal=f"webcal://{address.split('://', 1)[1]}")


@never_cache
@require_POST
@patient_page
def revoke(request: HttpRequest, actor: Actor) -> HttpResponse:
    services.revoke_feed(actor=actor, patient_id=_own(actor)[0].pk)
    return redirect(reverse("scheduling:feed-page") + "?revoked=1")


def _page(request: HttpRequest, actor: Actor, people: list[Patient], **more: str) -> HttpResponse:
    me = people[0]
    feed = selectors.live_feed(actor, me.pk)
    is_revoked = feed is None and request.GET.get("revoked") == "1"
    context = {"me": me, "feed": feed, "is_revoked": is_revoked, "has_others": len(people) > 1} | more
    return render(request, "scheduling/feed.html", context)


def _own(actor: Actor) -> list[Patient]:
    """The person and those they represent; a calendar belongs to a person, so an account without one has none."""
    open_own_doors(actor, purpose="calendar")
    people = own_people(actor)
    if people[0].user_id != actor.account:
        raise NotFound
    return people


def _digest(token: str) -> bytes:
    return crypto.blind_index("calendar-feed", token)


@require_safe
@conditional_page
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The visits for whoever has the address; the same 404 for every address that leads nowhere."""
    actor = link_bearer(request.request_id)  # type: ignore[attr-defined]
    request.actor = actor  # type: ignore[attr-defined]
    current_trail().become(actor)
    opened = feed_door(_digest(token))
    response = _nowhere(request) if opened is None else _read(request, actor, opened)
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _nowhere(request: HttpRequest) -> HttpResponse:
    """Answered, not raised: the guess has to be counted, and a refusal that is raised takes the count back."""
    is_guessing = is_over("link", network_of(client_ip(request)), GUESSES)
    return respond(request, TooMany() if is_guessing else NotFound())


def _read(request: HttpRequest, actor: Actor, opened: Feed) -> HttpResponse:
    if is_over("calendar-feed", str(opened.feed_id), READS):
        response = respond(request, TooMany())
        seconds = int(HOUR.total_seconds())
        response["Retry-After"] = str(seconds - int(time.time()) % seconds)
        return response
    owner = get_one(Patient.objects.visible_to(actor), pk=opened.owner_id)
    with override(owner.language):
        body = feed_file(list(selectors.in_calendar(actor)), _visit_page)
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response["Cache-Control"] = "private, no-cache"
    return response


def _visit_page(visit_id: UUID) -> str:
    return settings.PUBLIC_URL + reverse("scheduling:visit", args=[visit_id])
