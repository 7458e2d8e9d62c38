-- What a database administrator runs once, as a superuser, connected to the portal's own database
-- (PostgreSQL 15 to 18). Running it again changes nothing. `portal db bootstrap` runs exactly this file.
--
--   owner     logs in for migrations only; owns the tables; has none of guard's rights unless it says SET ROLE
--   guard     never logs in; owns the audited functions; does not bypass row level security
--   app       logs in for everything else; owns nothing
--   ops_read  never logs in; what an operator may read
--   backup    never logs in; reads everything for a dump

DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('owner', 'LOGIN NOINHERIT'), ('guard', 'NOLOGIN'), ('app', 'LOGIN'),
            ('ops_read', 'NOLOGIN'), ('backup', 'NOLOGIN')
        ) AS role (name, attributes)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            EXECUTE format('CREATE ROLE %I', wanted.name);
        END IF;
        EXECUTE format('ALTER ROLE %I %s NOCREATEDB NOCREATEROLE', wanted.name, wanted.attributes);
    END LOOP;
END
$$;

-- Only a superuser may change these two attributes, and only then can they have been set.
DO $$
BEGIN
    ALTER ROLE owner NOSUPERUSER NOBYPASSRLS NOREPLICATION;
    ALTER ROLE guard NOSUPERUSER NOBYPASSRLS NOREPLICATION;
    ALTER ROLE app NOSUPERUSER NOBYPASSRLS NOREPLICATION;
    ALTER ROLE ops_read NOSUPERUSER NOBYPASSRLS NOREPLICATION;
EXCEPTION WHEN insufficient_privilege THEN
    IF EXISTS (
        SELECT FROM pg_roles
        WHERE rolname IN ('owner', 'guard', 'app', 'ops_read') AND (rolsuper OR rolbypassrls OR rolreplication)
    ) THEN
        RAISE EXCEPTION 'owner, guard, app and ops_read must not be superuser, bypass row level security or replicate';
    END IF;
END
$$;

DO $$
BEGIN
    ALTER ROLE backup BYPASSRLS;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'backup cannot bypass row level security here: dump as a superuser, or use physical backups';
END
$$;

-- On a platform without superusers, whoever runs this must be able to act for the roles.
DO $$
DECLARE
    how text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'WITH INHERIT TRUE, SET TRUE' ELSE '' END;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE 'GRANT owner, guard TO CURRENT_USER ' || how;
    END IF;
END
$$;

-- owner may become guard or ops_read, but has nothing of theirs without saying so: a policy TO guard must not open for it.
DO $$
DECLARE
    how text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'WITH INHERIT FALSE, SET TRUE' ELSE '' END;
BEGIN
    EXECUTE 'GRANT guard TO owner ' || how;
    EXECUTE 'GRANT ops_read TO owner ' || how;
END
$$;

DO $$
BEGIN
    GRANT pg_read_all_data TO backup;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'backup gets no pg_read_all_data here: dump as a superuser, or use physical backups';
END
$$;

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO owner, app, ops_read, backup', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO owner', current_database());
END
$$;

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

CREATE SCHEMA IF NOT EXISTS guard AUTHORIZATION guard;
GRANT USAGE ON SCHEMA guard TO app, ops_read, owner;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO owner;
GRANT USAGE ON SCHEMA public TO app, ops_read, guard, backup;

-- Row level security narrows these rights; the audit table takes most of them back.
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO guard;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT USAGE ON SEQUENCES TO app, guard;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO app;
