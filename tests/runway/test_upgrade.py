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


COLUMNS = (
    "patient_id, organization_id, location_id, practitioner_id, role_id, service_id, mode, price, status, version,"
    " created_at, cancelled_by"
)
TWIN = (
    f'INSERT INTO scheduling_appointment (id, start, "end", {COLUMNS})'
    f" SELECT gen_random_uuid(), start - interval '2 hours', \"end\" - interval '2 hours', {COLUMNS}"
    " FROM scheduling_appointment WHERE id = %s RETURNING id"
)


def test_there_and_back_keeps_what_there_is_and_two_old_visits_of_a_day_do_not_stop_it(migrate, ask, database_url):
    before = [ask(question) for question in (VISITS, ROOMS, SHEETS)]
    migrate(*BEFORE)
    assert ask("SELECT room FROM people_practitionerrole ORDER BY 1") == before[1]
    with psycopg.connect(database_url("postgres")) as direct:
        (twin,) = direct.execute(TWIN, [uid("visit-anna")]).fetchone()
    migrate("scheduling", "people", "notifications")
    visits = ask(VISITS)
    marked = {row[0] for row in visits if row[4] == "policy"}
    assert marked in ({twin}, {uid("visit-anna")}), "one of the two is marked, the day rule holds for the rest"
    assert [row[:4] for row in visits if row[0] != twin] == [row[:4] for row in before[0]]
    assert [ask(question) for question in (ROOMS, SHEETS)] == before[1:]
    ((forced,),) = ask("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'scheduling_appointment'")
    assert forced, "the wall stands again"
