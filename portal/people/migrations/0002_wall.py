"""The wall around everything of a patient, and the one rule of visibility."""

from django.db import migrations

from portal.kernel.sql import as_guard, wall
from portal.people.compartment import SQL


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial"), ("kernel", "0001_doors")]

    operations = [
        wall("people_patient", "id"),
        wall("people_contact"),
        wall("people_patientatorganization"),
        wall("people_careteam"),
        wall("people_proxy"),
        wall("people_consent"),
        migrations.RunSQL("REVOKE UPDATE, DELETE ON people_consent FROM app", migrations.RunSQL.noop),
        as_guard(SQL),
    ]
