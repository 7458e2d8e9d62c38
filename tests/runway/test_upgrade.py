"""Migrations that move data, there and back on a database with people and visits in it."""

import os
import subprocess
import sys

import psycopg
import pytest

from tests.cast import uid
from tests.servers import ROOT

BEFORE = ("scheduling 0002", "people 0002")
CODE = """
import sys, django
django.setup()
from django.core.management import call_command
for step in sys.argv[1:]:
    call_command("migrate", *step.split(), verbosity=0, interactive=False)
"""


@pytest.fixture
def migrate(database_url):
    def run(*steps):
        environment = os.environ | {"DATABASE_URL": database_url("owner"), "PYTHONWARNINGS": "ignore"}
        subprocess.run([sys.executable, "-c", CODE, *steps], cwd=ROOT, env=environment, check=True)

    return run


@pytest.fixture
def ask(database_url):
    def run(question, *params):
        with psycopg.connect(database_url("postgres")) as direct:
            return direct.execute(question, params).fetchall()

    return run


VISITS = "SELECT id, specialty_id, local_date, start, same_day FROM scheduling_appointment ORDER BY id"
ROOMS = "SELECT p.name FROM people_practitionerrole r JOIN people_resource p ON p.id = r.room_id ORDER BY 1"
SHEETS = 'SELECT role_id, start, "end", anchor, step_minutes FROM scheduling_daysheet ORDER BY role_id, start'


def test_rules_in_full_there_and_back_keep_what_there_is(migrate, ask):
    before = [ask(question) for question in (VISITS, ROOMS, SHEETS)]
    migrate(*BEFORE)
    assert ask("SELECT room FROM people_practitionerrole ORDER BY 1") == before[1]
    migrate("scheduling", "people")
    assert [ask(question) for question in (VISITS, ROOMS, SHEETS)] == before
    ((forced,),) = ask("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'scheduling_appointment'")
    assert forced, "the wall stands again"


def test_two_old_visits_of_one_specialty_on_one_day_do_not_stop_the_upgrade(migrate, ask, database_url):
    migrate(*BEFORE)
    columns = (
        "patient_id, organization_id, location_id, practitioner_id, role_id, service_id, mode, price, status, version,"
        " created_at, cancelled_by"
    )
    with psycopg.connect(database_url("postgres")) as direct:
        direct.execute(
            f'INSERT INTO scheduling_appointment (id, start, "end", {columns})'
            f" SELECT gen_random_uuid(), start - interval '2 hours', \"end\" - interval '2 hours', {columns}"
            " FROM scheduling_appointment WHERE id = %s",
            [uid("visit-anna")],
        )
    migrate("scheduling", "people")
    rows = ask("SELECT same_day FROM scheduling_appointment WHERE patient_id = %s ORDER BY 1", uid("anna"))
    assert rows == [("",), ("policy",)]
