"""How many statements a page costs, and that the number does not grow with what it shows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.scheduling.tests.conftest import book, chip
from tests.cast import at, uid

PAGES = [
    ("visitor", "/", 11),
    ("visitor", "/doctors/", 13),
    ("visitor", "/doctors/?specialty=therapist", 14),
    ("visitor", "/doctors/vera/", 14),
    ("visitor", "/services/", 5),
    ("visitor", "/branches/", 6),
    ("anna", "/me/visits/", 20),
    ("anna", f"/me/visits/{uid('visit-anna')}/", 18),
    ("anna", "/me/data/", 18),
    ("anna", "/me/calendar/", 14),
    ("visitor", "/doctors/?q=кардеолог&part=morning&price=9000", 14),
    ("visitor", "/doctors/suggestions/?q=кар", 3),
    ("visitor", "/services/together/?service=therapist-first&service=cardiologist-first", 15),
    ("anna", f"/me/visits/{uid('visit-anna')}/move/", 18),
    ("anna", f"/me/visits/{uid('visit-anna')}/cancel/", 15),
    ("alla", "/manage/schedules/", 11),
    ("alla", f"/manage/schedules/{uid('role-vera')}/", 14),
    ("rita", "/desk/", 16),
    ("vera", "/desk/", 14),
    ("vera", f"/desk/visits/{uid('visit-anna')}/", 18),
]


def statements(client, path):
    client.get(path)  # keys are unwrapped once per process
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize(("who", "path", "most"), PAGES)
def test_a_page_stays_within_its_statements(client_of, who, path, most):
    run = statements(client_of(who), path)
    assert len(run) <= most, "\n".join(sql[:110] for sql in run)


def test_the_check_page_costs_the_same_for_one_visit_and_for_ten(client_of):
    one, many = client_of("anna"), client_of("boris")
    single = one.post("/book/hold/", chip(start=at(9))).headers["Location"]
    presses = [
        f"{uid('role-dina')}|{uid('cardiologist-first')}|in-person|{at(9, days=day).isoformat()}" for day in range(3, 8)
    ]
    batch = many.post("/book/together/", {"time": presses}).headers["Location"]
    assert len(statements(one, single)) <= 22
    assert len(statements(many, batch)) <= 22


def test_more_visits_cost_no_more_statements(client_of, as_actor):
    client = client_of("anna")
    few = len(statements(client, "/me/visits/"))
    for day in range(3, 9):
        for hour, who in ((9, "anna"), (10, "mila")):
            with as_actor("anna") as trail:
                book(trail, who, start=at(hour, days=day))
    assert len(statements(client, "/me/visits/")) == few


def test_more_doctors_cost_no_more_statements(client_of):
    client = client_of()
    assert len(statements(client, "/doctors/")) <= len(statements(client, "/doctors/?specialty=cardiologist"))
