"""The pages of the queue: join from where no time suits, see one's place, pause, leave, take what is kept."""

from datetime import timedelta

import pytest

from portal.notifications import jobs_waitlist
from tests.cast import at, next_weekday, uid

DAY = next_weekday(9)
FREED = at(16, days=9)
JOIN = "/me/waiting/new/?doctor=vera&service=therapist-first"


def wish(**values):
    days = {"first_day": DAY.isoformat(), "last_day": DAY.isoformat()}
    return {"patient": str(uid("boris")), "part": "afternoon", "way": "", "payer": "self", **days} | values


@pytest.fixture
def entry(sql):
    return lambda: sql("SELECT id, state FROM scheduling_waitlistentry WHERE patient_id = %s", uid("boris"))[0]


@pytest.fixture
def kept(client_of, sql, db):
    """Boris waits, and a time is kept for him: its page."""
    sql(
        "INSERT INTO notifications_messagepolicy (id, organization_id, day_hours, last_minutes, quiet_from,"
        " quiet_until) VALUES (gen_random_uuid(), %s, 24, 120, '00:00', '00:00')",
        uid("shore"),
    )
    client = client_of("boris")
    client.post(JOIN, wish())
    jobs_waitlist.fill()
    ((offer, start),) = sql("SELECT id, start FROM scheduling_waitlistoffer WHERE state = 'open'")
    assert start.date() == DAY
    return client, f"/me/waiting/offers/{offer}/", start


def text(answer):
    return answer.content.decode()


def test_a_doctors_page_leads_to_the_queue_and_back(client_of):
    client = client_of("boris")
    page = text(client.get("/doctors/vera/"))
    assert "/me/waiting/new/?doctor=vera&amp;service=therapist-first&amp;location=shore-place" in page
    join = client.get(JOIN)
    assert join.status_code == 200 and "/doctors/vera/" in text(join) and "Vera" in text(join)


def test_a_visitor_signs_in_and_comes_back_to_the_same_queue(client_of):
    answer = client_of().get(JOIN)
    assert answer.status_code == 302 and "doctor%3Dvera" in answer["Location"]


def test_joining_tells_ones_place(client_of, entry):
    assert client_of("zoya").post(JOIN, wish(patient=str(uid("zoya")))).status_code == 302
    client = client_of("boris")
    page = text(client.post(JOIN, wish(), follow=True))
    assert "Вы в очереди" in page and "Перед вами 1 человек" in page and "днём" in page
    assert entry()[1] == "waiting"
    assert "Очередь на время" in text(client.get("/me/visits/"))


def test_a_specialty_without_a_doctor(client_of, sql):
    client_of("boris").post("/me/waiting/new/?specialty=therapist&location=shore-place", wish(part=""))
    columns = "practitioner_id, specialty_id, location_id, hour_from, hour_until"
    assert sql(f"SELECT {columns} FROM scheduling_waitlistentry WHERE patient_id = %s", uid("boris")) == [
        (None, uid("therapist"), uid("place-shore"), 0, 24)
    ]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"last_day": "2020-01-01", "first_day": "2020-01-01"}, "прошёл"),
        ({"last_day": (DAY - timedelta(days=1)).isoformat()}, "раньше первого"),
        ({"last_day": (DAY + timedelta(days=200)).isoformat()}, "три месяца"),
        ({"first_day": "вчера"}, "не день"),
        ({"last_day": ""}, "Выберите день"),
        ({"patient": str(uid("anna"))}, "Выберите, кто придёт"),
        ({"patient": "x"}, "Выберите, кто придёт"),
    ],
)
def test_what_cannot_be_waited_for_is_said_at_the_field(client_of, sql, values, words):
    answer = client_of("boris").post(JOIN, wish(**values))
    assert answer.status_code == 422 and words in text(answer)
    assert sql("SELECT count(*) FROM scheduling_waitlistentry WHERE patient_id = %s", uid("boris")) == [(0,)]


def test_the_same_queue_twice_is_said_in_words(client_of):
    client = client_of("boris")
    client.post(JOIN, wish())
    answer = client.post(JOIN, wish())
    assert answer.status_code == 422 and "Вы уже в этой очереди" in text(answer)


@pytest.mark.parametrize(
    "query", ["", "?doctor=nobody", "?specialty=nobody", "?doctor=vera&service=nothing", "?doctor=a b"]
)
def test_an_address_that_means_nothing(client_of, query):
    assert client_of("boris").get(f"/me/waiting/new/{query}").status_code in (400, 404)


def test_pause_resume_and_leave(client_of, entry):
    client = client_of("boris")
    client.post(JOIN, wish())
    url = f"/me/waiting/{entry()[0]}/"
    assert "на паузе" in text(client.post(url, {"action": "pause"}, follow=True)) and entry()[1] == "paused"
    assert "Вы первые" in text(client.post(url, {"action": "resume"}, follow=True)) and entry()[1] == "waiting"
    assert "Место при этом пропадёт" in text(client.get(url)) and entry()[1] == "waiting"
    assert "Вы вышли из очереди" in text(client.post(url, {"action": "leave"}, follow=True)) and entry()[1] == "left"
    assert client.get(url).status_code == 302
    assert client.post(url, {"action": "jump"}).status_code == 400


def test_what_is_kept_is_on_top_of_the_account_and_taken_with_one_button(kept, sql):
    client, url, start = kept
    assert url in text(client.get("/me/visits/")) and url in text(client.get("/me/waiting/"))
    page = text(client.get(url))
    assert "Пока вы решаете" in page and "2\u00a0400" in page
    done = client.post(url, {"action": "take"}, follow=True)
    assert done.status_code == 200 and "Ждём" in text(done)
    assert sql("SELECT patient_id FROM scheduling_appointment WHERE start = %s AND status = 'booked'", start) == [
        (uid("boris"),)
    ]
    assert client.get(url).status_code == 302, "later the page leads to the visit"


def test_a_later_visit_can_be_given_back_when_the_sooner_one_is_taken(kept, client_of, sql):
    client, url, start = kept
    later = start + timedelta(days=5)
    sql(
        'UPDATE scheduling_appointment SET start = %s, "end" = %s, local_date = %s, specialty_id = %s WHERE id = %s',
        later,
        later + timedelta(minutes=30),
        later.date(),
        uid("therapist"),
        uid("visit-boris"),
    )
    cancel = f"/me/visits/{uid('visit-boris')}/cancel/"
    page = text(client.post(url, {"action": "take"}, follow=True))
    assert "приём попозже" in page and cancel in page
    client.post(cancel)
    visit = client.get(url)["Location"]
    assert cancel not in text(client.get(visit))


def test_what_is_not_wanted_goes_on(kept, sql):
    client, url, _ = kept
    assert client.post(url, {"action": "decline"}).status_code == 302
    assert "больше не за вами" in text(client.get(url))
    assert client.post(url, {"action": "take"}).status_code == 409


def test_too_late_is_said_and_the_wait_goes_on(kept, sql, entry):
    client, url, _ = kept
    sql("UPDATE scheduling_waitlistoffer SET expires_at = now() WHERE state = 'open'")
    sql("UPDATE scheduling_occupancy SET expires_at = now() WHERE kind = 'hold'")
    answer = client.post(url, {"action": "take"})
    assert answer.status_code == 409 and "Вы по-прежнему в очереди" in text(answer)
    assert entry()[1] == "waiting"


def test_another_visit_at_that_hour_is_said_and_the_time_stays(kept, sql):
    client, url, start = kept
    sql(
        'UPDATE scheduling_appointment SET start = %s, "end" = %s, local_date = %s WHERE id = %s',
        start,
        start + timedelta(minutes=30),
        DAY,
        uid("visit-boris"),
    )
    answer = client.post(url, {"action": "take"})
    assert answer.status_code == 409 and "уже есть визит" in text(answer) and "Пока вы решаете" in text(answer)


def test_a_strangers_queue_does_not_exist(kept, client_of, entry):
    _, url, _ = kept
    stranger = client_of("zoya")
    for address, data in ((url, {"action": "take"}), (f"/me/waiting/{entry()[0]}/", {"action": "leave"})):
        assert stranger.get(address).status_code == 404 and stranger.post(address, data).status_code == 404


def test_the_queue_speaks_english(kept):
    client, url, _ = kept
    client.cookies["portal_lang"] = "en"
    assert "Leave it to the next person" in text(client.get(url))
    assert "waiting" in text(client.get("/me/waiting/"))


def test_pages_of_the_queue_stay_within_their_statements(kept, django_assert_max_num_queries):
    client, url, _ = kept
    for path, most in (("/me/waiting/", 20), (url, 20), (JOIN, 24)):
        with django_assert_max_num_queries(most):
            assert client.get(path).status_code == 200
