"""A header that anyone may send moves no limit unless a proxy of ours wrote it."""

import pytest
from django.test import RequestFactory

from portal.people.views.sign_in import client_ip


@pytest.mark.parametrize(
    ("proxies", "header", "ip"),
    [
        (0, "1.2.3.4", "127.0.0.1"),
        (1, "1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.1", "1.2.3.4"),
        (2, "1.2.3.4", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_only_our_proxies_are_believed(settings, proxies, header, ip):
    settings.PORTAL = settings.PORTAL.model_copy(update={"trusted_proxies": proxies})
    assert client_ip(RequestFactory().get("/", HTTP_X_FORWARDED_FOR=header)) == ip
