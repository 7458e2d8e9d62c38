"""Holds of a browser, visits of a patient, and visits that the schedule no longer covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from portal.kernel.actor import Actor
from portal.people.models import Online, ServiceOffer
from portal.scheduling.models import HOLDS_TIME, Appointment, AppointmentStatus, CalendarFeed, Encounter, Occupancy
from portal.scheduling.selectors.choices import OFFER_RELATIONS, Time, choice_of, days_of, with_nearest
from portal.scheduling.selectors_sql import conflicting, database_now

VISIT_RELATIONS = ("practitioner", "location", "service", "role__specialty", "organization", "room")
ENCOUNTER_RELATIONS = ("organization", "role__practitioner", "role__location", "role__specialty")
DID_NOT_TAKE_PLACE = (AppointmentStatus.CANCELLED, AppointmentStatus.NOSHOW, AppointmentStatus.ENTERED_IN_ERROR)
HOLD_RELATIONS = (
    "practitioner",
    "service",
    "role__location",
    "role__specialty",
    "role__organization",
    "role__practitioner",
)


def live_holds(batch: UUID, owner: UUID | None) -> list[Occupancy]:
    """The browser's holds of one batch while they last, earliest visit first; empty when any of them is over."""
    rows = holds_of(batch, owner)
    now = database_now()
    return rows if rows and all(row.expires_at and row.expires_at > now for row in rows) else []


def holds_of(batch: UUID, owner: UUID | None) -> list[Occupancy]:
    """Live or run out."""
    if owner is None:
        return []
    rows = Occupancy.objects.filter(batch=batch, owner=owner, kind=Occupancy.Kind.HOLD)
    return list(rows.select_related(*HOLD_RELATIONS).prefetch_related("uses__resource").order_by("start"))


def wish_of(appointment_id: UUID) -> Occupancy | None:
    """The time that a visit is being moved to, while the clinic's own system has not agreed yet."""
    rows = Occupancy.objects.filter(owner=appointment_id, replaces=appointment_id, kind=Occupancy.Kind.BOOKED)
    return rows.select_related(*HOLD_RELATIONS).first()


def visits(actor: Actor) -> QuerySet[Appointment]:
    """Visits of everyone whose door is open, newest first."""
    rows: QuerySet[Appointment] = Appointment.objects.visible_to(actor).select_related(*VISIT_RELATIONS)
    return rows.order_by("-start")


def encounters(actor: Actor) -> QuerySet[Encounter]:
    """What took place by the clinic's own system, newest first; what stands here as a visit of ours is left out."""
    rows: QuerySet[Encounter] = Encounter.objects.visible_to(actor).select_related(*ENCOUNTER_RELATIONS)
    is_told_once = Q(appointment=None) | Q(appointment__status__in=DID_NOT_TAKE_PLACE)
    return rows.filter(is_told_once).order_by("-start")


def newest(booked: Iterable[Appointment], told: Iterable[Encounter], most: int) -> list[Appointment | Encounter]:
    """Visits of both kinds as one list."""
    rows: list[Appointment | Encounter] = [*booked, *told]
    return sorted(rows, key=lambda one: one.start, reverse=True)[:most]


def upcoming(rows: QuerySet[Appointment]) -> QuerySet[Appointment]:
    return rows.filter(status__in=HOLDS_TIME, end__gt=Now()).order_by("start")


CANCELLED_SHOWN = timedelta(days=30)


def in_calendar(actor: Actor) -> QuerySet[Appointment]:
    """Coming visits, and those cancelled lately: a calendar has to be told that they are off. Earliest first."""
    now = database_now()
    since = now - CANCELLED_SHOWN
    is_coming = Q(status__in=HOLDS_TIME, end__gt=now)
    is_off = Q(status=AppointmentStatus.CANCELLED, cancelled_at__gt=since, end__gt=since)
    rows: QuerySet[Appointment] = Appointment.objects.visible_to(actor).select_related("location")
    return rows.filter(is_coming | is_off).order_by("start", "pk")


def live_feed(actor: Actor, patient_id: UUID) -> CalendarFeed | None:
    """The private calendar that a person has switched on."""
    feeds: QuerySet[CalendarFeed] = CalendarFeed.objects.visible_to(actor)
    return feeds.filter(patient_id=patient_id, revoked_at__isnull=True).first()


def together_with(actor: Actor, visit: Appointment) -> list[Appointment]:
    """The other visits booked in one go with this one, earliest first."""
    if visit.batch is None:
        return []
    rows = visits(actor).filter(batch=visit.batch, patient_id=visit.patient_id).exclude(pk=visit.pk)
    return list(rows.order_by("start"))


AGAIN_SHOWN = 5


def again(past: Sequence[Appointment]) -> dict[UUID, Time]:
    """The nearest free time of the last few doctors and services, so that one tap repeats a visit."""
    latest: dict[tuple[UUID, UUID], Appointment] = {}
    for visit in past:
        if visit.status != AppointmentStatus.CANCELLED:
            latest.setdefault((visit.role_id, visit.service_id), visit)
    shown = list(latest.values())[:AGAIN_SHOWN]
    offers = ServiceOffer.objects.filter(
        role_id__in=[v.role_id for v in shown], service_id__in=[v.service_id for v in shown], role__is_active=True
    ).select_related(*OFFER_RELATIONS)
    found = {(o.role_id, o.service_id): choice_of(o) for o in offers if (o.role_id, o.service_id) in latest}
    with_nearest(list(found.values()))
    return {
        latest[key].pk: days_of([choice.nearest], choice.zone, choice.offer.service)[0].times[0]
        for key, choice in found.items()
        if choice.nearest and choice.offer.service.online != Online.VIEW
    }


def conflicts(role_ids: Sequence[UUID], *, since: datetime) -> list[Occupancy]:
    """Booked times that no day sheet covers any more, earliest first; whose they are is behind doors."""
    rows = Occupancy.objects.filter(pk__in=conflicting(role_ids, since))
    return list(rows.select_related("role__location", "service").order_by("start"))
