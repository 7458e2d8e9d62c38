"""From a pressed time to a visit: hold, check, confirm. Every address here belongs to one browser's hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from portal.kernel.actor import Actor, Role
from portal.kernel.errors import Forbidden, NotFound, SignInNeeded
from portal.people.compartment import open_own_doors
from portal.people.models import Contact, Patient, ServiceOffer
from portal.people.selectors import contacts_of, own_people
from portal.scheduling import selectors, services
from portal.scheduling.errors import AgeNotServed, HoldOver, NotOffered, PatientBusy, SlotTaken
from portal.scheduling.forms import CheckForm, HoldForm
from portal.scheduling.models import Occupancy
from portal.scheduling.selectors_sql import Wanted, database_now

OWNER = "hold_owner"


@require_POST
def hold(request: HttpRequest) -> HttpResponse:
    """A press on a time: ten minutes for this browser, then the check page."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    form = HoldForm.from_press(request.POST)
    if not form.is_valid():
        raise NotOffered
    asked = form.cleaned_data
    owner = _owner(request) or uuid4()
    request.session[OWNER] = str(owner)
    try:
        held = services.hold_time(
            actor=actor,
            owner=owner,
            role_id=asked["role"],
            service_id=asked["service"],
            mode=asked["mode"],
            start=asked["start"],
        )
    except SlotTaken:
        raise SlotTaken(**_instead(asked["role"], asked["service"], asked["mode"], asked["start"])) from None
    return redirect("scheduling:check", held.pk)


def _owner(request: HttpRequest) -> UUID | None:
    value = request.session.get(OWNER)
    return UUID(value) if value else None


def _instead(role_id: UUID, service_id: UUID, mode: str, around: datetime) -> dict[str, Any]:
    """What the page of a lost time offers: the nearest three of the same doctor."""
    offer = ServiceOffer.objects.select_related(
        "service", "role__practitioner", "role__location", "role__specialty"
    ).get(role_id=role_id, service_id=service_id)
    choice = selectors.Choice(offer.role, offer)
    slots = selectors.alternatives(
        wanted=Wanted(role_id, service_id, offer.service.duration_minutes), mode=mode, around=around
    )
    return {
        "template": "scheduling/taken.html",
        "choice": choice,
        "lost": around.astimezone(choice.zone),
        "days": selectors.days_of(slots, choice.zone, offer.service, mode),
        "now": database_now(),
    }


@never_cache
@require_GET
def check(request: HttpRequest, hold_id: UUID) -> HttpResponse:
    """Is everything right? Anyone with the hold sees the time; people to choose from appear after sign-in."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    held = _held(request, hold_id)
    return _check_page(request, actor, held, None)


def _held(request: HttpRequest, hold_id: UUID) -> Occupancy:
    """This browser's live hold; `HoldOver` with alternatives when it has run out; `NotFound` for anyone else."""
    owner = _owner(request)
    held = selectors.live_hold(hold_id, owner)
    if held:
        return held
    lost = Occupancy.objects.filter(pk=hold_id, owner=owner, kind=Occupancy.Kind.HOLD).first() if owner else None
    if lost is None or lost.service_id is None:
        raise NotFound(_("This time is not held for you any more. Choose a time again."))
    raise HoldOver(**_instead(lost.role_id, lost.service_id, lost.mode, lost.start))


def _check_page(request: HttpRequest, actor: Actor, held: Occupancy, form: CheckForm | None) -> HttpResponse:
    people: list[dict[str, Any]] = []
    contact = None
    if actor.role == Role.PATIENT:
        open_own_doors(actor, purpose="booking")
        people = _people(actor, held)
        contact = _reminder_contact(actor, people)
    chosen = [p["patient"].pk for p in people if not p["reason"]][:1]
    form = form or CheckForm(initial={"patient": chosen[0] if chosen else None})
    context = {
        "held": held,
        "zone": held.role.location.zone,
        "offer": ServiceOffer.objects.select_related("service").get(role_id=held.role_id, service_id=held.service_id),
        "people": people,
        "contact": contact,
        "form": form,
        "now": database_now(),
        "hold_minutes": 10,
        "sign_in_url": f"{reverse('people:sign-in')}?next={reverse('scheduling:check', args=[held.pk])}",
        "is_staff": actor.is_staff,
    }
    return render(request, "scheduling/check.html", context, status=422 if form.is_bound else 200)


def _people(actor: Actor, held: Occupancy) -> list[dict[str, Any]]:
    """Everyone the person may book for; those this doctor does not see are shown with the reason."""
    doctor = held.practitioner
    day = held.start.astimezone(ZoneInfo(held.role.location.zone)).date()
    return [
        {"patient": p, "is_self": p.user_id == actor.user_id, "reason": _why_not(p.age_on(day), doctor)}
        for p in own_people(actor)
    ]


def _why_not(age: int, doctor: Any) -> str:
    if age < doctor.min_age:
        return (
            _("this doctor sees adults only")
            if doctor.min_age >= 18
            else _("this doctor sees patients from %d") % doctor.min_age
        )
    return _("this doctor sees children only") if age > doctor.max_age else ""


def _reminder_contact(actor: Actor, people: list[dict[str, Any]]) -> Contact | None:
    own: Patient | None = next((p["patient"] for p in people if p["is_self"]), None)
    confirmed = [c for c in contacts_of(actor, own.pk) if c.verified_at] if own else []
    return confirmed[0] if confirmed else None


@require_POST
def confirm(request: HttpRequest, hold_id: UUID) -> HttpResponse:
    """The one main button. Pressed twice, it leads to the same visit."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if not actor.is_signed_in:
        raise SignInNeeded
    if actor.role != Role.PATIENT:
        raise Forbidden
    owner = _owner(request)
    if owner is None:
        raise NotFound
    if _is_booked(hold_id):
        return redirect("scheduling:visit", hold_id)
    held = _held(request, hold_id)
    form = CheckForm(request.POST)
    if not form.is_valid():
        return _check_page(request, actor, held, form)
    try:
        visit = services.book_appointment(
            actor=actor,
            patient_id=form.cleaned_data["patient"],
            hold_id=hold_id,
            owner=owner,
            comment=form.cleaned_data["comment"],
        )
    except HoldOver:
        raise HoldOver(**_instead(held.role_id, held.service_id or hold_id, held.mode, held.start)) from None
    except (PatientBusy, AgeNotServed) as problem:
        form.add_error("patient", str(problem.text))
        return _check_page(request, actor, held, form)
    return redirect(f"{reverse('scheduling:visit', args=[visit.pk])}?new=1")


def _is_booked(hold_id: UUID) -> bool:
    return Occupancy.objects.filter(pk=hold_id, owner=hold_id, kind=Occupancy.Kind.BOOKED).exists()


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Leave the booking: the time goes back to others at once."""
    owner = _owner(request)
    if owner:
        services.release_hold(actor=request.actor, owner=owner)  # type: ignore[attr-defined]
    return redirect("scheduling:home")
