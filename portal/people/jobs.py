"""What the clock does for codes: numbers that somebody pumps are stopped, old rows are deleted."""

from __future__ import annotations

import logging

from portal.kernel.outbox import as_system, every
from portal.people.services.code_limits import is_site_used_up
from portal.people.services.own_data import forget_sessions
from portal.people.services.sms_blocks import pumped_prefixes, stop_prefix, tidy_codes

logger = logging.getLogger(__name__)


@every("* * * * *")
def watch_codes() -> None:
    """An alert, without a number of anybody, when codes go out and are not entered, or none can go out at all."""
    with as_system("people.watch_codes") as trail:
        stopped = pumped_prefixes()
        for one in stopped:
            stop_prefix(actor=trail.actor, prefix=one.prefix)
        is_used_up = is_site_used_up()
    for one in stopped:
        seen = {"prefix": one.prefix, "sent": one.sent, "entered": one.entered}
        logger.error("codes by SMS are asked for and not entered: the prefix is stopped for an hour", extra=seen)
    if is_used_up:
        logger.error("the limit of codes by SMS of the whole site is used up: nobody gets one now")


@every("23 * * * *")
def tidy() -> None:
    with as_system("people.tidy") as trail:
        tidy_codes(actor=trail.actor)
        forget_sessions(actor=trail.actor)
