"""The door of a message's link, for whatever the message is about."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.kernel.access import current_trail
from portal.kernel.actor import Actor, link_bearer
from portal.kernel.address import client_ip, network_of
from portal.kernel.base import get_one
from portal.kernel.errors import NotFound, TooMany, respond
from portal.kernel.link_door import link_door
from portal.kernel.origin import from_own_pages
from portal.notifications.models import Message
from portal.notifications.services.send import token_digest
from portal.people.rates import is_over
from portal.scheduling.selectors_sql import database_now

GUESSES = (20, timedelta(minutes=1))


@dataclass(frozen=True)
class Opened:
    """A link that leads somewhere, and the message it came with."""

    token: str
    actor: Actor
    message: Message
    now: datetime


View = Callable[[HttpRequest, Opened], HttpResponse]


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
            response = view(request, link) if link else nowhere(request)
        response["Content-Language"] = language
        response["X-Robots-Tag"] = "noindex"
        response["Referrer-Policy"] = "same-origin"  # no-referrer would take the Origin from our own forms
        return response

    return opened


def _language(request: HttpRequest, link: Opened | None) -> str:
    """That of the message, unless this browser has chosen one."""
    has_chosen = settings.LANGUAGE_COOKIE_NAME in request.COOKIES
    return (link.message.language if link and not has_chosen else "") or get_language() or "ru"


def nowhere(request: HttpRequest) -> HttpResponse:
    """Answered, not raised: the guess has to be counted, and a refusal that is raised takes the count back."""
    is_guessing = is_over("link", network_of(client_ip(request)), GUESSES)
    return respond(request, TooMany() if is_guessing else NotFound())


def _open(request: HttpRequest, token: str) -> Opened | None:
    actor = link_bearer(request.request_id)  # type: ignore[attr-defined]
    request.actor = actor  # type: ignore[attr-defined]
    current_trail().become(actor)
    found = link_door(token_digest(token), purpose="message")
    if found is None:
        return None
    return Opened(token, actor, get_one(Message.objects.visible_to(actor), pk=found.message_id), database_now())
