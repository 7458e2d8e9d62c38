-- What may have given a time to somebody who waits leaves a note in the same transaction: nothing is lost with a crash.
-- Rows are only added here and only taken by the job, so nobody ever waits for anybody.

CREATE FUNCTION public.note_freed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.scheduling_freedtime (id, role_id, start, "end", noted_at)
        SELECT gen_random_uuid(), role_id, min(start), max("end"), clock_timestamp()
          FROM changed WHERE "end" > clock_timestamp() GROUP BY role_id;
    RETURN NULL;
END $$;
CREATE TRIGGER note_freed AFTER DELETE ON scheduling_occupancy
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_freed();
CREATE TRIGGER note_freed AFTER INSERT ON scheduling_daysheet
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.note_freed();
