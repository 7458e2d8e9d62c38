"""One-time codes: six digits, five minutes, five tries, stored as a keyed digest (ASVS 6.5; order 21, IAF.4)."""

from __future__ import annotations

import hmac
import os
import secrets
from datetime import timedelta
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.kernel import crypto
from portal.kernel.actor import Actor, Role
from portal.kernel.address import network_of
from portal.kernel.commands import command
from portal.kernel.errors import TooMany
from portal.kernel.outbox import emit
from portal.people.contacts import Address
from portal.people.models import OneTimeCode
from portal.people.rates import is_over

LIFETIME = timedelta(minutes=5)
PAUSE = timedelta(seconds=60)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class CodesExhausted(TooMany):
    text = _("Too many codes have been asked for. Try again in an hour, or call the clinic.")


@command("OneTimeCode.request", roles={Role.ANONYMOUS, Role.PATIENT})
def request_code(
    *, actor: Actor, address: Address, purpose: str, ip: str, language: str, user_id: UUID | None = None
) -> OneTimeCode:
    """Make a code and cause its sending. Same work and same answer whether the address is known or not.

    Within the pause of 60 s the code already on its way is returned and nothing is sent.
    """
    recent = _recent(address, purpose, user_id)
    if recent:
        return recent
    network = network_of(ip)
    if is_over("code", address.value, (5, HOUR), (10, DAY)) or is_over("code-ip", network, (30, HOUR), (100, DAY)):
        raise CodesExhausted
    code, salt = f"{secrets.randbelow(10**6):06d}", os.urandom(16)
    row = OneTimeCode(
        purpose=purpose,
        channel="sms" if address.kind == "phone" else "email",
        language=language,
        destination=address.value,
        destination_digest=address.digest,
        sealed_code=code,
        salt=salt,
        digest=crypto.code_digest(code, salt),
        user_id=user_id,
        expires_at=timezone.now() + LIFETIME,
    )
    row.save(force_insert=True)
    emit("code.requested", code_id=row.pk)
    return row


def _recent(address: Address, purpose: str, user_id: UUID | None) -> OneTimeCode | None:
    fresh = OneTimeCode.objects.filter(
        destination_digest=address.digest,
        purpose=purpose,
        user_id=user_id,
        created_at__gt=timezone.now() - PAUSE,
        used_at=None,
        attempts_left__gt=0,
    )
    return fresh.order_by("-created_at").first()


@command("OneTimeCode.check", roles={Role.ANONYMOUS, Role.PATIENT})
def check_code(*, actor: Actor, code_id: UUID, purpose: str, code: str) -> OneTimeCode | int:
    """The used code, or how many tries are left (0: ask for a new one). Each try is counted before it is compared."""
    live = OneTimeCode.objects.filter(
        pk=code_id, purpose=purpose, used_at=None, expires_at__gt=Now(), attempts_left__gt=0
    )
    if not live.update(attempts_left=F("attempts_left") - 1):
        return 0
    row = OneTimeCode.objects.get(pk=code_id)
    if not hmac.compare_digest(crypto.code_digest(code, bytes(row.salt)), bytes(row.digest)):
        return row.attempts_left
    if not OneTimeCode.objects.filter(pk=code_id, used_at=None).update(used_at=Now(), sealed_code=None):
        return 0
    return row


@command("OneTimeCode.forget", roles={Role.SYSTEM})
def forget_code(*, actor: Actor, code_id: UUID, is_sent: bool = False) -> None:
    """The gateway has the code, or it came too late to send: we no longer need it in any readable form."""
    OneTimeCode.objects.filter(pk=code_id).update(sealed_code=None, **({"sent_at": Now()} if is_sent else {}))
