-- Ids only, so that a page can find the door before it opens it; the relation is still checked by open_door.

CREATE FUNCTION guard.appointment_patient(appointment uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT patient_id FROM public.scheduling_appointment WHERE id = appointment
$$;

-- Patients of the actor's day: a doctor's own, a registrar's whole organization. At most 200, earliest first.
-- Those whose relation has ended, as by cancelling, are left out, or one of them would close the whole list.
CREATE FUNCTION guard.day_patients(day_start timestamptz, day_end timestamptz) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT guard.compartment(coalesce(array_agg(DISTINCT patient_id), '{}')) FROM (
        SELECT a.patient_id FROM public.scheduling_appointment a
         WHERE a.start >= day_start AND a.start < day_end
           AND guard.actor()->>'kind' = 'staff'
           AND a.organization_id = (guard.actor()->>'organization_id')::uuid
           AND (guard.actor()->>'role' = 'registrar'
                OR guard.actor()->>'role' = 'doctor' AND a.practitioner_id = (guard.actor()->>'practitioner_id')::uuid)
         ORDER BY a.start LIMIT 200) AS day
$$;

GRANT EXECUTE ON FUNCTION guard.appointment_patient(uuid), guard.day_patients(timestamptz, timestamptz) TO app;
