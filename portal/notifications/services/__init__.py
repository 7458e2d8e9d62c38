"""Commands of notifications: plan, take up, settle."""

from portal.notifications.services.plan import plan_next_way, plan_visit, withdraw
from portal.notifications.services.send import Letter, Outcome, settle, take_up

__all__ = ["Letter", "Outcome", "plan_next_way", "plan_visit", "settle", "take_up", "withdraw"]
