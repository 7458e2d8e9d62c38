"""Ways to reach a person besides phone and e-mail: browsers that show notifications, a dialog in a messenger."""

from __future__ import annotations

from django.db import models

from portal.kernel.fields import EncryptedTextField
from portal.notifications.ports_push import PushSubscription
from portal.people.models.patients import PatientPart


class PushDevice(PatientPart):
    """A browser that has subscribed. `digest` knows it again; whoever turned it on last hears on it."""

    public_fields = {"name": "a browser's family and its system"}
    retention = "ACCOUNT"

    endpoint = EncryptedTextField(help_text="where its push service takes messages: whoever knows it can send")
    p256dh = EncryptedTextField()
    auth = EncryptedTextField()
    digest = models.BinaryField(max_length=32, unique=True, help_text="of the endpoint")
    name = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    @property
    def subscription(self) -> PushSubscription:
        return PushSubscription(self.endpoint, self.p256dh, self.auth)


class ChatBinding(PatientPart):
    """A person's dialog with our bot, or a one-time link that leads to one. One row a person.

    The link ends when it is used, after its time, or with the next link. Without `bound_at` nothing is sent.
    """

    retention = "ACCOUNT"

    chat_id = EncryptedTextField(null=True, help_text="the messenger's id of the dialog")
    digest = models.BinaryField(max_length=32, null=True, unique=True, help_text="of chat_id")
    bound_at = models.DateTimeField(null=True)
    link_digest = models.BinaryField(max_length=32, null=True, unique=True, help_text="of the link's token")
    link_expires_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True, help_text="the link was followed from a dialog of another account")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["patient"], name="one_messenger_per_person")]
