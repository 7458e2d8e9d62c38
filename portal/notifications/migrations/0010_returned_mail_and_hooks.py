"""Mail that comes back, and providers that call: who hears, and what is asked about at once."""

from pathlib import Path

from django.db import migrations

from portal.kernel.sql import as_guard

ROOM = Path(__file__).parent.parent
HEARERS, HOOKS = ((ROOM / name).read_text(encoding="utf-8") for name in ("returns.sql", "hooks.sql"))
AS_BEFORE = """
CREATE OR REPLACE FUNCTION guard.hearers(patient uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF guard.actor()->>'kind' IS DISTINCT FROM 'system' THEN
        RAISE EXCEPTION 'only a job asks who hears' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT FROM public.people_contact WHERE patient_id = patient AND verified_at IS NOT NULL) THEN
        RETURN ARRAY[patient];
    END IF;
    RETURN ARRAY(
        SELECT p.id FROM public.people_proxy x JOIN public.people_patient p ON p.user_id = x.user_id
         WHERE x.patient_id = patient AND x.period @> clock_timestamp() ORDER BY p.id);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0009_push_and_max"), ("people", "0006_returning_mail")]
    operations = [
        migrations.RunSQL(
            """
            GRANT SELECT ON people_returningmail TO guard;
            GRANT UPDATE (asked) ON notifications_message TO guard;
            CREATE INDEX message_ref ON notifications_message (provider_ref) WHERE channel = 'sms' AND provider_ref <> '';
            """,
            """
            DROP INDEX message_ref;
            REVOKE UPDATE (asked) ON notifications_message FROM guard;
            REVOKE SELECT ON people_returningmail FROM guard;
            """,
        ),
        as_guard(HEARERS, AS_BEFORE),
        as_guard(HOOKS, "DROP FUNCTION guard.ask_now(text[], text[], bigint[])"),
    ]
