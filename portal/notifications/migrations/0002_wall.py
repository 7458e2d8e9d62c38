"""The wall around messages, and our own numbers at the gateway."""

from django.db import migrations

from portal.kernel.sql import wall


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial"), ("people", "0002_wall")]

    operations = [
        wall("notifications_message"),
        migrations.RunSQL(
            "CREATE SEQUENCE notifications_sequence AS integer MINVALUE 1 CYCLE; GRANT USAGE ON SEQUENCE notifications_sequence TO app",
            "DROP SEQUENCE notifications_sequence",
        ),
    ]
