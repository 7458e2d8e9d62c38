"""The free times of one day as JSON."""

from urllib.parse import urlencode

import pytest

from portal.scheduling.tests.conftest import book
from tests.cast import ZONE, at, uid


def address(**changes):
    values = {"service": uid("therapist-first"), "mode": "in-person", "day": at(10).astimezone(ZONE).date().isoformat()}
    return f"/times/{uid('role-vera')}/?{urlencode(values | changes)}"


def starts(response):
    return [time["start"] for time in response.json()["times"]]


def test_it_lists_the_free_times_of_the_day(client_of):
    response = client_of().get(address())
    assert response.status_code == 200
    assert len(starts(response)) == 16
    assert at(10).isoformat() in starts(response)


def test_a_booked_time_is_gone_at_once(client_of, as_actor):
    client = client_of()
    assert at(10).isoformat() in starts(client.get(address()))
    with as_actor("anna") as trail:
        book(trail)
    assert at(10).isoformat() not in starts(client.get(address()))


def test_the_same_answer_is_not_sent_twice(client_of, as_actor):
    client = client_of()
    first = client.get(address())
    assert client.get(address(), headers={"If-None-Match": first["ETag"]}).status_code == 304
    with as_actor("anna") as trail:
        book(trail)
    assert client.get(address(), headers={"If-None-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize("changes", [{"day": "2026-13-01"}, {"mode": "pigeon"}, {"service": "1"}, {"day": ""}])
def test_nonsense_is_answered_with_400(client_of, changes):
    assert client_of().get(address(**changes)).status_code == 400


def test_a_service_that_is_not_offered_is_404(client_of):
    assert client_of().get(address(service=uid("cardiologist-first"))).status_code == 404


def test_it_costs_one_statement(client_of, django_assert_num_queries):
    client = client_of()
    client.get(address())
    with django_assert_num_queries(1):
        client.get(address())
