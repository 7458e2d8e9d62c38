"""What was promised to be sent. The row is written by a job of the change's transaction; sending is another step."""

from __future__ import annotations

from django.db import models

from portal.people.models.patients import Contact, PatientPart


class MessageState(models.TextChoices):
    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"


class Message(PatientPart):
    """One message to one contact about one version of one appointment. Holds no text and no address."""

    public_fields = {
        "kind": "a template's code",
        "channel": "sms or email",
        "state": "a code",
        "provider_ref": "the gateway's number of the message",
        "error": "a code",
    }
    retention = "ACCOUNT"

    kind = models.CharField(max_length=20)
    subject_id = models.UUIDField(help_text="the appointment")
    subject_version = models.PositiveIntegerField()
    channel = models.CharField(max_length=5)
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="+")
    sequence = models.BigIntegerField(unique=True, help_text="our own number at the gateway, 1…2147483647")
    state = models.CharField(max_length=10, choices=MessageState.choices, default=MessageState.PLANNED)
    attempts = models.PositiveSmallIntegerField(default=0)
    provider_ref = models.CharField(max_length=300, blank=True)  # a Message-ID ends with the clinic's whole domain
    segments = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_id", "subject_version", "channel"], name="one_message_per_cause"
            )
        ]
