"""The link of a message, whom reception has to call, and the journal."""

from pathlib import Path

from django.db import migrations

from portal.kernel.sql import as_guard

SQL = (Path(__file__).parent.parent / "links.sql").read_text(encoding="utf-8")
BACK = """
DROP FUNCTION guard.link_door(bytea, text);
DROP FUNCTION guard.patients_to_call();
DROP FUNCTION guard.message_patient(uuid);
DROP FUNCTION guard.journal(timestamptz, timestamptz, integer, integer);
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0006_texts"), ("scheduling", "0005_accepted")]
    operations = [as_guard(SQL, BACK)]
