"""The private address of a calendar: its table behind the wall, and the door that it opens."""

from pathlib import Path

import django.db.models.deletion
import uuid
from django.db import migrations, models

from portal.kernel.sql import as_guard, wall

SQL = (Path(__file__).parent.parent / "feed.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0003_rooms_devices_online'),
        ('scheduling', '0005_accepted'),
    ]

    operations = [
        migrations.CreateModel(
            name='CalendarFeed',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('digest', models.BinaryField(help_text="of the address's token", max_length=32, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.patient')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('revoked_at__isnull', True)), fields=('patient',), name='one_live_feed_per_person')],
            },
        ),
        wall("scheduling_calendarfeed"),
        # an account that was closed opens nothing
        migrations.RunSQL("GRANT SELECT (id, is_active) ON people_user TO guard", "REVOKE SELECT (id, is_active) ON people_user FROM guard"),
        as_guard(SQL, "DROP FUNCTION guard.feed_door(bytea)"),
    ]
