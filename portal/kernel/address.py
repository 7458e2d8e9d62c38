"""Where a request came from, and the network to count it for."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

ONE_SUBSCRIBER = 64  # bits: what a provider gives one customer (RFC 6177, RIPE-690)


def client_ip(request: HttpRequest) -> str:
    """Only as many entries of X-Forwarded-For are believed as we have proxies."""
    proxies = settings.PORTAL.trusted_proxies
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    if proxies and len(hops) >= proxies:
        return hops[-proxies][:64]
    return str(request.META.get("REMOTE_ADDR", ""))


def network_of(ip: str) -> str:
    """An IPv4 address itself; of an IPv6 address its /64, because one subscriber has all addresses in it."""
    try:
        address = ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Network((int(address), ONE_SUBSCRIBER), strict=False))
    return str(address)
