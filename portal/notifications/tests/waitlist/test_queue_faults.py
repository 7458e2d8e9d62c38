"""Somebody is quicker, something fails: nobody loses their turn, and no other doctor waits for it."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from django.db import connections

from portal.notifications import jobs_waitlist
from portal.notifications.tests.waitlist.conftest import FREED
from portal.scheduling import services
from portal.scheduling.tests.conftest import press
from tests.cast import uid
from tests.servers import eventually


def test_what_fails_for_one_doctor_waits_and_stops_no_other(waits, frees, offers, sql, monkeypatch):
    waits("boris")
    waits("zoya", doctor="gleb")
    frees()
    sql("DELETE FROM scheduling_occupancy WHERE practitioner_id = %s", uid("gleb"))
    make = services.make_offer

    def fails_for_vera(*, role_id, **ids):
        if role_id == uid("role-vera"):
            raise RuntimeError("not foreseen")
        return make(role_id=role_id, **ids)

    monkeypatch.setattr(services, "make_offer", fails_for_vera)
    jobs_waitlist.fill()
    assert offers() == [("zoya", "open")]
    monkeypatch.undo()
    jobs_waitlist.fill()
    assert offers() == [("zoya", "open"), ("boris", "open")]


def test_what_fails_about_one_offer_stops_no_other(waits, frees, offers, over, sql, monkeypatch):
    waits("boris")
    waits("zoya", doctor="gleb")
    frees()
    sql("DELETE FROM scheduling_occupancy WHERE practitioner_id = %s", uid("gleb"))
    jobs_waitlist.fill()
    lapse, failed = services.lapse_offer, []

    def fails_once(**ids):
        if not failed:
            failed.append(ids["offer_id"])
            raise RuntimeError("not foreseen")
        lapse(**ids)

    monkeypatch.setattr(services, "lapse_offer", fails_once)
    over()
    assert sorted(state for _, state in offers()) == ["lapsed", "open"]
    jobs_waitlist.fill()
    assert sorted(state for _, state in offers()) == ["lapsed", "lapsed"]


WAITS_FOR_A_LOCK = (
    "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
    " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
)


def fill_beside():
    """In a thread of its own, with its connection."""
    try:
        jobs_waitlist.fill()
    finally:
        connections["default"].close()


def test_a_passer_by_who_is_quicker_puts_nobody_to_rest(waits, frees, offers, as_actor, sql):
    """The search does not see yet that the time is being held; the offer then comes too late."""
    waits("boris")
    waits("zoya")
    frees()
    with ThreadPoolExecutor(1) as pool:
        with as_actor("visitor") as trail:
            services.hold_time(actor=trail.actor, owner=uuid4(), **press(start=FREED))
            filling = pool.submit(fill_beside)
            eventually(lambda: filling.done() or sql(WAITS_FOR_A_LOCK) == [(1,)])
            assert not filling.done()
        filling.result()
    assert offers() == []
    assert sql("SELECT count(rest_until) FROM scheduling_waitlistentry WHERE state = 'waiting'") == [(0,)]
    sql("UPDATE scheduling_occupancy SET expires_at = now() WHERE kind = 'hold'")
    jobs_waitlist.fill()
    assert offers() == [("boris", "open")]
