-- The database wall: nothing of a patient is read or written in a transaction that has not written down who, what and why.
-- Everything here is owned by `guard`, a role nobody can sign in as. `app` may call the functions and nothing else.

ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE TABLE guard.audit_event (
    recorded        timestamptz NOT NULL DEFAULT transaction_timestamp(),
    id              uuid        NOT NULL DEFAULT gen_random_uuid(),
    xid             xid8        NOT NULL DEFAULT pg_current_xact_id(),
    action          text        NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
    outcome         text        NOT NULL CHECK (outcome IN ('success', 'refused', 'failure')),
    opens           boolean     NOT NULL DEFAULT false,
    patient_id      uuid,
    purpose         text        NOT NULL DEFAULT '',
    actor_kind      text        NOT NULL,
    user_id         uuid,
    role            text        NOT NULL DEFAULT '',
    organization_id uuid,
    request_id      uuid,
    detail          jsonb       NOT NULL DEFAULT '{}',
    PRIMARY KEY (recorded, id)
) PARTITION BY RANGE (recorded);
CREATE INDEX audit_event_patient ON guard.audit_event (patient_id, recorded DESC) WHERE patient_id IS NOT NULL;

CREATE TABLE guard.audit_entity (
    recorded     timestamptz NOT NULL DEFAULT transaction_timestamp(),
    xid          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    resource     text        NOT NULL,
    resource_ids uuid[]      NOT NULL
) PARTITION BY RANGE (recorded);
CREATE INDEX audit_entity_xid ON guard.audit_entity (recorded, xid);

DO $$
DECLARE month timestamptz;
BEGIN
    FOR n IN -1 .. 24 LOOP
        month := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(months => n);
        EXECUTE format('CREATE TABLE guard.audit_event_%s PARTITION OF guard.audit_event FOR VALUES FROM (%L) TO (%L)',
                       to_char(month, 'YYYYMM'), month, month + interval '1 month');
        EXECUTE format('CREATE TABLE guard.audit_entity_%s PARTITION OF guard.audit_entity FOR VALUES FROM (%L) TO (%L)',
                       to_char(month, 'YYYYMM'), month, month + interval '1 month');
    END LOOP;
END $$;
CREATE TABLE guard.audit_event_rest PARTITION OF guard.audit_event DEFAULT;
CREATE TABLE guard.audit_entity_rest PARTITION OF guard.audit_entity DEFAULT;

CREATE FUNCTION guard.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is insert-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON guard.audit_event FOR EACH ROW EXECUTE FUNCTION guard.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON guard.audit_entity FOR EACH ROW EXECUTE FUNCTION guard.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON guard.audit_event FOR EACH STATEMENT EXECUTE FUNCTION guard.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON guard.audit_entity FOR EACH STATEMENT EXECUTE FUNCTION guard.refuse_change();

-- Who acts in this transaction: {kind, user_id, role, organization_id, department, practitioner_id, request_id}.
-- A value set only by set_config(…, true); after the transaction it is an empty string, which must mean nobody.
CREATE FUNCTION guard.actor() RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT coalesce(nullif(current_setting('app.actor', true), ''), '{"kind": "nobody"}')::jsonb
$$;

-- Patients whose door is open in this transaction. One InitPlan per query; never a per-row function in a policy.
CREATE FUNCTION guard.open_patients() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(array_agg(DISTINCT patient_id), '{}')
      FROM guard.audit_event
     WHERE recorded = transaction_timestamp() AND xid = pg_current_xact_id_if_assigned() AND opens
$$;

CREATE FUNCTION guard.write_event(
    action text, outcome text, opens boolean, patients uuid[], purpose text, detail jsonb
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE who jsonb := guard.actor();
BEGIN
    INSERT INTO guard.audit_event
        (action, outcome, opens, patient_id, purpose, actor_kind, user_id, role, organization_id, request_id, detail)
    SELECT action, outcome, opens, patient, coalesce(purpose, ''), who->>'kind', (who->>'user_id')::uuid,
           coalesce(who->>'role', ''), (who->>'organization_id')::uuid, (who->>'request_id')::uuid, coalesce(detail, '{}')
      FROM unnest(patients) AS patient;
END $$;

-- The rule of visibility belongs to the room that knows people: a migration there replaces this body.
CREATE FUNCTION guard.compartment(candidates uuid[]) RETURNS uuid[] LANGUAGE sql STABLE AS $$ SELECT '{}'::uuid[] $$;

-- Opens the door to those of `patients` that this actor is related to; returns them. Others stay closed.
CREATE FUNCTION guard.open_door(patients uuid[], action text, purpose text) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE allowed uuid[];
BEGIN
    IF cardinality(patients) > 200 THEN
        RAISE EXCEPTION 'a door opens to 200 patients at most' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF coalesce(purpose, '') = '' THEN
        RAISE EXCEPTION 'a door needs a purpose' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    allowed := guard.compartment(patients);
    PERFORM guard.write_event(action, 'success', true, allowed, purpose, NULL);
    RETURN allowed;
END $$;

-- A job opens exactly the patients named in its arguments.
CREATE FUNCTION guard.system_door(job text, patients uuid[]) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job may use the system door' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF cardinality(patients) > 200 THEN
        RAISE EXCEPTION 'a door opens to 200 patients at most' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    PERFORM guard.write_event('job:' || job, 'success', true, patients, 'job', NULL);
    RETURN patients;
END $$;

-- An event that opens nothing: a change made, a refusal, a sign-in. `patient` may be NULL.
CREATE FUNCTION guard.record_event(action text, outcome text, patient uuid, detail jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT guard.write_event(action, outcome, false, ARRAY[patient], NULL, detail)
$$;

-- What was read behind the doors of this transaction.
CREATE FUNCTION guard.note_read(resource text, resource_ids uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    INSERT INTO guard.audit_entity (resource, resource_ids) VALUES (resource, resource_ids)
$$;

-- For the operator's eyes; looking is itself an event.
CREATE FUNCTION guard.show_audit(patient uuid, operator text, most integer)
RETURNS TABLE (recorded timestamptz, action text, outcome text, actor_kind text, role text, user_id uuid,
               organization_id uuid, purpose text, request_id uuid, entities jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO guard.audit_event (action, outcome, patient_id, purpose, actor_kind, role, detail)
    VALUES ('AuditEvent.show', 'success', patient, 'operator', 'operator', 'operator',
            jsonb_build_object('operator', left(operator, 100)));
    RETURN QUERY
        SELECT e.recorded, e.action, e.outcome, e.actor_kind, e.role, e.user_id, e.organization_id, e.purpose, e.request_id,
               (SELECT jsonb_object_agg(r.resource, cardinality(r.resource_ids)) FROM guard.audit_entity r
                 WHERE r.recorded = e.recorded AND r.xid = e.xid)
          FROM guard.audit_event e
         WHERE e.patient_id = patient
         ORDER BY e.recorded DESC, e.id
         LIMIT most;
END $$;
GRANT EXECUTE ON FUNCTION guard.show_audit(uuid, text, integer) TO ops_read;
GRANT EXECUTE ON FUNCTION guard.actor(), guard.open_patients(), guard.open_door(uuid[], text, text),
    guard.system_door(text, uuid[]), guard.record_event(text, text, uuid, jsonb), guard.note_read(text, uuid[]) TO app;
