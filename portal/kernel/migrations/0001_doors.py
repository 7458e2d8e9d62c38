"""Keys and the audit trail; the first statements that ever run on a new database."""

import uuid

import django.db.models.manager
from django.db import migrations, models

from portal.kernel.sql import DOORS, as_guard, wall


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []

    operations = [
        as_guard(DOORS),
        migrations.CreateModel(
            name="Keyset",
            fields=[
                ("scope", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("wrapped", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="PatientKeyset",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("patient_id", models.UUIDField(unique=True)),
                ("wrapped", models.BinaryField()),
            ],
            options={"abstract": False},
        ),
        wall("kernel_patientkeyset"),
        migrations.RunSQL("REVOKE INSERT, UPDATE, DELETE ON kernel_keyset FROM app", migrations.RunSQL.noop),
    ]
