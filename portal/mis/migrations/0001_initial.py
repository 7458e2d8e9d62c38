
import django.contrib.postgres.fields
import django.db.models.deletion
import portal.kernel.fields
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('people', '0007_master_and_identifiers'),
    ]

    operations = [
        migrations.CreateModel(
            name='Exchange',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('cursor', models.TextField(blank=True, help_text='from where on changes are asked for')),
                ('next_at', models.DateTimeField(help_text='when to look again; further on while one worker looks')),
                ('directory_at', models.DateTimeField(help_text='when the directory was last read in whole', null=True)),
                ('reconciled_at', models.DateTimeField(null=True)),
                ('capabilities', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=10), default=list, size=None)),
                ('trouble', models.CharField(blank=True, help_text='code of why nothing goes, or of an alarm', max_length=40)),
                ('trouble_detail', models.TextField(blank=True, help_text='for the administrator, without personal data')),
                ('organization', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.organization')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='HoldRef',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('occupancy_id', models.UUIDField(unique=True)),
                ('ref', models.CharField(max_length=200)),
                ('made_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.organization')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='DirectoryRef',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('doctor', 'doctor'), ('branch', 'branch'), ('service', 'service')], max_length=7)),
                ('ref', models.CharField(max_length=200)),
                ('object_id', models.UUIDField(help_text='a role, a location, a service; empty while nothing matches', null=True)),
                ('said', models.TextField(help_text='what the MIS calls it, for the administrator')),
                ('valid_from', models.DateTimeField(auto_now_add=True)),
                ('gone_at', models.DateTimeField(help_text="not in the MIS's directory any more", null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('gone_at__isnull', True)), fields=('organization', 'kind', 'ref'), name='one_meaning_per_ref')],
            },
        ),
        migrations.CreateModel(
            name='Drift',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('missing-there', 'booked here, not in the clinic’s system'), ('missing-here', 'booked in the clinic’s system, not here'), ('moved', 'another time in the clinic’s system'), ('status', 'another state in the clinic’s system'), ('twice', 'written down twice in the clinic’s system'), ('patient', 'another patient in the clinic’s system'), ('phantom', 'offered here, not free in the clinic’s system'), ('undefined', 'a state of the clinic’s system that nobody has mapped')], max_length=13)),
                ('key', models.CharField(help_text='what it is about: one row per difference', max_length=200)),
                ('appointment_id', models.UUIDField(null=True)),
                ('ref', models.CharField(blank=True, max_length=200)),
                ('start', models.DateTimeField(null=True)),
                ('seen_at', models.DateTimeField(auto_now_add=True)),
                ('times', models.PositiveIntegerField(default=1, help_text='in so many comparisons in a row')),
                ('settled_at', models.DateTimeField(null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.organization')),
                ('role', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.practitionerrole')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('settled_at__isnull', True)), fields=('organization', 'kind', 'key'), name='one_row_per_drift')],
            },
        ),
        migrations.CreateModel(
            name='Incoming',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('ref', models.CharField(help_text='of the visit there', max_length=200)),
                ('version', models.CharField(help_text='the newest that was seen', max_length=100)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('done', 'done'), ('dead', 'somebody has to look')], max_length=7)),
                ('next_at', models.DateTimeField(null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('code', models.CharField(blank=True, max_length=40)),
                ('seen_at', models.DateTimeField(auto_now=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.organization')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['next_at'], name='incoming_due')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'ref'), name='one_inbox_row_per_visit')],
            },
        ),
        migrations.CreateModel(
            name='Look',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('band', models.CharField(choices=[('near', 'today and tomorrow'), ('week', 'this week'), ('far', 'beyond')], max_length=4)),
                ('next_at', models.DateTimeField()),
                ('looked_at', models.DateTimeField(null=True)),
                ('role', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.practitionerrole')),
            ],
            options={
                'indexes': [models.Index(fields=['next_at'], name='look_due')],
                'constraints': [models.UniqueConstraint(fields=('role', 'band'), name='one_look_per_band')],
            },
        ),
        migrations.CreateModel(
            name='Outgoing',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('appointment_id', models.UUIDField(unique=True)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('dead', 'somebody has to look')], default='waiting', max_length=7)),
                ('round', models.PositiveIntegerField(default=1)),
                ('next_at', models.DateTimeField()),
                ('written_at', models.DateTimeField(help_text='a write was sent then and no answer came back yet', null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('code', models.CharField(blank=True, help_text='why it did not work last time', max_length=40)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.organization')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['next_at'], name='outgoing_due')],
            },
        ),
        migrations.CreateModel(
            name='PatientRef',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('ref', portal.kernel.fields.EncryptedTextField(help_text='empty while somebody looks: nobody else does meanwhile', null=True)),
                ('digest', models.BinaryField(help_text='of organization and ref, to find the patient of a visit', max_length=32, null=True)),
                ('state', models.CharField(choices=[('claimed', 'being looked for'), ('verified', 'verified'), ('unverified', 'to be looked at')], max_length=10)),
                ('by', models.CharField(blank=True, help_text='what told: key, snils, policy, person, created, staff', max_length=10)),
                ('candidates', portal.kernel.fields.EncryptedJSONField(help_text='whom it could be, side by side, until someone has looked', null=True)),
                ('claimed_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.organization')),
                ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.patient')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('patient', 'organization'), name='one_ref_per_clinic'), models.UniqueConstraint(fields=('digest',), name='one_patient_per_ref')],
            },
        ),
        migrations.CreateModel(
            name='RefusedTime',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('start', models.DateTimeField()),
                ('end', models.DateTimeField()),
                ('times', models.PositiveSmallIntegerField(default=1)),
                ('last_at', models.DateTimeField()),
                ('role', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.practitionerrole')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('role', 'start'), name='one_row_per_refused_time')],
            },
        ),
        migrations.CreateModel(
            name='VisitRef',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('appointment_id', models.UUIDField(unique=True)),
                ('ref', models.CharField(max_length=200)),
                ('version', models.CharField(blank=True, max_length=100)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='people.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'ref'), name='one_visit_per_ref')],
            },
        ),
    ]
