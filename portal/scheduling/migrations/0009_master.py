import django.contrib.postgres.fields
import django.db.models.deletion
import uuid
from django.db import migrations, models

from portal.kernel.sql import as_guard


ASKING = """
-- Patients of the registrar's clinic whose requests the reception has to answer; where a clinic's own system answers,
-- nobody is asked. At most 50, earliest first.
CREATE OR REPLACE FUNCTION guard.asking_patients() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT guard.compartment(coalesce(array_agg(DISTINCT patient_id), '{}')) FROM (
        SELECT a.patient_id FROM public.scheduling_appointment a
         WHERE a.status = 'pending' AND a.start > now() %s
           AND guard.actor()->>'role' = 'registrar'
           AND a.organization_id = (guard.actor()->>'organization_id')::uuid
         ORDER BY a.start LIMIT 50) AS asking
$$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0007_master_and_identifiers'),
        ('scheduling', '0008_next_in_queue'),
    ]

    operations = [
        migrations.AddField(
            model_name='appointment',
            name='awaits',
            field=models.CharField(blank=True, choices=[('', 'nobody'), ('clinic', 'the reception'), ('mis', "the clinic's own system")], help_text='whose yes, while pending', max_length=6),
        ),
        migrations.CreateModel(
            name='MisLine',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('when_down', models.CharField(choices=[('request', 'take it as a request'), ('later', 'ask to come back later')], default='request', max_length=7)),
                ('down_since', models.DateTimeField(null=True)),
                ('heard_at', models.DateTimeField(help_text='when it last answered: the age of our copy', null=True)),
                ('tells', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), default=list, help_text='kinds of messages the MIS sends itself', size=None)),
                ('organization', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='mis_line', to='people.organization')),
            ],
            options={
                'abstract': False,
            },
        ),
        as_guard(ASKING % "AND a.awaits <> 'mis'", ASKING % ""),
    ]
