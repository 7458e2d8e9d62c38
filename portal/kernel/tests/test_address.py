"""A header that anyone may send moves no limit unless a proxy of ours wrote it."""

import pytest
from django.test import RequestFactory

from portal.kernel.address import client_ip, network_of


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


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb:1:2:3", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_a_subscriber_counts_once_however_many_addresses_it_has(ip, network):
    assert network_of(ip) == network
