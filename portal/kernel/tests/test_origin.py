"""Posts without a token: only from our own pages."""

import pytest

from portal.scheduling.models import Occupancy
from portal.scheduling.tests.conftest import chip

OWN = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://testserver"},
    {"Referer": "http://testserver/doctors/vera/"},
]
FOREIGN = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Referer": "https://evil.example/?http://testserver/"},
    {"Origin": "http://testserver.evil.example"},
]


@pytest.mark.parametrize("headers", OWN)
def test_a_press_on_our_page_holds_the_time(client_of, headers):
    assert client_of(enforce_csrf_checks=True).post("/book/hold/", chip(), headers=headers).status_code == 302


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_press_on_another_site_holds_nothing(client_of, headers):
    response = client_of("anna", enforce_csrf_checks=True).post("/book/hold/", chip(), headers=headers)
    assert response.status_code == 403
    assert not Occupancy.objects.filter(kind="hold").exists()
