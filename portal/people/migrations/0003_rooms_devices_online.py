"""Rooms and devices as rows; what a patient may do alone with a service."""

import django.contrib.postgres.fields
import django.db.models.deletion
import portal.people.models.directory
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0002_wall'),
    ]

    operations = [
        migrations.AddField(
            model_name='healthcareservice',
            name='buffer_minutes',
            field=models.PositiveSmallIntegerField(default=0, help_text='kept free after the visit'),
        ),
        migrations.AddField(
            model_name='healthcareservice',
            name='course_visits',
            field=models.PositiveSmallIntegerField(default=1, help_text='as many may be booked as one course'),
        ),
        migrations.AddField(
            model_name='healthcareservice',
            name='devices',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), default=list, help_text='codes of devices, one of each is occupied', size=None),
        ),
        migrations.AddField(
            model_name='healthcareservice',
            name='horizon_days',
            field=models.PositiveSmallIntegerField(help_text="instead of the clinic's policy", null=True),
        ),
        migrations.AddField(
            model_name='healthcareservice',
            name='lead_minutes',
            field=models.PositiveSmallIntegerField(help_text="instead of the clinic's policy", null=True),
        ),
        migrations.AddField(
            model_name='healthcareservice',
            name='max_age',
            field=models.PositiveSmallIntegerField(default=120),
        ),
        migrations.AddField(
            model_name='healthcareservice',
            name='min_age',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='healthcareservice',
            name='needs_referral',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='healthcareservice',
            name='online',
            field=models.CharField(choices=[('view', 'by phone only'), ('request', 'the clinic confirms'), ('instant', 'at once')], default='instant', max_length=8),
        ),
        migrations.AddField(
            model_name='healthcareservice',
            name='payers',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('self', 'I pay myself'), ('oms', 'compulsory insurance (OMS)'), ('dms', 'voluntary insurance (DMS)')], max_length=4), default=portal.people.models.directory.paid_by_self, size=None),
        ),
        migrations.AddField(
            model_name='serviceoffer',
            name='own_minutes',
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.CreateModel(
            name='Resource',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('room', 'Room'), ('device', 'Device')], max_length=6)),
                ('code', models.SlugField(help_text='what services ask for, as `ultrasound-scanner`; rooms are all `room`')),
                ('name', models.CharField(help_text='the number on the door or the label on the device', max_length=40)),
                ('is_active', models.BooleanField(default=True)),
                ('location', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='resources', to='people.location')),
            ],
        ),
        # a room was a number on the role; now it is a row of its own
        migrations.RenameField(model_name="practitionerrole", old_name="room", new_name="room_name"),
        migrations.AlterField(
            model_name="practitionerrole", name="room_name", field=models.CharField(max_length=10, blank=True, default="")
        ),
        migrations.AddField(
            model_name='practitionerrole',
            name='room',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.resource'),
        ),
        migrations.RunSQL(
            """
            INSERT INTO people_resource (id, location_id, kind, code, name, is_active)
            SELECT gen_random_uuid(), location_id, 'room', 'room', room_name, true
              FROM people_practitionerrole WHERE room_name <> '' GROUP BY location_id, room_name;
            UPDATE people_practitionerrole r SET room_id = p.id
              FROM people_resource p WHERE p.location_id = r.location_id AND p.name = r.room_name;
            SET CONSTRAINTS ALL IMMEDIATE;
            """,
            """
            UPDATE people_practitionerrole r SET room_name = p.name FROM people_resource p WHERE p.id = r.room_id;
            UPDATE people_practitionerrole SET room_id = NULL;
            DELETE FROM people_resource;
            SET CONSTRAINTS ALL IMMEDIATE;
            """,
        ),
        migrations.RemoveField(model_name="practitionerrole", name="room_name"),
        migrations.AddConstraint(
            model_name='resource',
            constraint=models.UniqueConstraint(fields=('location', 'code', 'name'), name='one_resource_per_name'),
        ),
    ]
