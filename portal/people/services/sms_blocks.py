"""When codes by SMS stop: a phone that is guessed at or whose SIM card was replaced, numbers somebody pumps.

Pumping: codes are sent in numbers and nobody enters them; the sender earns a share of what each SMS costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Sum
from django.db.models.functions import Now
from django.utils import timezone

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.people.contacts import Address
from portal.people.models import Contact, OneTimeCode, RateWindow, SmsBlock
from portal.people.selectors_sql import lock_address
from portal.people.services.code_limits import DAY, HOUR, prefix_digest, prefix_of
from portal.people.services.returning_mail import tidy_returning

TRIES = 5
FAILURES_A_DAY = 10
LOCKED = timedelta(hours=24)
TIME_TO_ENTER = timedelta(minutes=5)  # a code sent just now says nothing yet
ENOUGH_TO_JUDGE, LEAST_ENTERED = 50, 0.3
KEPT = DAY + HOUR  # the longest window that looks at single codes, and a margin


@dataclass(frozen=True)
class Pumped:
    """Numbers whose codes nobody enters. The prefix is shared by a hundred thousand people."""

    prefix: str
    sent: int
    entered: int


@command("SmsBlock.note-sim-replaced", roles={Role.SYSTEM})
def note_sim_replaced(*, actor: Actor, digest: bytes) -> None:
    """The operator says that the SIM card of this phone (`Contact.digest`, `Address.digest`) is new: perhaps stolen.

    For 24 hours no code goes there by SMS, and those on their way stop working. Safe to run twice.
    """
    lock_address(digest)
    _lock_phone(digest, SmsBlock.Reason.SIM_REPLACED)


def lock_after_failures(code: OneTimeCode) -> bool:
    """After ten wrong codes of a day the phone is locked; whoever holds `lock_address` asks."""
    if code.channel != "sms":
        return False
    of_the_day = OneTimeCode.objects.filter(
        destination_digest=code.destination_digest, created_at__gt=timezone.now() - DAY
    )
    tried = of_the_day.aggregate(tries=Sum(TRIES - F("attempts_left")), right=Count("used_at"))
    is_locked = bool(tried["tries"] - tried["right"] >= FAILURES_A_DAY)
    if is_locked:
        _lock_phone(bytes(code.destination_digest), SmsBlock.Reason.FAILURES)
    return is_locked


def _lock_phone(digest: bytes, reason: str) -> None:
    _block(digest, reason, LOCKED)
    live = OneTimeCode.objects.filter(destination_digest=digest, used_at=None, expires_at__gt=Now())
    live.update(expires_at=Now(), sealed_code=None)


def _block(key: bytes, reason: str, lasts: timedelta) -> None:
    until = timezone.now() + lasts
    SmsBlock.objects.update_or_create(key=key, defaults={"reason": reason, "until": until})


def pumped_prefixes() -> list[Pumped]:
    """Prefixes not yet stopped where fewer than 30 % of more than 50 codes of an hour were entered."""
    now = timezone.now() - TIME_TO_ENTER
    judged = OneTimeCode.objects.filter(
        prefix_digest__isnull=False, sent_at__isnull=False, created_at__gt=now - HOUR, created_at__lte=now
    )
    counts = judged.values_list("prefix_digest").annotate(sent=Count("pk"), entered=Count("used_at"))
    suspects = {bytes(key): (sent, entered) for key, sent, entered in counts if _looks_pumped(sent, entered)}
    if not suspects:
        return []
    stopped = SmsBlock.objects.filter(key__in=list(suspects), until__gt=Now()).values_list("key", flat=True)
    return [_pumped(key, *suspects[key]) for key in suspects.keys() - {bytes(known) for known in stopped}]


def _looks_pumped(sent: int, entered: int) -> bool:
    return sent > ENOUGH_TO_JUDGE and entered < sent * LEAST_ENTERED


def _pumped(key: bytes, sent: int, entered: int) -> Pumped:
    example = OneTimeCode.objects.filter(prefix_digest=key).order_by("-created_at")[0]
    return Pumped(prefix_of(Address(Contact.Kind.PHONE, example.destination)), sent, entered)


@command("SmsBlock.stop-prefix", roles={Role.SYSTEM})
def stop_prefix(*, actor: Actor, prefix: str) -> None:
    """For an hour no codes by SMS to numbers that begin so."""
    _block(prefix_digest(prefix), SmsBlock.Reason.PUMPING, HOUR)


@command("OneTimeCode.tidy", roles={Role.SYSTEM})
def tidy_codes(*, actor: Actor) -> None:
    """Delete what no limit looks at any more: codes with their addresses, counters, blocks that are over."""
    OneTimeCode.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    RateWindow.objects.filter(keep_until__lt=Now()).delete()
    SmsBlock.objects.filter(until__lt=Now()).delete()
    tidy_returning()
