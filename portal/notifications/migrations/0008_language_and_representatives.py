"""A message knows its language; the link of a former representative opens nothing."""

from pathlib import Path

from django.db import migrations, models

from portal.kernel.sql import as_guard

SQL = (Path(__file__).parent.parent / "link_door.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("notifications", "0007_links")]
    operations = [
        migrations.AddField(
            "message", "language", models.CharField(blank=True, default="", max_length=2, help_text="in which it was said"),
            preserve_default=False,
        ),
        as_guard(SQL),
    ]
