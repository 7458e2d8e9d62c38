"""Mail that came back is read from its mailbox, and what it says is written down."""

from __future__ import annotations

import logging
from uuid import UUID

from portal.kernel.actor import Actor
from portal.kernel.outbox import as_system, every
from portal.kernel.ports import PortFailure, port
from portal.kernel.system_door import system_door
from portal.notifications.models import Message
from portal.notifications.ports_mail import Fault, Report
from portal.notifications.returned import Returned, read_report
from portal.notifications.selectors_sql import patient_of_message
from portal.notifications.services import note_came_back, plan_next_way
from portal.people.services.returning_mail import note_returned

logger = logging.getLogger(__name__)
JOB = "notifications.returns"
AT_ONCE = 16
MOST_NAMED = 5  # messages that one report may be about


@every("* * * * *")
def read_returned_mail() -> None:
    """Mail that came back. A report is marked as read after what it says is committed: killed between, it is read again
    and says nothing new.
    """
    box, known, left = port("bounces"), set[str](), 0
    try:
        while reports := [one for one in box.waiting(AT_ONCE + left) if one.ref not in known]:
            taken_in = [report.ref for report in reports if _is_taken_in(report)]
            box.done(taken_in)
            known |= {report.ref for report in reports}  # a mailbox that forgets the mark is not read for ever
            left += len(reports) - len(taken_in)  # in the way of those behind them
    except PortFailure as failure:
        logger.error("the mailbox of returned mail cannot be read", extra={"why": failure.code})


def _is_taken_in(report: Report) -> bool:
    """One report that cannot be taken in does not hold up the others; it is read again a minute later."""
    try:
        take_in(report)
    except Exception as fault:
        logger.error("a report of a mail server was not understood", extra={"ref": report.ref}, exc_info=fault)
        return False
    return True


def take_in(report: Report) -> None:
    """One report: what it says of a message of ours, if it does."""
    returned = read_report(report.raw)
    if returned is None:
        return
    for message_id in list(returned.names())[:MOST_NAMED]:
        with as_system(JOB) as trail:
            patient_id = patient_of_message(message_id)
            if patient_id is not None:
                system_door(JOB, [patient_id])
                _came_back(trail.actor, message_id, returned)


def _came_back(actor: Actor, message_id: UUID, returned: Returned) -> None:
    recipient = Message.objects.visible_to(actor).filter(pk=message_id).values_list("recipient_id", flat=True)
    system_door(JOB, list(recipient))
    came = note_came_back(actor=actor, message_id=message_id, returned=returned)
    if came is None:
        return
    if came.counts:
        is_refused = came.fault == Fault.ADDRESS
        note_returned(actor=actor, digest=came.digest, for_good=is_refused, sent_at=came.sent_at)
    if came.fault == Fault.OTHER:
        logger.error("a mail server refuses our mail", extra={"message_id": str(message_id)})
    if came.is_lost:
        plan_next_way(actor=actor, message_id=message_id)
