"""The messenger: the person's link to our bot, and what the messenger tells us."""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from portal.kernel.access import current_trail
from portal.kernel.actor import Actor, link_bearer
from portal.kernel.errors import Forbidden, NotFound
from portal.kernel.link_door import chat_door
from portal.kernel.ports import port
from portal.notifications import services
from portal.notifications.ports_chat import ChatEvent, ChatEventKind
from portal.notifications.selectors_ways import has_bot
from portal.notifications.services.chat import chat_digest, link_digest
from portal.notifications.views.own import me_of, own_page
from portal.people.views.guards import patient_page

SECRET_HEADER = "X-Max-Bot-Api-Secret"  # noqa: S105 - the name, not the secret


@never_cache
@require_POST
@patient_page
def connect(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The one-time link, shown in the answer itself: only its digest is kept."""
    me = me_of(actor)
    if not has_bot():
        raise NotFound
    token = secrets.token_urlsafe(24)
    services.ask_link(actor=actor, patient_id=me.pk, digest=link_digest(token))
    return own_page(request, actor, me, start_link=port("chat").start_link(token))


@require_POST
@patient_page
def disconnect(request: HttpRequest, actor: Actor) -> HttpResponse:
    services.end_chat(actor=actor, patient_id=me_of(actor).pk)
    return redirect("notifications:own")


@csrf_exempt
@require_POST
def hook(request: HttpRequest) -> HttpResponse:
    """Called by the messenger. 200 whatever it tells: it would only repeat what we do not want to know."""
    event: ChatEvent | None = port("chat").parse_update(request.body, request.headers.get(SECRET_HEADER, ""))
    if event is None:
        raise Forbidden
    if event.kind != ChatEventKind.OTHER:
        actor = link_bearer(request.request_id)  # type: ignore[attr-defined]
        request.actor = actor  # type: ignore[attr-defined]
        current_trail().become(actor)
        _started(actor, event) if event.kind == ChatEventKind.STARTED else _stopped(actor, event)
    return HttpResponse(status=200)


def _started(actor: Actor, event: ChatEvent) -> None:
    """A start without a token, or with one that is spent or invented, binds nothing."""
    digest = link_digest(event.binding)
    patient_id = chat_door(digest, by_link=True) if event.binding else None
    if patient_id is None:
        return
    try:
        services.bind_chat(actor=actor, patient_id=patient_id, digest=digest, chat_id=event.chat_id)
    except services.ChatTaken:
        owner_id = chat_door(chat_digest(event.chat_id), by_link=False)
        if owner_id:
            services.refuse_chat(actor=actor, patient_id=patient_id, digest=digest, owner_id=owner_id)


def _stopped(actor: Actor, event: ChatEvent) -> None:
    patient_id = chat_door(chat_digest(event.chat_id), by_link=False)
    if patient_id:
        services.end_chat(actor=actor, patient_id=patient_id)
