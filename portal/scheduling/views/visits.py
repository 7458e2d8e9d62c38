"""The person's own visits: the list, one visit as a ticket, cancelling, the calendar file."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.errors import BadInput, NotFound
from portal.people.compartment import open_own_doors
from portal.people.models import Master
from portal.people.selectors import own_people
from portal.people.views.guards import patient_page
from portal.scheduling import selectors, services
from portal.scheduling.calendar import calendar_file
from portal.scheduling.forms import PickerForm
from portal.scheduling.models import Appointment, AppointmentStatus, Awaits
from portal.scheduling.selectors_sql import database_now, patient_of_appointment
from portal.scheduling.views.picker import picker

PAST_SHOWN = 20


@never_cache
@require_GET
@patient_page
def visits(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The next visit as a ticket, then the line: coming, then past."""
    open_own_doors(actor, purpose="visits")
    everyone = {person.pk: person for person in own_people(actor)}
    rows = selectors.visits(actor)
    coming = list(selectors.upcoming(rows))
    ahead = {visit.pk for visit in coming}
    past = [visit for visit in rows[: PAST_SHOWN + len(coming)] if visit.pk not in ahead][:PAST_SHOWN]
    told = list(selectors.encounters(actor)[:PAST_SHOWN])
    for visit in [*coming, *past]:
        visit.person = everyone.get(visit.patient_id)
    for one in told:
        one.person = everyone.get(one.patient_id)
    again = selectors.again(past)
    for visit in past:
        visit.again = again.get(visit.pk)
    context = {
        "next_visit": coming[0] if coming else None,
        "upcoming": coming,
        "past": selectors.newest(past, told, PAST_SHOWN),
        "offers": list(selectors.offers_open(actor)),
        "waits": len(selectors.waits(actor)),
        "line": selectors.line_down(visit.organization_id for visit in coming if visit.role.master == Master.MIS),
        "line_zone": coming[0].location.zone if coming else "",
        "people": list(everyone.values()),
        "me": next((p for p in everyone.values() if p.user_id == actor.user_id), None),
        "now": database_now(),
    }
    return render(request, "scheduling/visits.html", context)


@never_cache
@require_GET
@patient_page
def visit(request: HttpRequest, actor: Actor, visit_id: UUID) -> HttpResponse:
    """One visit; right after booking it says so (`?new=1`)."""
    row = _own_visit(actor, visit_id)
    now = database_now()
    people = own_people(actor)
    until = _patients_limit(row)
    wish = selectors.wish_of(visit_id) if row.role.master == Master.MIS else None
    context = {
        "visit": row,
        "line": selectors.line_of(row.organization_id) if row.role.master == Master.MIS else None,
        "line_zone": row.location.zone,
        "wish": wish,
        "is_asking": row.is_ahead(now) and (row.awaits == Awaits.MIS or wish is not None),
        "is_refused": row.status == AppointmentStatus.CANCELLED and row.cancelled_by == Role.SYSTEM,
        "person": next((p for p in people if p.pk == row.patient_id), None),
        "is_self": any(p.pk == row.patient_id and p.user_id == actor.user_id for p in people),
        "is_new": request.GET.get("new") == "1" and row.is_ahead(now),
        "is_moved": request.GET.get("moved") == "1" and row.is_ahead(now),
        "is_ahead": row.is_ahead(now),
        "can_cancel": row.is_ahead(now) and until > now,
        "cancel_until": until,
        "together": selectors.together_with(actor, row),
        "later": selectors.later_ones(actor, row) if row.is_ahead(now) else [],
        "now": now,
    }
    return render(request, "scheduling/visit.html", context)


def _patients_limit(row: Appointment) -> datetime:
    return selectors.cancel_until(row.start, selectors.policy_of(row.organization_id))


@never_cache
@require_GET
@patient_page
def move(request: HttpRequest, actor: Actor, visit_id: UUID) -> HttpResponse:
    """Another time for the same doctor and service. The old one stays until the new one is confirmed."""
    row = _own_visit(actor, visit_id)
    now = database_now()
    context: dict[str, Any] = {"visit": row, "can_move": row.is_ahead(now) and _patients_limit(row) > now, "now": now}
    form = PickerForm(request.GET)
    if not form.is_valid():
        raise BadInput
    if context["can_move"]:
        filters = selectors.Filters(
            practitioner=row.practitioner.slug,
            service=row.service.slug,
            mode=form.cleaned_data["mode"] or row.mode,
            location=form.cleaned_data["location"] or row.location.slug,
        )
        url = reverse("scheduling:move", args=[visit_id])
        context["picker"] = picker(url, filters, form.cleaned_data["day"])
        context["move"] = visit_id
    if request.headers.get("HX-Request") and context["can_move"]:
        return render(request, "scheduling/_picker.html", context)
    return render(request, "scheduling/move.html", context)


def _own_visit(actor: Actor, visit_id: UUID) -> Appointment:
    patient_id = patient_of_appointment(visit_id)
    if patient_id is None:
        raise NotFound
    open_door(actor, [patient_id], purpose="visit")
    row: Appointment = get_one(selectors.visits(actor), pk=visit_id)
    return row


@never_cache
@require_http_methods(["GET", "POST"])
@patient_page
def cancel(request: HttpRequest, actor: Actor, visit_id: UUID) -> HttpResponse:
    """GET asks, POST cancels: links in messages are opened by scanners, buttons are not."""
    row = _own_visit(actor, visit_id)
    if request.method == "GET":
        now, until = database_now(), _patients_limit(row)
        can_cancel = row.is_ahead(now) and until > now
        context = {"visit": row, "can_cancel": can_cancel, "cancel_until": until, "now": now}
        return render(request, "scheduling/cancel.html", context)
    services.cancel_appointment(actor=actor, appointment_id=visit_id)
    return redirect(reverse("scheduling:visit", args=[visit_id]))


@never_cache
@require_GET
@patient_page
def calendar(request: HttpRequest, actor: Actor, visit_id: UUID) -> HttpResponse:
    """The visit for the phone's calendar. Neutral: neither doctor nor specialty (323-FZ art. 13)."""
    row = _own_visit(actor, visit_id)
    response = HttpResponse(
        calendar_file(row, request.build_absolute_uri(reverse("scheduling:visit", args=[visit_id]))),
        content_type="text/calendar; charset=utf-8",
    )
    response["Content-Disposition"] = 'attachment; filename="visit.ics"'
    return response
