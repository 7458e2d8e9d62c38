"""What bots meet: limits on holding and on reading, the same for all processes."""

import pytest
from django.conf import settings

from portal.people.models import RateWindow
from portal.scheduling.models import Occupancy
from portal.scheduling.tests.conftest import chip
from portal.scheduling.views import limits
from tests.cast import at


@pytest.fixture(autouse=True)
def fresh():
    """Another process has its own memory and the same database."""
    limits._uncounted.clear()
    limits._refused.clear()
    yield
    limits._uncounted.clear()
    limits._refused.clear()


@pytest.fixture
def few_looks(monkeypatch):
    monkeypatch.setattr(settings.PORTAL, "looks_per_ten_minutes", 100)


def test_reading_too_fast_is_refused_and_says_so(client_of, few_looks):
    client = client_of()
    answers = [client.get("/doctors/suggestions/?q=a").status_code for _ in range(126)]
    assert answers[:100] == [200] * 100 and answers[-1] == 429
    assert client.get("/doctors/vera/").status_code == 429
    assert client.get("/times/00000000-0000-0000-0000-000000000001/").status_code == 429
    assert client.get("/").status_code == 200, "the first page always opens"


def test_a_second_process_knows_what_the_first_has_counted(client_of, few_looks):
    client = client_of()
    for _ in range(100):
        client.get("/doctors/suggestions/?q=a")
    fresh_process = limits._uncounted
    fresh_process.clear()
    limits._refused.clear()
    assert [client.get("/doctors/suggestions/?q=a").status_code for _ in range(25)][-1] == 429


def test_another_network_is_not_refused(client_of, few_looks):
    client = client_of()
    for _ in range(126):
        client.get("/doctors/suggestions/?q=a")
    assert client_of().get("/doctors/vera/", REMOTE_ADDR="10.9.8.7").status_code == 200


def test_no_address_is_kept_with_the_counts(client_of):
    client = client_of()
    for _ in range(26):
        client.get("/doctors/suggestions/?q=a", REMOTE_ADDR="203.0.113.77")
    assert RateWindow.objects.count() == 1
    assert b"203.0.113" not in bytes(RateWindow.objects.get().key)


def test_a_network_holds_no_more_than_twelve_times_at_once(client_of):
    hours = [(hour, minute) for hour in range(9, 16) for minute in (0, 30)]
    statuses = []
    for hour, minute in hours:
        start = at(hour).replace(minute=minute)
        statuses.append(client_of().post("/book/hold/", chip(start=start)).status_code)
    assert statuses == [302] * 12 + [429] * 2
    assert Occupancy.objects.filter(kind="hold").count() == 12


def test_an_account_holds_no_more_than_two_from_all_its_browsers(client_of):
    statuses = [client_of("anna").post("/book/hold/", chip(start=at(hour))).status_code for hour in (9, 10, 11)]
    assert statuses == [302, 302, 429]


def test_the_page_says_what_to_do(client_of):
    for hour in (9, 10):
        client_of("anna").post("/book/hold/", chip(start=at(hour)))
    text = client_of("anna").post("/book/hold/", chip(start=at(11))).content.decode()
    assert "Слишком много начатых записей" in text
