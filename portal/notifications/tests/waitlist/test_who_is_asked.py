"""Who may be offered a freed time now, who is passed over, and when a wait pauses or ends."""

from datetime import timedelta

import pytest

from portal.notifications import jobs_waitlist
from portal.notifications.tests.waitlist.conftest import DAY, FREED, state, told
from portal.scheduling import services
from portal.scheduling.errors import AlreadyWaiting, TooManyWaits
from portal.scheduling.selectors.waitlist import MOST_OFFERS
from tests.cast import PHONES, uid


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


def test_who_asks_for_video_is_not_measured_by_a_service_without_it(waits, frees, offers, sql):
    """The usual service is seen in person alone; another one is by video."""
    sql("UPDATE people_healthcareservice SET modes = '{in-person}' WHERE id = %s", uid("therapist-first"))
    sql(
        "INSERT INTO people_healthcareservice SELECT (s).* FROM (SELECT jsonb_populate_record(o, jsonb_build_object("
        "'id', %s::text, 'slug', 'by-video', 'modes', '{video}', 'is_first_choice', false)) AS s"
        " FROM people_healthcareservice o WHERE id = %s) AS made",
        str(uid("by-video")),
        uid("therapist-first"),
    )
    sql(
        "INSERT INTO people_serviceoffer SELECT (s).* FROM (SELECT jsonb_populate_record(o, jsonb_build_object("
        "'id', %s::text, 'service_id', %s::text)) AS s FROM people_serviceoffer o"
        " WHERE service_id = %s AND role_id = %s) AS made",
        str(uid("offer-by-video")),
        str(uid("by-video")),
        uid("therapist-first"),
        uid("role-vera"),
    )
    waits("boris", mode="video")
    waits("zoya")
    frees()
    jobs_waitlist.fill()
    assert offers() == [("boris", "open")]
    held = "SELECT service_id, mode FROM scheduling_waitlistoffer WHERE state = 'open' AND patient_id = %s"
    assert sql(held, uid("boris")) == [(uid("by-video"), "video")]


def test_ten_offers_a_day_are_enough(waits, frees, offers, sql):
    entry = waits("boris")
    sql(
        "INSERT INTO scheduling_waitlistoffer (id, patient_id, entry_id, role_id, service_id, mode, start, price,"
        " state, expires_at, created_at) SELECT gen_random_uuid(), %s, %s, %s, %s, 'in-person',"
        " now() + n * interval '1 d',"
        " 0, 'declined', now(), now() - interval '23 h' FROM generate_series(1, %s) AS n",
        uid("boris"),
        entry,
        uid("role-vera"),
        uid("therapist-first"),
        MOST_OFFERS,
    )
    waits("zoya")
    frees()
    jobs_waitlist.fill()
    assert offers()[MOST_OFFERS:] == [("zoya", "open")]
    ((rests,),) = sql("SELECT rest_until - now() FROM scheduling_waitlistentry WHERE id = %s", entry)
    assert timedelta(minutes=55) < rests <= timedelta(hours=1)


def test_to_go_on_waiting_twice_asks_for_nothing_twice(waits, as_actor, sql):
    entry = waits("boris")
    jobs_waitlist.fill()
    sql("UPDATE scheduling_waitlistentry SET rest_until = now() + interval '1 h' WHERE id = %s", entry)
    for _ in range(2):
        with as_actor("boris") as trail:
            services.resume(actor=trail.actor, entry_id=entry)
    assert sql("SELECT count(*) FROM scheduling_freedtime") == [(0,)]
    assert sql("SELECT rest_until > now() FROM scheduling_waitlistentry WHERE id = %s", entry) == [(True,)]


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
