"""Accounts: who may sign in. Ids and digests only; addresses are encrypted or kept as blind indexes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.db.models.functions import Now

from portal.kernel.actor import STAFF_ROLES, Role
from portal.kernel.base import PortalModel
from portal.kernel.fields import EncryptedTextField
from portal.people.models.directory import Organization, Practitioner


class User(PortalModel, AbstractBaseUser):
    """An account, of a patient or of staff. Has no name, phone or e-mail: those are encrypted elsewhere."""

    last_login = None
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    is_demo = models.BooleanField(default=False, help_text="made by the demo seed; forbidden in production")

    USERNAME_FIELD = "id"
    REQUIRED_FIELDS: ClassVar[list[str]] = []


class Session(AbstractBaseSession):
    """A signed-in browser. The key is stored as its digest: a dump of the table signs nobody in."""

    user_id = models.UUIDField(null=True, db_index=True)
    device = models.CharField(max_length=40, blank=True, help_text="browser and system family, nothing finer")
    seen_at = models.DateTimeField(auto_now=True)

    objects = BaseSessionManager()  # type: ignore[misc]

    @classmethod
    def get_session_store_class(cls) -> Any:
        from portal.people.sessions import SessionStore

        return SessionStore


class OneTimeCode(PortalModel):
    """A code sent to an address. The code itself is sealed until it is sent, then wiped; a keyed digest checks it."""

    class Purpose(models.TextChoices):
        SIGN_IN = "sign-in"
        CONTACT = "contact"

    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    channel = models.CharField(max_length=5)
    language = models.CharField(max_length=2, default="ru")
    destination = EncryptedTextField()
    destination_digest = models.BinaryField(max_length=32)
    prefix_digest = models.BinaryField(max_length=32, null=True, help_text="of the operator's numbers, of an SMS only")
    session_digest = models.CharField(max_length=40, blank=True, help_text="the browser that asked; no other enters it")
    sealed_code = EncryptedTextField(null=True)
    salt = models.BinaryField(max_length=16)
    digest = models.BinaryField(max_length=32)
    user_id = models.UUIDField(null=True, help_text="whose contact is being confirmed")
    attempts_left = models.PositiveSmallIntegerField(default=5)
    created_at = models.DateTimeField(db_default=Now())
    again_at = models.DateTimeField(db_default=Now(), help_text="when the next one may be asked for")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["destination_digest", "created_at"], name="code_destination"),
            models.Index(fields=["created_at"], name="code_created"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(attempts_left__gte=0), name="attempts_not_negative"),
        ]


class SmsBlock(PortalModel):
    """No codes by SMS to a phone or to an operator's prefix until then. `key` is a digest of either."""

    class Reason(models.TextChoices):
        FAILURES = "failures"
        SIM_REPLACED = "sim-replaced"
        PUMPING = "pumping"

    key = models.BinaryField(max_length=32, unique=True)
    reason = models.CharField(max_length=12, choices=Reason.choices)
    until = models.DateTimeField()


class ReturningMail(PortalModel):
    """Mail to an address comes back. `key` is the contact's digest; a row is made only by mail of ours that did."""

    key = models.BinaryField(max_length=32, unique=True)
    off_since = models.DateTimeField(null=True, help_text="no message goes there until a code from there is entered")
    delays = ArrayField(models.DateTimeField(), default=list, help_text="messages of a day that did not arrive for now")
    worked_at = models.DateTimeField(null=True, help_text="when a code from there was last entered")
    seen_at = models.DateTimeField()


class RateWindow(models.Model):
    """How often something happened within a window; shared by all processes. `key` is a digest."""

    key = models.BinaryField(max_length=32)
    window = models.DateTimeField()
    count = models.PositiveIntegerField()
    keep_until = models.DateTimeField(db_default=Now() + timedelta(days=2))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "window"], name="one_row_per_window")]


class StaffAccount(PortalModel):
    """How a member of staff signs in: work e-mail (encrypted), password on the user, TOTP in allauth."""

    user = models.OneToOneField(User, models.PROTECT, related_name="staff")
    email = EncryptedTextField()
    email_digest = models.BinaryField(max_length=32, unique=True)
    display_name = EncryptedTextField()
    failures = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)


class StaffAssignment(PortalModel):
    """A role at an organization and a department. A doctor's assignment names the practitioner."""

    user = models.ForeignKey(User, models.PROTECT, related_name="assignments")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, choices=[(role.value, role.value) for role in sorted(STAFF_ROLES)])
    department = models.SlugField(blank=True)
    practitioner = models.ForeignKey(Practitioner, models.PROTECT, null=True, related_name="+")
    practitioner_id: UUID | None
    organization_id: UUID

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "organization", "role", "department"], name="one_assignment"),
            models.CheckConstraint(
                condition=~models.Q(role=Role.DOCTOR.value) | models.Q(practitioner__isnull=False),
                name="doctor_is_practitioner",
            ),
        ]


class StaffInvite(PortalModel):
    """An invitation by e-mail, usable once. The token is stored as a digest."""

    account = models.ForeignKey(StaffAccount, models.CASCADE, related_name="invites")
    token_digest = models.BinaryField(max_length=32, unique=True)
    sealed_token = EncryptedTextField(null=True, help_text="until the e-mail is sent")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
