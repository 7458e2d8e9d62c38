"""Who is this patient in the clinic's own system? Side by side, for the reception to say."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.mis import selectors
from portal.mis.selectors_sql import unmatched_patients
from portal.mis.services import patients
from portal.people.models import PatientIdentifier
from portal.people.selectors import contacts_of
from portal.people.views.guards import staff_page

MOST_LETTERS = 200


@never_cache
@require_GET
@staff_page(Role.REGISTRAR)
def matches(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ids first, then the doors, then the people and who they could be."""
    ids = unmatched_patients()
    rows = _rows(actor, ids) if ids else []
    settled = request.session.pop("settled", "")
    return render(request, "mis/matches.html", {"rows": rows, "settled": settled})


def _rows(actor: Actor, ids: list[UUID]) -> list[dict[str, Any]]:
    open_door(actor, ids, purpose="matching")
    numbers: dict[UUID, dict[str, str]] = {}
    for one in PatientIdentifier.objects.visible_to(actor):
        numbers.setdefault(one.patient_id, {})[one.system] = one.value
    systems = PatientIdentifier.System
    return [
        {
            "person": person,
            "phones": [c.value for c in contacts_of(actor, person.pk) if c.kind == "phone" and c.verified_at],
            "snils": numbers.get(person.pk, {}).get(systems.SNILS, ""),
            "policy": numbers.get(person.pk, {}).get(systems.POLICY, ""),
            "candidates": ref.candidates or [],
        }
        for ref, person in selectors.unmatched(actor)
    ]


@require_POST
@staff_page(Role.REGISTRAR)
def settle(request: HttpRequest, actor: Actor, patient_id: UUID) -> HttpResponse:
    """`chosen`: the ref of a candidate, or nothing for "none of them"."""
    chosen = request.POST.get("chosen", "")[:MOST_LETTERS]
    patients.settle_match(actor=actor, patient_id=patient_id, chosen=chosen)
    request.session["settled"] = "chosen" if chosen else "nobody"
    return redirect("mis:matches")
