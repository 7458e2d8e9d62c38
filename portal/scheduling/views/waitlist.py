"""Waiting for a time to become free: join, see where one stands, pause, leave; take a time that is kept, or not."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from portal.kernel.actor import Actor
from portal.kernel.errors import BadInput, NotFound
from portal.people.compartment import open_own_doors
from portal.people.models.directory import Mode, Payer
from portal.people.selectors import own_people
from portal.people.views.guards import patient_page, posted
from portal.scheduling import selectors, services
from portal.scheduling.errors import AlreadyWaiting, OfferOver, OneADay, PatientBusy, TooManyWaits
from portal.scheduling.forms_waitlist import USUAL, EntryForm, JoinForm, OfferForm, WaitedForm
from portal.scheduling.models import WaitlistEntry, WaitlistOffer
from portal.scheduling.selectors_sql import database_now
from portal.scheduling.selectors_sql.waitlist import waiting_before


@never_cache
@require_GET
@patient_page
def waiting(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Times kept for the person's family now, and every queue they stand in."""
    open_own_doors(actor, purpose="waiting")
    people = {person.pk: person for person in own_people(actor)}
    entries = list(selectors.waits(actor))
    context = {
        "offers": list(selectors.offers_open(actor)),
        "rows": [_row(one, people) for one in entries],
        "is_new": request.GET.get("new") == "1",
        "has_left": request.GET.get("left") == "1",
        "now": database_now(),
    }
    return render(request, "scheduling/waiting.html", context)


def _row(one: WaitlistEntry, people: dict[UUID, Any]) -> dict[str, Any]:
    person = people.get(one.patient_id)
    is_waiting = one.state == WaitlistEntry.State.WAITING
    return {
        "entry": one,
        "person": person if person and len(people) > 1 else None,
        "before": waiting_before(one.pk) if is_waiting else None,
        "is_waiting": is_waiting,
        "is_tired": not is_waiting and one.ignored >= services.MOST_IGNORED,
        "mode": str(Mode(one.mode).label) if one.mode else "",
    }


@never_cache
@require_http_methods(["GET", "POST"])
@patient_page
def join(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Which days, which hours, for whom; what is waited for stands in the address."""
    waited = WaitedForm(request.GET)
    if not waited.is_valid():
        raise BadInput(_("Choose a doctor or a specialty first, then wait for a time from that page."))
    found = _found(waited.cleaned_data)
    open_own_doors(actor, purpose="waiting")
    now = database_now()
    today = now.astimezone(found[0].zone).date()
    initial = {"first_day": today, "last_day": today + USUAL, "way": waited.cleaned_data["mode"]}
    form = JoinForm(posted(request), today=today, payers=_payers(found), initial=initial)
    if form.is_bound and form.is_valid():
        try:
            services.join(actor=actor, patient_id=form.cleaned_data["patient"], wish=_wish(waited, form, found[0]))
        except (AlreadyWaiting, TooManyWaits) as refused:
            form.add_error(None, str(refused.title) + ". " + str(refused.text))
        except NotFound:
            form.add_error("patient", _("Choose who is coming."))
        else:
            return redirect(f"{reverse('scheduling:waiting')}?new=1")
    return _join_page(request, actor, form, waited.cleaned_data, found)


def _found(asked: dict[str, Any]) -> list[selectors.Choice]:
    filters = selectors.Filters(
        practitioner=asked["doctor"],
        specialty=asked["specialty"],
        service=asked["service"],
        location=asked["location"],
        mode=asked["mode"],
    )
    if found := selectors.choices(filters):
        return found
    raise NotFound


def _wish(waited: WaitedForm, form: JoinForm, choice: selectors.Choice) -> services.Wish:
    asked, answers = waited.cleaned_data, form.cleaned_data
    role = choice.role
    return services.Wish(
        organization_id=role.organization_id,
        specialty_id=role.specialty_id,
        practitioner_id=role.practitioner_id if asked["doctor"] else None,
        location_id=role.location_id if asked["location"] else None,
        service_id=choice.offer.service_id if asked["service"] else None,
        mode=answers["way"],
        payer=answers["payer"] or Payer.SELF,
        first_day=answers["first_day"],
        last_day=answers["last_day"],
        hours=form.hours,
        at_night=answers["at_night"],
    )


def _join_page(
    request: HttpRequest, actor: Actor, form: JoinForm, asked: dict[str, Any], found: list[selectors.Choice]
) -> HttpResponse:
    choice = found[0]
    nearest = selectors.with_nearest(found)[0]
    service = choice.offer.service
    people = own_people(actor)
    context = {
        "form": form,
        "choice": choice,
        "doctor": choice.role.practitioner if asked["doctor"] else None,
        "place": choice.role.location if asked["location"] else None,
        "service": service if asked["service"] or asked["doctor"] else None,
        "nearest": nearest if nearest.nearest else None,
        "people": [{"patient": p, "is_self": p.user_id == actor.user_id} for p in people],
        "chosen": str(form["patient"].value() or people[0].pk),
        "payers": _payers(found),
        "has_ways": len(service.modes) > 1 or not asked["service"],
        "leave_url": _back(asked),
        "now": database_now(),
    }
    return render(request, "scheduling/waiting_join.html", context, status=422 if form.is_bound else 200)


def _payers(found: list[selectors.Choice]) -> list[tuple[str, str]]:
    """Who may pay any of these doctors."""
    taken = {payer for choice in found for payer in choice.offer.service.payers}
    return [(value, str(label)) for value, label in Payer.choices if value in taken]


def _back(asked: dict[str, Any]) -> str:
    if asked["doctor"]:
        return reverse("scheduling:doctor", args=[asked["doctor"]])
    return f"{reverse('scheduling:results')}?specialty={asked['specialty']}"


@never_cache
@require_http_methods(["GET", "POST"])
@patient_page
def entry(request: HttpRequest, actor: Actor, entry_id: UUID) -> HttpResponse:
    """GET asks whether to leave, because the place is lost with it; a button pauses, resumes, leaves."""
    own = services.open_wait(actor, entry_id)
    if request.method == "GET":
        if not own.is_live:
            return redirect("scheduling:waiting")
        rows = WaitlistEntry.objects.visible_to(actor).select_related(*selectors.ENTRY_RELATIONS)
        context = {"entry": rows.get(pk=entry_id), "before": waiting_before(entry_id), "now": database_now()}
        return render(request, "scheduling/waiting_leave.html", context)
    form = EntryForm(request.POST)
    if not form.is_valid():
        raise BadInput
    act = {"pause": services.pause, "resume": services.resume, "leave": services.leave}[form.cleaned_data["action"]]
    act(actor=actor, entry_id=entry_id)
    return redirect(reverse("scheduling:waiting") + ("?left=1" if act is services.leave else ""))


@never_cache
@require_http_methods(["GET", "POST"])
@patient_page
def offer(request: HttpRequest, actor: Actor, offer_id: UUID) -> HttpResponse:
    """A time that is kept: take it, or leave it to the next person."""
    own = services.open_offer(actor, offer_id)
    form = OfferForm(request.POST)
    if request.method == "GET":
        return _offer_page(request, actor, own)
    if not form.is_valid():
        raise BadInput
    if form.cleaned_data["action"] == "decline":
        services.decline_offer(actor=actor, offer_id=offer_id)
        return redirect("scheduling:waiting")
    try:
        visit = services.accept_offer(actor=actor, offer_id=offer_id)
    except OfferOver:
        return _offer_page(request, actor, services.open_offer(actor, offer_id), status=409)
    except (PatientBusy, OneADay) as refused:
        return _offer_page(request, actor, own, refused=refused, status=409)
    return redirect(f"{reverse('scheduling:visit', args=[visit.pk])}?new=1")


def _offer_page(
    request: HttpRequest, actor: Actor, own: WaitlistOffer, *, status: int = 200, refused: Any = None
) -> HttpResponse:
    now = database_now()
    held = next(iter(selectors.live_holds(own.hold, own.pk)), None) if own.hold and own.is_open(now) else None
    if own.state == WaitlistOffer.State.ACCEPTED:
        return redirect("scheduling:visit", own.hold)
    person = next((p for p in own_people(actor) if p.pk == own.patient_id), None)
    context = {
        "offer": own,
        "held": held,
        "zone": own.role.location.zone,
        "person": person if person and person.user_id != actor.user_id else None,
        "refused": refused,
        "total": round((own.expires_at - own.created_at).total_seconds()),
        "now": now,
    }
    return render(request, "scheduling/waiting_offer.html", context, status=status)
