"""Doctors with their nearest free times, narrowed down by what stands in the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal.kernel.actor import Actor
from portal.kernel.errors import BadInput, NotFound
from portal.kernel.origin import from_own_pages
from portal.kernel.public import public_page
from portal.people import selectors as people
from portal.people import words
from portal.people.models import Location, Specialty
from portal.people.models.directory import Mode, Payer
from portal.people.search import Found, Suggestion
from portal.scheduling import selectors, services
from portal.scheduling.errors import NotOffered, SlotTaken
from portal.scheduling.forms import PARTS, AnyForm, SearchForm
from portal.scheduling.selectors_sql import database_now
from portal.scheduling.views.booking import owner_or_new, taken
from portal.scheduling.views.limits import holder_of, looks_limited
from portal.scheduling.views.picker import DAYS_SHOWN, level

PER_PAGE = 10
MOST_COUNTED = 40  # doctors whose free days are counted for the strip
MOST_TRIED = 12
CHILD = 7  # the age that "for a child" means until a person is chosen


@require_safe
@public_page
@looks_limited
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
        "meant": search.meant,
        "count": len(search.found),
        "nearest": search.found[0] if search.found and search.found[0].nearest else None,
        "cards": [(card, reason) for card, reason in zip(cards, _reasons(cards, search.when), strict=True)],
        "anyone": _anyone(search, page),
        "shown": page.end_index(),
        "page": page,
        "more_url": _with(request, page=page.next_page_number()) if page.has_next() else "",
        "specialties": people.specialties(),
        "locations": people.locations(),
        "days": _strip(asked["day"], search),
        "selects": _selects(asked),
        "kept": _given(request, KEPT),
        "of_anyone": _given(request, OF_ANYONE),
        "has_more_filters": any(asked[key] for key in FURTHER if key not in ("mode", "day")),
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
    meant: Found | None = None


def find(asked: dict[str, Any]) -> Search:
    now = database_now()
    specialty, location = _one(Specialty, asked["specialty"]), _one(Location, asked["location"])
    meant = people.find(asked["q"]) if asked["q"] else None
    mode = asked["mode"] or (meant.mode if meant else "")
    filters = selectors.Filters(
        specialty=asked["specialty"],
        location=asked["location"],
        service=asked["service"],
        mode=mode,
        language=asked["language"],
        payer=asked["payer"],
        age=CHILD if asked["child"] or (meant and meant.is_child) else None,
        price=asked["price"],
    )
    when = selectors.When(
        mode=mode,
        first=asked["day"],
        last=asked["until"] or asked["day"],
        hours=PARTS[asked["part"]][1] if asked["part"] else None,
    )
    found = selectors.choices(filters, now=now)
    if meant:
        found = _matching(found, meant)
    return Search(selectors.with_nearest(found, when), when, specialty, location, now, meant)


def _one(model: type[Any], slug: str) -> Any:
    if not slug:
        return None
    row = model.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound
    return row


def _matching(found: list[selectors.Choice], meant: Found) -> list[selectors.Choice]:
    """Choices of the doctors meant, at the branches meant, with the service when a service was named."""
    doctors = {hit.id for hit in meant.practitioners}
    places = {hit.id for hit in meant.locations}
    services = {hit.id for hit in meant.services} if meant.first and meant.first[0] == "service" else set()
    return [
        c
        for c in found
        if c.role.practitioner_id in doctors
        and (not places or c.role.location_id in places)
        and (not services or c.offer.service_id in services)
    ]


def _reasons(cards: list[selectors.Choice], when: selectors.When) -> list[selectors.Reason | None]:
    reasons = selectors.why_nothing(cards, when)
    return [reasons.get(card.role.pk) for card in cards]


def _anyone(search: Search, page: Page[Any]) -> list[selectors.Day]:
    """For those who do not mind who: only where one specialty at one hour of the day is meant."""
    near = _in_city(search.found, search.found[0].role.location) if search.found else []
    if page.number > 1 or not search.specialty or len(near) < 2:
        return []
    return selectors.earliest_of_anyone(near, search.when)


def _in_city(found: list[selectors.Choice], place: Location) -> list[selectors.Choice]:
    """A person who does not mind the doctor still minds the city."""
    return [choice for choice in found if choice.role.location.city_ru == place.city_ru]


KEPT = ("q", "specialty", "location", "service", "child")  # what the form of further conditions leaves as it is
OF_ANYONE = (*KEPT, "payer", "language", "price")  # whom a time without a doctor may mean
FURTHER = ("mode", "part", "payer", "language", "price", "day", "until")


def _given(request: HttpRequest, keys: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(key, request.GET[key]) for key in keys if request.GET.get(key)]


def _selects(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The further conditions, each with what it may be."""
    parts = [(key, label) for key, (label, _hours) in PARTS.items()]
    languages = [(code, words.language_name(code)) for code in people.spoken_languages()]
    rows = (
        ("mode", _("How the visit takes place"), _("Any way"), Mode.choices),
        ("part", _("Part of the day"), _("Any"), parts),
        ("payer", _("Who pays"), _("Any way"), Payer.choices),
        ("language", _("Language"), _("Russian"), languages),
    )
    return [
        {"name": name, "label": label, "any": any_word, "options": options, "value": asked[name]}
        for name, label, any_word, options in rows
    ]


def _strip(chosen: date | None, search: Search) -> list[dict[str, Any]]:
    """The next seven days as links, marked by how many of the doctors found have times; too many are not counted."""
    zone = search.found[0].zone if search.found else ZoneInfo("Europe/Moscow")
    today = search.now.astimezone(zone).date()
    days = [today + timedelta(days=n) for n in range(DAYS_SHOWN)]
    counts = selectors.days_with_times(search.found, search.when, days) if len(search.found) <= MOST_COUNTED else None
    return [
        {
            "date": day,
            "is_current": day == chosen,
            "value": day.isoformat(),
            "level": level(counts.get(day, 0)) if counts is not None else "",
        }
        for day in days
    ]


def _with(request: HttpRequest, **values: Any) -> str:
    query = {key: value for key, value in request.GET.items() if value} | values
    return f"{request.path}?{urlencode(query)}"


@require_safe
@public_page
@looks_limited
def suggestions(request: HttpRequest) -> HttpResponse:
    """Links under the search field while it is being filled in; an htmx part, empty until something is meant."""
    words = request.GET.get("q", "")[:100]
    found = people.suggest(words, get_language() or "ru") if words.strip() else []
    rows = [{"one": one, "url": _link(one)} for one in found]
    return render(request, "scheduling/_suggestions.html", {"rows": rows})


def _link(one: Suggestion) -> str:
    if one.kind == "practitioner":
        return reverse("scheduling:doctor", args=[one.slug])
    if one.kind == "location":
        return reverse("scheduling:branch", args=[one.slug])
    query = {"complaint": {"q": one.title}, "service": {"service": one.slug}, "specialty": {"specialty": one.slug}}
    place = {"location": one.location} if one.location else {}
    return f"{reverse('scheduling:results')}?{urlencode(query[one.kind] | place)}"


@require_POST
@from_own_pages
def hold_any(request: HttpRequest) -> HttpResponse:
    """A time without a doctor: whoever is first in the fair order and still has it."""
    form = AnyForm.from_press(request.POST)
    if not form.is_valid():
        raise NotOffered
    actor: Actor = request.actor  # type: ignore[attr-defined]
    asked = form.cleaned_data
    search = find(asked)
    holder, owner = holder_of(request, actor), owner_or_new(request)
    near = _in_city(search.found, _one(Location, asked["near"]))
    for choice in selectors.in_fair_order(near, asked["start"])[:MOST_TRIED]:
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
    if not near:
        raise NotOffered
    first = near[0]
    raise taken(first.role.pk, first.offer.service_id, asked["mode"], asked["start"])
