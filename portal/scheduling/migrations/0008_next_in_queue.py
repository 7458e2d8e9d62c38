"""Who waits for a way or a payer of their own is asked too: the usual service is not everybody's."""

from pathlib import Path

from django.db import migrations

from portal.kernel.sql import as_guard

SQL = (Path(__file__).parent.parent / "next_in_queue.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0007_waitlist")]
    operations = [
        as_guard(
            SQL,
            "DROP FUNCTION"
            " guard.next_in_queue(uuid, timestamptz[], uuid[], text[], uuid[], text[], text[], integer)",
        )
    ]
