"""The link of an offer: one tap takes the time, another leaves it; nothing of whom or why is shown."""

import re
from datetime import timedelta

import pytest

from portal.notifications import jobs_waitlist
from portal.notifications.tests.waitlist.conftest import DAY, FREED, state, told
from tests.cast import uid


@pytest.fixture
def sent(waits, frees, gateways, sql):
    """Boris waits, a time is offered to him: the link of the SMS."""
    entry = waits("boris")
    frees()
    jobs_waitlist.fill()
    (sms,) = told(gateways, sql)
    return re.search(r"/m/[0-9A-Za-z]{22}/", sms.text)[0], entry


def text(answer):
    return answer.content.decode()


def booked(sql):
    rows = "SELECT patient_id FROM scheduling_appointment WHERE start = %s AND status = 'booked'"
    return [patient for (patient,) in sql(rows, FREED)]


def test_it_shows_when_where_until_and_nothing_else(client_of, sent):
    page = client_of().get(sent[0])
    assert page.status_code == 200
    assert "16:00" in text(page) and "Речная, 12" in text(page) and "осталось" in text(page)
    for secret in ("Врач", "Vera", "Терапевт", "терапевт", "Boris", "2400", "2\u00a0400"):
        assert secret not in text(page)


def test_opening_it_takes_nothing(client_of, sent, sql):
    for query in ("", "?action=take"):
        assert client_of().get(sent[0] + query).status_code == 200
    assert booked(sql) == []


def test_one_tap_takes_the_time(client_of, sent, sql):
    link, entry = sent
    client = client_of()
    page = text(client.post(link, {"action": "take"}, follow=True))
    assert "Время ваше" in page and "16:00" in page
    assert booked(sql) == [uid("boris")] and state(sql, entry) == "done"
    assert client.post(link, {"action": "take"}).status_code == 302, "twice is fine"
    assert booked(sql) == [uid("boris")]


def test_another_tap_leaves_it_to_the_next(client_of, sent, sql, waits, offers):
    link, entry = sent
    waits("zoya")
    page = text(client_of().post(link, {"action": "decline"}, follow=True))
    assert "уходит следующему" in page and state(sql, entry) == "waiting"
    jobs_waitlist.fill()
    assert offers() == [("boris", "declined"), ("zoya", "open")]
    assert client_of().post(link, {"action": "take"}).status_code == 409
    assert booked(sql) == []


def test_too_late_is_said(client_of, sent, over, sql):
    over()
    for method in ("get", "post"):
        answer = getattr(client_of(), method)(sent[0], {"action": "take"})
        assert answer.status_code == 409 and "больше не за вами" in text(answer)
    assert booked(sql) == []


def test_another_visit_then_is_said_and_the_time_stays(client_of, sent, sql):
    sql(
        'UPDATE scheduling_appointment SET start = %s, "end" = %s, local_date = %s WHERE id = %s',
        FREED,
        FREED + timedelta(minutes=30),
        DAY,
        uid("visit-boris"),
    )
    answer = client_of().post(sent[0], {"action": "take"})
    assert answer.status_code == 409 and "уже есть визит" in text(answer) and "осталось" in text(answer)


@pytest.mark.parametrize("data", [{}, {"action": "steal"}, {"action": "cancel"}])
def test_nonsense_is_refused(client_of, sent, data):
    assert client_of().post(sent[0], data).status_code == 400


def test_an_offer_is_not_moved(client_of, sent):
    assert client_of().get(f"{sent[0]}move/").status_code == 404


def test_it_is_on_the_trail_as_a_link(client_of, sent, sql):
    client_of().post(sent[0], {"action": "take"})
    events = sql("SELECT DISTINCT actor_kind FROM guard.audit_event WHERE action = 'WaitlistOffer.accept'")
    assert events == [("link",)]
