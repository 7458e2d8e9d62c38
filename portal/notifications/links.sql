-- Doors that messages need: who holds a link opens the one patient it is about; reception finds whom to call.

-- The first version; `link_door.sql` has replaced it.
CREATE FUNCTION guard.link_door(digest bytea, purpose text) RETURNS TABLE (message_id uuid, patient_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE hit record;
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'link' THEN
        RAISE EXCEPTION 'this door opens to a link alone' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT m.id, m.patient_id INTO hit FROM public.notifications_message m
     WHERE m.link_digest = digest AND m.created_at > clock_timestamp() - interval '180 days';
    IF FOUND THEN
        PERFORM guard.write_event('link:' || purpose, 'success', true, ARRAY[hit.patient_id], purpose,
                                  jsonb_build_object('message', hit.id));
        RETURN QUERY SELECT hit.id, hit.patient_id;
    ELSE
        PERFORM guard.write_event('link:' || purpose, 'refused', false, ARRAY[NULL::uuid], purpose, NULL);
    END IF;
END $$;

-- Patients of the registrar's clinic who have to be called: they have not answered a change of ours, or no message
-- about their coming visit got through. Ids only; the doors are opened after.
-- As it was first; in force is `calls.sql`.
CREATE FUNCTION guard.patients_to_call() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE who jsonb := guard.actor();
BEGIN
    IF who->>'role' IS DISTINCT FROM 'registrar' THEN
        RAISE EXCEPTION 'only reception calls patients' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN ARRAY(
        SELECT DISTINCT m.patient_id
          FROM public.notifications_message m JOIN public.scheduling_appointment a ON a.id = m.subject_id
         WHERE m.organization_id = (who->>'organization_id')::uuid AND m.subject_version = a.version
           AND a.start > clock_timestamp() AND m.answered_at IS NULL AND m.due_at < clock_timestamp()
           AND ((m.wants_answer AND (m.due_at < clock_timestamp() - interval '2 hours'
                                     OR a.start < clock_timestamp() + interval '24 hours'))
                OR (m.state IN ('failed', 'unknown') AND m.next_at IS NULL AND NOT EXISTS (
                        SELECT FROM public.notifications_message o
                         WHERE o.subject_id = m.subject_id AND o.subject_version = m.subject_version
                           AND o.kind = m.kind AND (o.state IN ('accepted', 'delivered') OR o.next_at IS NOT NULL))))
         LIMIT 100);
END $$;

-- Whose message it is: the id alone, to find the door. The relation is checked by `open_door`.
CREATE FUNCTION guard.message_patient(message uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT patient_id FROM public.notifications_message WHERE id = message
$$;

-- One page of the clinic's journal, the latest first.
CREATE FUNCTION guard.journal(since timestamptz, until timestamptz, skip integer, most integer)
RETURNS TABLE (id uuid, patient_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE who jsonb := guard.actor();
BEGIN
    IF who->>'role' IS DISTINCT FROM 'registrar' THEN
        RAISE EXCEPTION 'only reception reads the journal' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
        SELECT m.id, m.patient_id FROM public.notifications_message m
         WHERE m.organization_id = (who->>'organization_id')::uuid AND m.due_at >= since AND m.due_at < until
         ORDER BY m.due_at DESC, m.id OFFSET skip LIMIT least(most, 100);
END $$;

GRANT EXECUTE ON FUNCTION guard.link_door(bytea, text), guard.patients_to_call(), guard.message_patient(uuid),
    guard.journal(timestamptz, timestamptz, integer, integer) TO app;
