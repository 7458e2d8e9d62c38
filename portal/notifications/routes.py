"""Which provider carries a channel now. A provider that fails again and again is left alone for a while.

Kept per process: each learns of an outage by itself within five calls, and no lock is shared.
"""

from __future__ import annotations

from datetime import timedelta

from portal import settings as typed
from portal.kernel.breaker import Breaker

_breakers: dict[str, Breaker] = {}
CARRIERS = {"sms": ("sms", "sms_second"), "email": ("email",), "push": ("push",), "chat": ("chat",)}


def breaker(carrier: str) -> Breaker:
    return _breakers.setdefault(carrier, Breaker())


def forget() -> None:
    """All providers are well again: for tests."""
    _breakers.clear()


def carriers_of(channel: str) -> list[str]:
    """Names of the ports that carry a channel, the first choice first."""
    return [name for name in CARRIERS[channel] if name == channel or getattr(typed.portal, f"{name}_vendor", False)]


def carriers_of_vendor(vendor: str) -> list[str]:
    """Names of the SMS ports that this provider carries; none for one that is not in use."""
    return [name for name in CARRIERS["sms"] if vendor and getattr(typed.portal, f"{name}_vendor") == vendor]


def choose(channel: str) -> str:
    """The first carrier that is not resting; when all rest, none (an empty string)."""
    return next((name for name in carriers_of(channel) if not breaker(name).is_open()), "")


def later(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 5, 10, 20, … seconds, ten minutes at most."""
    return timedelta(seconds=min(5 * 2 ** min(attempts - 1, 10), 600))
