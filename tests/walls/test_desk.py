"""The day's list stays open when one of its visits is cancelled, and shows nobody whose relation has ended."""

import psycopg

from portal.scheduling import services
from portal.scheduling.tests.conftest import book
from tests.cast import at, uid

# As many days earlier as lie between, on the branch's calendar.
MOVE = """
    WITH days AS (SELECT ((start AT TIME ZONE 'Europe/Moscow')::date - (now() AT TIME ZONE 'Europe/Moscow')::date) n
                    FROM scheduling_appointment WHERE id = %s)
    UPDATE scheduling_appointment SET start = start - n * interval '1 day', "end" = "end" - n * interval '1 day'
      FROM days WHERE id = %s
"""


def move_to_today(database_url, *visits):
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        for visit in visits:
            direct.execute(MOVE, [visit, visit])


def test_a_cancelled_visit_does_not_close_the_doctors_day(client_of, as_actor, database_url):
    with as_actor("boris") as trail:
        other = book(trail, "boris", start=at(12, days=9))
    with as_actor("boris") as trail:
        services.cancel_appointment(actor=trail.actor, appointment_id=other.pk)
    move_to_today(database_url, uid("visit-anna"), other.pk)
    for who in ("vera", "rita"):
        page = client_of(who).get("/desk/")
        assert page.status_code == 200
        assert "Annaова" in page.content.decode()
    assert "Borisова" not in client_of("vera").get("/desk/").content.decode()
