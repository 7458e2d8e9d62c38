"""Pages that plan several times at once; the press on them is `booking.hold_together`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from portal.kernel.errors import BadInput
from portal.kernel.public import public_page
from portal.people import selectors as people
from portal.people.models import HealthcareService
from portal.people.models.directory import Mode, Online
from portal.scheduling import selectors, services
from portal.scheduling.errors import NotOffered
from portal.scheduling.forms import MOST_TOGETHER, CourseForm, SameDayForm
from portal.scheduling.selectors_sql import database_now
from portal.scheduling.views.booking import held_by
from portal.scheduling.views.limits import looks_limited

GAPS = (1, 2, 3, 7, 14)  # days between the visits of a course
USUAL_VISITS, USUAL_DAYS = 5, 7


@never_cache
@require_GET
def course(request: HttpRequest, batch: UUID) -> HttpResponse:
    """The first visit is held; the others are proposed at the same hour, and may be left out one by one."""
    held = held_by(request, batch)[0]
    offer = services.offer_of(held)
    form = CourseForm(request.GET)
    if not form.is_valid():
        raise BadInput
    most = min(offer.service.course_visits, MOST_TOGETHER)
    if most < 2:
        raise NotOffered
    visits = min(form.cleaned_data["visits"] or USUAL_VISITS, most)
    every = form.cleaned_data["every"] or USUAL_DAYS
    choice = selectors.choice_of(offer)
    first = selectors.Step(choice, held.start, held.mode)
    context = {
        "held": held,
        "batch": batch,
        "zone": choice.role.location.zone,
        "offer": offer,
        "first": first,
        "steps": selectors.course(choice, held.start, held.mode, visits=visits, every=every),
        "visits": visits,
        "every": every,
        "most": range(2, most + 1),
        "gaps": GAPS,
        "now": database_now(),
    }
    return render(request, "scheduling/course.html", context)


@require_safe
@public_page
@looks_limited
def together(request: HttpRequest) -> HttpResponse:
    """Two or three services one after another on one day, at one branch."""
    form = SameDayForm(request.GET)
    if not form.is_valid():
        raise BadInput(_("Choose two or three services from the list."))
    slugs, places = form.cleaned_data["services"], list(people.locations())
    location = next((p for p in places if p.slug == form.cleaned_data["location"]), places[0] if places else None)
    rows = HealthcareService.objects.filter(
        modes__contains=[Mode.IN_PERSON], offers__role__location=location, online=Online.INSTANT
    )
    context: dict[str, Any] = {
        "services": rows.distinct().select_related("specialty").order_by("specialty__position", "position"),
        "chosen": slugs,
        "location": location,
        "locations": places,
        "plans": _plans(slugs, location) if location and len(slugs) > 1 else None,
        "zone": location.zone if location else "Europe/Moscow",
        "now": database_now(),
    }
    return render(request, "scheduling/together.html", context)


def _plans(slugs: list[str], location: Any) -> list[list[selectors.Step]]:
    groups = [
        selectors.choices(selectors.Filters(service=slug, location=location.slug, mode=Mode.IN_PERSON.value))
        for slug in slugs
    ]
    return selectors.same_day(groups, since=database_now()) if all(groups) else []
