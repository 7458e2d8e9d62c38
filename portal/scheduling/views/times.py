"""Free times of one doctor, service and day as JSON: what an open picker asks when it hears that something changed.

    GET /times/<role>/?service=<uuid>&mode=in-person&day=2026-11-24
    200 {"times": [{"start": "2026-11-24T06:00:00+00:00", "modes": ["in-person"]}, …]}   ETag, no personal data

The one page outside the portal's transaction (kernel/middleware.py): it reads a single statement, knows no actor, and
behind the database wall no actor sees no patient. What is offered changes rarely and is remembered for seconds; what
is free is asked of the database every time.
"""

from __future__ import annotations

import hashlib
import time
from datetime import date, timedelta
from uuid import UUID

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.views.decorators.http import require_safe

from portal.people.models import ServiceOffer
from portal.people.models.directory import Mode
from portal.scheduling import selectors
from portal.scheduling.opening import MIDNIGHT, instant
from portal.scheduling.selectors_sql import free_slots_json
from portal.scheduling.views.limits import looks_too_often

REMEMBERED = 5.0  # seconds
MOST_REMEMBERED = 5000
_choices: dict[tuple[str, UUID, UUID], tuple[float, selectors.Choice]] = {}


@require_safe
def times(request: HttpRequest, role_id: UUID) -> HttpResponse:
    """404 for a doctor or service that is not offered, 400 for a day or a mode that is none, 429 for a scraper."""
    if looks_too_often(request):
        return JsonResponse({"error": "too many requests"}, status=429, headers={"Retry-After": "60"})
    try:
        service_id, mode, day = _asked(request)
    except (KeyError, ValueError):
        return JsonResponse({"error": "expected service=<uuid>&mode=<code>&day=<yyyy-mm-dd>"}, status=400)
    choice = _choice(role_id, service_id)
    if choice is None:
        return JsonResponse({"error": "not offered"}, status=404)
    start = instant(day, MIDNIGHT, choice.zone)
    wanted = choice.wanted(mode).between(start, start + timedelta(days=1))
    return _answer(request, f'{{"times": {free_slots_json(wanted, mode=mode)}}}'.encode())


def _asked(request: HttpRequest) -> tuple[UUID, str, date]:
    """Service, mode, day. By hand: a form costs as much as all the rest of this page. `KeyError`, `ValueError`."""
    query = request.GET
    day = date.fromisoformat(query["day"])
    if not 2000 <= day.year <= 2100:
        raise ValueError
    return UUID(query["service"]), Mode(query["mode"]).value, day


def _choice(role_id: UUID, service_id: UUID) -> selectors.Choice | None:
    key = (str(connection.settings_dict["NAME"]), role_id, service_id)
    known = _choices.get(key)
    if known and time.monotonic() - known[0] < REMEMBERED:
        return known[1]
    rows = ServiceOffer.objects.select_related(*selectors.OFFER_RELATIONS)
    offer = rows.filter(role_id=role_id, service_id=service_id, role__is_active=True).first()
    if offer is None:
        return None
    if len(_choices) >= MOST_REMEMBERED:
        _choices.clear()
    _choices[key] = (time.monotonic(), selectors.choice_of(offer))
    return _choices[key][1]


def _answer(request: HttpRequest, body: bytes) -> HttpResponse:
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    is_same = request.headers.get("If-None-Match") == etag
    response = HttpResponseNotModified() if is_same else HttpResponse(body, content_type="application/json")
    response["ETag"] = etag
    response["Cache-Control"] = "no-cache"
    return response
