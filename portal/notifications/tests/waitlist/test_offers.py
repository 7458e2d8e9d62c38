"""A freed time finds the next patient: in the order of the queue, kept by a hold, said at once, never twice owned."""

from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from uuid import uuid4

import pytest
from django.db import connections

from portal.notifications import jobs_waitlist
from portal.notifications.tests.waitlist.conftest import DAY, FREED, state, told
from portal.scheduling import services
from portal.scheduling.errors import AlreadyWaiting, OfferOver, SlotTaken, TooManyWaits
from portal.scheduling.tests.conftest import press
from tests.cast import PHONES, ZONE, uid
from tests.servers import eventually


def test_a_cancelled_time_is_kept_for_the_first_in_the_queue(waits, frees, offers, sql):
    waits("boris")
    waits("zoya")
    frees()
    jobs_waitlist.fill()
    assert offers() == [("boris", "open")]
    held = (
        "SELECT h.start FROM scheduling_occupancy h JOIN scheduling_waitlistoffer o ON o.id = h.owner AND o.hold = h.id"
        " WHERE h.kind = 'hold' AND o.state = 'open'"
    )
    assert sql(held) == [(FREED,)]


def test_the_offer_is_said_at_once_with_when_where_until_and_a_link(waits, frees, gateways, sql):
    waits("boris")
    frees()
    jobs_waitlist.fill()
    (sms,) = told(gateways, sql)
    ((until,),) = sql("SELECT expires_at FROM scheduling_waitlistoffer WHERE state = 'open'")
    assert sms.to == PHONES["boris"]
    for word in (f"{DAY:%d.%m}", "16:00", "Речная, 12", f"{until.astimezone(ZONE):%H:%M}", "/m/"):
        assert word in sms.text
    assert timedelta(minutes=14) < until - sql("SELECT now()")[0][0] <= timedelta(minutes=15)


def test_nobody_else_gets_the_time_meanwhile(waits, frees, as_actor):
    waits("boris")
    frees()
    jobs_waitlist.fill()
    with as_actor("zoya") as trail, pytest.raises(SlotTaken):
        services.hold_time(actor=trail.actor, owner=uuid4(), **press(start=FREED))


def test_taken_it_is_a_visit_and_the_wait_is_over(waits, frees, offer_of, answers, sql):
    entry = waits("boris")
    frees()
    jobs_waitlist.fill()
    visit = answers("boris", offer_of("boris"))
    assert (visit.patient_id, visit.start, visit.status) == (uid("boris"), FREED, "booked")
    assert answers("boris", offer_of("boris")).pk == visit.pk, "twice leads to the same visit"
    assert state(sql, entry) == "done"
    assert sql("SELECT count(*) FROM scheduling_appointment WHERE start = %s AND status = 'booked'", FREED) == [(1,)]


def test_declined_it_goes_to_the_next_at_once(waits, frees, offers, offer_of, answers, sql):
    first, _ = waits("boris"), waits("zoya")
    frees()
    jobs_waitlist.fill()
    answers("boris", offer_of("boris"), "decline")
    jobs_waitlist.fill()
    assert offers() == [("boris", "declined"), ("zoya", "open")]
    assert state(sql, first) == "waiting"
    with pytest.raises(OfferOver):
        answers("boris", offer_of("boris"))


def test_unanswered_it_goes_to_the_next_when_the_time_is_over(waits, frees, offers, offer_of, over, answers):
    waits("boris")
    waits("zoya")
    frees()
    jobs_waitlist.fill()
    over()
    assert offers() == [("boris", "lapsed"), ("zoya", "open")]
    with pytest.raises(OfferOver):
        answers("boris", offer_of("boris"))
    assert answers("zoya", offer_of("zoya")).start == FREED


def test_a_time_is_offered_to_a_person_once(waits, frees, offers, offer_of, answers, over):
    waits("boris")
    frees()
    jobs_waitlist.fill()
    answers("boris", offer_of("boris"), "decline")
    jobs_waitlist.sweep()
    jobs_waitlist.fill()
    assert offers() == [("boris", "declined")]


def test_who_was_asked_waits_behind_those_not_asked_yet(waits, frees, offers, offer_of, answers):
    waits("boris")
    waits("zoya", "zoya")
    frees()
    jobs_waitlist.fill()
    answers("boris", offer_of("boris"), "decline")
    jobs_waitlist.fill()
    answers("zoya", offer_of("zoya"), "decline")
    frees("visit-mila")
    jobs_waitlist.fill()
    assert offers()[2:] == [("boris", "open")], "Boris was asked before Zoya"


def test_three_unanswered_offers_pause_the_wait(waits, frees, over, sql):
    entry = waits("boris")
    sql("UPDATE scheduling_waitlistentry SET ignored = 2")
    frees()
    jobs_waitlist.fill()
    over()
    assert state(sql, entry) == "paused"
    assert sql("SELECT ignored, rest_until > now() FROM scheduling_waitlistentry WHERE id = %s", entry) == [(3, True)]


def test_a_paused_one_is_passed_over_and_keeps_the_place(waits, frees, offers, as_actor, sql):
    entry = waits("boris")
    waits("zoya")
    with as_actor("boris") as trail:
        services.pause(actor=trail.actor, entry_id=entry)
    frees()
    jobs_waitlist.fill()
    assert offers() == [("zoya", "open")]
    with as_actor("boris") as trail:
        services.resume(actor=trail.actor, entry_id=entry)
    frees("visit-mila")
    jobs_waitlist.fill()
    assert offers()[1:] == [("boris", "open")]


def test_leaving_gives_the_kept_time_to_the_next(waits, frees, offers, as_actor, sql):
    entry = waits("boris")
    waits("zoya")
    frees()
    jobs_waitlist.fill()
    with as_actor("boris") as trail:
        services.leave(actor=trail.actor, entry_id=entry)
    jobs_waitlist.fill()
    assert offers() == [("boris", "declined"), ("zoya", "open")] and state(sql, entry) == "left"


def test_who_joins_when_something_is_free_is_offered_it_at_once(waits, frees, offers):
    frees()
    jobs_waitlist.fill()
    waits("boris")
    jobs_waitlist.fill()
    assert offers() == [("boris", "open")]


def test_an_expired_hold_frees_the_time(waits, frees, offers, as_actor, sql):
    from portal.scheduling.tests.conftest import press

    frees()
    with as_actor("zoya") as trail:
        services.hold_time(actor=trail.actor, owner=uuid4(), **press(start=FREED))
    waits("boris")
    jobs_waitlist.fill()
    assert offers() == []
    sql("UPDATE scheduling_occupancy SET expires_at = now() - interval '1 s' WHERE kind = 'hold'")
    jobs_waitlist.fill()
    assert offers() == [("boris", "open")]


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


def test_a_new_rule_frees_times(waits, offers, as_actor):
    waits("boris")
    jobs_waitlist.fill()
    assert offers() == []
    with as_actor("alla") as trail:
        services.add_exception(
            actor=trail.actor,
            role_id=uid("role-vera"),
            kind="extra",
            first_day=DAY,
            last_day=DAY,
            start=time(18),
            end=time(19),
            step_minutes=30,
            modes=["in-person"],
        )
    jobs_waitlist.fill()
    assert offers() == [("boris", "open")]


@pytest.mark.parametrize(
    "values",
    [
        {"doctor": "dina", "hours": (0, 9)},
        {"hours": (9, 12)},
        {"first_day": DAY + timedelta(days=1), "last_day": DAY + timedelta(days=1), "hours": (20, 24)},
        {"mode": "chat"},
        {"payer": "oms"},
    ],
)
def test_what_was_not_asked_for_is_not_offered(waits, frees, offers, values):
    waits("boris", **values)
    frees()
    jobs_waitlist.fill()
    assert offers() == []


def test_any_doctor_of_the_specialty_will_do(waits, frees, offers):
    waits("boris", doctor=None)
    frees()
    jobs_waitlist.fill()
    assert offers() == [("boris", "open")]


def test_who_has_another_visit_then_is_passed_over(waits, frees, offers, sql):
    sql(
        'UPDATE scheduling_appointment SET start = %s, "end" = %s WHERE id = %s',
        FREED,
        FREED + timedelta(minutes=30),
        uid("visit-boris"),
    )
    waits("boris")
    waits("zoya")
    frees()
    jobs_waitlist.fill()
    assert offers() == [("zoya", "open")]
    assert sql("SELECT count(*) FROM scheduling_waitlistoffer WHERE state = 'passed'") == [(1,)]


def test_a_child_is_not_offered_a_doctor_for_adults(waits, frees, offers, sql):
    sql("UPDATE people_practitioner SET min_age = 18 WHERE id = %s", uid("vera"))
    waits("anna", "mila")
    frees()
    jobs_waitlist.fill()
    assert offers() == []
    assert sql("SELECT unfit_roles FROM scheduling_waitlistentry WHERE unfit_roles <> '{}'") == [([uid("role-vera")],)]


def test_a_childs_offer_is_told_to_the_parent(waits, frees, gateways, sql):
    waits("anna", "mila")
    sql(
        "UPDATE scheduling_appointment SET local_date = local_date - 1, start = start - interval '1 day',"
        ' "end" = "end" - interval \'1 day\' WHERE id = %s',
        uid("visit-mila"),
    )
    frees()
    jobs_waitlist.fill()
    told(gateways, sql)
    assert [m.to for m in gateways.sms.sent] == [PHONES["anna"]]


def test_near_the_visit_the_answer_is_wanted_sooner():
    from portal.scheduling.selectors.waitlist import answer_within

    minutes = {left: answer_within(timedelta(minutes=left)) for left in (5, 12, 40, 60, 90, 600)}
    assert minutes[5] is None
    assert [m.total_seconds() / 60 for m in minutes.values() if m] == [5, 40 / 6, 10, 15, 15]


def test_at_night_only_those_who_wanted_it_are_asked(waits, frees, offers, sql):
    sql("UPDATE notifications_messagepolicy SET quiet_from = '00:00', quiet_until = '23:59:59'")
    entry = waits("boris")
    waits("zoya", at_night=True)
    frees()
    jobs_waitlist.fill()
    assert offers() == [("zoya", "open")]
    assert sql("SELECT rest_until > now() FROM scheduling_waitlistentry WHERE id = %s", entry) == [(True,)]


def test_who_wants_no_offers_is_not_asked(waits, frees, offers, client_of):
    waits("boris")
    client_of("boris").post("/me/messages/", {"form": "wishes", "on": ["visits:sms", "reminders:sms"]})
    frees()
    jobs_waitlist.fill()
    assert offers() == []


def test_an_offer_answered_before_it_was_said_is_not_said(waits, frees, offer_of, answers, gateways, sql):
    waits("boris")
    frees()
    jobs_waitlist.fill()
    answers("boris", offer_of("boris"), "decline")
    assert told(gateways, sql) == []


def test_one_place_a_wish_and_five_at_most(waits):
    waits("boris")
    with pytest.raises(AlreadyWaiting):
        waits("boris")
    waits("boris", doctor=None)
    with pytest.raises(AlreadyWaiting):
        waits("boris", doctor=None)
    for doctor in ("gleb", "dina"):
        waits("boris", doctor=doctor)
    waits("boris", doctor="dina", practitioner_id=None)
    with pytest.raises(TooManyWaits):
        waits("boris", doctor="gleb", location_id=uid("place-shore"))


def test_a_stranger_touches_nothing(waits, frees, offer_of, as_actor):
    from portal.kernel.errors import NotFound

    entry = waits("boris")
    frees()
    jobs_waitlist.fill()
    for act, values in (
        (services.pause, {"entry_id": entry}),
        (services.leave, {"entry_id": entry}),
        (services.accept_offer, {"offer_id": offer_of("boris")}),
        (services.decline_offer, {"offer_id": offer_of("boris")}),
    ):
        with as_actor("zoya") as trail, pytest.raises(NotFound):
            act(actor=trail.actor, **values)


def test_days_that_have_passed_end_the_wait(waits, sql):
    entry = waits("boris")
    sql("UPDATE scheduling_waitlistentry SET first_day = '2020-01-01', last_day = '2020-01-02'")
    jobs_waitlist.sweep()
    assert state(sql, entry) == "over"


def test_notes_about_doctors_nobody_waits_for_are_dropped(frees, sql):
    frees()
    jobs_waitlist.fill()
    assert sql("SELECT count(*) FROM scheduling_freedtime") == [(0,)]


def test_reception_sees_the_offer_in_the_journal_and_the_person_among_their_messages(
    waits, frees, gateways, sql, client_of
):
    waits("zoya")  # who has never been at this clinic
    frees()
    jobs_waitlist.fill()
    told(gateways, sql)
    ((message,),) = sql("SELECT id FROM notifications_message WHERE kind = 'offer' AND channel = 'sms'")
    assert "Освободилось время" in client_of("rita").get(f"/desk/messages/{message}/").content.decode()
    assert "Освободилось время" in client_of("rita").get("/desk/messages/").content.decode()
    assert "Освободилось время" in client_of("zoya").get("/me/messages/").content.decode()
    assert client_of("rita").get("/desk/").status_code == 200
