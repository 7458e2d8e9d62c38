from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_contacts_leave")]
    operations = [
        migrations.AlterField(
            model_name="message",
            name="provider_ref",
            field=models.CharField(blank=True, max_length=300),
        )
    ]
