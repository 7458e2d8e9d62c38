"""Jobs that speak to people. Each looks again before it speaks, and is safe to run twice.

    plan (unique key) → claim, look again, commit → call the provider → settle, commit
A message whose worker was killed during the call is found `sending` when its lease has run out: the provider is
asked by our own number before anything is repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from portal.kernel.actor import Actor
from portal.kernel.outbox import as_system, continually, every, on
from portal.kernel.ports import PortFailure, PortUnknown, port
from portal.kernel.system_door import system_door
from portal.notifications import jobs_mail as jobs_mail  # the worker looks for jobs in this module alone
from portal.notifications import jobs_waitlist as jobs_waitlist
from portal.notifications import parcels, post, routes, words
from portal.notifications.ports_mail import Fault
from portal.notifications.selectors import told_elsewhere, untold_together
from portal.notifications.selectors_sql import claim_messages, hearers
from portal.notifications.selectors_ways import binding_of, reaches
from portal.notifications.services import (
    Outcome,
    forget_devices,
    note_unreached,
    plan_document,
    plan_next_way,
    plan_notice,
    plan_offer,
    plan_turn,
    plan_visit,
    settle,
    take_up,
    withdraw,
)
from portal.people.contacts import Address
from portal.people.models import Contact, OneTimeCode, Patient, StaffInvite
from portal.people.selectors_sql import removed_contacts
from portal.people.services.codes import forget_code
from portal.people.services.own_data import forget_contact
from portal.people.services.returning_mail import note_returned
from portal.people.services.sms_blocks import note_sim_replaced
from portal.people.services.staff import forget_sent_invite
from portal.scheduling.models import Appointment, WaitlistOffer

logger = logging.getLogger(__name__)
JOB = "notifications.tell"
BATCH = post.CALLS_AT_ONCE
FORGOTTEN_AT_ONCE = 100


@on("code.requested", queue="urgent")
def send_code(*, code_id: UUID) -> None:
    """The one-time code itself. A code already sent, used or expired is not sent again."""
    with as_system("notifications.send_code") as trail:
        waiting = OneTimeCode.objects.filter(pk=code_id, sent_at=None, used_at=None, sealed_code__isnull=False)
        row = waiting.filter(expires_at__gt=Now()).first()
        if row is None:
            forget_code(actor=trail.actor, code_id=code_id)
            return
        said, to, channel = words.code_words(row.sealed_code, row.language), row.destination, row.channel
    try:
        _say(channel, to, said, code_id)
    except PortFailure as failure:
        if not failure.permanent:
            raise
        logger.warning("code not sent", extra={"code": str(code_id), "why": failure.code})
    with as_system("notifications.send_code") as trail:
        forget_code(actor=trail.actor, code_id=code_id, is_sent=True)


def _say(channel: str, to: str, said: words.Words, key: UUID) -> None:
    if channel != "sms":
        port("email").send(to, said.subject, said.text, key=key)
        return
    *others, last = routes.carriers_of("sms")
    for carrier in others:
        try:
            _text(carrier, to, said.sms, key)
            return
        except PortFailure as failure:  # nothing happened there: the second provider may
            if failure.permanent:
                raise
    _text(last, to, said.sms, key)


def _text(carrier: str, to: str, text: str, key: UUID) -> None:
    """A code of unknown outcome is not repeated where nobody can be asked: the person asks for another one."""
    sender = port(carrier)
    try:
        sender.send(to, text, key=key, sequence=_own_number(key))
    except PortUnknown:
        if sender.knows_our_number:
            raise
        logger.warning("a code of unknown outcome", extra={"code": str(key), "carrier": carrier})


def _own_number(key: UUID) -> int:
    """The same number for the same key: a repeat is recognised by the gateway."""
    return key.int % (2**31 - 1) + 1


@on("staff.invited")
def send_invite(*, invite_id: UUID) -> None:
    """The link of an invitation. It is readable until it is sent, and is sent once."""
    with as_system("notifications.send_invite"):
        live = StaffInvite.objects.select_related("account").filter(used_at=None, expires_at__gt=Now())
        invite = live.filter(pk=invite_id).first()
        if invite is None or invite.sealed_token is None:
            return
        said, to = words.invite_words(invite.sealed_token), invite.account.email
    _say("email", to, said, invite_id)
    with as_system("notifications.send_invite") as trail:
        forget_sent_invite(actor=trail.actor, invite_id=invite_id)


@on("appointment.booked")
def tell_booked(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    _tell("booked", appointment_id, patient_id, recipient_id)


@on("appointment.requested")
def tell_requested(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    _tell("requested", appointment_id, patient_id, recipient_id)


@on("appointment.moved")
def tell_moved(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID, by_clinic: int = 0) -> None:
    _tell("clinic-moved" if by_clinic else "moved", appointment_id, patient_id, recipient_id)


@on("appointment.cancelled")
def tell_cancelled(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID, by_clinic: int = 0) -> None:
    _tell("clinic-cancelled" if by_clinic else "cancelled", appointment_id, patient_id, recipient_id)


@on("appointment.refused")
def tell_refused(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    _tell("refused", appointment_id, patient_id, recipient_id)


@on("appointment.move-refused")
def tell_move_refused(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    _tell("move-refused", appointment_id, patient_id, recipient_id)


@on("course.untold")
def tell_untold(*, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    """A visit has changed before the SMS about all booked with it had left: the next one speaks of the others."""
    with _open({patient_id, recipient_id}) as actor:
        visit = Appointment.objects.visible_to(actor).filter(pk=appointment_id).first()
        planned: list[UUID] = []
        for other, news in untold_together(actor, visit) if visit else []:
            planned += plan_turn(actor=actor, visit=other, patient_id=patient_id, recipient_id=recipient_id, news=news)
    while planned and post_due(among=planned):
        pass


@on("waitlist.offered")
def tell_offer(*, offer_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    """A time has become free and is kept for this person; said in their own name alone, so to nobody else."""
    with _open({patient_id, recipient_id}) as actor:
        rows = WaitlistOffer.objects.visible_to(actor).select_related("role__location")
        offer = rows.filter(pk=offer_id, state=WaitlistOffer.State.OPEN).first()
        if offer is None:
            return
        planned = plan_offer(actor=actor, offer=offer, patient_id=patient_id, recipient_id=recipient_id)
    while planned and post_due(among=planned):
        pass


@on("browser.new")
def tell_new_browser(*, patient_id: UUID, code_id: UUID) -> None:
    """To every address but the one that has just received the code: that one knows."""
    with as_system(JOB):
        code = OneTimeCode.objects.filter(pk=code_id).first()
    _warn("new-browser", patient_id, code_id, bytes(code.destination_digest) if code else b"")


@on("contact.added")
def tell_contact_added(*, contact_id: UUID, patient_id: UUID) -> None:
    _warn("contact-added", patient_id, contact_id)


@on("contact.removed")
def tell_contact_removed(*, contact_id: UUID, patient_id: UUID) -> None:
    _warn("contact-removed", patient_id, contact_id)


def _warn(kind: str, patient_id: UUID, subject_id: UUID, except_digest: bytes = b"") -> None:
    with _open({patient_id}) as actor:
        planned = plan_notice(
            actor=actor, kind=kind, patient_id=patient_id, subject_id=subject_id, except_digest=except_digest
        )
    while planned and post_due(among=planned):
        pass


@on("calendar.opened")
def tell_calendar_opened(*, feed_id: UUID, patient_id: UUID) -> None:
    _warn("calendar-opened", patient_id, feed_id)


@on("document.added")
def tell_document(*, document_id: UUID, patient_id: UUID) -> None:
    """Something new to read; to the patient, or to who hears for them."""
    with _open({patient_id}) as actor:
        for hearer in hearers(patient_id):
            system_door(JOB, [hearer])
            plan_document(actor=actor, document_id=document_id, patient_id=patient_id, recipient_id=hearer)


@every("41 * * * *")
def forget_contacts() -> None:
    """Removed contacts have heard of it: a day later they are deleted."""
    with as_system(JOB):
        removed = removed_contacts(FORGOTTEN_AT_ONCE)
    for contact_id, patient_id in removed:
        with _open({patient_id}) as actor:
            forget_contact(actor=actor, contact_id=contact_id)


def _tell(news: str, appointment_id: UUID, patient_id: UUID, recipient_id: UUID) -> None:
    """Plan what is to be said of this visit, and say at once what is due. What fails is tried again by `deliver`."""
    with _open({patient_id, recipient_id}) as actor:
        visit = (
            Appointment.objects.visible_to(actor).select_related("location", "role").filter(pk=appointment_id).first()
        )
        if visit is None:
            return
        planned = _plan(actor, visit, patient_id, recipient_id, news)
    while planned and post_due(among=planned):
        pass


def _plan(actor: Actor, visit: Appointment, patient_id: UUID, recipient_id: UUID, news: str) -> list[UUID]:
    """To the person named; to those who hear for the patient when that person cannot be reached (a child, say)."""
    everyone, planned = dict.fromkeys([recipient_id, *hearers(patient_id)]), list[UUID]()
    for hearer in everyone:
        system_door(JOB, [hearer])
        ids = plan_visit(actor=actor, visit=visit, patient_id=patient_id, recipient_id=hearer, news=news)
        planned += ids
        if reaches(actor, ids) or news in told_elsewhere(visit):
            return planned
    withdraw(actor=actor, visit=visit)
    for hearer in everyone:
        if note_unreached(actor=actor, visit=visit, patient_id=patient_id, recipient_id=hearer, news=news):
            break
    return planned


@contextmanager
def _open(patient_ids: set[UUID]) -> Iterator[Actor]:
    """A system transaction with exactly these doors open."""
    with as_system(JOB) as trail:
        system_door(JOB, patient_ids)
        yield trail.actor


@continually(seconds=1.0)
def deliver() -> None:
    """Everything that is due, a batch at a time, in every worker: rows another one has claimed are passed over."""
    while post_due():
        pass


def _lease() -> timedelta:
    """Longer than the slowest call may take with its question afterwards."""
    return timedelta(seconds=settings.PORTAL.message_lease_seconds)


def post_due(among: list[UUID] | None = None) -> int:
    """Claim a batch, call the providers outside of any transaction, write down what they said. How many there were."""
    with as_system(JOB) as trail:
        claimed = claim_messages(BATCH, _lease(), among)
        if not claimed:
            return 0
        system_door(JOB, {door for one in claimed for door in (one.patient_id, one.recipient_id)})
        letters = take_up(actor=trail.actor, ids=[one.message_id for one in claimed])
    outcomes = post.carry(letters)
    if outcomes:
        with _open({door for letter in letters for door in (letter.patient_id, letter.recipient_id)}) as actor:
            for message_id in settle(actor=actor, outcomes=outcomes):
                plan_next_way(actor=actor, message_id=message_id)
            _heed(actor, outcomes)
    return len(claimed)


def _heed(actor: Actor, outcomes: list[Outcome]) -> None:
    """What answers say besides what became of a message."""
    for outcome in outcomes:
        if outcome.sim_replaced:  # a stolen number must not sign in
            note_sim_replaced(actor=actor, digest=Address(Contact.Kind.PHONE, outcome.letter.to).digest)
    refused = {
        Address(Contact.Kind.EMAIL, one.letter.to).digest: one.mailbox_refused
        for one in outcomes
        if one.mailbox_refused
    }
    for digest, fault in sorted(refused.items()):  # locked in one order by every worker
        note_returned(actor=actor, digest=digest, for_good=fault is Fault.ADDRESS, sent_at=timezone.now())
    if gone := [device_id for outcome in outcomes for device_id in outcome.gone]:
        forget_devices(actor=actor, device_ids=gone)


# --- the messenger's bot ---------------------------------------------------------------------------------------------


@every("*/15 * * * *")
def keep_hook() -> None:
    """The messenger forgets us after eight hours without a success: it is told where to call until it calls."""
    try:
        if port("chat").keep_hook(settings.PUBLIC_URL + reverse("notifications:chat-hook")):
            logger.warning("the messenger did not know where to call, now it does")
    except (PortFailure, PortUnknown) as trouble:
        logger.error("the messenger cannot be told where to call", extra={"why": trouble.code})


@on("chat.bound")
def greet_in_chat(*, patient_id: UUID) -> None:
    _say_in_chat(patient_id, parcels.bound_words)


@on("chat.taken")
def refuse_in_chat(*, patient_id: UUID) -> None:
    """To the account that has the dialog: another one was to get it."""
    _say_in_chat(patient_id, parcels.taken_words)


def _say_in_chat(patient_id: UUID, said: Callable[[str], str]) -> None:
    """A word of the bot's own. Twice does no harm, and where nobody can tell whether it came, it is left at that."""
    with _open({patient_id}) as actor:
        binding = binding_of(actor, patient_id)
        if binding is None or not binding.chat_id:
            return
        chat_id, key = binding.chat_id, binding.pk
        text = said(Patient.objects.visible_to(actor).get(pk=patient_id).language)
    try:
        port("chat").send(chat_id, text, key=key)
    except PortUnknown:
        return
    except PortFailure as failure:
        if not failure.permanent:
            raise
