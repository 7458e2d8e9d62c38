"""For the patient: what we sent you and shall send, and what you want to hear."""

from __future__ import annotations

import hashlib
from itertools import product
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.kernel.actor import Actor
from portal.kernel.base import get_one
from portal.notifications import services
from portal.notifications.forms_own import WishesForm
from portal.notifications.kinds import Stream
from portal.notifications.labels import kind_words, state_words
from portal.notifications.models import Channel, Message, MessageState, MessageWishes
from portal.notifications.models_ways import PushDevice
from portal.notifications.selectors import NEVER_SAID, ways_to, wishes_of
from portal.notifications.selectors_ways import binding_of, devices_of, has_bot, push_key
from portal.people.compartment import open_own_doors
from portal.people.models import Patient
from portal.people.selectors import contacts_of, own_people
from portal.people.views.guards import patient_page, posted
from portal.scheduling import selectors
from portal.scheduling.selectors_sql import database_now

SHOWN = 50
STREAM_WORDS = {
    Stream.VISITS: _("Bookings and changes"),
    Stream.REMINDERS: _("Reminders"),
    Stream.OFFERS: _("Times that have become free"),
    Stream.DOCUMENTS: _("New documents"),
}
SHORT = {Channel.PUSH: _("notification"), Channel.CHAT: "MAX"}  # sixteen boxes have to fit on a phone


@never_cache
@require_http_methods(["GET", "POST"])
@patient_page
def messages(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The list, and the wishes below it."""
    me = me_of(actor)
    wishes = wishes_of(actor, me.pk)
    form = _form(wishes, posted(request))
    if request.method == "POST" and form.is_valid():
        off = _off(wishes, _channels(actor, me, wishes), request.POST.getlist("on"))
        first, zone = form.cleaned_data["first"], form.cleaned_data["zone"]
        services.set_wishes(actor=actor, patient_id=me.pk, off=off, first=first, zone=zone)
        return redirect("notifications:own")
    return own_page(request, actor, me, form=form, status=422 if form.is_bound else 200)


def me_of(actor: Actor) -> Patient:
    """The person, with the doors of all they act for open."""
    open_own_doors(actor, purpose="messages")
    me: Patient = get_one(Patient.objects.visible_to(actor), user_id=actor.account)
    return me


def own_page(request: HttpRequest, actor: Actor, me: Patient, *, status: int = 200, **more: Any) -> HttpResponse:
    """The whole page. `more`: a form with what was entered, a link that is shown this one time."""
    wishes = wishes_of(actor, me.pk)
    ways = _channels(actor, me, wishes)
    mine = Message.objects.visible_to(actor)
    context = {
        "planned": _rows(actor, mine.filter(state=MessageState.PLANNED).order_by("due_at")),
        "sent": _rows(actor, mine.exclude(state__in=[MessageState.PLANNED, *NEVER_SAID]).order_by("-due_at")),
        "matrix": _matrix(wishes, ways),
        "channels": [Channel(way).label for way in ways],
        "form": _form(wishes),
        "push_key": push_key(),
        "devices": [_device(device) for device in devices_of(actor, me.pk)],
        "practice": _practice(),
        "has_bot": has_bot(),
        "binding": binding_of(actor, me.pk),
        "returning": [contact for contact in contacts_of(actor, me.pk) if contact.comes_back],
        "now": database_now(),
    }
    return render(request, "notifications/own.html", context | more, status=status)


def _form(wishes: MessageWishes, entered: QueryDict | None = None) -> WishesForm:
    return WishesForm(entered, initial={"first": wishes.first, "zone": wishes.zone}, has_push=bool(push_key()))


def _channels(actor: Actor, me: Patient, wishes: MessageWishes) -> list[str]:
    return [way.channel for way in ways_to(actor, me.pk, wishes)]


def _off(wishes: MessageWishes, ways: list[str], on: list[str]) -> list[str]:
    """Boxes left empty; what was settled of a way that is not there now stays settled."""
    absent = [code for code in wishes.off if code.partition(":")[2] not in ways]
    return absent + [f"{s}:{c}" for s, c in product(STREAM_WORDS, ways) if f"{s}:{c}" not in on]


def _device(device: PushDevice) -> dict[str, Any]:
    """`mark`: by it a browser knows itself in the list."""
    return {"device": device, "mark": hashlib.sha256(device.endpoint.encode()).hexdigest()}


def _practice() -> str:
    """The push service's double, where a subscription can be had without a browser's own push service."""
    first = settings.PORTAL.push_extra_hosts.partition(",")[0].strip()
    return first if settings.PORTAL.demo and first.startswith("http://") else ""


def _rows(actor: Actor, found: Any) -> list[dict[str, Any]]:
    messages = list(found[:SHOWN])
    people = {p.pk: p for p in own_people(actor)}
    visits = {v.pk: v for v in selectors.visits(actor).filter(pk__in={m.subject_id for m in messages})}
    return [
        {
            "message": m,
            "kind": kind_words(m),
            "state": state_words(m),
            "visit": visits.get(m.subject_id),
            "person": people.get(m.patient_id) if m.patient_id != m.recipient_id else None,
        }
        for m in messages
    ]


def _matrix(wishes: Any, ways: list[str]) -> list[dict[str, Any]]:
    """A row a stream, a box a channel."""
    words = {way: SHORT.get(Channel(way), Channel(way).label) for way in ways}
    return [
        {
            "label": label,
            "boxes": [
                {"value": f"{stream}:{way}", "label": words[way], "is_on": wishes.allows(stream, way)} for way in ways
            ],
        }
        for stream, label in STREAM_WORDS.items()
    ]
