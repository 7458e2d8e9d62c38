-- A provider's callback: the messages it names are asked about at once, and nothing else happens. Which they are is
-- found past the wall; nothing of them is given back but how many there were.

CREATE FUNCTION guard.ask_now(carriers text[], refs text[], numbers bigint[]) RETURNS TABLE (id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'hook' THEN
        RAISE EXCEPTION 'only a provider that calls back' USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- One question more is not one of those after which a message is given up: it is taken off the count first.
    -- Rows that a worker is writing at this moment are passed over: it has just asked.
    RETURN QUERY
        WITH named AS (
            SELECT m.id FROM public.notifications_message m
             WHERE m.channel = 'sms' AND m.state IN ('accepted', 'unknown') AND m.provider = ANY (carriers)
               AND (m.provider_ref <> '' AND m.provider_ref = ANY (refs) OR m.sequence = ANY (numbers))
               AND (m.next_at IS NULL OR m.next_at > clock_timestamp())
             ORDER BY m.sequence
               FOR UPDATE SKIP LOCKED)
        UPDATE public.notifications_message m
           SET next_at = clock_timestamp(), asked = greatest(m.asked - 1, 0)
          FROM named WHERE m.id = named.id
        RETURNING m.id;
END $$;

GRANT EXECUTE ON FUNCTION guard.ask_now(text[], text[], bigint[]) TO app;
