"""Notifications in the person's own browsers: on, off, and the browser's word that one was shown."""

from __future__ import annotations

import functools
from pathlib import Path
from uuid import UUID

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.kernel.access import current_trail
from portal.kernel.actor import Actor, link_bearer
from portal.kernel.errors import BadInput, NotFound
from portal.kernel.link_door import link_door
from portal.kernel.origin import from_own_pages
from portal.notifications import services
from portal.notifications.forms_ways import DeviceForm, ShownForm
from portal.notifications.parcels import shown_digest
from portal.notifications.selectors_ways import push_key
from portal.notifications.views.link_door import nowhere
from portal.notifications.views.own import me_of, own_page
from portal.people.views.guards import patient_page
from portal.people.views.sign_in import device_family


@require_POST
@patient_page
def add(request: HttpRequest, actor: Actor) -> HttpResponse:
    """This browser shows notifications from now on."""
    me = me_of(actor)
    form = DeviceForm(request.POST)
    if not form.is_valid():
        return own_page(request, actor, me, device_form=form, status=422)
    if not push_key():
        raise NotFound
    name = device_family(request.headers.get("User-Agent", ""))
    subscription = form.cleaned_data["subscription"]
    services.add_device(actor=actor, patient_id=me.pk, subscription=subscription, name=name)
    return redirect("notifications:own")


@require_POST
@patient_page
def remove(request: HttpRequest, actor: Actor, device_id: UUID) -> HttpResponse:
    services.remove_device(actor=actor, patient_id=me_of(actor).pk, device_id=device_id)
    return redirect("notifications:own")


@never_cache
@from_own_pages
@require_POST
def shown(request: HttpRequest) -> HttpResponse:
    """From the browser's worker, which has no session: the message's own random id is all it knows."""
    form = ShownForm(request.POST)
    if not form.is_valid():
        raise BadInput
    actor = link_bearer(request.request_id)  # type: ignore[attr-defined]
    request.actor = actor  # type: ignore[attr-defined]
    current_trail().become(actor)
    found = link_door(shown_digest(form.cleaned_data["id"]), purpose="shown")
    if found is None:
        return nowhere(request)
    services.note_shown(actor=actor, message_id=found.message_id)
    return HttpResponse(status=204)


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The script that shows notifications. From the root, because a worker's reach is where it comes from."""
    response = HttpResponse(_script(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


@functools.cache
def _script() -> bytes:
    found = finders.find("built/worker.js")
    if not isinstance(found, str):
        raise NotFound
    return Path(found).read_bytes()
