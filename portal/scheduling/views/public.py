"""Pages anyone may open: home, a doctor with free times, services, branches. No personal data here."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.kernel.errors import BadInput, NotFound
from portal.kernel.public import public_page
from portal.people import selectors as people
from portal.people.models import HealthcareService, Location, Master, Practitioner, ServiceOffer
from portal.scheduling import selectors, structured
from portal.scheduling.forms import PickerForm
from portal.scheduling.selectors_sql import database_now
from portal.scheduling.views.limits import looks_limited
from portal.scheduling.views.picker import picker

TODAY_ROWS = 5
OTHERS_SHOWN = 3


@require_safe
@public_page
def home(request: HttpRequest) -> HttpResponse:
    """What can be had today, every specialty with its nearest day, the branches."""
    now = database_now()
    found = selectors.with_nearest(selectors.choices(now=now))
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
@public_page
@looks_limited
def doctor(request: HttpRequest, slug: str) -> HttpResponse:
    """A doctor, their services and the picker of times; with htmx only the picker."""
    practitioner = people.practitioner_by_slug(slug)
    form = PickerForm(request.GET)
    if practitioner is None:
        raise NotFound
    if not form.is_valid():
        raise BadInput(_("The address of this page holds a value we do not know. Choose a day on the doctor's page."))
    asked = form.cleaned_data
    filters = selectors.Filters(
        practitioner=slug, location=asked["location"], service=asked["service"], mode=asked["mode"]
    )
    shown = picker(reverse("scheduling:doctor", args=[slug]), filters, asked["day"])
    context = {"picker": shown, "others": _others(shown["choice"]) if not shown["nearest"] else []}
    if request.headers.get("HX-Request"):
        return render(request, "scheduling/_picker.html", context)
    return render(request, "scheduling/doctor.html", context | _about(practitioner, shown["choice"]))


def _about(practitioner: Practitioner, choice: selectors.Choice) -> dict[str, Any]:
    offers = ServiceOffer.objects.filter(role__practitioner=practitioner, role__is_active=True)
    unique = {offer.service_id: offer for offer in offers.select_related("service").order_by("-service__position")}
    places = Location.objects.filter(roles__practitioner=practitioner, roles__is_active=True).distinct()
    shown = sorted(unique.values(), key=lambda offer: offer.service.position)
    return {
        "doctor": practitioner,
        "role": choice.role,
        "line": selectors.line_down([choice.role.organization_id] if choice.role.master == Master.MIS else []),
        "line_zone": str(choice.zone),
        "offers": shown,
        "places": places,
        "structured": structured.physician(choice.role, shown),
    }


def _others(choice: selectors.Choice) -> list[selectors.Choice]:
    """Doctors of the same specialty who do have times, the earliest first."""
    same = selectors.Filters(specialty=choice.role.specialty.slug)
    rest = [c for c in selectors.choices(same) if c.role.practitioner_id != choice.role.practitioner_id]
    free = [c for c in selectors.with_nearest(rest) if c.nearest][:OTHERS_SHOWN]
    selectors.with_days(free, most_days=1)
    return free


@require_safe
@public_page
def services(request: HttpRequest) -> HttpResponse:
    """The price list (PP 736): every service of every specialty."""
    rows = HealthcareService.objects.select_related("specialty").order_by("specialty__position", "position")
    return render(request, "scheduling/services.html", {"services": rows})


@require_safe
@public_page
def branches(request: HttpRequest) -> HttpResponse:
    return render(request, "scheduling/branches.html", {"locations": people.locations(), "now": database_now()})


@require_safe
@public_page
def branch(request: HttpRequest, slug: str) -> HttpResponse:
    location = Location.objects.select_related("organization").filter(slug=slug).first()
    if location is None:
        raise NotFound
    nearest = selectors.with_nearest(selectors.choices(selectors.Filters(location=slug)))
    now = database_now().astimezone(ZoneInfo(location.zone))
    about = structured.clinic(location)
    context = {"location": location, "choices": nearest, "now": now, "structured": about}
    return render(request, "scheduling/branch.html", context)
