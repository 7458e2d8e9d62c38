"""Who a patient is in a clinic's MIS. One row a patient and clinic; whoever claims it looks, nobody else meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.errors import Conflict
from portal.kernel.outbox import emit
from portal.mis.leases import lease
from portal.mis.models import PatientRef
from portal.mis.ports import KnownPatient
from portal.mis.selectors_sql import ref_digest
from portal.mis.services.outbox import ClaimLost
from portal.mis.services.past import read_soon
from portal.people.models import PatientAtOrganization
from portal.scheduling.selectors_sql import database_now


@dataclass(frozen=True, slots=True)
class Claim:
    """`ref`: known already. `since`: it is ours to look, from then on. Neither: someone else looks."""

    ref: str = ""
    since: datetime | None = None


def ref_there(actor: Actor, *, organization_id: UUID, patient_id: UUID) -> str:
    """Which record there is theirs, "" while nobody knows. Behind their open door."""
    rows = PatientRef.objects.visible_to(actor).filter(patient_id=patient_id, organization_id=organization_id)
    known = rows.exclude(state=PatientRef.State.CLAIMED).first()
    return str(known.ref) if known else ""


@command("PatientRef.claim", roles={Role.SYSTEM})
def claim_ref(*, actor: Actor, organization_id: UUID, patient_id: UUID) -> Claim:
    """The ref, or the right to look for it. It is lost when nothing has come of it for the time of a lease."""
    rows = PatientRef.objects.visible_to(actor).filter(patient_id=patient_id, organization_id=organization_id)
    known, now = rows.first(), database_now()
    if known is None:
        fresh = PatientRef(patient_id=patient_id, organization_id=organization_id, claimed_at=now)
        fresh.state = PatientRef.State.CLAIMED
        try:
            with transaction.atomic():
                fresh.save(force_insert=True)
        except IntegrityError:
            return Claim()
        return Claim(since=now)
    if known.state != PatientRef.State.CLAIMED:
        return Claim(ref=str(known.ref))
    is_over = Q(claimed_at=None) | Q(claimed_at__lte=now - lease())
    return Claim(since=now) if rows.filter(is_over).update(claimed_at=now) else Claim()


@command("PatientRef.note-creating", roles={Role.SYSTEM})
def note_creating(*, actor: Actor, organization_id: UUID, patient_id: UUID, claim: Claim) -> None:
    """Before a record is made there: `ClaimLost` when somebody else may be making one."""
    rows = PatientRef.objects.visible_to(actor).filter(patient_id=patient_id, organization_id=organization_id)
    if not rows.filter(claimed_at=claim.since, claimed_at__gt=Now() - lease() / 2).exists():
        raise ClaimLost


@command("PatientRef.link", roles={Role.SYSTEM})
def link(
    *,
    actor: Actor,
    organization_id: UUID,
    patient_id: UUID,
    found: KnownPatient,
    by: str,
    candidates: Sequence[KnownPatient] = (),
) -> bool:
    """This is who they are there. With candidates: a record of our own until somebody has looked who it is.

    False when the record belongs to another patient of ours already: then somebody has to look, too.
    """
    row = _own(actor, organization_id, patient_id)
    row.ref, row.digest, row.by = found.ref, ref_digest(organization_id, found.ref), by
    row.claimed_at = None
    row.state = PatientRef.State.UNVERIFIED if candidates else PatientRef.State.VERIFIED
    row.candidates = [_shown(one) for one in candidates] or None
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        return False
    if found.card:
        _keep_card(actor, organization_id, patient_id, found.card)
    read_soon(actor=actor, organization_id=organization_id, patient_id=patient_id)
    return True


@command("PatientRef.let-go", roles={Role.SYSTEM})
def let_go(*, actor: Actor, organization_id: UUID, patient_id: UUID, claim: Claim, after: timedelta) -> None:
    """Whoever claimed it could not find out: the next one may look `after` a while."""
    rows = PatientRef.objects.visible_to(actor).filter(patient_id=patient_id, organization_id=organization_id)
    mine = rows.filter(state=PatientRef.State.CLAIMED, claimed_at=claim.since)
    mine.update(claimed_at=database_now() - lease() + after)


@command("PatientRef.forget", roles={Role.SYSTEM})
def forget_ref(*, actor: Actor, organization_id: UUID, patient_id: UUID) -> None:
    """The record is gone there: found out anew next time."""
    rows = PatientRef.objects.visible_to(actor).filter(patient_id=patient_id, organization_id=organization_id)
    rows.update(state=PatientRef.State.CLAIMED, ref=None, digest=None, claimed_at=None)
    read_soon(actor=actor, organization_id=organization_id, patient_id=patient_id)  # what was read of it goes


@command("PatientRef.settle", roles={Role.REGISTRAR})
def settle_match(*, actor: Actor, patient_id: UUID, chosen: str) -> PatientRef:
    """The reception has looked: `chosen` is the ref of a candidate, or "" when it is none of them.

    From now on the history of that record is shown. `Conflict` when somebody has settled it, or it is another's.
    """
    open_door(actor, [patient_id], purpose="matching")
    row = _own(actor, actor.clinic, patient_id)
    if row.state != PatientRef.State.UNVERIFIED:
        raise Conflict
    known = {one["ref"]: one for one in row.candidates or []}
    if chosen and chosen not in known:
        raise Conflict
    is_other = chosen not in ("", row.ref)
    if is_other:
        row.made_digest = row.digest  # visits were written down under it
    if chosen:
        row.ref, row.digest = chosen, ref_digest(actor.clinic, chosen)
    row.state, row.by, row.candidates = PatientRef.State.VERIFIED, "staff", None
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Conflict from None
    if chosen:
        _keep_card(actor, actor.clinic, patient_id, str(known[chosen]["card"]))
    emit("patient.matched", patient_id=patient_id, organization_id=actor.clinic, is_other=int(is_other))
    return row


def _own(actor: Actor, organization_id: UUID, patient_id: UUID) -> PatientRef:
    rows = PatientRef.objects.visible_to(actor).select_for_update()
    row: PatientRef = get_one(rows, patient_id=patient_id, organization_id=organization_id)
    return row


def _keep_card(actor: Actor, organization_id: UUID, patient_id: UUID, card: str) -> None:
    cards = PatientAtOrganization.objects.visible_to(actor)
    row = cards.filter(patient_id=patient_id, organization_id=organization_id).first()
    if row is not None and card and row.card_number != card:
        row.card_number = card
        row.save(update_fields=["card_number"])


def _day(iso: str) -> str:
    """A date as people here write it; a year or a month alone stays as much as it is."""
    return ".".join(reversed(iso.split("-")))


def _shown(one: KnownPatient) -> dict[str, Any]:
    """What the reception compares, side by side. Encrypted with the patient's keyset, gone when it is settled."""
    person = one.person
    return {
        "ref": one.ref,
        "card": one.card,
        "name": " ".join(part for part in (person.family_name, person.given_name, person.middle_name) if part),
        "born": _day(one.born or (person.birth_date.isoformat() if person.birth_date else "")),
        "phones": list(person.phones),
        "snils": person.snils,
        "policy": person.policy,
    }
