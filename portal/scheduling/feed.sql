-- Whoever holds the address of a calendar opens the patients of its owner: themselves and those they represent now.

CREATE FUNCTION guard.feed_door(digest bytea) RETURNS TABLE (feed_id uuid, owner_id uuid, patients uuid[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
    hit record;
    own uuid[];
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'link' THEN
        RAISE EXCEPTION 'this door opens to a link alone' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT f.id, f.patient_id, p.user_id INTO hit
      FROM public.scheduling_calendarfeed f JOIN public.people_patient p ON p.id = f.patient_id
      JOIN public.people_user u ON u.id = p.user_id AND u.is_active
     WHERE f.digest = feed_door.digest AND f.revoked_at IS NULL;
    IF FOUND THEN
        own := ARRAY(
            SELECT hit.patient_id
            UNION
            SELECT x.patient_id FROM public.people_proxy x
             WHERE x.user_id = hit.user_id AND x.period @> clock_timestamp());
        PERFORM guard.write_event('link:calendar', 'success', true, own, 'calendar', jsonb_build_object('feed', hit.id));
        RETURN QUERY SELECT hit.id, hit.patient_id, own;
    ELSE
        PERFORM guard.write_event('link:calendar', 'refused', false, ARRAY[NULL::uuid], 'calendar', NULL);
    END IF;
END $$;

GRANT EXECUTE ON FUNCTION guard.feed_door(bytea) TO app;
