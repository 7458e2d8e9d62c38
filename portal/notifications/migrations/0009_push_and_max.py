"""Browsers that show notifications, dialogs in the messenger MAX."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

from portal.kernel.fields import EncryptedTextField
from portal.kernel.sql import as_guard, wall

SQL = (Path(__file__).parent.parent / "ways.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("notifications", "0008_language_and_representatives"), ("people", "0004_codes_harder")]
    operations = [
        migrations.CreateModel(
            name="PushDevice",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("endpoint", EncryptedTextField(help_text="where its push service takes messages: whoever knows it can send")),
                ("p256dh", EncryptedTextField()),
                ("auth", EncryptedTextField()),
                ("digest", models.BinaryField(help_text="of the endpoint", max_length=32, unique=True)),
                ("name", models.CharField(blank=True, max_length=40)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.patient"
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="ChatBinding",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("chat_id", EncryptedTextField(help_text="the messenger's id of the dialog", null=True)),
                ("digest", models.BinaryField(help_text="of chat_id", max_length=32, null=True, unique=True)),
                ("bound_at", models.DateTimeField(null=True)),
                ("link_digest", models.BinaryField(help_text="of the link's token", max_length=32, null=True, unique=True)),
                ("link_expires_at", models.DateTimeField(null=True)),
                (
                    "refused_at",
                    models.DateTimeField(help_text="the link was followed from a dialog of another account", null=True),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.patient"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("patient",), name="one_messenger_per_person")]
            },
        ),
        wall("notifications_pushdevice"),
        wall("notifications_chatbinding"),
        migrations.RunSQL(
            """
            CREATE POLICY guard_releases ON notifications_pushdevice FOR DELETE TO guard USING (true);
            GRANT DELETE ON notifications_pushdevice TO guard;
            """,
            "DROP POLICY guard_releases ON notifications_pushdevice; REVOKE DELETE ON notifications_pushdevice FROM guard;",
        ),
        as_guard(SQL, "DROP FUNCTION guard.chat_door(bytea, boolean); DROP FUNCTION guard.release_push_device(bytea);"),
    ]
