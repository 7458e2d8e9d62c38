"""Which provider carries a channel now. A provider that fails again and again is left alone for a while.

Kept per process: each learns of an outage by itself within five calls, and no lock is shared.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from datetime import timedelta

from portal import settings as typed

FAILURES, WITHIN, REST = 5, 30.0, 60.0  # so many failures within so many seconds open the breaker for so long


class Breaker:
    """Open: nobody calls. After the rest one call at a time tries, and a success closes it."""

    def __init__(self) -> None:
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._rests_until = 0.0
        self._lock = threading.Lock()

    def is_open(self) -> bool:
        """Asking when the rest is over lets this caller try, and the others wait for another rest."""
        with self._lock:
            if not self._rests_until:
                return False
            if time.monotonic() < self._rests_until:
                return True
            self._rests_until = time.monotonic() + REST
            return False

    def failed(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._failures.append(now)
            if self._rests_until or (len(self._failures) == FAILURES and now - self._failures[0] < WITHIN):
                self._rests_until = now + REST

    def worked(self) -> None:
        with self._lock:
            self._failures.clear()
            self._rests_until = 0.0


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
