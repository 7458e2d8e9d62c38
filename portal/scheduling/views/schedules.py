"""The clinic's own hand on schedules: weekly hours, exceptions, and visits that no longer fit."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.people.models import PractitionerRole
from portal.people.views.guards import posted, staff_page
from portal.scheduling import selectors, services
from portal.scheduling.forms_staff import ExceptionForm, PolicyForm, RuleForm
from portal.scheduling.models import Rule, RuleException
from portal.scheduling.selectors_sql import database_now
from portal.scheduling.services.rules import SCHEDULERS

RELATIONS = ("practitioner", "specialty", "location")


@never_cache
@require_GET
@staff_page(*SCHEDULERS)
def schedules(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Every doctor of the clinic by specialty; those with visits outside their hours first."""
    roles = list(_own(actor).order_by("specialty__position", "practitioner__family_name_ru"))
    now = database_now()
    counts = Counter(taken.role_id for taken in selectors.conflicts([r.pk for r in roles], since=now))
    roles.sort(key=lambda role: -counts[role.pk])
    rows = [{"role": role, "conflicts": counts[role.pk]} for role in roles]
    return render(request, "scheduling/schedules.html", {"rows": rows, "now": now})


@never_cache
@require_http_methods(["GET", "POST"])
@staff_page(Role.CLINIC_ADMIN)
def policy(request: HttpRequest, actor: Actor) -> HttpResponse:
    """When booking opens and closes; what is saved holds from the next press on."""
    now = selectors.policy_of(actor.clinic)
    form = PolicyForm(posted(request), initial={name: getattr(now, name) for name in PolicyForm.base_fields})
    if form.is_bound and form.is_valid():
        services.set_policy(actor=actor, **form.cleaned_data)
        return redirect(f"{reverse('scheduling:policy')}?saved=1")
    context = {"form": form, "is_saved": request.GET.get("saved") == "1"}
    return render(request, "scheduling/policy.html", context, status=422 if form.is_bound else 200)


def _own(actor: Actor) -> QuerySet[PractitionerRole]:
    return PractitionerRole.objects.filter(organization_id=actor.clinic, is_active=True).select_related(*RELATIONS)


@never_cache
@require_GET
@staff_page(*SCHEDULERS)
def schedule(request: HttpRequest, actor: Actor, role_id: UUID) -> HttpResponse:
    return _page(request, get_one(_own(actor), pk=role_id))


def _page(
    request: HttpRequest,
    role: PractitionerRole,
    rule_form: RuleForm | None = None,
    exception_form: ExceptionForm | None = None,
) -> HttpResponse:
    now = database_now()
    today = selectors.today_in(role.location.zone)
    context: dict[str, Any] = {
        "role": role,
        "rules": Rule.objects.filter(role=role).order_by("weekday", "start"),
        "exceptions": RuleException.objects.filter(role=role, last_day__gte=today).order_by("first_day"),
        "conflicts": selectors.conflicts([role.pk], since=now),
        "rule_form": rule_form or RuleForm(prefix="rule", initial={"valid_from": today}),
        "exception_form": exception_form or ExceptionForm(prefix="exception", initial={"first_day": today}),
        "now": now,
    }
    is_wrong = any(form is not None for form in (rule_form, exception_form))
    return render(request, "scheduling/schedule.html", context, status=422 if is_wrong else 200)


@never_cache
@require_http_methods(["POST"])
@staff_page(*SCHEDULERS)
def add_rule(request: HttpRequest, actor: Actor, role_id: UUID) -> HttpResponse:
    role = get_one(_own(actor), pk=role_id)
    form = RuleForm(posted(request), prefix="rule")
    if not form.is_valid():
        return _page(request, role, rule_form=form)
    services.add_rule(actor=actor, role_id=role_id, **form.cleaned_data)
    return redirect("scheduling:schedule", role_id)


@require_POST
@staff_page(*SCHEDULERS)
def remove_rule(request: HttpRequest, actor: Actor, role_id: UUID, rule_id: UUID) -> HttpResponse:
    services.remove_rule(actor=actor, rule_id=rule_id)
    return redirect("scheduling:schedule", role_id)


@never_cache
@require_http_methods(["POST"])
@staff_page(*SCHEDULERS)
def add_exception(request: HttpRequest, actor: Actor, role_id: UUID) -> HttpResponse:
    role = get_one(_own(actor), pk=role_id)
    form = ExceptionForm(posted(request), prefix="exception")
    if not form.is_valid():
        return _page(request, role, exception_form=form)
    services.add_exception(actor=actor, role_id=role_id, **form.cleaned_data)
    return redirect("scheduling:schedule", role_id)


@require_POST
@staff_page(*SCHEDULERS)
def remove_exception(request: HttpRequest, actor: Actor, role_id: UUID, exception_id: UUID) -> HttpResponse:
    services.remove_exception(actor=actor, exception_id=exception_id)
    return redirect("scheduling:schedule", role_id)
