"""Notifications: one message goes to each of a person's browsers. No database here.

What a push service accepts is not shown yet: only the browser's own word delivers it (`views/devices.py: shown`). So
`accepted` waits for that word, and without it the message has gone nowhere that we know of: another way is taken.
A repeat takes the place of the notification before it, so nothing here is ever shown twice at once.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from portal.kernel.ports import PortFailure, PortUnknown, port
from portal.notifications import routes
from portal.notifications.kinds import PUSH_PATIENCE
from portal.notifications.models import MessageState
from portal.notifications.ports import Accepted
from portal.notifications.ports_push import PushBusy
from portal.notifications.services.send import Letter, Outcome

logger = logging.getLogger(__name__)
GONE = "gone"
NOW = timedelta(0)
MOST_REPEATS = 5  # of unknown outcome: then it is our own fault, and another way is taken


@dataclass
class _Answers:
    """What the push services said of one person's browsers."""

    accepted: Accepted | None = None
    gone: list[UUID] = field(default_factory=list)
    why: str = "no-device"
    is_hopeless: bool = True
    wait: timedelta = NOW

    def later(self, code: str, wait: timedelta = NOW) -> None:
        self.why, self.is_hopeless, self.wait = code, False, max(self.wait, wait)

    def refused(self, device_id: UUID, failure: PortFailure) -> None:
        if failure.code == GONE:
            self.gone.append(device_id)
        if failure.stops_provider:
            logger.error("provider stopped", extra={"carrier": "push", "why": failure.code})
        if failure.permanent or failure.stops_provider:
            self.why = failure.code if self.is_hopeless else self.why
        else:
            self.later(failure.code)


def carry(letter: Letter) -> Outcome:
    """One letter to the push services; or, when its time is over, on to another way."""
    if letter.state == MessageState.ACCEPTED:
        return _not_shown(letter)
    if letter.asks and letter.attempts > MOST_REPEATS:
        return Outcome(letter, MessageState.FAILED, None, {"error": "fault"}, needs_next_way=True)
    if letter.asks:
        return Outcome(letter, MessageState.PLANNED, NOW, {"error": "repeated"})
    return _judge(letter, _send(letter))


def _not_shown(letter: Letter) -> Outcome:
    """It may still be shown when the browser wakes up, and says so then."""
    if not letter.is_overdue:
        return Outcome(letter, MessageState.ACCEPTED, PUSH_PATIENCE)
    return Outcome(letter, MessageState.UNKNOWN, None, {"error": "not-shown"}, needs_next_way=True)


def _send(letter: Letter) -> _Answers:
    """To each browser in turn, for half of the lease at most."""
    sender, answers, parcel = port(letter.carrier), _Answers(), letter.parcel
    if parcel is None:
        raise LookupError("a letter without a parcel is asked about, not sent")
    ends = time.monotonic() + settings.PORTAL.message_lease_seconds / 2
    for device_id, subscription in parcel.devices:
        if time.monotonic() > ends:
            break
        try:
            accepted = sender.send(subscription, parcel.payload, key=letter.message_id, ttl=parcel.ttl)
        except PushBusy as busy:
            answers.later(busy.code, timedelta(seconds=busy.retry_after or 0))
        except PortUnknown as unknown:
            answers.later(unknown.code)
        except PortFailure as failure:
            answers.refused(device_id, failure)
        else:
            answers.accepted = accepted
    return answers


def _judge(letter: Letter, answers: _Answers) -> Outcome:
    gone = tuple(answers.gone)
    if answers.accepted:
        values = {"provider_ref": answers.accepted.provider_ref, "error": ""}
        return Outcome(letter, MessageState.ACCEPTED, PUSH_PATIENCE, values, gone=gone)
    wait = max(answers.wait, routes.later(letter.attempts))
    if answers.is_hopeless or letter.is_overdue or wait > PUSH_PATIENCE:
        return Outcome(letter, MessageState.FAILED, None, {"error": answers.why}, needs_next_way=True, gone=gone)
    return Outcome(letter, MessageState.PLANNED, wait, {"error": answers.why}, gone=gone)
