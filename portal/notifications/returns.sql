-- Who hears for a patient: the patient, if there is a confirmed contact that mail does not come back from; else those
-- who represent them now.
CREATE OR REPLACE FUNCTION guard.hearers(patient uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job asks who hears' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT FROM public.people_contact c WHERE c.patient_id = patient AND c.verified_at IS NOT NULL
                  AND NOT EXISTS (SELECT FROM public.people_returningmail r
                                   WHERE r.key = c.digest AND r.off_since IS NOT NULL)) THEN
        RETURN ARRAY[patient];
    END IF;
    RETURN ARRAY(
        SELECT p.id FROM public.people_proxy x JOIN public.people_patient p ON p.user_id = x.user_id
         WHERE x.patient_id = patient AND x.period @> clock_timestamp() ORDER BY p.id);
END $$;
