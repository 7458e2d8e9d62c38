"""A patient who has said that they are coming."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('scheduling', '0004_requests'),
    ]

    operations = [
        migrations.AddField(
            model_name='appointment',
            name='accepted_at',
            field=models.DateTimeField(help_text='when the patient said they are coming', null=True),
        ),
    ]
