"""From a pressed time to a visit: hold, check, confirm. Every address here belongs to one browser's holds."""

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

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.errors import Forbidden, NotFound, SignInNeeded
from portal.kernel.origin import from_own_pages
from portal.people.compartment import open_own_doors
from portal.people.models import Contact, Master, Patient, Payer, ServiceOffer
from portal.people.selectors import contacts_of, own_people
from portal.scheduling import selectors, services
from portal.scheduling.errors import (
    AgeNotServed,
    HoldOver,
    MisAway,
    NotOffered,
    OneADay,
    PatientBusy,
    PayerNotServed,
    ReferralNeeded,
    SlotTaken,
)
from portal.scheduling.forms import CheckForm, HoldForm, TogetherForm
from portal.scheduling.models import Appointment, Occupancy
from portal.scheduling.selectors_sql import database_now, patient_of_appointment
from portal.scheduling.views.limits import holder_of

OWNER = "hold_owner"
PERSON = "hold_person"  # whose visit is repeated: chosen already on the check page


@require_POST
@from_own_pages
def hold(request: HttpRequest) -> HttpResponse:
    """A press on a time: ten minutes for this browser, then the check page. `move` names a visit that would move."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    form = HoldForm.from_press(request.POST)
    if not form.is_valid():
        raise NotOffered
    asked = form.cleaned_data
    try:
        held = services.hold_time(
            actor=actor,
            owner=owner_or_new(request),
            role_id=asked["role"],
            service_id=asked["service"],
            mode=asked["mode"],
            start=asked["start"],
            replaces=asked["move"],
            holder=holder_of(request, actor),
        )
    except SlotTaken:
        raise taken(asked["role"], asked["service"], asked["mode"], asked["start"]) from None
    _remember_person(request, asked["person"])
    return redirect("scheduling:check", held.pk)


@require_POST
@from_own_pages
def hold_together(request: HttpRequest) -> HttpResponse:
    """Several times at once: a course, or services in a row."""
    form = TogetherForm.from_press(request.POST)
    if not form.is_valid():
        raise NotOffered
    actor: Actor = request.actor  # type: ignore[attr-defined]
    asks = [services.Ask(**ask) for ask in form.asks]
    try:
        held = services.hold_times(
            actor=actor, owner=owner_or_new(request), asks=asks, holder=holder_of(request, actor)
        )
    except SlotTaken as refused:
        lost: services.Ask = refused.context["ask"]
        raise taken(lost.role_id, lost.service_id, lost.mode, lost.start) from None
    return redirect("scheduling:check", held[0].batch)


def _owner(request: HttpRequest) -> UUID | None:
    value = request.session.get(OWNER)
    return UUID(value) if value else None


def owner_or_new(request: HttpRequest) -> UUID:
    owner = _owner(request) or uuid4()
    request.session[OWNER] = str(owner)
    return owner


def _remember_person(request: HttpRequest, person: UUID | None) -> None:
    if person:
        request.session[PERSON] = str(person)
    else:
        request.session.pop(PERSON, None)


def taken(role_id: UUID, service_id: UUID, mode: str, around: datetime) -> SlotTaken:
    """The answer to a lost time, with the nearest three."""
    return SlotTaken(**_instead(role_id, service_id, mode, around))


def _instead(role_id: UUID, service_id: UUID, mode: str, around: datetime) -> dict[str, Any]:
    """What the page of a lost time offers: the nearest three of the same doctor."""
    offer = ServiceOffer.objects.select_related(*selectors.OFFER_RELATIONS).get(role_id=role_id, service_id=service_id)
    choice = selectors.choice_of(offer)
    slots = selectors.alternatives(choice, mode=mode, around=around)
    return {
        "template": "scheduling/taken.html",
        "choice": choice,
        "lost": around.astimezone(choice.zone),
        "days": selectors.days_of(slots, choice.zone, offer.service, mode),
        "now": database_now(),
    }


@never_cache
@require_GET
def check(request: HttpRequest, batch: UUID) -> HttpResponse:
    """Is everything right? Anyone with the hold sees the time; people to choose from appear after sign-in."""
    return _check_page(request, held_by(request, batch), None)


def held_by(request: HttpRequest, batch: UUID) -> list[Occupancy]:
    """This browser's live holds; `HoldOver` with alternatives when they have run out; `NotFound` for anyone else."""
    owner = _owner(request)
    held = selectors.live_holds(batch, owner)
    if held:
        return held
    lost = next(iter(selectors.holds_of(batch, owner)), None)
    if lost is None or lost.service_id is None:
        raise NotFound(_("This time is not held for you any more. Choose a time again."))
    raise _over(lost, request.POST.get("comment", "")[:1000])


def _check_page(request: HttpRequest, holds: list[Occupancy], form: CheckForm | None) -> HttpResponse:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    held = holds[0]
    offers = services.offers_of(holds)
    people: list[dict[str, Any]] = []
    contact = None
    if actor.role == Role.PATIENT:
        open_own_doors(actor, purpose="booking")
        people = _people(actor, holds, offers)
        contact = _reminder_contact(actor, people)
    payers = _payers(offers)
    form = form or CheckForm(initial={"patient": _likely(request, people), "payer": payers[0][0]})
    policy = selectors.policy_of(held.role.organization_id)
    context = {
        "held": held,
        "holds": holds,
        "batch": held.batch,
        "zone": held.role.location.zone,
        "offer": offers[0],
        "total": sum(offer.price for offer in offers),
        "payers": payers,
        "needs_referral": any(offer.service.needs_referral for offer in offers),
        "line": selectors.line_down(o.role.organization_id for o in offers if o.role.master == Master.MIS),
        "line_zone": held.role.location.zone,
        "by_request": any(offer.service.online == "request" for offer in offers),
        "cancel_until": selectors.cancel_until(held.start, policy),
        "may_extend": not held.is_extended,
        "moving": _moving(actor, held),
        "people": people,
        "contact": contact,
        "form": form,
        "now": database_now(),
        "sign_in_url": f"{reverse('people:sign-in')}?next={reverse('scheduling:check', args=[held.batch])}",
        "is_staff": actor.is_staff,
    }
    return render(request, "scheduling/check.html", context, status=422 if form.is_bound else 200)


def _moving(actor: Actor, held: Occupancy) -> Appointment | None:
    """The visit that this hold would move, when it is the person's own."""
    if held.replaces is None or actor.role != Role.PATIENT:
        return None
    patient_id = patient_of_appointment(held.replaces)
    if patient_id is None:
        raise NotFound
    open_door(actor, [patient_id], purpose="moving")
    visit: Appointment = get_one(selectors.visits(actor), pk=held.replaces)
    return visit


def _people(actor: Actor, holds: list[Occupancy], offers: list[ServiceOffer]) -> list[dict[str, Any]]:
    """Everyone the person may book for; those this doctor does not see are shown with the reason."""
    held, offer = holds[0], offers[0]
    day = held.start.astimezone(ZoneInfo(held.role.location.zone)).date()
    return [
        {"patient": p, "is_self": p.user_id == actor.user_id, "reason": _why_not(p.age_on(day), offer)}
        for p in own_people(actor)
    ]


def _why_not(age: int, offer: ServiceOffer) -> str:
    youngest, oldest = offer.ages
    if age < youngest:
        return (
            _("this doctor sees adults only") if youngest >= 18 else _("this doctor sees patients from %d") % youngest
        )
    return _("this doctor sees children only") if age > oldest else ""


def _likely(request: HttpRequest, people: list[dict[str, Any]]) -> UUID | None:
    """Whose visit is being repeated, else the first who may come."""
    able = [p["patient"].pk for p in people if not p["reason"]]
    repeated = request.session.get(PERSON)
    return next((pk for pk in able if str(pk) == repeated), able[0] if able else None)


def _payers(offers: list[ServiceOffer]) -> list[tuple[str, str]]:
    """Who may pay for all of it, in the clinic's order."""
    common = [payer for payer in offers[0].service.payers if all(payer in o.service.payers for o in offers)]
    return [(payer, str(Payer(payer).label)) for payer in common or [Payer.SELF]]


def _reminder_contact(actor: Actor, people: list[dict[str, Any]]) -> Contact | None:
    own: Patient | None = next((p["patient"] for p in people if p["is_self"]), None)
    confirmed = [c for c in contacts_of(actor, own.pk) if c.verified_at and not c.comes_back] if own else []
    return confirmed[0] if confirmed else None


@require_POST
def confirm(request: HttpRequest, batch: UUID) -> HttpResponse:
    """The one main button. Pressed twice, it leads to the same visit."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if not actor.is_signed_in:
        raise SignInNeeded
    if actor.role != Role.PATIENT:
        raise Forbidden
    owner = _owner(request)
    if owner is None:
        raise NotFound
    try:
        return _confirm(request, actor, batch, owner)
    except (HoldOver, NotFound):
        if done := _is_booked(batch):  # asked last: the other press may have won while this one waited
            return redirect("scheduling:visit", done)
        raise


def _confirm(request: HttpRequest, actor: Actor, batch: UUID, owner: UUID) -> HttpResponse:
    held = held_by(request, batch)
    if held[0].replaces:
        return _move(request, actor, held[0], owner)
    form = CheckForm(request.POST)
    if not form.is_valid():
        return _check_page(request, held, form)
    answers = form.cleaned_data
    terms = services.Terms(
        comment=answers["comment"], payer=answers["payer"] or Payer.SELF, referral=answers["referral"]
    )
    try:
        visits = services.book_together(
            actor=actor, patient_id=answers["patient"], batch=batch, owner=owner, terms=terms
        )
    except HoldOver:
        raise _over(held[0], answers["comment"]) from None
    except MisAway as problem:
        form.add_error(None, str(problem.text))
    except (PatientBusy, OneADay, AgeNotServed) as problem:
        form.add_error("patient", str(problem.text))
    except PayerNotServed as problem:
        form.add_error("payer", str(problem.text))
    except ReferralNeeded as problem:
        form.add_error("referral", str(problem.text))
    else:
        _remember_person(request, None)
        return redirect(f"{reverse('scheduling:visit', args=[visits[0].pk])}?new=1")
    return _check_page(request, held, form)


def _move(request: HttpRequest, actor: Actor, held: Occupancy, owner: UUID) -> HttpResponse:
    """The check page of a move asks nothing: the person, the reason and who pays stay as they were."""
    try:
        visit = services.move_appointment(
            actor=actor, appointment_id=held.replaces or held.pk, hold_id=held.pk, owner=owner
        )
    except HoldOver:
        raise _over(held) from None
    return redirect(f"{reverse('scheduling:visit', args=[visit.pk])}?moved=1")


def _over(held: Occupancy, typed: str = "") -> HoldOver:
    """The answer to a hold that has run out; what was typed is shown, to be taken along."""
    is_theirs = held.role.master == Master.MIS
    text = _("At the clinic it was given to someone else, or the ten minutes are over.") if is_theirs else None
    return HoldOver(text, **_instead(held.role_id, held.service_id or held.pk, held.mode, held.start), typed=typed)


def _is_booked(batch: UUID) -> UUID | None:
    """The visit that a hold has become already: its own id, or that of the visit it moved."""
    done = Occupancy.objects.filter(pk=batch, batch=batch, kind=Occupancy.Kind.BOOKED)
    return done.values_list("owner", flat=True).first()


@never_cache
@require_POST
def extend(request: HttpRequest, batch: UUID) -> HttpResponse:
    """Ten minutes more, once. Without JavaScript the whole form comes along, and comes back as it was."""
    owner = _owner(request)
    if owner is None:
        raise NotFound
    held = held_by(request, batch)
    if not held[0].is_extended:
        services.extend_hold(actor=request.actor, owner=owner, batch=batch)  # type: ignore[attr-defined]
    if not any(request.POST.get(name, "").strip() for name in CheckForm.TYPED):
        return redirect("scheduling:check", batch)
    typed = {name: request.POST[name] for name in CheckForm.base_fields if name in request.POST}
    return _check_page(request, held_by(request, batch), CheckForm(initial=typed))


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Leave the booking: the time goes back to others at once."""
    owner = _owner(request)
    if owner:
        services.release_hold(actor=request.actor, owner=owner)  # type: ignore[attr-defined]
    return redirect("scheduling:home")
