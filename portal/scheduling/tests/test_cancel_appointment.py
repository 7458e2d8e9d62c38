import pytest

from portal.kernel.access import open_door
from portal.kernel.errors import Forbidden, NotFound
from portal.scheduling import services
from portal.scheduling.errors import TooLateToCancel
from portal.scheduling.models import Appointment, Occupancy
from portal.scheduling.tests.conftest import book
from tests.cast import at, uid

VISIT = uid("visit-anna")


def test_cancelling_frees_the_time_at_once_and_ends_the_doctors_access(as_actor, jobs):
    with as_actor("anna") as trail:
        cancelled = services.cancel_appointment(actor=trail.actor, appointment_id=VISIT)
    assert (cancelled.status, cancelled.version) == ("cancelled", 2)
    assert jobs()[-1][0] == "notifications.jobs.tell_cancelled"
    with pytest.raises(NotFound), as_actor("vera") as trail:
        open_door(trail.actor, [uid("anna")], purpose="test")
    with as_actor("boris") as trail:
        assert book(trail, "boris", start=at(16, days=9)).status == "booked"


def test_cancelling_twice_changes_nothing_more(as_actor, jobs):
    for _ in range(2):
        with as_actor("anna") as trail:
            visit = services.cancel_appointment(actor=trail.actor, appointment_id=VISIT)
    assert visit.version == 2
    assert [task for task, _ in jobs()].count("notifications.jobs.tell_cancelled") == 1


@pytest.mark.parametrize("who", ["boris", "dina", "oleg", "foma"])
def test_nobody_else_cancels(as_actor, who):
    with pytest.raises((NotFound, Forbidden)), as_actor(who) as trail:
        services.cancel_appointment(actor=trail.actor, appointment_id=VISIT)
    assert Occupancy.objects.filter(owner=VISIT).exists()


def test_a_visit_that_has_begun_is_not_cancelled(as_actor, database_url):
    import psycopg

    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        direct.execute(
            "UPDATE scheduling_appointment SET start = now() - interval '1 minute',"
            " \"end\" = now() + interval '29 minutes' WHERE id = %s",
            [VISIT],
        )
    with pytest.raises(TooLateToCancel), as_actor("anna") as trail:
        services.cancel_appointment(actor=trail.actor, appointment_id=VISIT)
    with as_actor("anna") as trail:
        open_door(trail.actor, [uid("anna")], purpose="test")
        assert Appointment.objects.visible_to(trail.actor).get(pk=VISIT).status == "booked"
