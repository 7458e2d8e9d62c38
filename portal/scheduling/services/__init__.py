"""Commands of scheduling, one verb a file."""

from portal.scheduling.services.book import Terms, book_appointment, book_together, offer_of, offers_of
from portal.scheduling.services.cancel import cancel_appointment, decline_appointment
from portal.scheduling.services.confirm import accept_appointment, confirm_appointment
from portal.scheduling.services.feed import end_feed, open_feed, revoke_feed
from portal.scheduling.services.hold import Ask, Holder, extend_hold, hold_time, hold_times, release_hold
from portal.scheduling.services.move import move_appointment, move_to
from portal.scheduling.services.rules import add_exception, add_rule, remove_exception, remove_rule, set_policy
from portal.scheduling.services.sheets import extend_sheets, write_sheets
from portal.scheduling.services.waitlist import (
    MOST_IGNORED,
    Wish,
    accept_offer,
    decline_offer,
    end_wait,
    join,
    lapse_offer,
    leave,
    make_offer,
    open_offer,
    open_wait,
    pause,
    rest,
    resume,
)

__all__ = [
    "MOST_IGNORED",
    "Ask",
    "Holder",
    "Terms",
    "Wish",
    "accept_appointment",
    "accept_offer",
    "add_exception",
    "add_rule",
    "book_appointment",
    "book_together",
    "cancel_appointment",
    "confirm_appointment",
    "decline_appointment",
    "decline_offer",
    "end_feed",
    "end_wait",
    "extend_hold",
    "extend_sheets",
    "hold_time",
    "hold_times",
    "join",
    "lapse_offer",
    "leave",
    "make_offer",
    "move_appointment",
    "move_to",
    "offer_of",
    "offers_of",
    "open_feed",
    "open_offer",
    "open_wait",
    "pause",
    "release_hold",
    "remove_exception",
    "remove_rule",
    "rest",
    "resume",
    "revoke_feed",
    "set_policy",
    "write_sheets",
]
