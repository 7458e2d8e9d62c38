"""The wall around the patients' links, and the one question that is asked past it."""

from django.db import migrations

from portal.kernel.sql import as_guard, wall

WHOSE = """
-- Whose record of a clinic's own system is this? Of those alone whose match somebody or something sure has verified.
CREATE FUNCTION guard.mis_patient(wanted bytea) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job asks whose record it is' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN (SELECT patient_id FROM public.mis_patientref WHERE digest = wanted AND state = 'verified');
END $$;

-- Patients of the registrar's clinic of whom somebody has to say who they are in its own system. At most 50.
CREATE FUNCTION guard.unmatched_patients() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT guard.compartment(coalesce(array_agg(patient_id), '{}')) FROM (
        SELECT r.patient_id FROM public.mis_patientref r
         WHERE r.state = 'unverified' AND guard.actor()->>'role' = 'registrar'
           AND r.organization_id = (guard.actor()->>'organization_id')::uuid
         ORDER BY r.created_at LIMIT 50) AS waiting
$$;
GRANT EXECUTE ON FUNCTION guard.mis_patient(bytea), guard.unmatched_patients() TO app;
"""


class Migration(migrations.Migration):
    dependencies = [("mis", "0001_initial"), ("people", "0007_master_and_identifiers")]
    operations = [
        wall("mis_patientref"),
        as_guard(WHOSE, "DROP FUNCTION guard.mis_patient(bytea); DROP FUNCTION guard.unmatched_patients()"),
    ]
