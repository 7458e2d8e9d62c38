"""Pages anyone may open: home, results, a doctor with free times, services, branches. No personal data here."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.kernel.errors import BadInput, NotFound
from portal.people import selectors as people
from portal.people.models import HealthcareService, Location, Specialty
from portal.people.models.directory import Mode
from portal.scheduling import selectors
from portal.scheduling.forms import PickerForm, SearchForm
from portal.scheduling.selectors_sql import database_now, free_slots

PER_PAGE = 10
TODAY_ROWS = 5
DAYS_SHOWN = 7


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What can be had today, every specialty with its nearest day, the branches."""
    now = database_now()
    found = selectors.with_nearest(selectors.choices())
    nearest: dict[str, selectors.Choice] = {}
    for choice in found:
        if choice.nearest:
            nearest.setdefault(choice.role.specialty.slug, choice)
    rows = [
        {
            "slug": s.slug,
            "name": s.name,
            "nearest": (n := nearest.get(s.slug)) and n.nearest and n.local(n.nearest).date(),
        }
        for s in people.specialties()
    ]
    return render(
        request,
        "scheduling/home.html",
        {
            "specialties": rows,
            "today": _today(list(nearest.values()), now),
            "locations": people.locations(),
            "now": now,
        },
    )


def _today(nearest: list[selectors.Choice], now: datetime) -> list[dict[str, Any]]:
    """At most five specialties whose nearest time is still today on their branch's calendar."""
    rows = []
    for choice in nearest:
        slot = choice.nearest
        if slot and choice.local(slot).date() == now.astimezone(choice.zone).date():
            day = selectors.days_of([slot], choice.zone, choice.offer.service)
            if day:
                rows.append({"choice": choice, "time": day[0].times[0]})
    return rows[:TODAY_ROWS]


@require_safe
def results(request: HttpRequest) -> HttpResponse:
    """Doctors with their nearest free times; filters live in the address."""
    form = SearchForm(request.GET)
    if not form.is_valid():
        raise BadInput(_("The address of this page holds a value we do not know. Start from the list of doctors."))
    asked = form.cleaned_data
    specialty = _one(Specialty, asked["specialty"])
    location = _one(Location, asked["location"])
    found = selectors.choices(
        specialty=asked["specialty"],
        location=asked["location"],
        mode=asked["mode"],
        age=7 if asked["child"] else None,
    )
    if asked["q"]:
        found = _matching(found, asked["q"])
    found = selectors.with_nearest(found, mode=asked["mode"])
    page = Paginator(found, PER_PAGE).get_page(asked["page"] or 1)
    cards = list(page.object_list)
    selectors.with_days(cards, mode=asked["mode"])
    context = {
        "asked": asked,
        "specialty": specialty,
        "location": location,
        "count": len(found),
        "nearest": found[0] if found and found[0].nearest else None,
        "cards": cards,
        "page": page,
        "more_url": _with(request, page=page.next_page_number()) if page.has_next() else "",
        "specialties": people.specialties(),
        "locations": people.locations(),
        "modes": Mode.choices,
        "shown": page.end_index(),
        "now": database_now(),
    }
    return render(request, "scheduling/results.html", context)


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


def _with(request: HttpRequest, **values: Any) -> str:
    query = {key: value for key, value in request.GET.items() if value} | values
    return f"{request.path}?{urlencode(query)}"


@require_safe
def doctor(request: HttpRequest, slug: str) -> HttpResponse:
    """A doctor, their services and the picker of times; with htmx only the picker."""
    practitioner = people.practitioner_by_slug(slug)
    form = PickerForm(request.GET)
    if practitioner is None:
        raise NotFound
    if not form.is_valid():
        raise BadInput(_("The address of this page holds a value we do not know. Choose a day on the doctor's page."))
    offers = [c.offer for c in _all_offers(slug)]
    picker = _picker(request, slug, form.cleaned_data)
    context = {"doctor": practitioner, "role": picker["choice"].role, "offers": offers, "picker": picker}
    template = "scheduling/_picker.html" if request.headers.get("HX-Request") else "scheduling/doctor.html"
    return render(request, template, context)


def _all_offers(slug: str) -> list[selectors.Choice]:
    services = HealthcareService.objects.filter(offers__role__practitioner__slug=slug).distinct().order_by("position")
    return [c for s in services for c in selectors.choices(practitioner=slug, service=s.slug)]


def _picker(request: HttpRequest, slug: str, asked: dict[str, Any]) -> dict[str, Any]:
    found = selectors.choices(
        practitioner=slug, location=asked["location"], service=asked["service"], mode=asked["mode"]
    )
    if not found:
        raise NotFound
    choice = found[0]
    mode = asked["mode"] or choice.offer.service.modes[0]
    today = database_now().astimezone(choice.zone).date()
    selectors.with_nearest([choice], mode=mode)
    nearest_day = choice.local(choice.nearest).date() if choice.nearest else None
    day: date = max(asked["day"] or nearest_day or today, today)
    week = today + timedelta(days=(day - today).days // DAYS_SHOWN * DAYS_SHOWN)
    days = _week(choice, mode, week)
    query = {"service": choice.offer.service.slug, "mode": mode, "location": choice.role.location.slug}
    base = reverse("scheduling:doctor", args=[slug])

    def url(when: date) -> str:
        return f"{base}?{urlencode(query | {'day': when.isoformat()})}"

    last = today + selectors.HORIZON
    return {
        "choice": choice,
        "mode": mode,
        "modes": [
            {"value": m, "label": Mode(m).label, "url": f"{base}?{urlencode(query | {'mode': m})}"}
            for m in choice.offer.service.modes
        ],
        "day": day,
        "days": [
            {"date": d, "count": len(times), "level": _level(len(times)), "url": url(d), "is_current": d == day}
            for d, times in days.items()
        ],
        "parts": _parts(days.get(day, [])),
        "prev_url": url(week - timedelta(days=DAYS_SHOWN)) if week > today else "",
        "next_url": url(week + timedelta(days=DAYS_SHOWN)) if week + timedelta(days=DAYS_SHOWN) <= last else "",
        "nearest": nearest_day,
        "nearest_url": url(nearest_day) if nearest_day else "",
        "last": last,
        "live_url": f"{settings.LIVE_URL}/live/slots/{choice.role.practitioner_id}",
        "url": url(day),
    }


def _week(choice: selectors.Choice, mode: str, first: date) -> dict[date, list[selectors.Time]]:
    """Seven days from `first` with their free times, days without any included."""
    start = datetime.combine(first, datetime.min.time(), tzinfo=choice.zone)
    slots = free_slots(
        [choice.wanted], since=max(start, database_now()), until=start + timedelta(days=DAYS_SHOWN), mode=mode
    )
    grouped = {day.date: day.times for day in selectors.days_of(slots, choice.zone, choice.offer.service, mode)}
    week = (first + timedelta(days=n) for n in range(DAYS_SHOWN))
    return {day: grouped.get(day, []) for day in week}


def _level(count: int) -> str:
    return "none" if not count else "few" if count <= 3 else "some" if count <= 8 else "many"


def _parts(times: list[selectors.Time]) -> list[dict[str, Any]]:
    """Morning until noon, afternoon until 17:00, evening."""
    bounds = [(_("Morning"), 0, 12), (_("Afternoon"), 12, 17), (_("Evening"), 17, 24)]
    parts = [
        {"label": label, "times": [t for t in times if since <= t.start.hour < until]} for label, since, until in bounds
    ]
    return [part for part in parts if part["times"]]


@require_safe
def services(request: HttpRequest) -> HttpResponse:
    """The price list (PP 736): every service of every specialty."""
    rows = HealthcareService.objects.select_related("specialty").order_by("specialty__position", "position")
    return render(request, "scheduling/services.html", {"services": rows})


@require_safe
def branches(request: HttpRequest) -> HttpResponse:
    return render(request, "scheduling/branches.html", {"locations": people.locations(), "now": database_now()})


@require_safe
def branch(request: HttpRequest, slug: str) -> HttpResponse:
    location = _one(Location, slug)
    nearest = selectors.with_nearest(selectors.choices(location=slug))
    now = database_now().astimezone(ZoneInfo(location.zone))
    return render(request, "scheduling/branch.html", {"location": location, "choices": nearest, "now": now})
