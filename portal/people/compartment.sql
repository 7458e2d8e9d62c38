-- Who may open whose door. THE visibility rule: everything else asks this function (portal/people/compartment.py says it in words).

CREATE OR REPLACE FUNCTION guard.compartment(candidates uuid[]) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    who    jsonb := guard.actor();
    person uuid  := (who->>'user_id')::uuid;
    clinic uuid  := (who->>'organization_id')::uuid;
BEGIN
    IF who->>'kind' = 'patient' THEN
        RETURN ARRAY(
            SELECT id FROM public.people_patient WHERE id = ANY (candidates) AND user_id = person
            UNION
            SELECT patient_id FROM public.people_proxy
             WHERE patient_id = ANY (candidates) AND user_id = person AND period @> clock_timestamp());
    ELSIF who->>'kind' = 'staff' AND who->>'role' = 'doctor' THEN
        RETURN ARRAY(
            SELECT DISTINCT patient_id FROM public.people_careteam
             WHERE patient_id = ANY (candidates) AND organization_id = clinic AND period @> clock_timestamp()
               AND (practitioner_id = (who->>'practitioner_id')::uuid OR department = who->>'department'));
    ELSIF who->>'kind' = 'staff' AND who->>'role' = 'registrar' THEN
        RETURN ARRAY(
            SELECT patient_id FROM public.people_patientatorganization
             WHERE patient_id = ANY (candidates) AND organization_id = clinic);
    END IF;
    RETURN '{}';
END $$;

-- The patients a signed-in person may act for: themselves and those they represent. Ids only.
CREATE FUNCTION guard.own_patients() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(array_agg(id), '{}') FROM (
        SELECT id FROM public.people_patient
         WHERE user_id = (guard.actor()->>'user_id')::uuid
        UNION
        SELECT patient_id FROM public.people_proxy
         WHERE user_id = (guard.actor()->>'user_id')::uuid AND period @> clock_timestamp()
    ) AS own
    WHERE guard.actor()->>'kind' = 'patient'
$$;

-- Opens the door to a patient who does not exist yet; the row itself is written by the application behind it.
CREATE FUNCTION guard.register_patient(patient uuid, purpose text) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE who jsonb := guard.actor();
BEGIN
    IF who->>'kind' NOT IN ('anonymous', 'patient', 'system') AND who->>'role' IS DISTINCT FROM 'registrar' THEN
        RAISE EXCEPTION 'this actor registers nobody' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT FROM public.people_patient WHERE id = patient)
       OR EXISTS (SELECT FROM public.kernel_patientkeyset WHERE patient_id = patient) THEN
        RAISE EXCEPTION 'the patient exists already' USING ERRCODE = 'unique_violation';
    END IF;
    PERFORM guard.write_event('Patient.register', 'success', true, ARRAY[patient], purpose, NULL);
    RETURN ARRAY[patient];
END $$;

-- Whose verified contact is this? Before sign-in the answer is an account id and nothing else. Each look is an event.
CREATE FUNCTION guard.find_patients(contact_digest bytea, purpose text) RETURNS TABLE (patient_id uuid, user_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
    who   jsonb := guard.actor();
    found integer;
BEGIN
    IF purpose = 'sign-in' AND who->>'kind' IN ('anonymous', 'patient') THEN
        RETURN QUERY
            SELECT c.patient_id, p.user_id FROM public.people_contact c JOIN public.people_patient p ON p.id = c.patient_id
             WHERE c.digest = contact_digest AND c.verified_at IS NOT NULL;
    ELSIF purpose = 'reception' AND who->>'role' = 'registrar' THEN
        RETURN QUERY
            SELECT c.patient_id, NULL::uuid FROM public.people_contact c
              JOIN public.people_patientatorganization o ON o.patient_id = c.patient_id
             WHERE c.digest = contact_digest AND o.organization_id = (who->>'organization_id')::uuid;
    ELSE
        RAISE EXCEPTION 'this actor searches nobody' USING ERRCODE = 'insufficient_privilege';
    END IF;
    GET DIAGNOSTICS found = ROW_COUNT;
    PERFORM guard.write_event('Patient.search', 'success', false, ARRAY[NULL::uuid], purpose, jsonb_build_object('found', found));
END $$;

GRANT EXECUTE ON FUNCTION guard.own_patients(), guard.register_patient(uuid, text), guard.find_patients(bytea, text) TO app;
