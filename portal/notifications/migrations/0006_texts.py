"""A clinic's own texts, version after version; a message remembers which one was said."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_deliveries"), ("people", "0003_rooms_devices_online")]

    operations = [
        migrations.AddField(
            "message",
            "template_version",
            models.PositiveIntegerField(help_text="of the clinic's own text; null: the standard", null=True),
        ),
        migrations.CreateModel(
            name="MessageText",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(help_text="a code of `kinds.py`", max_length=20)),
                ("language", models.CharField(choices=[("ru", "Russian"), ("en", "English")], max_length=2)),
                ("version", models.PositiveIntegerField()),
                (
                    "is_standard",
                    models.BooleanField(default=False, help_text="from here on the portal's own text is said again"),
                ),
                ("sms", models.TextField(blank=True)),
                ("subject", models.TextField(blank=True)),
                ("body", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("made_by", models.UUIDField(help_text="the account of the administrator")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.organization"
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.AddConstraint(
            "messagetext",
            models.UniqueConstraint(
                fields=("organization", "kind", "language", "version"), name="one_message_text_per_version"
            ),
        ),
        migrations.AddConstraint(
            "messagetext",
            models.CheckConstraint(
                condition=models.Q(("body", ""), ("is_standard", True), ("sms", ""), ("subject", ""))
                | models.Q(
                    ("is_standard", False),
                    models.Q(("sms", ""), _negated=True),
                    models.Q(("subject", ""), _negated=True),
                    models.Q(("body", ""), _negated=True),
                ),
                name="message_text_whole_or_standard",
            ),
        ),
        migrations.RunSQL("REVOKE UPDATE, DELETE ON notifications_messagetext FROM app", migrations.RunSQL.noop),
    ]
