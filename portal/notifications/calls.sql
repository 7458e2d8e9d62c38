-- About which messages reception has to call: the latest one of each coming visit, the soonest visit first. A messenger
-- alone never counts as having reached somebody.
CREATE FUNCTION guard.messages_to_call_about() RETURNS TABLE (message_id uuid, patient_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE who jsonb := guard.actor();
BEGIN
    IF who->>'role' IS DISTINCT FROM 'registrar' THEN
        RAISE EXCEPTION 'only reception calls patients' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
        SELECT one.id, one.patient_id FROM (
            SELECT DISTINCT ON (a.id) m.id, m.patient_id, a.start
              FROM public.notifications_message m JOIN public.scheduling_appointment a ON a.id = m.subject_id
             WHERE m.organization_id = (who->>'organization_id')::uuid AND m.subject_version = a.version
               AND a.start > clock_timestamp() AND m.answered_at IS NULL AND m.due_at < clock_timestamp()
               AND ((m.wants_answer AND (m.due_at < clock_timestamp() - interval '2 hours'
                                         OR a.start < clock_timestamp() + interval '24 hours'))
                    OR (m.state IN ('failed', 'unknown') AND m.next_at IS NULL AND NOT EXISTS (
                            SELECT FROM public.notifications_message o
                             WHERE o.subject_id = m.subject_id AND o.subject_version = m.subject_version
                               AND o.kind = m.kind AND o.channel <> 'chat'
                               AND (o.state IN ('accepted', 'delivered') OR o.next_at IS NOT NULL))))
             ORDER BY a.id, m.created_at DESC) AS one
         ORDER BY one.start LIMIT 100;
END $$;

GRANT EXECUTE ON FUNCTION guard.messages_to_call_about() TO app;
