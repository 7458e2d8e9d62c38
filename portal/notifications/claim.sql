-- What is due, found past the wall: ids and nothing else, for the job that then opens exactly these doors.

-- A claim is a lease: whoever dies with it loses it, and the message is looked at again.
CREATE FUNCTION guard.claim_messages(most integer, lease interval, among uuid[])
RETURNS TABLE (id uuid, patient_id uuid, recipient_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job claims messages' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
        WITH due AS (
            SELECT id FROM public.notifications_message
             WHERE next_at <= clock_timestamp() AND (among IS NULL OR id = ANY (among))
             ORDER BY next_at LIMIT most FOR UPDATE SKIP LOCKED)
        UPDATE public.notifications_message m SET next_at = clock_timestamp() + lease
          FROM due WHERE m.id = due.id
        RETURNING m.id, m.patient_id, m.recipient_id;
END $$;

-- Who hears for a patient: the patient, if there is a confirmed contact; else those who represent them now.
-- As it was first; in force is the one of `returns.sql`.
CREATE FUNCTION guard.hearers(patient uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job asks who hears' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT FROM public.people_contact WHERE patient_id = patient AND verified_at IS NOT NULL) THEN
        RETURN ARRAY[patient];
    END IF;
    RETURN ARRAY(
        SELECT p.id FROM public.people_proxy x JOIN public.people_patient p ON p.user_id = x.user_id
         WHERE x.patient_id = patient AND x.period @> clock_timestamp() ORDER BY p.id);
END $$;

GRANT EXECUTE ON FUNCTION guard.claim_messages(integer, interval, uuid[]), guard.hearers(uuid) TO app;
