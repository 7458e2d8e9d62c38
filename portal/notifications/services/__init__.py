"""Commands of notifications: plan, take up, settle; what people do with a message."""

from portal.notifications.services.answer import RESENDABLE, answer, resend
from portal.notifications.services.chat import ChatTaken, ask_link, bind_chat, end_chat, refuse_chat
from portal.notifications.services.devices import add_device, forget_devices, note_shown, remove_device
from portal.notifications.services.hooks import ask_now
from portal.notifications.services.plan import (
    plan_document,
    plan_next_way,
    plan_notice,
    plan_offer,
    plan_turn,
    plan_visit,
    withdraw,
)
from portal.notifications.services.returns import Came, note_came_back, note_unreached
from portal.notifications.services.send import Letter, Outcome, settle, take_up
from portal.notifications.services.wishes import set_wishes

__all__ = [
    "RESENDABLE",
    "Came",
    "ChatTaken",
    "Letter",
    "Outcome",
    "add_device",
    "answer",
    "ask_link",
    "ask_now",
    "bind_chat",
    "end_chat",
    "forget_devices",
    "note_came_back",
    "note_shown",
    "note_unreached",
    "plan_document",
    "plan_next_way",
    "plan_notice",
    "plan_offer",
    "plan_turn",
    "plan_visit",
    "refuse_chat",
    "remove_device",
    "resend",
    "set_wishes",
    "settle",
    "take_up",
    "withdraw",
]
