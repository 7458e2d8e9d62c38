"""A freed time finds the next patient: in the order of the queue, kept by a hold, said at once, never twice owned."""

from datetime import time, timedelta
from uuid import uuid4

import pytest

from portal.notifications import jobs_waitlist
from portal.notifications.tests.waitlist.conftest import DAY, FREED, state, told
from portal.scheduling import services
from portal.scheduling.errors import OfferOver, SlotTaken
from portal.scheduling.tests.conftest import press
from tests.cast import PHONES, ZONE, uid


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


def test_near_the_visit_the_answer_is_wanted_sooner():
    from portal.scheduling.selectors.waitlist import answer_within

    minutes = {left: answer_within(timedelta(minutes=left)) for left in (5, 12, 40, 60, 90, 600)}
    assert minutes[5] is None
    assert [m.total_seconds() / 60 for m in minutes.values() if m] == [5, 40 / 6, 10, 15, 15]


def test_an_offer_answered_before_it_was_said_is_not_said(waits, frees, offer_of, answers, gateways, sql):
    waits("boris")
    frees()
    jobs_waitlist.fill()
    answers("boris", offer_of("boris"), "decline")
    assert told(gateways, sql) == []


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
