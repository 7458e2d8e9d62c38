"""The clinic's people look at the exchange: is it well, what waits for them, what differs, whose word counts."""

from __future__ import annotations

import csv
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from portal.kernel.actor import Actor, Role
from portal.kernel.errors import BadInput, NotFound
from portal.mis import selectors
from portal.mis.report import COLUMNS, cells
from portal.mis.services import inbox, masters, outbox
from portal.mis.words import why
from portal.people.models import Location, Master
from portal.people.views.guards import staff_page
from portal.scheduling.selectors_sql import database_now
from portal.scheduling.services.rules import SCHEDULERS


@never_cache
@require_GET
@staff_page(*SCHEDULERS)
def exchange(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Everything on one page; it asks the database alone, so it answers while the clinic's system does not."""
    state = selectors.state_of(actor.clinic)
    place = Location.objects.filter(organization_id=actor.clinic).order_by("slug")[0]
    context: dict[str, Any] = {"state": state, "now": database_now(), "zone": place.zone}
    if state is not None:
        doctors, strangers = selectors.doctors_of(actor.clinic)
        context |= {
            "why": why(state.exchange.trouble) if state.exchange.trouble else "",
            "out": [(row, why(row.code)) for row in state.dead_out],
            "into": [(row, why(row.code)) for row in state.dead_in],
            "doctors": doctors,
            "strangers": strangers,
            "unlinked": selectors.unlinked(actor.clinic),
            "may_switch": actor.role == Role.CLINIC_ADMIN,
        }
    return render(request, "mis/exchange.html", context)


@never_cache
@require_GET
@staff_page(*SCHEDULERS)
def drift_csv(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The drift report for a spreadsheet: ids and times, no names."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="drift.csv"'
    writer = csv.writer(response)
    writer.writerow(COLUMNS)
    writer.writerows(cells(row) for row in selectors.drifts(actor.clinic))
    return response


@require_POST
@staff_page(*SCHEDULERS)
def replay_out(request: HttpRequest, actor: Actor, row_id: UUID) -> HttpResponse:
    if not outbox.replay(actor=actor, outgoing_id=row_id):
        raise NotFound
    return redirect("mis:exchange")


@require_POST
@staff_page(*SCHEDULERS)
def replay_in(request: HttpRequest, actor: Actor, row_id: UUID) -> HttpResponse:
    if not inbox.replay(actor=actor, incoming_id=row_id):
        raise NotFound
    return redirect("mis:exchange")


@require_POST
@staff_page(Role.CLINIC_ADMIN)
def master(request: HttpRequest, actor: Actor, role_id: UUID) -> HttpResponse:
    """Whose word counts for this doctor's times from now on."""
    wanted = request.POST.get("master", "")
    if wanted not in Master.values:
        raise BadInput
    masters.set_master(actor=actor, role_id=role_id, master=wanted)
    return redirect("mis:exchange")
