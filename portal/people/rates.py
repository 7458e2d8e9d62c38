"""Limits that hold across processes: counters in the database, keys as digests."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from portal.kernel import crypto
from portal.people.selectors_sql import count_up


def count_hit(kind: str, who: str, window: timedelta, hits: int = 1) -> int:
    """Count `hits` more `kind` by `who` in the running window; returns the count, these included. One atomic upsert."""
    key = crypto.blind_index(f"rate:{kind}:{int(window.total_seconds())}", who)
    return count_up(key, _window_start(timezone.now(), window), hits)


def is_over(kind: str, who: str, *limits: tuple[int, timedelta]) -> bool:
    """Count a hit against every (limit, window); True when any of them is exceeded."""
    return max(count_hit(kind, who, window) - limit for limit, window in limits) > 0


def _window_start(now: datetime, window: timedelta) -> datetime:
    seconds = int(window.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, tz=now.tzinfo)
