"""The picker of times: on a doctor's page, and for a visit that is being moved. With htmx it comes alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from portal.kernel.errors import NotFound
from portal.people.models.directory import Mode, Online
from portal.scheduling import selectors
from portal.scheduling.selectors_sql import database_now, free_slots

DAYS_SHOWN = 7


def picker(base: str, filters: selectors.Filters, day: date | None) -> dict[str, Any]:
    """What `scheduling/_picker.html` shows. `base` is the page's address."""
    now = database_now()
    found = selectors.choices(filters, now=now)
    if not found:
        raise NotFound
    choice = found[0]
    service = choice.offer.service
    mode = filters.mode or service.modes[0]
    when = selectors.When(mode=mode)
    selectors.with_nearest([choice], when)
    today = now.astimezone(choice.zone).date()
    nearest = choice.local(choice.nearest).date() if choice.nearest else None
    shown = max(day or nearest or today, today)
    week = today + timedelta(days=(shown - today).days // DAYS_SHOWN * DAYS_SHOWN)
    days = _week(choice, mode, week)
    query = {"service": service.slug, "mode": mode, "location": choice.role.location.slug}

    def url(when: date | None = None, **changes: str) -> str:
        values = query | changes | ({"day": when.isoformat()} if when else {})
        return f"{base}?{urlencode(values)}"

    return {
        "choice": choice,
        "mode": mode,
        "modes": [{"value": m, "label": Mode(m).label, "url": url(mode=m)} for m in service.modes],
        "places": _places(found, url),
        "day": shown,
        "days": [
            {"date": d, "level": level(len(times)), "url": url(d), "is_current": d == shown}
            for d, times in days.items()
        ],
        "parts": _parts(days.get(shown, [])),
        "prev_url": url(week - timedelta(days=DAYS_SHOWN)) if week > today else "",
        "next_url": url(week + timedelta(days=DAYS_SHOWN))
        if week + timedelta(days=DAYS_SHOWN) <= choice.bounds.last_day
        else "",
        "nearest": nearest,
        "nearest_url": url(nearest) if nearest else "",
        "reason": selectors.why_nothing([choice], selectors.When()).get(choice.role.pk),
        "is_view_only": service.online == Online.VIEW,
        "by_request": service.online == Online.REQUEST,
        "times_url": f"{reverse('scheduling:times', args=[choice.role.pk])}?"
        + urlencode({"service": str(service.pk), "mode": mode, "day": shown.isoformat()}),
        "live_url": f"{settings.LIVE_URL}/live/slots/{choice.role.practitioner_id}",
        "url": url(shown),
    }


def _places(found: list[selectors.Choice], url: Any) -> list[dict[str, Any]]:
    """The doctor's branches, when there are several."""
    if len(found) < 2:
        return []
    return [{"location": c.role.location, "url": url(location=c.role.location.slug)} for c in found]


def _week(choice: selectors.Choice, mode: str, first: date) -> dict[date, list[selectors.Time]]:
    """Seven days from `first` with their free times, days without any included."""
    start = datetime.combine(first, datetime.min.time(), tzinfo=choice.zone)
    slots = free_slots([choice.wanted(mode).between(start, start + timedelta(days=DAYS_SHOWN))], mode=mode)
    grouped = {day.date: day.times for day in selectors.days_of(slots, choice.zone, choice.offer.service, mode)}
    week = (first + timedelta(days=n) for n in range(DAYS_SHOWN))
    return {day: grouped.get(day, []) for day in week}


def level(count: int) -> str:
    return "none" if not count else "few" if count <= 3 else "some" if count <= 8 else "many"


def _parts(times: list[selectors.Time]) -> list[dict[str, Any]]:
    """Morning until noon, afternoon until 17:00, evening."""
    bounds = [(_("Morning"), 0, 12), (_("Afternoon"), 12, 17), (_("Evening"), 17, 24)]
    parts = [
        {"label": label, "times": [t for t in times if since <= t.start.hour < until]} for label, since, until in bounds
    ]
    return [part for part in parts if part["times"]]
