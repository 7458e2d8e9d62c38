"""Messages know when they are due, whom they tell and what became of them; timings of a clinic, wishes of a person."""

import datetime
import django.contrib.postgres.fields
import django.db.models.deletion
import portal.kernel.fields
import uuid
from pathlib import Path
from django.db import migrations, models

from portal.kernel.sql import as_guard, wall


CLAIM = (Path(__file__).parent.parent / "claim.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0004_long_provider_ref'),
        ('people', '0003_rooms_devices_online'),
        ('scheduling', '0004_requests'),
    ]

    operations = [
        migrations.CreateModel(
            name='MessagePolicy',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('day_hours', models.PositiveSmallIntegerField(default=24, help_text='before the visit; 0: no such reminder')),
                ('last_minutes', models.PositiveSmallIntegerField(default=120, help_text='before the visit; 0: no such reminder')),
                ('quiet_from', models.TimeField(default=datetime.time(21, 0))),
                ('quiet_until', models.TimeField(default=datetime.time(9, 0))),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='MessageWishes',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('zone', models.CharField(blank=True, help_text='where the person lives; empty: where the branch is', max_length=40)),
                ('off', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), default=list, help_text='`stream:channel` switched off', size=None)),
                ('first', models.CharField(blank=True, help_text='the channel tried first', max_length=5)),
                ('changed_at', models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='message',
            name='one_message_per_cause',
        ),
        migrations.AddField(
            model_name='message',
            name='answered_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='asked',
            field=models.PositiveSmallIntegerField(default=0, help_text='how often the provider was asked about it'),
        ),
        migrations.AddField(
            model_name='message',
            name='cost',
            field=models.DecimalField(decimal_places=2, max_digits=8, null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='delivered_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='due_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='expires_at',
            field=models.DateTimeField(help_text='later it is of no use', null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='link_digest',
            field=models.BinaryField(help_text="of the link's token", max_length=32, null=True, unique=True),
        ),
        migrations.AddField(
            model_name='message',
            name='next_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='organization',
            field=models.ForeignKey(help_text='in whose name', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.organization'),
        ),
        migrations.AddField(
            model_name='message',
            name='provider',
            field=models.CharField(blank=True, max_length=12),
        ),
        migrations.AddField(
            model_name='message',
            name='recipient',
            field=models.ForeignKey(help_text='the person who is told', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.patient'),
        ),
        migrations.AddField(
            model_name='message',
            name='resent',
            field=models.PositiveSmallIntegerField(default=0, help_text='of unknown outcome, sent again: perhaps twice'),
        ),
        migrations.AddField(
            model_name='message',
            name='text',
            field=portal.kernel.fields.EncryptedTextField(help_text='what was said: an SMS whole, of an e-mail the body', null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='wants_answer',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='message',
            name='channel',
            field=models.CharField(choices=[('sms', 'SMS'), ('email', 'e-mail'), ('push', 'notification on the phone'), ('chat', 'messenger MAX')], max_length=5),
        ),
        migrations.AlterField(
            model_name='message',
            name='state',
            field=models.CharField(choices=[('planned', 'Planned'), ('sending', 'Sending'), ('unknown', 'Unknown'), ('accepted', 'Accepted'), ('delivered', 'Delivered'), ('failed', 'Failed'), ('superseded', 'Superseded'), ('canceled', 'Canceled'), ('skipped', 'Skipped')], default='planned', max_length=10),
        ),
        migrations.AlterField(
            model_name='message',
            name='subject_id',
            field=models.UUIDField(help_text='the appointment, the offer'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at'], name='message_next'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['subject_id'], name='message_subject'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['organization', 'due_at'], name='message_journal'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('kind', 'subject_id', 'subject_version', 'recipient', 'channel'), name='one_message_per_cause_and_channel'),
        ),
        migrations.AddField(
            model_name='messagepolicy',
            name='organization',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.organization'),
        ),
        migrations.AddField(
            model_name='messagewishes',
            name='patient',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.patient'),
        ),
        migrations.AddConstraint(
            model_name='messagewishes',
            constraint=models.UniqueConstraint(fields=('patient',), name='one_row_of_wishes'),
        ),
        wall("notifications_messagewishes"),
        migrations.RunSQL(
            """
            ALTER TABLE notifications_message NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE people_contact NO FORCE ROW LEVEL SECURITY;
            ALTER TABLE scheduling_appointment NO FORCE ROW LEVEL SECURITY;
            UPDATE notifications_message m
               SET recipient_id = coalesce((SELECT c.patient_id FROM people_contact c WHERE c.id = m.contact_id), m.patient_id),
                   due_at = m.created_at, expires_at = a.start, organization_id = a.organization_id,
                   next_at = CASE WHEN m.state IN ('planned', 'sending', 'unknown') THEN now() END
              FROM scheduling_appointment a WHERE a.id = m.subject_id;
            SET CONSTRAINTS ALL IMMEDIATE;
            ALTER TABLE notifications_message FORCE ROW LEVEL SECURITY;
            ALTER TABLE people_contact FORCE ROW LEVEL SECURITY;
            ALTER TABLE scheduling_appointment FORCE ROW LEVEL SECURITY;
            """,
            migrations.RunSQL.noop,
        ),
        migrations.AlterField("message", "due_at", models.DateTimeField()),
        migrations.AlterField("message", "expires_at", models.DateTimeField(help_text="later it is of no use")),
        migrations.AlterField(
            "message",
            "recipient",
            models.ForeignKey(
                help_text="the person who is told",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.patient",
            ),
        ),
        migrations.RunSQL(
            """
            CREATE POLICY guard_claims ON notifications_message FOR UPDATE TO guard USING (true) WITH CHECK (true);
            GRANT UPDATE (next_at) ON notifications_message TO guard;
            """,
            """
            DROP POLICY guard_claims ON notifications_message;
            REVOKE UPDATE (next_at) ON notifications_message FROM guard;
            """,
        ),
        as_guard(CLAIM, "DROP FUNCTION guard.claim_messages(integer, interval, uuid[]); DROP FUNCTION guard.hearers(uuid)"),
    ]
