-- Removed contacts whose day is over: ids, for the job that deletes them.
CREATE FUNCTION guard.removed_contacts(most integer) RETURNS TABLE (contact_id uuid, patient_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job asks for removed contacts' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY SELECT c.id, c.patient_id FROM public.people_contact c
                  WHERE c.removed_at < clock_timestamp() - interval '1 day' LIMIT most;
END $$;
GRANT EXECUTE ON FUNCTION guard.removed_contacts(integer) TO app;
