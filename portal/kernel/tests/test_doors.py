"""The first wall: forgetting a door is a loud error, in Python, before the database is asked."""

import pytest
from django.db import connection

from portal.kernel.access import UnguardedRead, UnguardedWrite, acting, open_door
from portal.kernel.actor import Role, system
from portal.kernel.commands import command
from portal.kernel.errors import Forbidden
from portal.kernel.outbox import emit
from portal.people.models import Location, Patient, User
from tests.cast import uid


@pytest.mark.parametrize(
    "read",
    [
        lambda q: list(q.all()),
        lambda q: q.first(),
        lambda q: q.count(),
        lambda q: q.exists(),
        lambda q: q.get(pk=uid("anna")),
        lambda q: list(q.values_list("id")),
        lambda q: list(q.iterator()),
        lambda q: q.aggregate(n=__import__("django.db.models", fromlist=["Count"]).Count("id")),
        lambda q: q.in_bulk(),
    ],
)
def test_a_read_without_visible_to_raises(as_actor, read):
    with as_actor("anna") as trail:
        open_door(trail.actor, [uid("anna")], purpose="test")
        with pytest.raises(UnguardedRead):
            read(Patient.objects)


def test_visible_to_without_an_open_door_raises(as_actor):
    with as_actor("anna") as trail, pytest.raises(UnguardedRead):
        list(Patient.objects.visible_to(trail.actor))


def test_visible_to_as_somebody_else_raises(as_actor):
    with as_actor("anna") as trail:
        open_door(trail.actor, [uid("anna")], purpose="test")
        with pytest.raises(UnguardedRead):
            list(Patient.objects.visible_to(system("other")))


def test_a_read_outside_a_portal_transaction_raises(db):
    with pytest.raises(UnguardedRead):
        list(Patient.objects.visible_to(system("x")))


@pytest.mark.parametrize(
    "write",
    [
        lambda: (row := Location.objects.first()) and row.save(),
        lambda: User.objects.create(is_active=True),
        lambda: User.objects.bulk_create([User()]),
        lambda: User.objects.update(is_active=False),
        lambda: Location.objects.all().delete(),
        lambda: Location.objects.first().delete(),
        lambda: Location.objects.get_or_create(slug="x"),
    ],
)
def test_a_change_outside_a_command_raises(as_actor, write):
    with as_actor("anna"), pytest.raises(UnguardedWrite):
        write()


def test_a_command_checks_the_role_and_leaves_an_event(as_actor, database_url):
    import psycopg

    @command("Test.roles", roles={Role.REGISTRAR})
    def only_for_registrars(*, actor):
        return None

    with pytest.raises(Forbidden), as_actor("anna") as trail:
        only_for_registrars(actor=trail.actor)
    with as_actor("rita") as trail:
        only_for_registrars(actor=trail.actor)
    with psycopg.connect(database_url("postgres")) as direct:
        rows = direct.execute("SELECT role, outcome FROM guard.audit_event WHERE action = 'Test.roles'").fetchall()
    assert rows == [("registrar", "success")]


def test_a_command_refuses_an_actor_of_another_transaction(as_actor):
    @command("Test.actor", roles={Role.PATIENT})
    def anything(*, actor):
        return None

    with as_actor("boris") as trail:
        boris = trail.actor
    with as_actor("anna"), pytest.raises(UnguardedWrite):
        anything(actor=boris)


def test_emit_works_only_inside_a_command_and_only_with_ids(as_actor):
    @command("Test.emit", roles={Role.PATIENT})
    def say(*, actor, what):
        emit("appointment.booked", appointment_id=what)

    with as_actor("anna"), pytest.raises(UnguardedWrite):
        emit("appointment.booked", appointment_id=uid("anna"))
    with as_actor("anna") as trail, pytest.raises(TypeError):
        say(actor=trail.actor, what="Anna Belova")


def test_what_was_read_is_on_the_trail(as_actor, database_url):
    import psycopg

    with as_actor("vera") as trail:
        open_door(trail.actor, [uid("anna")], purpose="test")
        list(Patient.objects.visible_to(trail.actor))
        request = trail.actor.request_id
    with psycopg.connect(database_url("postgres")) as direct:
        rows = direct.execute(
            "SELECT e.purpose, e.role, e.patient_id, r.resource, r.resource_ids FROM guard.audit_event e"
            " JOIN guard.audit_entity r USING (recorded, xid) WHERE e.request_id = %s",
            [request],
        ).fetchall()
    assert rows == [("test", "doctor", uid("anna"), "Patient", [uid("anna")])]


def test_transactions_do_not_nest(as_actor):
    with as_actor("anna"), pytest.raises(RuntimeError), acting(system("x")):
        pass


def test_the_actor_is_gone_after_the_transaction_even_without_the_pool(as_actor):
    with as_actor("anna"):
        pass
    with connection.cursor() as cursor:
        cursor.execute("SELECT nullif(current_setting('app.actor', true), '')")
        assert cursor.fetchone() == (None,)
