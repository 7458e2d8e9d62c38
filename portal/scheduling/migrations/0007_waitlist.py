"""The queue for freed times: its tables behind the wall, the notes of what was freed, and who may be asked."""

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
import uuid
from django.db import migrations, models

from portal.kernel.sql import as_guard, wall

HERE = Path(__file__).parent.parent
FREED = (HERE / "freed.sql").read_text(encoding="utf-8")
QUEUE = (HERE / "waitlist.sql").read_text(encoding="utf-8")
NOTHING_FREED = """
DROP TRIGGER note_freed ON scheduling_occupancy;
DROP TRIGGER note_freed ON scheduling_daysheet;
DROP FUNCTION public.note_freed();
"""
NO_QUEUE = """
DROP FUNCTION guard.waited_roles();
DROP FUNCTION guard.waited_days(uuid);
DROP FUNCTION guard.waitlist_candidates(uuid, timestamptz[], uuid[], text[], boolean[], integer);
DROP FUNCTION guard.lapsed_offers(integer);
DROP FUNCTION guard.waits_over(integer);
DROP FUNCTION guard.waiting_before(uuid);
DROP FUNCTION guard.patient_of_wait(uuid);
DROP FUNCTION guard.patient_of_offer(uuid);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0004_codes_harder'),
        ('scheduling', '0006_calendar_feed'),
    ]

    operations = [
        migrations.CreateModel(
            name='FreedTime',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('role_id', models.UUIDField()),
                ('start', models.DateTimeField(null=True)),
                ('end', models.DateTimeField(null=True)),
                ('noted_at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='WaitlistEntry',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(blank=True, help_text='empty: any', max_length=10)),
                ('payer', models.CharField(choices=[('self', 'I pay myself'), ('oms', 'compulsory insurance (OMS)'), ('dms', 'voluntary insurance (DMS)')], default='self', max_length=4)),
                ('first_day', models.DateField()),
                ('last_day', models.DateField()),
                ('hour_from', models.PositiveSmallIntegerField(default=0, help_text="on the branch's clock")),
                ('hour_until', models.PositiveSmallIntegerField(default=24, help_text='this hour excluded')),
                ('at_night', models.BooleanField(default=False, help_text='may be asked in the quiet hours too')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('paused', 'paused'), ('done', 'found a time'), ('left', 'left'), ('over', 'the days are over')], default='waiting', max_length=7)),
                ('queued_at', models.DateTimeField()),
                ('rest_until', models.DateTimeField(help_text='is not asked until then', null=True)),
                ('ignored', models.PositiveSmallIntegerField(default=0, help_text='offers in a row that were not answered')),
                ('unfit_roles', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, help_text='doctors who do not see this age', size=None)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('location', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.location')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.organization')),
                ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.patient')),
                ('practitioner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.practitioner')),
                ('recipient', models.ForeignKey(help_text='the person who is told', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.patient')),
                ('service', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.healthcareservice')),
                ('specialty', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.specialty')),
            ],
        ),
        migrations.CreateModel(
            name='WaitlistOffer',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=10)),
                ('start', models.DateTimeField()),
                ('price', models.PositiveIntegerField(help_text='whole roubles')),
                ('hold', models.UUIDField(null=True)),
                ('state', models.CharField(choices=[('open', 'Open'), ('accepted', 'Accepted'), ('declined', 'Declined'), ('lapsed', 'Lapsed'), ('passed', 'Passed')], max_length=8)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='scheduling.waitlistentry')),
                ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.patient')),
                ('role', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.practitionerrole')),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.healthcareservice')),
            ],
        ),
        migrations.AddIndex(
            model_name='waitlistentry',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['specialty', 'queued_at'], name='waitlist_queue'),
        ),
        migrations.AddIndex(
            model_name='waitlistentry',
            index=models.Index(fields=['patient'], name='waitlist_patient'),
        ),
        migrations.AddConstraint(
            model_name='waitlistentry',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'paused'])), fields=('patient', 'organization', 'specialty', 'practitioner'), name='one_wait_per_wish', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='waitlistentry',
            constraint=models.CheckConstraint(condition=models.Q(('last_day__gte', models.F('first_day'))), name='wait_has_days'),
        ),
        migrations.AddConstraint(
            model_name='waitlistentry',
            constraint=models.CheckConstraint(condition=models.Q(('hour_until__gt', models.F('hour_from')), ('hour_until__lte', 24)), name='wait_has_hours'),
        ),
        migrations.AddIndex(
            model_name='waitlistoffer',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['expires_at'], name='offer_expires'),
        ),
        migrations.AddConstraint(
            model_name='waitlistoffer',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('entry',), name='one_open_offer_per_wait'),
        ),
        migrations.AddConstraint(
            model_name='waitlistoffer',
            constraint=models.UniqueConstraint(fields=('entry', 'role', 'start'), name='a_time_is_offered_once'),
        ),
        migrations.AddIndex(
            "occupancy",
            models.Index(condition=models.Q(("kind", "hold")), fields=["expires_at"], name="occupancy_expires"),
        ),
        wall("scheduling_waitlistentry"),
        wall("scheduling_waitlistoffer"),
        as_guard(QUEUE, NO_QUEUE),
        migrations.RunSQL(FREED, NOTHING_FREED),
    ]
