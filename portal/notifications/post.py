"""The post office: calls providers and judges their answers. No database here; several calls at once.

Every branch ends in an `Outcome`. Silence after the request was written is `unknown`, and is asked about where the
provider can be asked; where it cannot, the message is sent once more at most, and that is counted (`Message.resent`).
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F

from portal.kernel.ports import PortFailure, PortUnknown, port
from portal.notifications import post_push, routes
from portal.notifications.models import Channel, MessageState
from portal.notifications.ports import Accepted, DeliveryState, DeliveryStatus, Signal
from portal.notifications.ports_mail import MailboxRefused
from portal.notifications.services.send import Letter, Outcome

logger = logging.getLogger(__name__)
CALLS_AT_ONCE = 16
NOW, SOON = timedelta(0), timedelta(seconds=1)
MOST_ASKED = 3  # the provider does not know it after so many questions: it never arrived there
MOST_FOLLOWED = 6  # an accepted one is followed after 1, 2, 4, … pauses
FAILED = (DeliveryState.FAILED, DeliveryState.FAILED_PERM, DeliveryState.FAILED_TEMP)
_pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="post")


def _pause() -> timedelta:
    return timedelta(seconds=settings.PORTAL.message_ask_seconds)


def carry(letters: list[Letter]) -> list[Outcome]:
    """Every letter to its provider, a few at a time.

    A call begins in the first quarter of the lease or not at all: later its answer could come when another worker has
    the message already.
    """
    last_start = time.monotonic() + settings.PORTAL.message_lease_seconds / 4
    return list(_pool.map(lambda letter: _carry(letter, last_start), letters))


def _carry(letter: Letter, last_start: float) -> Outcome:
    if time.monotonic() > last_start:
        return Outcome(letter, MessageState(letter.state) if letter.asks else MessageState.PLANNED, SOON, {})
    try:
        if letter.channel == Channel.PUSH:
            return post_push.carry(letter)
        if letter.is_off:
            return _turned_away(letter)
        outcome = _ask(letter) if letter.asks else _send(letter)
        # A messenger comes besides another way, which looks after itself.
        return replace(outcome, needs_next_way=False) if letter.channel == Channel.CHAT else outcome
    except Exception as fault:  # an adapter's own mistake: the message may have left
        logger.error("carrier broke", extra={"carrier": letter.carrier}, exc_info=fault)
        return Outcome(letter, MessageState.UNKNOWN, _pause(), {"error": "fault"})


def _turned_away(letter: Letter) -> Outcome:
    return Outcome(letter, MessageState.FAILED, None, {"error": "mail-returns"}, needs_next_way=True)


def _send(letter: Letter) -> Outcome:
    try:
        accepted = call(letter)
    except PortUnknown as unknown:
        routes.breaker(letter.carrier).failed()
        return Outcome(letter, MessageState.UNKNOWN, _pause(), {"error": unknown.code})
    except PortFailure as failure:
        return _refused(letter, failure)
    routes.breaker(letter.carrier).worked()
    return _accepted(letter, accepted)


def call(letter: Letter) -> Accepted:
    """One call of the letter's carrier."""
    said, key = letter.words, letter.message_id
    if said is None:
        raise LookupError("a letter without words is asked about, not sent")
    carrier, sent = port(letter.carrier), None
    if letter.channel == Channel.SMS:
        sent = carrier.send(letter.to, said.sms, key=key, sequence=letter.sequence)
    elif letter.channel == Channel.CHAT:
        sent = carrier.send(letter.to, said.text, key=key)
    else:
        headers = {"In-Reply-To": letter.follows, "References": letter.follows} if letter.follows else None
        sent = carrier.send(letter.to, said.subject, said.text, key=key, headers=headers, calendar=said.calendar)
    accepted: Accepted = sent
    return accepted


def _accepted(letter: Letter, accepted: Accepted) -> Outcome:
    values: dict[str, Any] = {
        "provider_ref": accepted.provider_ref,
        "segments": 0 if letter.channel == Channel.CHAT else accepted.segments,
        "cost": accepted.cost,
        "error": "",
        "asked": 0,
    }
    return Outcome(letter, MessageState.ACCEPTED, _pause() if letter.channel == Channel.SMS else None, values)


def _refused(letter: Letter, failure: PortFailure) -> Outcome:
    """Nothing happened there. A provider at fault leaves the message to the other one, if there is one."""
    values = {"error": failure.code}
    if failure.permanent:
        refused = failure.fault if isinstance(failure, MailboxRefused) else None
        return Outcome(letter, MessageState.FAILED, None, values, needs_next_way=True, mailbox_refused=refused)
    routes.breaker(letter.carrier).failed()
    if failure.stops_provider:
        logger.error("provider stopped", extra={"carrier": letter.carrier, "why": failure.code})
    others = [name for name in routes.carriers_of(letter.channel) if name != letter.carrier]
    wait = NOW if failure.stops_provider and others and letter.attempts == 1 else routes.later(letter.attempts)
    return Outcome(letter, MessageState.PLANNED, wait, values)


def _ask(letter: Letter) -> Outcome:
    carrier = port(letter.carrier) if letter.channel == Channel.SMS else None
    ref = letter.provider_ref or (str(letter.sequence) if carrier and carrier.knows_our_number else "")
    if carrier is None or not ref:
        return _once_more(letter)
    try:
        status: DeliveryStatus = carrier.status(ref, letter.to)
    except PortFailure as failure:
        return _not_told(letter, failure)
    return _judge(letter, ref, status)


def _not_told(letter: Letter, failure: PortFailure) -> Outcome:
    """An open question is asked until it is answered or the message is of no use; of an accepted one not for ever."""
    if letter.state != MessageState.ACCEPTED:
        return Outcome(letter, MessageState(letter.state), _pause(), {"error": failure.code})
    return _on_its_way(letter, letter.provider_ref)


def _judge(letter: Letter, ref: str, status: DeliveryStatus) -> Outcome:
    if status.alert:
        logger.error("the provider asks for attention", extra={"carrier": letter.carrier, "code": status.vendor_code})
    outcome = _outcome_of(letter, ref, status)
    return replace(outcome, sim_replaced=status.signal == Signal.SIM_REPLACED)


def _outcome_of(letter: Letter, ref: str, status: DeliveryStatus) -> Outcome:
    if status.state == DeliveryState.DELIVERED:
        return Outcome(letter, MessageState.DELIVERED, None, {"error": "", "provider_ref": ref})
    if status.state in FAILED:
        return Outcome(letter, MessageState.FAILED, None, {"error": status.vendor_code[:40]}, needs_next_way=True)
    if status.state == DeliveryState.UNKNOWN and letter.state != MessageState.ACCEPTED:
        return _not_known(letter)
    return _on_its_way(letter, ref)


def _on_its_way(letter: Letter, ref: str) -> Outcome:
    wait = _pause() * 2**letter.asked if letter.asked < MOST_FOLLOWED else None
    values = {"error": "", "provider_ref": ref, "asked": F("asked") + 1}
    return Outcome(letter, MessageState.ACCEPTED, wait, values, needs_next_way=letter.is_overdue)


def _not_known(letter: Letter) -> Outcome:
    if letter.asked + 1 < MOST_ASKED:
        return Outcome(letter, MessageState.UNKNOWN, _pause(), {"asked": F("asked") + 1})
    return Outcome(letter, MessageState.PLANNED, NOW, {"asked": 0, "error": "never-arrived"})


def _once_more(letter: Letter) -> Outcome:
    """Nobody can tell whether it arrived."""
    if letter.may_repeat:
        return Outcome(letter, MessageState.PLANNED, NOW, {"resent": F("resent") + 1, "error": "resent"})
    return Outcome(letter, MessageState.UNKNOWN, None, {}, needs_next_way=True)
