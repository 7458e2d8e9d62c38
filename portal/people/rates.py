"""Limits that hold across processes: counters in the database, keys as digests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum
from django.utils import timezone

from portal.kernel import crypto
from portal.people.models import RateWindow
from portal.people.selectors_sql import Counter, count_all

NEVER = 2**31 - 1


@dataclass(frozen=True)
class Limit:
    """At most `most` of `kind` by `who` in a window; the count is kept for `keep` after the window is over."""

    kind: str
    who: str
    window: timedelta
    most: int = NEVER
    keep: timedelta = timedelta()

    @property
    def key(self) -> bytes:
        return crypto.blind_index(f"rate:{self.kind}:{int(self.window.total_seconds())}", self.who)

    def counter(self, now: datetime, hits: int) -> Counter:
        start = _window_start(now, self.window)
        return Counter(self.key, start, hits, keep_until=start + self.window + self.keep)

    def counted_in(self, starts: Iterable[datetime]) -> int:
        """The sum of the windows that began then."""
        rows = RateWindow.objects.filter(key=self.key, window__in=list(starts))
        return int(rows.aggregate(total=Sum("count"))["total"] or 0)

    def starts_before(self, days: int) -> list[datetime]:
        """Where this hour, or this day, began on each of so many days before."""
        start = _window_start(timezone.now(), self.window)
        return [start - timedelta(days=back) for back in range(1, days + 1)]

    def is_used_up(self) -> bool:
        """Whether the next hit would be one too many. Counts nothing."""
        return self.counted_in([_window_start(timezone.now(), self.window)]) >= self.most


def first_over(limits: Sequence[Limit]) -> Limit | None:
    """Count a hit against every limit, in one statement; the first one that is exceeded."""
    now = timezone.now()
    counts = count_all([limit.counter(now, 1) for limit in limits])
    return next((limit for limit in limits if counts[limit.key] > limit.most), None)


def count_hit(kind: str, who: str, window: timedelta, hits: int = 1) -> int:
    """Count `hits` more `kind` by `who` in the running window; returns the count, these included. One atomic upsert."""
    limit = Limit(kind, who, window)
    return count_all([limit.counter(timezone.now(), hits)])[limit.key]


def is_over(kind: str, who: str, *limits: tuple[int, timedelta]) -> bool:
    """Count a hit against every (limit, window); True when any of them is exceeded."""
    return first_over([Limit(kind, who, window, most) for most, window in limits]) is not None


def _window_start(now: datetime, window: timedelta) -> datetime:
    seconds = int(window.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, tz=now.tzinfo)
