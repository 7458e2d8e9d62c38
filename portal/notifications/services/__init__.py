"""Commands of notifications: plan, take up, settle; what people do with a message."""

from portal.notifications.services.answer import RESENDABLE, answer, resend
from portal.notifications.services.plan import (
    plan_document,
    plan_next_way,
    plan_notice,
    plan_offer,
    plan_visit,
    withdraw,
)
from portal.notifications.services.send import Letter, Outcome, settle, take_up
from portal.notifications.services.wishes import set_wishes

__all__ = [
    "RESENDABLE",
    "Letter",
    "Outcome",
    "answer",
    "plan_document",
    "plan_next_way",
    "plan_notice",
    "plan_offer",
    "plan_visit",
    "resend",
    "set_wishes",
    "settle",
    "take_up",
    "withdraw",
]
