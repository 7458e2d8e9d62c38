"""One-time codes: six digits, five minutes, five tries, stored as a keyed digest (ASVS 6.5; order 21, IAF.4).

A code belongs to one address, one purpose and one browser; how many there may be: `code_limits`.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from portal.kernel import crypto
from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.kernel.outbox import emit
from portal.people.contacts import Address
from portal.people.models import Contact, OneTimeCode
from portal.people.selectors_sql import lock_address
from portal.people.services.code_limits import (
    DAY,
    CodeTooSoon,
    pause_after,
    prefix_digest,
    prefix_of,
    refuse_blocked,
    refuse_too_many,
)
from portal.people.services.returning_mail import address_works
from portal.people.services.sms_blocks import lock_after_failures

LIFETIME = timedelta(minutes=5)


@command("OneTimeCode.request", roles={Role.ANONYMOUS, Role.PATIENT})
def request_code(
    *,
    actor: Actor,
    address: Address,
    purpose: str,
    ip: str,
    language: str,
    user_id: UUID | None = None,
    session: str = "",
) -> OneTimeCode:
    """Make a code and cause its sending. Same work and same answer whether the address is known or not.

    `session` is the stored key of the browser's session. Within the pause the code already on its way to this browser
    is returned and nothing is sent. `CodesExhausted` otherwise.
    """
    lock_address(address.digest)
    refuse_blocked(address)
    now = timezone.now()
    earlier = _of_the_last_day(address, now)
    if earlier and not earlier[0].used_at and earlier[0].again_at > now:
        return _still_on_its_way(earlier[0], now, (purpose, user_id, session))
    refuse_too_many(address, earlier, now, ip=ip, session=session, user_id=user_id)
    row = _new_code(address, now)
    row.purpose, row.language, row.user_id, row.session_digest = purpose, language, user_id, session
    row.again_at = now + pause_after(earlier, now)
    row.save(force_insert=True)
    emit("code.requested", code_id=row.pk)
    return row


def _of_the_last_day(address: Address, now: datetime) -> Sequence[OneTimeCode]:
    rows = OneTimeCode.objects.filter(destination_digest=address.digest, created_at__gt=now - DAY)
    return list(rows.defer("destination", "sealed_code").order_by("-created_at"))


def _still_on_its_way(code: OneTimeCode, now: datetime, asked_by: tuple[str, UUID | None, str]) -> OneTimeCode:
    is_alive = code.attempts_left > 0 and code.expires_at > now
    if is_alive and (code.purpose, code.user_id, code.session_digest) == asked_by:
        return code
    raise CodeTooSoon(code.again_at - now)


def _new_code(address: Address, now: datetime) -> OneTimeCode:
    code, salt = f"{secrets.randbelow(10**6):06d}", os.urandom(16)
    is_sms = address.kind == Contact.Kind.PHONE
    return OneTimeCode(
        channel="sms" if is_sms else "email",
        destination=address.value,
        destination_digest=address.digest,
        prefix_digest=prefix_digest(prefix_of(address)) if is_sms else None,
        sealed_code=code,
        salt=salt,
        digest=crypto.code_digest(code, salt),
        expires_at=now + LIFETIME,
    )


@command("OneTimeCode.check", roles={Role.ANONYMOUS, Role.PATIENT})
def check_code(*, actor: Actor, code_id: UUID, purpose: str, code: str, session: str = "") -> OneTimeCode | int:
    """The used code, or how many tries are left (0: ask for a new one). Each try is counted before it is compared."""
    asked = OneTimeCode.objects.filter(pk=code_id, purpose=purpose, session_digest=session)
    found = asked.first()
    if found is None:
        return 0
    lock_address(bytes(found.destination_digest))
    live = asked.filter(used_at=None, expires_at__gt=Now(), attempts_left__gt=0)
    if not live.update(attempts_left=F("attempts_left") - 1):
        return 0
    row = asked.get()
    if not hmac.compare_digest(crypto.code_digest(code, bytes(row.salt)), bytes(row.digest)):
        return 0 if lock_after_failures(row) else row.attempts_left
    if not asked.filter(used_at=None).update(used_at=Now(), sealed_code=None):
        return 0
    if row.channel == "email":
        address_works(bytes(row.destination_digest))
    return row


@command("OneTimeCode.forget", roles={Role.SYSTEM})
def forget_code(*, actor: Actor, code_id: UUID, is_sent: bool = False) -> None:
    """The gateway has the code, or it came too late to send: we no longer need it in any readable form."""
    OneTimeCode.objects.filter(pk=code_id).update(sealed_code=None, **({"sent_at": Now()} if is_sent else {}))
