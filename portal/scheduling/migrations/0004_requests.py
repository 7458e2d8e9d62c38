"""Whose requests wait for the clinic's answer."""

from django.db import migrations

from portal.kernel.sql import as_guard

FORWARD = """
-- Patients of the registrar's clinic who asked for a time that nobody has confirmed yet. At most 50, earliest first.
CREATE FUNCTION guard.asking_patients() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT guard.compartment(coalesce(array_agg(DISTINCT patient_id), '{}')) FROM (
        SELECT a.patient_id FROM public.scheduling_appointment a
         WHERE a.status = 'pending' AND a.start > now()
           AND guard.actor()->>'role' = 'registrar'
           AND a.organization_id = (guard.actor()->>'organization_id')::uuid
         ORDER BY a.start LIMIT 50) AS asking
$$;
GRANT EXECUTE ON FUNCTION guard.asking_patients() TO app;
"""


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0003_rules_in_full")]
    operations = [as_guard(FORWARD, "DROP FUNCTION guard.asking_patients()")]
