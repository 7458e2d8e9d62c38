"""Exceptions, policies, rooms and devices booked with the doctor, visits booked together, one specialty a day."""

import datetime
import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.db.models.deletion
import portal.kernel.fields
import portal.scheduling.models
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0003_rooms_devices_online'),
        ('scheduling', '0002_wall'),
    ]

    operations = [
        migrations.CreateModel(
            name='BookingPolicy',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('lead_minutes', models.PositiveSmallIntegerField(default=30, help_text='nobody reaches the clinic sooner')),
                ('horizon_days', models.PositiveSmallIntegerField(default=56, help_text='so many days ahead times are published')),
                ('publish_at', models.TimeField(default=datetime.time(8, 0), help_text="a new day opens then, on the branch's clock")),
                ('cancel_minutes', models.PositiveSmallIntegerField(default=0, help_text='cancel and move until so long before')),
                ('is_one_a_day', models.BooleanField(default=True, help_text='one visit per person, specialty and day')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ResourceUse',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('start', models.DateTimeField()),
                ('end', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='RuleException',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('vacation', 'vacation'), ('sick', 'sick leave'), ('blocked', 'closed hours'), ('extra', 'extra hours')], max_length=8)),
                ('first_day', models.DateField()),
                ('last_day', models.DateField()),
                ('start', models.TimeField(null=True)),
                ('end', models.TimeField(null=True)),
                ('step_minutes', models.PositiveSmallIntegerField(default=20, help_text='of extra hours')),
                ('modes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=10), default=list, help_text='of extra hours', size=None)),
            ],
        ),
        migrations.CreateModel(
            name='ScheduleHorizon',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('written_to', models.DateField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='appointment',
            name='batch',
            field=models.UUIDField(help_text='visits booked together: a course, several services in a row', null=True),
        ),
        migrations.AddField(
            model_name='appointment',
            name='local_date',
            field=models.DateField(help_text="of the start, on the branch's calendar", null=True),
        ),
        migrations.AddField(
            model_name='appointment',
            name='moved_from',
            field=models.DateTimeField(help_text='when it was before the last move', null=True),
        ),
        migrations.AddField(
            model_name='appointment',
            name='payer',
            field=models.CharField(choices=[('self', 'I pay myself'), ('oms', 'compulsory insurance (OMS)'), ('dms', 'voluntary insurance (DMS)')], default='self', max_length=4),
        ),
        migrations.AddField(
            model_name='appointment',
            name='room',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.resource'),
        ),
        migrations.AddField(
            model_name='appointment',
            name='referral',
            field=portal.kernel.fields.EncryptedTextField(help_text='what the patient wrote of it: number, date, from whom', null=True),
        ),
        migrations.AddField(
            model_name='appointment',
            name='same_day',
            field=models.CharField(blank=True, choices=[('policy', 'Policy'), ('together', 'Together'), ('staff', 'Staff')], help_text='why a second one is fine', max_length=8),
        ),
        migrations.AddField(
            model_name='appointment',
            name='same_day_reason',
            field=portal.kernel.fields.EncryptedTextField(help_text='what the staff wrote when they allowed it', null=True),
        ),
        migrations.AddField(
            model_name='appointment',
            name='specialty',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.specialty'),
        ),
        migrations.AddField(
            model_name='daysheet',
            name='anchor',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='daysheet',
            name='room',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.resource'),
        ),
        migrations.AddField(
            model_name='occupancy',
            name='batch',
            field=models.UUIDField(help_text='id of the first hold of those pressed together', null=True),
        ),
        migrations.AddField(
            model_name='occupancy',
            name='holder',
            field=models.BinaryField(help_text='digest of the account or network, for limits', max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='occupancy',
            name='is_extended',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='occupancy',
            name='replaces',
            field=models.UUIDField(help_text='the appointment that this hold would move', null=True),
        ),
        migrations.AddField(
            model_name='rule',
            name='room',
            field=models.ForeignKey(help_text="instead of the role's", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.resource'),
        ),
        migrations.AddField(
            model_name='rule',
            name='weeks',
            field=models.CharField(choices=[('every', 'every week'), ('odd', 'odd weeks'), ('even', 'even weeks')], default='every', help_text='by ISO 8601 number', max_length=5),
        ),
        migrations.AddIndex(
            model_name='occupancy',
            index=models.Index(fields=['batch'], name='occupancy_batch'),
        ),
        migrations.AddIndex(
            model_name='occupancy',
            index=models.Index(condition=models.Q(('kind', 'hold')), fields=['holder'], name='occupancy_holder'),
        ),
        migrations.AddField(
            model_name='bookingpolicy',
            name='organization',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='booking_policy', to='people.organization'),
        ),
        migrations.AddField(
            model_name='resourceuse',
            name='occupancy',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='uses', to='scheduling.occupancy'),
        ),
        migrations.RunSQL(
            """
            ALTER TABLE scheduling_resourceuse ADD CONSTRAINT resourceuse_of_occupancy
                FOREIGN KEY (occupancy_id) REFERENCES scheduling_occupancy (id) ON DELETE CASCADE;
            """,
            "ALTER TABLE scheduling_resourceuse DROP CONSTRAINT resourceuse_of_occupancy",
        ),
        migrations.AddField(
            model_name='resourceuse',
            name='resource',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.resource'),
        ),
        migrations.AddField(
            model_name='ruleexception',
            name='role',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='exceptions', to='people.practitionerrole'),
        ),
        migrations.AddField(
            model_name='schedulehorizon',
            name='role',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.practitionerrole'),
        ),
        migrations.AddConstraint(
            model_name='resourceuse',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('resource', '='), (portal.scheduling.models.TsTzRange(), '&&')], name='one_visit_per_resource'),
        ),
        migrations.AddIndex(
            model_name='ruleexception',
            index=models.Index(fields=['role', 'last_day'], name='exception_role'),
        ),
        migrations.AddConstraint(
            model_name='ruleexception',
            constraint=models.CheckConstraint(condition=models.Q(('last_day__gte', models.F('first_day'))), name='exception_days'),
        ),
        migrations.AddConstraint(
            model_name='ruleexception',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('end__isnull', True), ('start__isnull', True)), models.Q(('end__gt', models.F('start')), ('end__isnull', False), ('start__isnull', False)), models.Q(('end', datetime.time(0, 0)), ('end__isnull', False), ('start__isnull', False)), _connector='OR'), name='exception_hours'),
        ),
        migrations.AddConstraint(
            model_name='ruleexception',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'extra'), _negated=True), ('start__isnull', False), _connector='OR'), name='extra_hours_have_hours'),
        ),
        migrations.RemoveConstraint(model_name='rule', name='rule_ends_after_start'),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.CheckConstraint(condition=models.Q(('end__gt', models.F('start')), ('end', datetime.time(0, 0)), _connector='OR'), name='rule_ends_after_start'),
        ),
        migrations.RunSQL(
            """
            INSERT INTO scheduling_resourceuse (id, occupancy_id, resource_id, start, "end")
            SELECT gen_random_uuid(), o.id, r.room_id, o.start, o."end"
              FROM scheduling_occupancy o JOIN people_practitionerrole r ON r.id = o.role_id
             WHERE o.room_key IS NOT NULL AND r.room_id IS NOT NULL;
            SET CONSTRAINTS ALL IMMEDIATE;
            """,
            "DELETE FROM scheduling_resourceuse",
        ),
        migrations.RemoveConstraint(
            model_name='occupancy',
            name='one_visit_per_room',
        ),
        migrations.RemoveField(
            model_name='occupancy',
            name='room_key',
        ),
        # what is there already: every new column of a visit follows from the old ones
        migrations.RunSQL(
            """
            ALTER TABLE scheduling_appointment NO FORCE ROW LEVEL SECURITY;
            UPDATE scheduling_daysheet SET anchor = start;
            UPDATE scheduling_daysheet s SET room_id = r.room_id FROM people_practitionerrole r WHERE r.id = s.role_id;
            UPDATE scheduling_appointment a
               SET specialty_id = r.specialty_id, room_id = CASE a.mode WHEN 'in-person' THEN r.room_id END,
                   local_date = (a.start AT TIME ZONE l.zone)::date
              FROM people_practitionerrole r, people_location l
             WHERE r.id = a.role_id AND l.id = a.location_id;
            UPDATE scheduling_appointment a SET same_day = 'policy'
             WHERE EXISTS (SELECT FROM scheduling_appointment b
                            WHERE b.patient_id = a.patient_id AND b.specialty_id = a.specialty_id
                              AND b.local_date = a.local_date AND b.id < a.id);
            SET CONSTRAINTS ALL IMMEDIATE;
            ALTER TABLE scheduling_appointment FORCE ROW LEVEL SECURITY;
            """,
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(model_name="daysheet", name="anchor", field=models.DateTimeField()),
        migrations.AlterField(
            model_name="appointment",
            name="specialty",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.specialty"
            ),
        ),
        migrations.AlterField(
            model_name="appointment",
            name="local_date",
            field=models.DateField(help_text="of the start, on the branch's calendar"),
        ),
        migrations.AddConstraint(
            model_name='appointment',
            constraint=models.UniqueConstraint(condition=models.Q(('same_day', ''), ('status__in', ['pending', 'booked', 'arrived', 'checked-in'])), fields=('patient', 'specialty', 'local_date'), name='one_visit_a_day'),
        ),
    ]
