"""Addresses that mail comes back from: off after one sure refusal, or in five hours of a day; on again by a code.

The address stays the person's own and still signs in: only messages pass it by, until a code sent there is entered.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.people.models import ReturningMail
from portal.people.selectors_sql import lock_address

DELAYS, WITHIN = 5, timedelta(hours=24)
APART = timedelta(hours=1)  # a course is one message a visit, and all of them meet the same server at once
KEPT = timedelta(days=14)  # longer than any mail server tries


@command("ReturningMail.note", roles={Role.SYSTEM})
def note_returned(*, actor: Actor, digest: bytes, for_good: bool, sent_at: datetime) -> bool:
    """A message sent then to this address (`Contact.digest`) came back. True when the address is off now.

    Each message is counted once by whoever calls. What was sent before the person proved the address says nothing.
    """
    lock_address(digest)
    now = timezone.now()
    row = ReturningMail.objects.filter(key=digest).first() or ReturningMail(key=digest)
    if row.worked_at and sent_at <= row.worked_at:
        return False
    row.delays = [moment for moment in row.delays if now - moment < WITHIN]
    if not for_good and not any(now - moment < APART for moment in row.delays):
        row.delays.append(now)
    if for_good or len(row.delays) >= DELAYS:
        row.off_since = row.off_since or now
    row.seen_at = now
    row.save()
    return row.off_since is not None


def address_works(digest: bytes) -> None:
    """A code mailed there was entered: reports about what was sent before say nothing any more. Inside a command that
    holds `lock_address`.
    """
    now = timezone.now()
    works: dict[str, Any] = {"off_since": None, "delays": [], "worked_at": now, "seen_at": now}
    ReturningMail.objects.update_or_create(key=digest, defaults=works)


def forget_address(digest: bytes) -> None:
    """Nobody's contact any more. Inside a command."""
    ReturningMail.objects.filter(key=digest).delete()


def tidy_returning() -> None:
    """Delete what no report can be about any more. Inside a command."""
    over = Q(off_since=None, seen_at__lt=timezone.now() - KEPT)
    ReturningMail.objects.filter(over).delete()
