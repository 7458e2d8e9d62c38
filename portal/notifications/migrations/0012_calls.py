"""Whom to call is told visit by visit. The function before it stays for the processes that still ask it."""

from pathlib import Path

from django.db import migrations

from portal.kernel.sql import as_guard

CALLS = (Path(__file__).parent.parent / "calls.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("notifications", "0011_links_of_removed_contacts")]
    operations = [as_guard(CALLS, "DROP FUNCTION guard.messages_to_call_about();")]
