"""For reception: what was sent to whom, what became of it, whom to call; and once more."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.errors import BadInput, NotFound
from portal.notifications import services
from portal.notifications.forms_own import JournalForm
from portal.notifications.labels import kind_words, state_words
from portal.notifications.models import Message
from portal.notifications.selectors_sql import journal_page, messages_to_call_about, patient_of_message
from portal.people.models import Contact, Location, Patient
from portal.people.views.guards import staff_page
from portal.scheduling import selectors
from portal.scheduling.models import Appointment
from portal.scheduling.selectors_sql import database_now

PER_PAGE = 50
reception_page = staff_page(Role.REGISTRAR)


@never_cache
@require_GET
@reception_page
def journal(request: HttpRequest, actor: Actor) -> HttpResponse:
    """One day of the clinic's messages, the latest first."""
    form = JournalForm(request.GET)
    if not form.is_valid():
        raise BadInput
    now = database_now()
    zone = ZoneInfo(Location.objects.filter(organization_id=actor.clinic).order_by("slug")[0].zone)
    day: date = form.cleaned_data["day"] or now.astimezone(zone).date()
    page = form.cleaned_data["page"] or 1
    start = datetime.combine(day, datetime.min.time(), zone)
    found = journal_page(start, start + timedelta(days=1), skip=(page - 1) * PER_PAGE, most=PER_PAGE + 1)
    context = {
        "day": start,
        "zone": str(zone),
        "rows": _rows(actor, found[:PER_PAGE]),
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1),
        "next_page": page + 1 if len(found) > PER_PAGE else None,
        "page": page,
        "now": now,
    }
    return render(request, "notifications/journal.html", context)


def _rows(actor: Actor, found: list[tuple[UUID, UUID]]) -> list[dict[str, Any]]:
    if not found:
        return []
    open_door(actor, {patient for _, patient in found}, purpose="journal")
    messages = Message.objects.visible_to(actor).filter(pk__in=[message for message, _ in found])
    people = {p.pk: p for p in Patient.objects.visible_to(actor).filter(pk__in=[patient for _, patient in found])}
    return [_row(m, people[m.patient_id]) for m in messages.order_by("-due_at", "pk")]


def _row(message: Message, person: Patient) -> dict[str, Any]:
    word, tone, why = state_words(message)
    return {
        "message": message,
        "person": person,
        "kind": kind_words(message),
        "word": word,
        "tone": tone,
        "why": why,
        "can_resend": bool(message.contact_id) and message.next_at is None and message.state in services.RESENDABLE,
    }


@never_cache
@require_GET
@reception_page
def message(request: HttpRequest, actor: Actor, message_id: UUID) -> HttpResponse:
    """One message with its text; reading it is on the patient's trail."""
    row = _own(actor, message_id)
    person = get_one(Patient.objects.visible_to(actor), pk=row.patient_id)
    contact = Contact.objects.visible_to(actor).filter(pk=row.contact_id).first() if row.contact_id else None
    visit = Appointment.objects.visible_to(actor).select_related("location").filter(pk=row.subject_id).first()
    context = _row(row, person) | {"contact": contact, "visit": visit, "now": database_now()}
    return render(request, "notifications/message.html", context)


def _own(actor: Actor, message_id: UUID) -> Message:
    patient_id = patient_of_message(message_id)
    if patient_id is None:
        raise NotFound
    open_door(actor, [patient_id], purpose="message")
    return get_one(Message.objects.visible_to(actor), pk=message_id, organization_id=actor.clinic)


@require_POST
@reception_page
def resend(request: HttpRequest, actor: Actor, message_id: UUID) -> HttpResponse:
    _own(actor, message_id)
    services.resend(actor=actor, message_id=message_id)
    return redirect(reverse("notifications:message", args=[message_id]))


@require_POST
@reception_page
def called(request: HttpRequest, actor: Actor, message_id: UUID) -> HttpResponse:
    """Reception has called: the row leaves the list."""
    _own(actor, message_id)
    services.answer(actor=actor, message_id=message_id)
    return redirect("web:desk")


def calls(actor: Actor) -> list[dict[str, Any]]:
    """Whom reception has to call: one row a visit, the soonest first, with the phone when there is one."""
    if actor.role != Role.REGISTRAR or not (about := messages_to_call_about()):
        return []
    ids = sorted(set(about.values()))
    open_door(actor, ids, purpose="calls")
    people = {p.pk: p for p in Patient.objects.visible_to(actor).filter(pk__in=ids)}
    phones = _phones(actor, ids)
    messages = list(Message.objects.visible_to(actor).filter(pk__in=about))
    of = {v.pk: v for v in selectors.visits(actor).filter(pk__in=[one.subject_id for one in messages])}
    rows = [
        _row(one, people[one.patient_id]) | {"visit": of[one.subject_id], "phone": phones.get(one.patient_id)}
        for one in messages
        if one.subject_id in of
    ]
    return sorted(rows, key=lambda row: row["visit"].start)


def _phones(actor: Actor, ids: list[UUID]) -> dict[UUID, str]:
    rows = Contact.objects.visible_to(actor).filter(patient_id__in=ids, kind=Contact.Kind.PHONE, removed_at=None)
    return {contact.patient_id: contact.value for contact in rows}
