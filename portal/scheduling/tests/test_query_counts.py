"""How many statements a page costs, and that the number does not grow with what it shows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.scheduling.tests.conftest import book
from tests.cast import at, uid

PAGES = [
    ("visitor", "/", 11),
    ("visitor", "/doctors/", 13),
    ("visitor", "/doctors/?specialty=therapist", 14),
    ("visitor", "/doctors/vera/", 14),
    ("visitor", "/services/", 5),
    ("visitor", "/branches/", 6),
    ("anna", "/me/visits/", 20),
    ("anna", f"/me/visits/{uid('visit-anna')}/", 17),
    ("anna", "/me/data/", 17),
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
