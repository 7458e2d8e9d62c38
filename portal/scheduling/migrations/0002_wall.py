"""The wall around appointments; the live signal that a doctor's free times have changed."""

from pathlib import Path

from django.db import migrations

from portal.kernel.sql import as_guard, wall

DOORS = (Path(__file__).parent.parent / "doors.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0001_initial"), ("people", "0002_wall")]

    operations = [
        wall("scheduling_appointment"),
        as_guard(DOORS),
        migrations.RunSQL(
            """
            CREATE FUNCTION public.tell_slots() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM pg_notify('slots', coalesce(NEW.practitioner_id, OLD.practitioner_id)::text);
                RETURN NULL;
            END $$;
            CREATE TRIGGER tell_slots AFTER INSERT OR UPDATE OR DELETE ON scheduling_occupancy
                FOR EACH ROW EXECUTE FUNCTION public.tell_slots();
            """,
            "DROP TRIGGER tell_slots ON scheduling_occupancy; DROP FUNCTION public.tell_slots();",
        ),
    ]
