-- Who may be offered one of these times of a doctor, who has waited longest first. Of each time: for which service it
-- is long enough, in which ways (codes, a space between). `kinds`: the doctor's services that anybody may book, the
-- likeliest first, with their ways and payers: who asks for no service gets the first that suits what they do ask.
CREATE FUNCTION guard.next_in_queue(
    role uuid, starts timestamptz[], services uuid[], modes text[],
    kinds uuid[], kind_modes text[], kind_payers text[], most integer)
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
          CROSS JOIN LATERAL (
              SELECT COALESCE(e.service_id, (
                  SELECT k.id FROM unnest(kinds, kind_modes, kind_payers) WITH ORDINALITY AS k(id, modes, payers, place)
                   WHERE (e.mode = '' OR e.mode = ANY (string_to_array(k.modes, ' ')))
                     AND e.payer = ANY (string_to_array(k.payers, ' '))
                   ORDER BY k.place LIMIT 1)) AS service_id) AS wanted
         WHERE r.id = role
           AND (e.practitioner_id IS NULL OR e.practitioner_id = r.practitioner_id)
           AND (e.location_id IS NULL OR e.location_id = r.location_id)
           AND (e.rest_until IS NULL OR e.rest_until <= clock_timestamp())
           AND NOT r.id = ANY (e.unfit_roles)
           AND NOT EXISTS (SELECT FROM public.scheduling_waitlistoffer o WHERE o.entry_id = e.id AND o.state = 'open')
           AND EXISTS (
               SELECT FROM unnest(starts, services, modes) AS t(start, service_id, modes)
                WHERE t.service_id = wanted.service_id
                  AND (e.mode = '' OR e.mode = ANY (string_to_array(t.modes, ' ')))
                  AND (t.start AT TIME ZONE l.zone)::date BETWEEN e.first_day AND e.last_day
                  AND extract(hour FROM t.start AT TIME ZONE l.zone) >= e.hour_from
                  AND extract(hour FROM t.start AT TIME ZONE l.zone) < e.hour_until
                  AND NOT EXISTS (SELECT FROM public.scheduling_waitlistoffer o
                                   WHERE o.entry_id = e.id AND o.role_id = role AND o.start = t.start))
         ORDER BY e.queued_at, e.id
         LIMIT most;
END $$;

GRANT EXECUTE ON FUNCTION
    guard.next_in_queue(uuid, timestamptz[], uuid[], text[], uuid[], text[], text[], integer) TO app;
