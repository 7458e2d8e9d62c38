"""Times that patients asked for and the clinic has not answered yet: confirm, or decline."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.kernel.errors import BadInput
from portal.people.models import Patient
from portal.people.views.guards import staff_page
from portal.scheduling import selectors, services
from portal.scheduling.models import AppointmentStatus
from portal.scheduling.selectors_sql import asking_patients, database_now


def waiting(actor: Actor) -> list[dict[str, Any]]:
    """Requests of the registrar's clinic, earliest first, with the person who asked."""
    if actor.role != Role.REGISTRAR or not (ids := asking_patients()):
        return []
    open_door(actor, ids, purpose="requests")
    people = {p.pk: p for p in Patient.objects.visible_to(actor).filter(pk__in=ids)}
    asked = selectors.visits(actor).filter(
        patient_id__in=ids,
        organization_id=actor.clinic,
        status=AppointmentStatus.PENDING,
        start__gt=database_now(),
    )
    return [{"visit": visit, "person": people[visit.patient_id]} for visit in asked.order_by("start")]


class AnswerForm(forms.Form):
    version = forms.IntegerField(min_value=1, max_value=2**31 - 2)


def _seen(request: HttpRequest) -> int:
    """The version of the request that the registrar answers."""
    form = AnswerForm(request.POST)
    if not form.is_valid():
        raise BadInput
    return int(form.cleaned_data["version"])


@require_POST
@staff_page(Role.REGISTRAR)
def confirm(request: HttpRequest, actor: Actor, visit_id: UUID) -> HttpResponse:
    services.confirm_appointment(actor=actor, appointment_id=visit_id, version=_seen(request))
    return redirect("web:desk")


@require_POST
@staff_page(Role.REGISTRAR)
def decline(request: HttpRequest, actor: Actor, visit_id: UUID) -> HttpResponse:
    """The time is free again, and the patient hears of it."""
    services.decline_appointment(actor=actor, appointment_id=visit_id, version=_seen(request))
    return redirect("web:desk")
