"""The link of an offer: one tap takes the time that is kept, another leaves it to the next person.

As with every link of a message: the day, the hour and the place, nothing else; only a button changes anything.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from portal.kernel.errors import BadInput
from portal.notifications.views.link_door import Opened
from portal.scheduling import services
from portal.scheduling.errors import OfferOver, OneADay, PatientBusy
from portal.scheduling.forms_waitlist import OfferForm
from portal.scheduling.models import WaitlistOffer


def offer_link(request: HttpRequest, opened: Opened) -> HttpResponse:
    if request.method == "GET":
        return _page(request, opened)
    form = OfferForm(request.POST)
    if not form.is_valid():
        raise BadInput
    act = services.accept_offer if form.cleaned_data["action"] == "take" else services.decline_offer
    try:
        act(actor=opened.actor, offer_id=opened.message.subject_id)
    except OfferOver:
        return _page(request, opened, status=409)
    except (PatientBusy, OneADay) as refused:
        return _page(request, opened, refused=refused, status=409)
    return redirect(reverse("notifications:link", args=[opened.token]))


def _page(request: HttpRequest, opened: Opened, *, status: int = 0, **more: Any) -> HttpResponse:
    offer = services.open_offer(opened.actor, opened.message.subject_id)
    is_open = offer.is_open(opened.now)
    is_over = not is_open and offer.state != WaitlistOffer.State.ACCEPTED
    context = {
        "link": opened,
        "offer": offer,
        "place": offer.role.location,
        "offer_place": {"start": offer.start, "location": offer.role.location, "mode": offer.mode},
        "is_open": is_open,
        "is_taken": offer.state == WaitlistOffer.State.ACCEPTED,
        "is_declined": offer.state == WaitlistOffer.State.DECLINED,
        "total": round((offer.expires_at - offer.created_at).total_seconds()),
        "now": opened.now,
    } | more
    status = status or (409 if is_over and offer.state != WaitlistOffer.State.DECLINED else 200)
    return render(request, "notifications/link_offer.html", context, status=status)
