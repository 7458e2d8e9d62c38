"""When booking opens and closes for a patient: the clinic's policy, and a service's own lead time and horizon."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.people.models import ServiceOffer
from portal.scheduling.models import BookingPolicy, MisLine
from portal.scheduling.opening import MIDNIGHT, instant
from portal.scheduling.selectors_sql import database_now

WRITTEN_AHEAD = timedelta(days=92)  # day sheets are written so far; no horizon reaches further


@dataclass(frozen=True, slots=True)
class Bounds:
    """A patient's visit may begin in [since, until); `last_day` is the last day published, `next_day` opens then."""

    since: datetime
    until: datetime
    last_day: date
    next_opens: datetime


def policies() -> dict[UUID, BookingPolicy]:
    """Every clinic's policy by the clinic's id; a clinic without one has the defaults (`policy_of`)."""
    return {policy.organization_id: policy for policy in BookingPolicy.objects.all()}


def policy_of(organization_id: UUID, known: dict[UUID, BookingPolicy] | None = None) -> BookingPolicy:
    if known is not None:
        return known.get(organization_id) or BookingPolicy()
    return BookingPolicy.objects.filter(organization_id=organization_id).first() or BookingPolicy()


def bounds(offer: ServiceOffer, policy: BookingPolicy, now: datetime) -> Bounds:
    """For patients; staff may book earlier and later (`services/hold.py`)."""
    service, zone = offer.service, ZoneInfo(offer.role.location.zone)
    lead = policy.lead_minutes if service.lead_minutes is None else service.lead_minutes
    horizon = policy.horizon_days if service.horizon_days is None else service.horizon_days
    horizon = min(horizon, WRITTEN_AHEAD.days - 1)
    local = now.astimezone(zone)
    is_published_today = local.time() >= policy.publish_at
    last = local.date() + timedelta(days=horizon if is_published_today else horizon - 1)
    opens_on = local.date() + timedelta(days=1 if is_published_today else 0)
    return Bounds(
        since=now + timedelta(minutes=lead),
        until=instant(last + timedelta(days=1), MIDNIGHT, zone),
        last_day=last,
        next_opens=instant(opens_on, policy.publish_at, zone),
    )


def cancel_until(start: datetime, policy: BookingPolicy) -> datetime:
    """Until then patients cancel and move alone."""
    return start - timedelta(minutes=policy.cancel_minutes)


def today_in(zone: str) -> date:
    return database_now().astimezone(ZoneInfo(zone)).date()


def line_of(organization_id: UUID) -> MisLine | None:
    """The line to the clinic's own system, where there is one."""
    return MisLine.objects.filter(organization_id=organization_id).first()


def line_down(organization_ids: Iterable[UUID]) -> MisLine | None:
    """A line of these clinics that is down; no question where nothing hangs on it."""
    ids = set(organization_ids)
    return MisLine.objects.filter(organization_id__in=ids, down_since__isnull=False).first() if ids else None
