"""For the patient: what we sent you and shall send, and what you want to hear."""

from __future__ import annotations

from itertools import product
from typing import Any

from django.http import HttpRequest, HttpResponse
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
from portal.notifications.models import Channel, Message, MessageState
from portal.notifications.selectors import ways_to, wishes_of
from portal.people.compartment import open_own_doors
from portal.people.models import Patient
from portal.people.selectors import own_people
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
NEVER_SENT = (MessageState.SUPERSEDED, MessageState.CANCELED, MessageState.SKIPPED)


@never_cache
@require_http_methods(["GET", "POST"])
@patient_page
def messages(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The list, and the wishes below it."""
    open_own_doors(actor, purpose="messages")
    me = get_one(Patient.objects.visible_to(actor), user_id=actor.account)
    wishes = wishes_of(actor, me.pk)
    ways = [way.channel for way in ways_to(actor, me.pk, wishes)]
    form = WishesForm(posted(request), initial={"first": wishes.first, "zone": wishes.zone})
    if request.method == "POST" and form.is_valid():
        off = [f"{s}:{c}" for s, c in product(STREAM_WORDS, ways) if f"{s}:{c}" not in request.POST.getlist("on")]
        first, zone = form.cleaned_data["first"], form.cleaned_data["zone"]
        services.set_wishes(actor=actor, patient_id=me.pk, off=off, first=first, zone=zone)
        return redirect("notifications:own")
    context = {
        "planned": _rows(
            actor, Message.objects.visible_to(actor).filter(state=MessageState.PLANNED).order_by("due_at")
        ),
        "sent": _rows(
            actor,
            Message.objects.visible_to(actor)
            .exclude(state__in=[MessageState.PLANNED, *NEVER_SENT])
            .order_by("-due_at"),
        ),
        "matrix": _matrix(wishes, ways),
        "channels": [Channel(way).label for way in ways],
        "form": form,
        "now": database_now(),
    }
    return render(request, "notifications/own.html", context, status=422 if form.is_bound else 200)


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
    return [
        {
            "label": label,
            "boxes": [
                {"value": f"{stream}:{way}", "label": Channel(way).label, "is_on": wishes.allows(stream, way)}
                for way in ways
            ],
        }
        for stream, label in STREAM_WORDS.items()
    ]
