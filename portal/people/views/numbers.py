"""SNILS and policy number: the person's own page, and the same at the desk."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.errors import BadInput
from portal.people.compartment import open_own_doors
from portal.people.forms import NumbersForm
from portal.people.models import Patient, PatientIdentifier
from portal.people.selectors import numbers_of
from portal.people.services.numbers import remove_number, set_numbers
from portal.people.views.guards import patient_page, posted, staff_page


def _me(actor: Actor) -> Patient:
    open_own_doors(actor, purpose="own-data")
    me: Patient = get_one(Patient.objects.visible_to(actor), user_id=actor.user_id)
    return me


def _theirs(actor: Actor, patient_id: UUID) -> Patient:
    open_door(actor, [patient_id], purpose="reception")
    person: Patient = get_one(Patient.objects.visible_to(actor), pk=patient_id)
    return person


@never_cache
@sensitive_post_parameters("snils", "policy")
@require_http_methods(["GET", "POST"])
@patient_page
def own(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _page(request, actor, _me(actor), reverse("people:numbers"))


@require_POST
@patient_page
def own_remove(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _remove(request, actor, _me(actor), reverse("people:numbers"))


@never_cache
@sensitive_post_parameters("snils", "policy")
@require_http_methods(["GET", "POST"])
@staff_page(Role.REGISTRAR)
def desk(request: HttpRequest, actor: Actor, patient_id: UUID) -> HttpResponse:
    return _page(request, actor, _theirs(actor, patient_id), reverse("people:desk-numbers", args=[patient_id]))


@require_POST
@staff_page(Role.REGISTRAR)
def desk_remove(request: HttpRequest, actor: Actor, patient_id: UUID) -> HttpResponse:
    return _remove(request, actor, _theirs(actor, patient_id), reverse("people:desk-numbers", args=[patient_id]))


def _page(request: HttpRequest, actor: Actor, person: Patient, here: str) -> HttpResponse:
    """Numbers that stand, with a way to remove each, and a field for either. An empty field changes nothing."""
    form = NumbersForm(posted(request))
    if form.is_valid():
        set_numbers(actor=actor, patient_id=person.pk, numbers=form.numbers)
        request.session["saved"] = True
        return redirect(here)
    context = {
        "base": "base_desk.html" if actor.is_staff else "base_account.html",
        "person": person,
        "form": form,
        "numbers": numbers_of(actor, person.pk),
        "here": here,
        "saved": request.session.pop("saved", False) if request.method == "GET" else False,
    }
    return render(request, "people/numbers.html", context, status=422 if form.is_bound else 200)


def _remove(request: HttpRequest, actor: Actor, person: Patient, here: str) -> HttpResponse:
    system = request.POST.get("system", "")
    if system not in PatientIdentifier.System.values:
        raise BadInput
    remove_number(actor=actor, patient_id=person.pk, system=system)
    return redirect(here)
