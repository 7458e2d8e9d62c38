"""An outside system that fails again and again is left alone for a while.

Kept per process: each learns of an outage by itself within a few calls, and no lock is shared.
"""

from __future__ import annotations

import threading
import time
from collections import deque

FAILURES, WITHIN, REST = 5, 30.0, 60.0  # so many failures within so many seconds open the breaker for so long


class Breaker:
    """Open: nobody calls. After the rest one call at a time tries, and a success closes it."""

    def __init__(self, rest: float = REST) -> None:
        self._rest = rest
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
            self._rests_until = time.monotonic() + self._rest
            return False

    def failed(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._failures.append(now)
            if self._rests_until or (len(self._failures) == FAILURES and now - self._failures[0] < WITHIN):
                self._rests_until = now + self._rest

    def worked(self) -> None:
        with self._lock:
            self._failures.clear()
            self._rests_until = 0.0
