import django.db.models.deletion
import portal.kernel.fields
import uuid
from django.db import migrations, models

from portal.kernel.sql import wall


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0006_returning_mail'),
    ]

    operations = [
        migrations.AddField(
            model_name='practitionerrole',
            name='master',
            field=models.CharField(choices=[('portal', 'the portal'), ('mis', "the clinic's own system")], default='portal', max_length=6),
        ),
        migrations.AlterField(
            model_name='practitioner',
            name='practising_since',
            field=models.PositiveSmallIntegerField(help_text='a year; empty while nobody has told', null=True),
        ),
        migrations.CreateModel(
            name='PatientIdentifier',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('system', models.CharField(choices=[('urn:oid:1.2.643.100.3', 'SNILS'), ('urn:oid:1.2.643.2.69.1.1.1.6.228', 'OMS policy')], max_length=40)),
                ('value', portal.kernel.fields.EncryptedTextField(help_text='digits alone')),
                ('digest', models.BinaryField(max_length=32)),
                ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.patient')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('patient', 'system'), name='one_identifier_per_system')],
            },
        ),
        wall("people_patientidentifier"),
    ]
