"""A link ends with the phone or mailbox that it was sent to."""

from pathlib import Path

from django.db import migrations

from portal.kernel.sql import as_guard

LINK_DOOR = (Path(__file__).parent.parent / "link_door.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("notifications", "0010_returned_mail_and_hooks")]
    operations = [as_guard(LINK_DOOR)]
