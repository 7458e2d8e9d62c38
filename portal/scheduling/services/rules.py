"""Changes of a doctor's schedule, by the clinic's own staff. Each rewrites the day sheets in its own transaction."""

from __future__ import annotations

from datetime import date, time
from uuid import UUID

from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.people.models import PractitionerRole
from portal.scheduling.models import BookingPolicy, Rule, RuleException
from portal.scheduling.services.sheets import rewrite_ahead

SCHEDULERS = {Role.CLINIC_ADMIN, Role.REGISTRAR}


@command("BookingPolicy.set", roles={Role.CLINIC_ADMIN})
def set_policy(
    *,
    actor: Actor,
    lead_minutes: int,
    horizon_days: int,
    publish_at: time,
    cancel_minutes: int,
    is_one_a_day: bool,
) -> BookingPolicy:
    """What patients of the actor's clinic may do alone, from the next press on. Visits booked stay as they are."""
    values = {
        "lead_minutes": lead_minutes,
        "horizon_days": horizon_days,
        "publish_at": publish_at,
        "cancel_minutes": cancel_minutes,
        "is_one_a_day": is_one_a_day,
    }
    policy, _is_new = BookingPolicy.objects.update_or_create(organization_id=actor.clinic, defaults=values)
    return policy


@command("Rule.add", roles=SCHEDULERS)
def add_rule(
    *,
    actor: Actor,
    role_id: UUID,
    weekday: int,
    start: time,
    end: time,
    step_minutes: int,
    modes: list[str],
    valid_from: date,
    valid_to: date | None = None,
    weeks: str = Rule.Weeks.EVERY,
) -> Rule:
    """Open every such weekday from `start` to `end`, wall clock of the branch."""
    role = own_role(actor, role_id)
    rule = Rule(
        role=role,
        weekday=weekday,
        weeks=weeks,
        start=start,
        end=end,
        step_minutes=step_minutes,
        modes=modes,
        valid_from=valid_from,
        valid_to=valid_to,
    )
    rule.save(force_insert=True)
    rewrite_ahead(role)
    return rule


@command("Rule.remove", roles=SCHEDULERS)
def remove_rule(*, actor: Actor, rule_id: UUID) -> None:
    """Close those hours from today on. Visits in them stay and are shown as conflicts."""
    rule = get_one(Rule.objects.filter(role__organization_id=actor.clinic).select_related("role__location"), pk=rule_id)
    rule.delete()
    rewrite_ahead(rule.role)


@command("RuleException.add", roles=SCHEDULERS)
def add_exception(
    *,
    actor: Actor,
    role_id: UUID,
    kind: str,
    first_day: date,
    last_day: date,
    start: time | None = None,
    end: time | None = None,
    step_minutes: int = 20,
    modes: list[str] | None = None,
) -> RuleException:
    """A vacation, a sick leave, closed or extra hours; whole days when there are no hours."""
    role = own_role(actor, role_id)
    exception = RuleException(
        role=role,
        kind=kind,
        first_day=first_day,
        last_day=last_day,
        start=start,
        end=end,
        step_minutes=step_minutes,
        modes=modes or [],
    )
    exception.save(force_insert=True)
    rewrite_ahead(role)
    return exception


@command("RuleException.remove", roles=SCHEDULERS)
def remove_exception(*, actor: Actor, exception_id: UUID) -> None:
    """The weekly rules hold again on those days."""
    own = RuleException.objects.filter(role__organization_id=actor.clinic).select_related("role__location")
    exception = get_one(own, pk=exception_id)
    exception.delete()
    rewrite_ahead(exception.role)


def own_role(actor: Actor, role_id: UUID) -> PractitionerRole:
    """A doctor's place in the actor's own clinic, or `NotFound`."""
    return get_one(PractitionerRole.objects.filter(organization_id=actor.clinic).select_related("location"), pk=role_id)
