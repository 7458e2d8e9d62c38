"""Inbox: changes of the MIS. Written down with the cursor in one transaction, done one by one, as often as needed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.mis.models import Exchange, Incoming
from portal.mis.ports import MisVisit
from portal.scheduling.models import MisLine
from portal.scheduling.selectors_sql import database_now

MOST_ATTEMPTS = 12
KEPT = timedelta(days=2)


@command("Incoming.take-in", roles={Role.SYSTEM})
def take_in(*, actor: Actor, organization_id: UUID, visits: Sequence[MisVisit], cursor: str | None) -> int:
    """What was not seen before waits from now on; the cursor goes on with it. Returns how many are new."""
    newest = {visit.ref: visit.version[:100] for visit in visits}
    rows = Incoming.objects.select_for_update().filter(organization_id=organization_id, ref__in=list(newest))
    seen = {row.ref: row for row in rows.order_by("ref")}
    now = database_now()
    changed = [row for ref, row in seen.items() if row.version != newest[ref]]
    for row in changed:
        row.version, row.state, row.next_at, row.attempts, row.code = (newest[row.ref], "waiting", now, 0, "")
    Incoming.objects.bulk_update(changed, ["version", "state", "next_at", "attempts", "code"])
    fresh = [
        Incoming(organization_id=organization_id, ref=ref, version=version, state="waiting", next_at=now)
        for ref, version in newest.items()
        if ref not in seen
    ]
    Incoming.objects.bulk_create(fresh, ignore_conflicts=True)
    if cursor is not None:
        Exchange.objects.filter(organization_id=organization_id).update(cursor=cursor)
    return len(changed) + len(fresh)


@command("Incoming.ask-again", roles={Role.SYSTEM})
def ask_again(*, actor: Actor, organization_id: UUID, refs: Sequence[str]) -> None:
    """These differ from ours: look at them once more, whatever their version."""
    now = database_now()
    known = Incoming.objects.filter(organization_id=organization_id, ref__in=list(refs))
    known.update(state=Incoming.State.WAITING, next_at=now, attempts=0)
    fresh = [
        Incoming(organization_id=organization_id, ref=ref, version="", state="waiting", next_at=now) for ref in refs
    ]
    Incoming.objects.bulk_create(fresh, ignore_conflicts=True)


@command("Incoming.claim", roles={Role.SYSTEM})
def claim(*, actor: Actor, most: int, lease: timedelta, organization_id: UUID | None = None) -> list[Incoming]:
    """What is due, of clinics whose line is up."""
    down = MisLine.objects.filter(down_since__isnull=False).values("organization_id")
    due = Incoming.objects.filter(state=Incoming.State.WAITING, next_at__lte=Now()).exclude(organization_id__in=down)
    if organization_id is not None:
        due = due.filter(organization_id=organization_id)
    rows = due.select_for_update(skip_locked=True, of=("self",)).select_related("organization").order_by("next_at")
    claimed = list(rows[:most])
    Incoming.objects.filter(pk__in=[row.pk for row in claimed]).update(next_at=Now() + lease)
    return claimed


@command("Incoming.done", roles={Role.SYSTEM})
def done(*, actor: Actor, incoming_id: UUID, version: str) -> None:
    """It is as we have it now; unless a newer one has been seen meanwhile."""
    rows = Incoming.objects.filter(pk=incoming_id, version__in=(version, ""))
    rows.update(state=Incoming.State.DONE, next_at=None, code="", version=version)


@command("Incoming.later", roles={Role.SYSTEM})
def later(*, actor: Actor, incoming_id: UUID, code: str, pause: timedelta, counts: bool = True) -> None:
    """Again after a pause; after too many attempts a person has to look."""
    row = Incoming.objects.select_for_update().filter(pk=incoming_id).first()
    if row is None:
        return
    row.attempts, row.code, row.next_at = row.attempts + int(counts), code[:40], database_now() + pause
    if row.attempts >= MOST_ATTEMPTS:
        row.state = Incoming.State.DEAD
    row.save()


@command("Incoming.replay", roles={Role.CLINIC_ADMIN, Role.REGISTRAR})
def replay(*, actor: Actor, incoming_id: UUID) -> bool:
    """Somebody has looked: try once more from the beginning."""
    rows = Incoming.objects.filter(pk=incoming_id, organization_id=actor.clinic)
    return bool(rows.update(state=Incoming.State.WAITING, attempts=0, code="", next_at=Now()))


@command("Incoming.forget", roles={Role.SYSTEM})
def forget_old(*, actor: Actor) -> int:
    """What was done longer ago than any overlap reaches back."""
    return Incoming.objects.filter(state=Incoming.State.DONE, seen_at__lt=Now() - KEPT).delete()[0]
