-- The door behind a message's link. Whoever no longer represents the patient holds a dead one, and so does the phone or
-- mailbox that its owner has removed since: it may be somebody else's by now.
CREATE OR REPLACE FUNCTION guard.link_door(digest bytea, purpose text) RETURNS TABLE (message_id uuid, patient_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE hit record;
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'link' THEN
        RAISE EXCEPTION 'this door opens to a link alone' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT m.id, m.patient_id INTO hit FROM public.notifications_message m
     WHERE m.link_digest = digest AND m.created_at > clock_timestamp() - interval '180 days'
       AND (m.channel NOT IN ('sms', 'email') OR EXISTS (
               SELECT FROM public.people_contact c WHERE c.id = m.contact_id AND c.verified_at IS NOT NULL))
       AND (m.recipient_id = m.patient_id OR EXISTS (
               SELECT FROM public.people_proxy x JOIN public.people_patient r ON r.user_id = x.user_id
                WHERE x.patient_id = m.patient_id AND r.id = m.recipient_id AND x.period @> clock_timestamp()));
    IF FOUND THEN
        PERFORM guard.write_event('link:' || purpose, 'success', true, ARRAY[hit.patient_id], purpose,
                                  jsonb_build_object('message', hit.id));
        RETURN QUERY SELECT hit.id, hit.patient_id;
    ELSE
        PERFORM guard.write_event('link:' || purpose, 'refused', false, ARRAY[NULL::uuid], purpose, NULL);
    END IF;
END $$;
