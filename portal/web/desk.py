"""The desk of staff, in its simplest form: today's list for a doctor and a registrar, one visit, who I am."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from portal.kernel.access import open_door
from portal.kernel.actor import STAFF_ROLES, Actor, Role
from portal.kernel.base import get_one
from portal.kernel.errors import NotFound
from portal.notifications.views.journal import calls
from portal.people.models import Location, Organization, Patient, Practitioner, StaffAccount
from portal.people.selectors import contacts_of
from portal.people.views.guards import staff_page
from portal.scheduling import selectors
from portal.scheduling.models import Appointment
from portal.scheduling.selectors_sql import database_now, patient_of_appointment, patients_of_day
from portal.scheduling.services.rules import SCHEDULERS
from portal.web import requests

SEES_PATIENTS = (Role.DOCTOR, Role.REGISTRAR)
HISTORY_SHOWN = 10


@never_cache
@require_GET
@staff_page(*STAFF_ROLES)
def desk(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Today's visits of a doctor or of a clinic; those who open no records see where their work will be."""
    account = StaffAccount.objects.get(user_id=actor.account)
    request.display_name = account.display_name  # type: ignore[attr-defined]
    now = database_now()
    context: dict[str, Any] = {
        "name": account.display_name,
        "role": actor.role.value,
        "clinic": Organization.objects.get(pk=actor.clinic),
        "department": actor.department,
        "practitioner": Practitioner.objects.filter(pk=actor.practitioner_id).first()
        if actor.practitioner_id
        else None,
        "now": now,
        "rows": _today(actor, now) if actor.role in SEES_PATIENTS else None,
        "requests": requests.waiting(actor),
        "calls": calls(actor),
        "may_schedule": actor.role in SCHEDULERS,
    }
    return render(request, "web/desk.html", context)


def _today(actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """Ids first, then the doors, then the rows: 50 patients at most on one list."""
    start, end = _day(actor, now)
    patient_ids = patients_of_day(start, end)
    if not patient_ids:
        return []
    open_door(actor, patient_ids, purpose="today")
    people = {p.pk: p for p in Patient.objects.visible_to(actor).filter(pk__in=patient_ids)}
    visits = selectors.visits(actor).filter(start__gte=start, start__lt=end, organization_id=actor.clinic)
    if actor.role == Role.DOCTOR:
        visits = visits.filter(practitioner=actor.practitioner_id)
    return [
        {"visit": visit, "person": people[visit.patient_id], "is_now": visit.start <= now < visit.end}
        for visit in visits.order_by("start")
    ]


def _day(actor: Actor, now: datetime) -> tuple[datetime, datetime]:
    """Today on the calendar of the clinic's first branch; a doctor's own branch when there is one."""
    places = Location.objects.filter(organization_id=actor.clinic)
    place = places.filter(roles__practitioner=actor.practitioner_id).first() if actor.practitioner_id else None
    zone = ZoneInfo((place or places.order_by("slug")[0]).zone)
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight, midnight + timedelta(days=1)


@never_cache
@require_GET
@staff_page(*SEES_PATIENTS)
def desk_visit(request: HttpRequest, actor: Actor, visit_id: UUID) -> HttpResponse:
    """One visit with the person it is of. Whom the actor is not related to does not exist."""
    patient_id = patient_of_appointment(visit_id)
    if patient_id is None:
        raise NotFound
    open_door(actor, [patient_id], purpose="visit")
    visit: Appointment = get_one(selectors.visits(actor), pk=visit_id, organization_id=actor.clinic)
    person = get_one(Patient.objects.visible_to(actor), pk=patient_id)
    here = {"patient_id": patient_id, "organization_id": actor.clinic}
    others = selectors.visits(actor).filter(**here).exclude(pk=visit_id)[:HISTORY_SHOWN]
    told = selectors.encounters(actor).filter(**here)[:HISTORY_SHOWN]
    contacts = [c for c in contacts_of(actor, patient_id) if c.verified_at] if actor.role == Role.REGISTRAR else []
    context = {
        "visit": visit,
        "person": person,
        "age": person.age_on(database_now().date()),
        "history": selectors.newest(others, told, HISTORY_SHOWN),
        "contacts": contacts,
        "may_number": actor.role == Role.REGISTRAR,
        "comment": visit.comment if actor.role == Role.DOCTOR else "",
        "now": database_now(),
    }
    return render(request, "web/desk_visit.html", context)
