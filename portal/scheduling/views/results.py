"""Doctors with their nearest free times, narrowed down by what stands in the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal.kernel.actor import Actor
from portal.kernel.errors import BadInput, NotFound
from portal.people import selectors as people
from portal.people.models import Location, Specialty
from portal.people.models.directory import Mode, Payer
from portal.scheduling import selectors, services
from portal.scheduling.errors import NotOffered, SlotTaken
from portal.scheduling.forms import PARTS, AnyForm, SearchForm
from portal.scheduling.selectors_sql import database_now
from portal.scheduling.views.booking import owner_or_new, taken
from portal.scheduling.views.limits import holder_of

PER_PAGE = 10
CHILD = 7  # the age that "for a child" means until a person is chosen


@require_safe
def results(request: HttpRequest) -> HttpResponse:
    """The list; filters live in the address, so that it can be sent to somebody."""
    form = SearchForm(request.GET)
    if not form.is_valid():
        raise BadInput(_("The address of this page holds a value we do not know. Start from the list of doctors."))
    asked = form.cleaned_data
    search = find(asked)
    page = Paginator(search.found, PER_PAGE).get_page(asked["page"] or 1)
    cards = list(page.object_list)
    selectors.with_days(cards, search.when)
    context = {
        "asked": asked,
        "specialty": search.specialty,
        "location": search.location,
        "count": len(search.found),
        "nearest": search.found[0] if search.found and search.found[0].nearest else None,
        "cards": [(card, reason) for card, reason in zip(cards, _reasons(cards, search.when), strict=True)],
        "anyone": _anyone(search, page),
        "shown": page.end_index(),
        "page": page,
        "more_url": _with(request, page=page.next_page_number()) if page.has_next() else "",
        "specialties": people.specialties(),
        "locations": people.locations(),
        "modes": Mode.choices,
        "payers": Payer.choices,
        "parts": [(key, label) for key, (label, _hours) in PARTS.items()],
        "languages": people.spoken_languages(),
        "days": _strip(asked["day"], search),
        "now": search.now,
    }
    return render(request, "scheduling/results.html", context)


@dataclass(frozen=True)
class Search:
    """Everyone who suits, the earliest first, and the conditions they were asked under."""

    found: list[selectors.Choice]
    when: selectors.When
    specialty: Specialty | None
    location: Location | None
    now: datetime


def find(asked: dict[str, Any]) -> Search:
    now = database_now()
    specialty, location = _one(Specialty, asked["specialty"]), _one(Location, asked["location"])
    filters = selectors.Filters(
        specialty=asked["specialty"],
        location=asked["location"],
        mode=asked["mode"],
        language=asked["language"],
        payer=asked["payer"],
        age=CHILD if asked["child"] else None,
        price=asked["price"],
    )
    when = selectors.When(
        mode=asked["mode"],
        first=asked["day"],
        last=asked["day"],
        hours=PARTS[asked["part"]][1] if asked["part"] else None,
    )
    found = selectors.choices(filters, now=now)
    if asked["q"]:
        found = _matching(found, asked["q"])
    return Search(selectors.with_nearest(found, when), when, specialty, location, now)


def _one(model: type[Any], slug: str) -> Any:
    if not slug:
        return None
    row = model.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound
    return row


def _matching(found: list[selectors.Choice], words: str) -> list[selectors.Choice]:
    specialties, doctors = people.search(words)
    specialty_ids, doctor_ids = {s.pk for s in specialties}, {d.pk for d in doctors}
    return [c for c in found if c.role.specialty_id in specialty_ids or c.role.practitioner_id in doctor_ids]


def _reasons(cards: list[selectors.Choice], when: selectors.When) -> list[selectors.Reason | None]:
    reasons = selectors.why_nothing(cards, when)
    return [reasons.get(card.role.pk) for card in cards]


def _anyone(search: Search, page: Page[Any]) -> list[selectors.Day]:
    """For those who do not mind who: only where one specialty at one hour of the day is meant."""
    zones = {choice.role.location.zone for choice in search.found}
    if page.number > 1 or not search.specialty or len(search.found) < 2 or len(zones) > 1:
        return []
    return selectors.earliest_of_anyone(search.found, search.when)


def _strip(chosen: date | None, search: Search) -> list[dict[str, Any]]:
    """The next seven days as links; without counting, a day is only what it is called."""
    zone = search.found[0].zone if search.found else None
    today = search.now.astimezone(zone).date()
    return [
        {"date": day, "is_current": day == chosen, "value": day.isoformat()}
        for day in (today + timedelta(days=n) for n in range(7))
    ]


def _with(request: HttpRequest, **values: Any) -> str:
    query = {key: value for key, value in request.GET.items() if value} | values
    return f"{request.path}?{urlencode(query)}"


@require_POST
def hold_any(request: HttpRequest) -> HttpResponse:
    """A time without a doctor: whoever is first in the fair order and still has it."""
    form = AnyForm.from_press(request.POST)
    if not form.is_valid():
        raise NotOffered
    actor: Actor = request.actor  # type: ignore[attr-defined]
    asked = form.cleaned_data
    search = find(
        {
            **SearchForm.EMPTY,
            **{key: asked[key] for key in ("specialty", "location", "payer", "child")},
            "mode": asked["mode"],
        }
    )
    holder, owner = holder_of(request, actor), owner_or_new(request)
    for choice in selectors.in_fair_order(search.found, asked["start"])[:12]:
        try:
            held = services.hold_time(
                actor=actor,
                owner=owner,
                role_id=choice.role.pk,
                service_id=choice.offer.service_id,
                mode=asked["mode"],
                start=asked["start"],
                holder=holder,
            )
        except (SlotTaken, NotOffered):
            continue
        return redirect("scheduling:check", held.pk)
    if not search.found:
        raise NotOffered
    first = search.found[0]
    raise taken(first.role.pk, first.offer.service_id, asked["mode"], asked["start"])
