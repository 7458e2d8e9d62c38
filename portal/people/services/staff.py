"""Staff: invited by e-mail, password of their own, second factor obligatory (order 21, IAF.1; UPD.6)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.kernel import crypto
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.outbox import emit
from portal.people.contacts import Address
from portal.people.models import Organization, Practitioner, StaffAccount, StaffAssignment, StaffInvite, User
from portal.people.selectors_sql import count_up

INVITE_LASTS = timedelta(days=3)
LOCK_AFTER, LOCK_FOR = 5, timedelta(minutes=15)


class AlreadyStaff(Conflict):
    text = _("This e-mail already belongs to a member of staff.")


@command("Staff.add", roles={Role.SYSTEM})
def add_staff(
    *,
    actor: Actor,
    email: Address,
    name: str,
    organization: Organization,
    role: Role,
    department: str = "",
    practitioner: Practitioner | None = None,
) -> StaffAccount:
    """Create the account and cause the invitation. `AlreadyStaff` when the address is taken."""
    account = create_staff(email=email, name=name)
    StaffAssignment(
        user=account.user,
        organization=organization,
        role=role.value,
        department=department,
        practitioner=practitioner,
    ).save(force_insert=True)
    token = secrets.token_urlsafe(24)
    invite = StaffInvite(
        account=account, token_digest=_digest(token), sealed_token=token, expires_at=timezone.now() + INVITE_LASTS
    )
    invite.save(force_insert=True)
    emit("staff.invited", invite_id=invite.pk)
    return account


def create_staff(*, email: Address, name: str, is_demo: bool = False) -> StaffAccount:
    """Inside a command: an account that cannot sign in yet."""
    user = User(is_demo=is_demo)
    user.set_unusable_password()
    user.save(force_insert=True)
    account = StaffAccount(user=user, email=email.value, email_digest=email.digest, display_name=name)
    try:
        with transaction.atomic():
            account.save(force_insert=True)
    except IntegrityError:
        raise AlreadyStaff from None
    return account


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def live_invite(token: str) -> StaffInvite:
    """The invitation that this link opens, or `NotFound`: used, old and invented links look the same."""
    return get_one(
        StaffInvite.objects.select_related("account__user"),
        token_digest=_digest(token),
        used_at=None,
        expires_at__gt=Now(),
    )


@command("Staff.invited", roles={Role.SYSTEM})
def forget_sent_invite(*, actor: Actor, invite_id: UUID) -> None:
    """The e-mail is on its way; from here on only the digest of its link is kept."""
    StaffInvite.objects.filter(pk=invite_id).update(sealed_token=None)


@command("Staff.accept", roles={Role.ANONYMOUS})
def accept_invite(*, actor: Actor, token: str, password: str, secret: str) -> User:
    """Set the password and switch on TOTP. `secret` has been proved by a code just now."""
    invite = live_invite(token)
    validate_password(password)
    if not StaffInvite.objects.filter(pk=invite.pk, used_at=None).update(used_at=Now(), sealed_token=None):
        raise NotFound
    return activate_staff(user=invite.account.user, password=password, secret=secret)


def activate_staff(*, user: User, password: str, secret: str) -> User:
    """Inside a command: password and second factor."""
    user.set_password(password)
    user.save(update_fields=["password"])
    Authenticator.objects.filter(user=user).delete()
    TOTP.activate(user, secret)
    return user


@command("Staff.password", roles={Role.ANONYMOUS})
def check_password(*, actor: Actor, email: Address, password: str) -> StaffAccount | None:
    """The account when the password is right and it is not locked; None otherwise, after the same work."""
    account = StaffAccount.objects.select_related("user").filter(email_digest=email.digest).first()
    if account is None:
        User().set_password(password)  # the same time as for a known address
        return None
    if account.locked_until and account.locked_until > timezone.now():
        User().set_password(password)
        return None
    if account.user.is_active and account.user.check_password(password):
        return account
    _count_failure(account)
    return None


@command("Staff.second_factor", roles={Role.ANONYMOUS})
def check_second_factor(*, actor: Actor, account_id: UUID, code: str) -> User | None:
    """The user when the TOTP code is right and was not used before; a failure counts like a wrong password."""
    account = get_one(StaffAccount.objects.select_related("user"), pk=account_id)
    if account.locked_until and account.locked_until > timezone.now():
        return None
    authenticator = Authenticator.objects.filter(user=account.user, type=Authenticator.Type.TOTP).first()
    if authenticator and TOTP(authenticator).validate_code(code) and _use_code_once(account.pk, code):
        StaffAccount.objects.filter(pk=account.pk).update(failures=0, locked_until=None)
        return account.user
    _count_failure(account)
    return None


def _use_code_once(account_id: UUID, code: str) -> bool:
    """A TOTP code works once, whichever process sees it (allauth remembers it only in its own process).

    Counted in the hour that is and the hour that was a minute ago, so that the turn of the hour forgets nothing.
    """
    key = crypto.blind_index("totp", f"{account_id}:{code}")
    moments = (timezone.now(), timezone.now() - timedelta(minutes=1))
    hours = {moment.replace(minute=0, second=0, microsecond=0) for moment in moments}
    return [count_up(key, hour, hour + timedelta(hours=2)) for hour in sorted(hours)] == [1] * len(hours)


def _count_failure(account: StaffAccount) -> None:
    StaffAccount.objects.filter(pk=account.pk).update(failures=F("failures") + 1)
    locked = StaffAccount.objects.filter(pk=account.pk, failures__gte=LOCK_AFTER)
    locked.update(locked_until=timezone.now() + LOCK_FOR, failures=0)
