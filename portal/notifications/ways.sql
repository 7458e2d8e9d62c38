-- What ways to reach a person need past the wall.

-- Behind a one-time link to our bot, or behind the dialog itself, stands one patient. The messenger calls for both; that
-- it was the messenger, its secret has shown.
CREATE FUNCTION guard.chat_door(wanted bytea, by_link boolean) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE patient uuid;
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'link' THEN
        RAISE EXCEPTION 'this door opens to a link alone' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF by_link THEN
        SELECT b.patient_id INTO patient FROM public.notifications_chatbinding b
         WHERE b.link_digest = wanted AND b.link_expires_at > clock_timestamp();
    ELSE
        SELECT b.patient_id INTO patient FROM public.notifications_chatbinding b WHERE b.digest = wanted;
    END IF;
    IF patient IS NOT NULL THEN
        PERFORM guard.write_event('link:chat', 'success', true, ARRAY[patient], 'chat', NULL);
    ELSIF by_link THEN
        PERFORM guard.write_event('link:chat', 'refused', false, ARRAY[NULL::uuid], 'chat', NULL);
    END IF;
    RETURN patient;
END $$;

-- A browser hears for one person: whoever turns it on there, takes it over from the one before. Only the browser itself
-- knows the address that the digest is of.
CREATE FUNCTION guard.release_push_device(wanted bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE before uuid;
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'patient' THEN
        RAISE EXCEPTION 'only a person takes a browser over' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM public.notifications_pushdevice d WHERE d.digest = wanted RETURNING d.patient_id INTO before;
    IF before IS NOT NULL THEN
        PERFORM guard.write_event('PushDevice.taken-over', 'success', false, ARRAY[before], 'push', NULL);
    END IF;
END $$;

-- As it was first; in force is `calls.sql`.
-- Whom reception has to call. A messenger alone never counts as having reached somebody.
CREATE OR REPLACE FUNCTION guard.patients_to_call() RETURNS uuid[]
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
                           AND o.kind = m.kind AND o.channel <> 'chat'
                           AND (o.state IN ('accepted', 'delivered') OR o.next_at IS NOT NULL))))
         LIMIT 100);
END $$;

GRANT EXECUTE ON FUNCTION guard.chat_door(bytea, boolean), guard.release_push_device(bytea) TO app;
