"""The second wall: what role `app` gets from the database when the doors are closed, half open, or someone else's."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from portal.kernel.access import open_door
from portal.kernel.errors import NotFound
from portal.kernel.sql import walled_tables
from tests.cast import uid

WALLED = {
    "kernel_patientkeyset",
    "mis_patientref",
    "notifications_chatbinding",
    "notifications_message",
    "notifications_messagewishes",
    "notifications_pushdevice",
    "people_careteam",
    "people_consent",
    "people_contact",
    "people_patient",
    "people_patientatorganization",
    "people_patientidentifier",
    "people_proxy",
    "scheduling_appointment",
    "scheduling_calendarfeed",
    "scheduling_encounter",
    "scheduling_waitlistentry",
    "scheduling_waitlistoffer",
}


def count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT count(*) FROM "{table}"')
        return int(cursor.fetchone()[0])


def test_every_table_of_patient_data_stands_behind_the_wall(db):
    from django.apps import apps

    from portal.kernel.base import PatientRecord

    models = {m._meta.db_table for m in apps.get_models() if issubclass(m, PatientRecord)}
    assert set(walled_tables()) == models == WALLED


def test_without_a_door_every_patient_table_is_empty(database_url):
    with psycopg.connect(database_url("app")) as direct:
        rows = {table: direct.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in WALLED}
    assert rows == dict.fromkeys(WALLED, 0)


def test_the_rows_are_there_all_the_same(database_url):
    with psycopg.connect(database_url("postgres")) as superuser:
        assert superuser.execute("SELECT count(*) FROM people_patient").fetchone()[0] == 4


@pytest.mark.parametrize("table", sorted(table for table in WALLED if not table.startswith("notifications_")))
def test_an_open_door_shows_this_patient_and_nobody_else(as_actor, table):
    with as_actor("anna") as trail:
        open_door(trail.actor, [uid("anna")], purpose="test")
        column = "id" if table == "people_patient" else "patient_id"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT {column} FROM {table}")
            seen = {row[0] for row in cursor.fetchall()}
    assert seen <= {uid("anna")}
    assert seen or table in {
        "people_consent",
        "people_proxy",
        "scheduling_calendarfeed",
        "scheduling_encounter",
        "mis_patientref",
    }


@pytest.mark.parametrize(
    ("who", "whose", "opens"),
    [
        ("anna", "anna", True),
        ("anna", "mila", True),
        ("anna", "boris", False),
        ("boris", "anna", False),
        ("vera", "anna", True),
        ("gleb", "anna", True),
        ("dina", "anna", False),
        ("dina", "boris", True),
        ("rita", "anna", True),
        ("rita", "zoya", False),
        ("foma", "zoya", True),
        ("foma", "anna", False),
        ("oleg", "anna", False),
        ("alla", "anna", False),
        ("visitor", "anna", False),
    ],
)
def test_the_door_follows_the_relation(as_actor, who, whose, opens):
    with as_actor(who) as trail:
        if opens:
            open_door(trail.actor, [uid(whose)], purpose="test")
        else:
            with pytest.raises(NotFound):
                open_door(trail.actor, [uid(whose)], purpose="test")
        assert count("people_patient") == int(opens)


def test_half_a_list_opens_no_page(as_actor):
    with as_actor("anna") as trail, pytest.raises(NotFound):
        open_door(trail.actor, [uid("anna"), uid("boris")], purpose="test")


def test_the_door_closes_with_the_transaction(as_actor):
    with as_actor("anna") as trail:
        open_door(trail.actor, [uid("anna")], purpose="test")
        assert count("people_patient") == 1
    with as_actor("anna"):
        assert count("people_patient") == 0


def test_a_context_set_by_another_request_does_not_leak(as_actor):
    with as_actor("anna"):
        pass
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.actor()->>'kind'")
        assert cursor.fetchone()[0] == "nobody"


def test_app_cannot_read_change_or_forge_the_trail(database_url):
    with psycopg.connect(database_url("app"), autocommit=True) as direct:
        for statement in (
            "SELECT * FROM guard.audit_event",
            "INSERT INTO guard.audit_event (action, outcome, opens, actor_kind) VALUES ('x', 'success', true, 'x')",
            "UPDATE guard.audit_event SET action = 'x'",
            "DELETE FROM guard.audit_event",
            "SELECT guard.write_event('x','success',true,ARRAY[gen_random_uuid()],'x',NULL)",
            "SELECT guard.show_audit(gen_random_uuid(), 'x', 1)",
            "SET ROLE guard",
            "ALTER TABLE people_patient DISABLE ROW LEVEL SECURITY",
            "CREATE TABLE mine (id int)",
            "UPDATE people_consent SET status = 'inactive'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                direct.execute(statement)


def test_the_trail_is_insert_only_even_for_a_superuser(database_url, as_actor):
    with as_actor("anna") as trail:
        open_door(trail.actor, [uid("anna")], purpose="test")
    with psycopg.connect(database_url("postgres"), autocommit=True) as superuser:
        for statement in (
            "UPDATE guard.audit_event SET action = 'x'",
            "DELETE FROM guard.audit_event",
            "TRUNCATE guard.audit_event",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                superuser.execute(statement)


def test_the_owner_of_the_tables_sees_nothing_either(database_url):
    with psycopg.connect(database_url("owner")) as owner:
        assert owner.execute("SELECT count(*) FROM people_patient").fetchone()[0] == 0


def test_only_a_job_uses_the_system_door(as_actor):
    from django.db import DatabaseError

    from portal.kernel.system_door import system_door

    with pytest.raises(DatabaseError), as_actor("anna"):
        system_door("test", [uid("boris")])
    with as_actor("job"):
        system_door("test", [uid("boris")])
        assert count("people_patient") == 1


def test_a_door_without_a_purpose_stays_closed(as_actor):
    from django.db import DatabaseError

    with pytest.raises(DatabaseError), as_actor("anna") as trail:
        open_door(trail.actor, [uid("anna")], purpose="")
