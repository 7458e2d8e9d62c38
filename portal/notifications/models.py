"""What was promised to be said, to whom, how, and what became of it."""

from __future__ import annotations

from datetime import time
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.kernel.base import PortalModel
from portal.kernel.fields import EncryptedTextField
from portal.notifications.models_ways import ChatBinding as ChatBinding
from portal.notifications.models_ways import PushDevice as PushDevice
from portal.people.models import Organization
from portal.people.models.patients import Contact, Patient, PatientPart


class Channel(models.TextChoices):
    SMS = "sms", _("SMS")
    EMAIL = "email", _("e-mail")
    PUSH = "push", _("notification on the phone")
    CHAT = "chat", _("messenger MAX")


class MessageState(models.TextChoices):
    """planned → sending → accepted → delivered; `unknown` is settled by asking the provider."""

    PLANNED = "planned"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPERSEDED = "superseded"  # the visit has been moved: a newer message says it
    CANCELED = "canceled"  # the visit has been cancelled
    SKIPPED = "skipped"  # of no use any more, or not wished


class Message(PatientPart):
    """One message to one person by one channel about one version of a subject.

    `next_at` alone says whether anything is still to be done with it, and when: a claim moves it to the end of a
    lease, a settled message has none. The text is encrypted; the address is looked up when it is sent.
    """

    public_fields = {
        "kind": "a code of `kinds.py`",
        "channel": "a code",
        "state": "a code",
        "language": "ru or en",
        "provider": "a vendor's code",
        "provider_ref": "the gateway's number of the message",
        "error": "a code",
    }
    retention = "ACCOUNT"

    kind = models.CharField(max_length=20)
    subject_id = models.UUIDField(help_text="the appointment, the offer")
    subject_version = models.PositiveIntegerField()
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, related_name="+", help_text="in whose name"
    )
    organization_id: UUID | None
    recipient = models.ForeignKey(Patient, models.PROTECT, related_name="+", help_text="the person who is told")
    recipient_id: UUID
    channel = models.CharField(max_length=5, choices=Channel.choices)
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="+")
    sequence = models.BigIntegerField(unique=True, help_text="our own number at the gateway, 1…2147483647")
    state = models.CharField(max_length=10, choices=MessageState.choices, default=MessageState.PLANNED)
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="later it is of no use")
    next_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    asked = models.PositiveSmallIntegerField(default=0, help_text="how often the provider was asked about it")
    resent = models.PositiveSmallIntegerField(default=0, help_text="of unknown outcome, sent again: perhaps twice")
    language = models.CharField(max_length=2, blank=True, help_text="in which it was said")
    text = EncryptedTextField(null=True, help_text="what was said: an SMS whole, of an e-mail the body")
    link_digest = models.BinaryField(max_length=32, null=True, unique=True, help_text="of the link's token")
    provider = models.CharField(max_length=12, blank=True)
    provider_ref = models.CharField(max_length=300, blank=True)  # a Message-ID ends with the clinic's whole domain
    template_version = models.PositiveIntegerField(null=True, help_text="of the clinic's own text; null: the standard")
    segments = models.PositiveSmallIntegerField(default=0)
    cost = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    error = models.CharField(max_length=40, blank=True)
    wants_answer = models.BooleanField(default=False)
    answered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    accepted_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_id", "subject_version", "recipient", "channel"],
                name="one_message_per_cause_and_channel",
            )
        ]
        indexes = [
            models.Index(fields=["next_at"], name="message_next", condition=models.Q(next_at__isnull=False)),
            models.Index(fields=["subject_id"], name="message_subject"),
            models.Index(fields=["organization", "due_at"], name="message_journal"),
        ]


class MessagePolicy(PortalModel):
    """A clinic's own timings. A clinic without a row keeps the defaults."""

    organization = models.OneToOneField(Organization, models.PROTECT, related_name="+")
    day_hours = models.PositiveSmallIntegerField(default=24, help_text="before the visit; 0: no such reminder")
    last_minutes = models.PositiveSmallIntegerField(default=120, help_text="before the visit; 0: no such reminder")
    quiet_from = models.TimeField(default=time(21))
    quiet_until = models.TimeField(default=time(9))


class MessageText(PortalModel):
    """A clinic's own text of one message in one language. The latest version is said; no version is ever changed."""

    class Language(models.TextChoices):
        RU = "ru", _("Russian")
        EN = "en", _("English")

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, help_text="a code of `kinds.py`")
    language = models.CharField(max_length=2, choices=Language.choices)
    version = models.PositiveIntegerField()
    is_standard = models.BooleanField(default=False, help_text="from here on the portal's own text is said again")
    sms = models.TextField(blank=True)
    subject = models.TextField(blank=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    made_by = models.UUIDField(help_text="the account of the administrator")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "language", "version"], name="one_message_text_per_version"
            ),
            models.CheckConstraint(
                condition=models.Q(is_standard=True, sms="", subject="", body="")
                | models.Q(is_standard=False) & ~models.Q(sms="") & ~models.Q(subject="") & ~models.Q(body=""),
                name="message_text_whole_or_standard",
            ),
        ]


class MessageWishes(PatientPart):
    """What a person wants to hear and how. Without a row: everything, in our order, on the branch's clock."""

    public_fields = {"zone": "a time zone's name", "off": "codes", "first": "a code"}
    retention = "ACCOUNT"

    zone = models.CharField(max_length=40, blank=True, help_text="where the person lives; empty: where the branch is")
    off = ArrayField(models.CharField(max_length=20), default=list, help_text="`stream:channel` switched off")
    first = models.CharField(max_length=5, blank=True, help_text="the channel tried first")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["patient"], name="one_row_of_wishes")]

    def allows(self, stream: str, channel: str) -> bool:
        return f"{stream}:{channel}" not in self.off
