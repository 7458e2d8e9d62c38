"""The private calendar: off by default, one address, what it holds, who reads it, how it ends."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from portal.kernel.access import open_door
from portal.kernel.errors import Forbidden, NotFound
from portal.scheduling import services
from portal.scheduling.jobs import end_calendar
from portal.scheduling.tests.conftest import book
from tests.cast import at, uid

ADDRESS = re.compile(r"http://testserver(/cal/[\w-]{22}\.ics)")


@pytest.fixture
def make(client_of):
    """The address that a person has just made, as a path."""

    def run(who="anna"):
        page = client_of(who).post("/me/calendar/link/")
        assert page.status_code == 200 and "no-store" in page["Cache-Control"]
        return ADDRESS.search(page.content.decode())[1]

    return run


@pytest.fixture
def cancel(as_actor):
    def run(visit_id, who="anna"):
        with as_actor(who) as trail:
            services.cancel_appointment(actor=trail.actor, appointment_id=visit_id)

    return run


def events(answer):
    assert answer.status_code == 200, answer.status_code
    return {str(e["UID"]).removesuffix("@portal"): e for e in Calendar.from_ical(answer.content).walk("VEVENT")}


def test_it_is_off_until_a_person_switches_it_on(client_of, sql):
    page = client_of("anna").get("/me/calendar/")
    assert page.status_code == 200 and "/cal/" not in page.content.decode()
    assert sql("SELECT count(*) FROM scheduling_calendarfeed") == [(0,)]


def test_it_holds_own_visits_and_a_represented_childs_and_nobody_elses(client_of, make):
    answer = client_of().get(make())
    assert set(events(answer)) == {str(uid("visit-anna")), str(uid("visit-mila"))}
    assert set(events(client_of().get(make("boris")))) == {str(uid("visit-boris"))}


def test_a_child_no_longer_represented_is_gone(client_of, make, sql):
    address = make()
    sql("UPDATE people_proxy SET period = tstzrange(lower(period), now()) WHERE patient_id = %s", uid("mila"))
    assert set(events(client_of().get(address))) == {str(uid("visit-anna"))}


def test_what_it_tells_calendars_and_caches(client_of, make):
    answer = client_of().get(make())
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert "private" in answer["Cache-Control"] and "public" not in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex" and answer["Referrer-Policy"] == "no-referrer"
    assert not answer.cookies
    calendar = Calendar.from_ical(answer.content)
    assert calendar["METHOD"] == "PUBLISH" and calendar["VERSION"] == "2.0"
    assert calendar["REFRESH-INTERVAL"].to_ical() == b"PT1H" and calendar["X-PUBLISHED-TTL"].to_ical() == b"PT1H"
    assert b"\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in answer.content
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Europe/Moscow"]


def test_it_speaks_the_owners_language(client_of, make, sql):
    address = make()
    assert {str(e["SUMMARY"]) for e in events(client_of().get(address)).values()} == {"Запись"}
    sql("UPDATE people_patient SET language = 'en' WHERE id = %s", uid("anna"))
    assert {str(e["SUMMARY"]) for e in events(client_of().get(address)).values()} == {"Appointment"}


def test_nothing_in_it_names_a_person_a_doctor_or_a_service(client_of, make):
    text = client_of().get(make()).content.decode().replace("\r\n ", "").casefold()
    for word in ("врач", "vera", "vera", "терапевт", "therapist", "приём", "anna", "mila", "2400", "attendee"):
        assert word not in text


def test_the_same_is_answered_304_until_a_visit_changes(client_of, make, cancel):
    address, client = make(), client_of()
    first = client.get(address)
    again = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304 and not again.content and "private" in again["Cache-Control"]
    cancel(uid("visit-anna"))
    changed = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200 and changed["ETag"] != first["ETag"]


def test_a_cancelled_visit_is_told_for_thirty_days(client_of, make, cancel, sql):
    address, client, visit = make(), client_of(), str(uid("visit-anna"))
    before = events(client.get(address))[visit]
    cancel(uid("visit-anna"))
    after = events(client.get(address))[visit]
    assert (before["STATUS"], after["STATUS"]) == ("CONFIRMED", "CANCELLED")
    assert int(after["SEQUENCE"]) == int(before["SEQUENCE"]) + 1
    sql("UPDATE scheduling_appointment SET cancelled_at = now() - interval '29 days 23 h' WHERE id = %s", visit)
    assert visit in events(client.get(address))
    sql("UPDATE scheduling_appointment SET cancelled_at = now() - interval '30 days 1 h' WHERE id = %s", visit)
    assert visit not in events(client.get(address))


@pytest.mark.parametrize(("status", "ends_in", "is_there"), [
    ("booked", "1 h", True),
    ("arrived", "1 min", True),
    ("pending", "1 h", True),
    ("booked", "-1 min", False),
    ("fulfilled", "-1 h", False),
    ("noshow", "-1 h", False),
    ("entered-in-error", "1 h", False),
])  # fmt: skip
def test_only_what_is_coming(client_of, make, sql, status, ends_in, is_there):
    address = make()
    times = "\"end\" = now() + %s::interval, start = now() + %s::interval - interval '30 min'"
    sql(
        f"UPDATE scheduling_appointment SET status = %s, {times} WHERE id = %s",
        status,
        ends_in,
        ends_in,
        uid("visit-anna"),
    )
    assert (str(uid("visit-anna")) in events(client_of().get(address))) == is_there


def test_a_request_nobody_has_answered_is_tentative(client_of, make, sql):
    sql("UPDATE scheduling_appointment SET status = 'pending' WHERE id = %s", uid("visit-anna"))
    assert events(client_of().get(make()))[str(uid("visit-anna"))]["STATUS"] == "TENTATIVE"


def test_switched_off_it_leads_nowhere(client_of, make):
    address, client = make(), client_of("anna")
    page = client.post("/me/calendar/revoke/", follow=True)
    assert page.redirect_chain and "выключен" in page.content.decode()
    assert client_of().get(address).status_code == 404
    assert client.post("/me/calendar/revoke/").status_code == 302, "twice is fine"


def test_a_new_address_ends_the_one_before(client_of, make, sql):
    first, second = make(), make()
    assert first != second
    assert client_of().get(first).status_code == 404
    assert client_of().get(second).status_code == 200
    assert sql("SELECT count(*), count(revoked_at) FROM scheduling_calendarfeed") == [(2, 1)]


def test_an_account_that_was_closed_has_no_calendar(client_of, make, sql):
    address = make()
    sql("UPDATE people_user SET is_active = false WHERE id = %s", uid("user-anna"))
    assert client_of().get(address).status_code == 404


def test_two_presses_at_once_leave_one_address(client_of, sql):
    browsers = [client_of("anna") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(_press_and_close, browsers))
    assert answers == [200] * 4
    assert sql("SELECT count(*) FROM scheduling_calendarfeed WHERE revoked_at IS NULL") == [(1,)]


def _press_and_close(browser):
    try:
        return browser.post("/me/calendar/link/").status_code
    finally:
        connection.close()


@pytest.mark.parametrize("token", ["0" * 22, "x", "ё" * 22, "a" * 500, "'--", "a.b"])
def test_an_address_that_leads_nowhere_is_one_and_the_same_404(client_of, make, token):
    make()
    answer = client_of().get(f"/cal/{token}.ics")
    assert answer.status_code == 404 and answer["X-Robots-Tag"] == "noindex"


def test_signed_out_everywhere_the_address_leads_nowhere(client_of, make, sql):
    """Whoever was in the account for a minute may have made it."""
    address, other = make(), make("boris")
    client_of("anna").post("/me/sessions/end/")
    for (args,) in sql("SELECT args FROM procrastinate_jobs WHERE task_name LIKE '%%end_calendar'"):
        end_calendar(**{name: UUID(value) for name, value in args.items()})
    assert [client_of().get(path).status_code for path in (address, other)] == [404, 200]


def test_one_browser_signed_out_leaves_the_address(client_of, make, sql):
    address = make()
    client_of("anna").post("/me/sessions/end/", {"session": "0" * 40})
    assert sql("SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE '%%end_calendar'") == [(0,)]
    assert client_of().get(address).status_code == 200


def test_a_revoked_and_an_unknown_address_are_answered_alike(client_of, make):
    address = make()
    client_of("anna").post("/me/calendar/revoke/")
    paths = (address, f"/cal/{'0' * 22}.ics")
    answers = [client_of().get(path) for path in paths]
    pages = [a.content.decode().replace(path, "") for a, path in zip(answers, paths, strict=True)]
    revoked, unknown = (re.sub(r"[0-9A-F]{8}", "", page) for page in pages)
    assert revoked == unknown and [a.status_code for a in answers] == [404, 404]


def test_guessing_is_stopped(client_of, make):
    address, client = make(), client_of()
    statuses = [client.get(f"/cal/{n:022d}.ics").status_code for n in range(25)]
    assert statuses[:20] == [404] * 20 and statuses[-1] == 429
    assert client.get(address).status_code == 200, "a real address is not kept out by the neighbour's guessing"


def test_sixty_reads_an_hour(client_of, make, monkeypatch):
    monkeypatch.setattr("portal.scheduling.views.feed.READS", (3, timedelta(hours=1)))
    address, client = make(), client_of()
    answers = [client.get(address) for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 3600
    assert client.get(make("boris")).status_code == 200, "each calendar has its own count"


def test_each_read_is_on_the_trail_and_the_address_nowhere(client_of, make, sql, caplog):
    address = make()
    etag = client_of().get(address)["ETag"]
    client_of().get(address, headers={"If-None-Match": etag})
    rows = sql(
        "SELECT patient_id, actor_kind, role, purpose FROM guard.audit_event WHERE action = 'link:calendar' AND opens"
    )
    assert sorted(rows) == sorted([(uid(who), "link", "link", "calendar") for who in ("anna", "mila")] * 2)
    token = address.split("/")[2].removesuffix(".ics")
    kept = [
        row for table in ("scheduling_calendarfeed", "people_session") for row in sql(f"SELECT t::text FROM {table} t")
    ]
    kept += sql("SELECT e::text FROM guard.audit_event e") + sql("SELECT args::text FROM procrastinate_jobs")
    assert not any(token in text for (text,) in kept) and token not in caplog.text


def test_a_guess_is_on_the_trail_too(client_of, sql):
    client_of().get(f"/cal/{'0' * 22}.ics")
    found = "SELECT outcome, opens, patient_id FROM guard.audit_event WHERE action = 'link:calendar'"
    assert sql(found) == [("refused", False, None)]


def test_whoever_is_signed_in_here_reads_as_the_link_alone(client_of, make):
    address = make()
    for who in ("rita", "boris", "vera"):
        assert set(events(client_of(who).get(address))) == {str(uid("visit-anna")), str(uid("visit-mila"))}


@pytest.mark.parametrize("who", ["visitor", "anna", "rita", "vera", "job"])
def test_the_door_opens_to_a_link_alone(as_actor, who):
    from portal.kernel.link_door import feed_door

    with pytest.raises(DatabaseError), as_actor(who):
        feed_door(b"x" * 32)


@pytest.mark.parametrize(("who", "error"), [("rita", Forbidden), ("vera", Forbidden), ("visitor", Forbidden)])
def test_only_patients_switch_it_on(as_actor, sql, who, error):
    for command, more in ((services.open_feed, {"digest": b"x" * 32}), (services.revoke_feed, {})):
        with pytest.raises(error), as_actor(who) as trail:
            command(actor=trail.actor, patient_id=uid("anna"), **more)
    assert sql("SELECT count(*) FROM scheduling_calendarfeed") == [(0,)]


def test_nobody_makes_a_calendar_for_another_not_even_for_their_child(as_actor, sql):
    with pytest.raises(NotFound), as_actor("anna") as trail:
        open_door(trail.actor, [uid("mila")], purpose="test")
        services.open_feed(actor=trail.actor, patient_id=uid("mila"), digest=b"x" * 32)
    assert sql("SELECT count(*) FROM scheduling_calendarfeed") == [(0,)]


def test_more_visits_cost_no_more_statements(client_of, as_actor, make):
    address, client = make(), client_of()
    few = statements(client, address)
    for day in range(3, 9):
        for hour, who in ((9, "anna"), (10, "mila")):
            with as_actor("anna") as trail:
                book(trail, who, start=at(hour, days=day))
    assert len(events(client.get(address))) == 14
    assert statements(client, address) == few <= 12


def statements(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured.captured_queries)


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_read(client_of, make, method):
    assert getattr(client_of(), method)(make()).status_code == 405


def test_search_engines_are_told_to_stay_away(client_of):
    assert "Disallow: /cal/" in client_of().get("/robots.txt").content.decode()


def test_the_visits_page_leads_there(client_of):
    assert "/me/calendar/" in client_of("anna").get("/me/visits/").content.decode()
