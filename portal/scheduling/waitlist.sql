-- The queue for freed times, seen past the wall: ids and nothing else, for the job that then opens exactly these doors.

-- Doctors whom somebody waits for and may be asked about now.
CREATE FUNCTION guard.waited_roles() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job asks who waits' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN ARRAY(
        SELECT r.id FROM public.people_practitionerrole r
         WHERE r.is_active AND EXISTS (
             SELECT FROM public.scheduling_waitlistentry e
              WHERE e.state = 'waiting' AND e.specialty_id = r.specialty_id AND e.organization_id = r.organization_id
                AND (e.practitioner_id IS NULL OR e.practitioner_id = r.practitioner_id)
                AND (e.location_id IS NULL OR e.location_id = r.location_id)
                AND (e.rest_until IS NULL OR e.rest_until <= clock_timestamp())
                AND NOT r.id = ANY (e.unfit_roles)
                AND NOT EXISTS (SELECT FROM public.scheduling_waitlistoffer o
                                 WHERE o.entry_id = e.id AND o.state = 'open')));
END $$;

-- On which days somebody waits for this doctor; NULLs when nobody does.
CREATE FUNCTION guard.waited_days(role uuid) RETURNS TABLE (first_day date, last_day date)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job asks who waits' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
        SELECT min(e.first_day), max(e.last_day)
          FROM public.people_practitionerrole r
          JOIN public.scheduling_waitlistentry e
            ON e.state = 'waiting' AND e.specialty_id = r.specialty_id AND e.organization_id = r.organization_id
         WHERE r.id = role
           AND (e.practitioner_id IS NULL OR e.practitioner_id = r.practitioner_id)
           AND (e.location_id IS NULL OR e.location_id = r.location_id)
           AND (e.rest_until IS NULL OR e.rest_until <= clock_timestamp());
END $$;

-- Before `next_in_queue.sql`; kept for the processes that still ask it while an upgrade goes on.
-- Who may be offered one of these times of a doctor, who has waited longest first. Of each time: for which service it
-- is long enough, in which ways (codes, a space between), and whether that is the service of who asks for none.
CREATE FUNCTION guard.waitlist_candidates(
    role uuid, starts timestamptz[], services uuid[], modes text[], usual boolean[], most integer)
RETURNS TABLE (entry_id uuid, patient_id uuid, recipient_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job asks who waits' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
        SELECT e.id, e.patient_id, e.recipient_id
          FROM public.people_practitionerrole r
          JOIN public.people_location l ON l.id = r.location_id
          JOIN public.scheduling_waitlistentry e
            ON e.state = 'waiting' AND e.specialty_id = r.specialty_id AND e.organization_id = r.organization_id
         WHERE r.id = role
           AND (e.practitioner_id IS NULL OR e.practitioner_id = r.practitioner_id)
           AND (e.location_id IS NULL OR e.location_id = r.location_id)
           AND (e.rest_until IS NULL OR e.rest_until <= clock_timestamp())
           AND NOT r.id = ANY (e.unfit_roles)
           AND NOT EXISTS (SELECT FROM public.scheduling_waitlistoffer o WHERE o.entry_id = e.id AND o.state = 'open')
           AND EXISTS (
               SELECT FROM unnest(starts, services, modes, usual) AS t(start, service_id, modes, is_usual)
                WHERE (t.service_id = e.service_id OR (e.service_id IS NULL AND t.is_usual))
                  AND (e.mode = '' OR e.mode = ANY (string_to_array(t.modes, ' ')))
                  AND (t.start AT TIME ZONE l.zone)::date BETWEEN e.first_day AND e.last_day
                  AND extract(hour FROM t.start AT TIME ZONE l.zone) >= e.hour_from
                  AND extract(hour FROM t.start AT TIME ZONE l.zone) < e.hour_until
                  AND NOT EXISTS (SELECT FROM public.scheduling_waitlistoffer o
                                   WHERE o.entry_id = e.id AND o.role_id = role AND o.start = t.start))
         ORDER BY e.queued_at, e.id
         LIMIT most;
END $$;

-- Offers that nobody has answered in time, and entries whose days are over.
CREATE FUNCTION guard.lapsed_offers(most integer) RETURNS TABLE (offer_id uuid, patient_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job asks who waits' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
        SELECT o.id, o.patient_id FROM public.scheduling_waitlistoffer o
         WHERE o.state = 'open' AND o.expires_at <= clock_timestamp() ORDER BY o.expires_at LIMIT most;
END $$;

CREATE FUNCTION guard.waits_over(most integer) RETURNS TABLE (entry_id uuid, patient_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job asks who waits' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
        SELECT e.id, e.patient_id FROM public.scheduling_waitlistentry e
         WHERE e.state IN ('waiting', 'paused') AND e.last_day < (clock_timestamp() - interval '12 hours')::date LIMIT most;
END $$;

-- How many wait for the same and would be asked sooner: a number, of whoever has opened the entry's door.
CREATE FUNCTION guard.waiting_before(entry uuid) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT count(*)::integer FROM public.scheduling_waitlistentry me
      JOIN public.scheduling_waitlistentry o
        ON o.specialty_id = me.specialty_id AND o.organization_id = me.organization_id AND o.id <> me.id
       AND (o.practitioner_id IS NULL OR me.practitioner_id IS NULL OR o.practitioner_id = me.practitioner_id)
       AND (o.location_id IS NULL OR me.location_id IS NULL OR o.location_id = me.location_id)
       AND o.state = 'waiting' AND o.queued_at < me.queued_at
       AND o.first_day <= me.last_day AND o.last_day >= me.first_day
     WHERE me.id = entry AND me.patient_id = ANY (guard.open_patients())
$$;

-- Whose it is: the id alone, to find the door. The relation is checked by `open_door`.
CREATE FUNCTION guard.patient_of_wait(entry uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT patient_id FROM public.scheduling_waitlistentry WHERE id = entry
$$;
CREATE FUNCTION guard.patient_of_offer(offer uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT patient_id FROM public.scheduling_waitlistoffer WHERE id = offer
$$;

GRANT EXECUTE ON FUNCTION guard.waited_roles(), guard.waited_days(uuid), guard.waitlist_candidates(uuid, timestamptz[], uuid[], text[], boolean[], integer),
    guard.lapsed_offers(integer), guard.waits_over(integer), guard.waiting_before(uuid), guard.patient_of_wait(uuid), guard.patient_of_offer(uuid)
    TO app;
