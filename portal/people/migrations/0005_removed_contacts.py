"""A removed contact is kept a day, so that its owner can be told."""

from pathlib import Path

from django.db import migrations, models

from portal.kernel.sql import as_guard

SQL = (Path(__file__).parent.parent / "contacts.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("people", "0004_codes_harder")]
    operations = [
        migrations.AddField("contact", "removed_at", models.DateTimeField(null=True)),
        as_guard(SQL, "DROP FUNCTION guard.removed_contacts(integer)"),
    ]
