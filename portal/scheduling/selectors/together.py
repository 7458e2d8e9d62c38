"""Times that go together: a course at the same hour, or several services in a row on one day."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import permutations
from uuid import UUID

from portal.scheduling.opening import instant
from portal.scheduling.selectors.choices import Choice
from portal.scheduling.selectors_sql import Slot, free_slots

SLACK = timedelta(days=3)  # a visit of a course may be so much later than its turn
LONGEST_PAUSE = timedelta(minutes=40)  # between two services in a row
DAYS_AHEAD = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Step:
    """One time of a plan, of a doctor and a service."""

    choice: Choice
    start: datetime
    mode: str

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.choice.offer.minutes)

    @property
    def over(self) -> datetime:
        """When the doctor may begin something else: the next service may well be theirs too."""
        return self.end + timedelta(minutes=self.choice.offer.service.buffer_minutes)

    @property
    def press(self) -> str:
        """What a form posts for it (`TogetherForm`)."""
        return f"{self.choice.role.pk}|{self.choice.offer.service_id}|{self.mode}|{self.start.isoformat()}"


def course(choice: Choice, first: datetime, mode: str, *, visits: int, every: int) -> list[Step | None]:
    """The visits after the first, each `every` days later at the same wall-clock hour or as near to it as possible.

    None where there is no free time within three days of its turn.
    """
    local = first.astimezone(choice.zone)
    turns = [
        instant(local.date() + timedelta(days=every * n), local.time().replace(tzinfo=None), choice.zone)
        for n in range(1, visits)
    ]
    window = choice.wanted(mode).between(first + timedelta(hours=12), turns[-1] + SLACK)
    free = [slot.start for slot in free_slots([window], mode=mode)]
    steps: list[Step | None] = []
    after = first
    for turn in turns:
        fit = [t for t in free if t > after + timedelta(hours=12) and timedelta(hours=-12) < t - turn < SLACK]
        best = min(fit, key=lambda t: abs(t - turn), default=None)
        steps.append(Step(choice, best, mode) if best else None)
        after = best or after
    return steps


def same_day(by_service: Sequence[Sequence[Choice]], *, since: datetime, most: int = 5) -> list[list[Step]]:
    """Days on which all services can be had one after another, the earliest of each day; in any order of services.

    `by_service` holds, for each service, the choices of one branch that give it in person.
    """
    choices = [choice for group in by_service for choice in group]
    windows = [choice.wanted("in-person").between(since, since + DAYS_AHEAD) for choice in choices]
    known = {(choice.role.pk, choice.offer.service_id): choice for choice in choices}
    by_day: defaultdict[date, list[Slot]] = defaultdict(list)
    for slot in free_slots(windows, mode="in-person"):
        by_day[slot.start.astimezone(known[slot.role_id, slot.service_id].zone).date()].append(slot)
    services = [group[0].offer.service_id for group in by_service if group]
    plans = []
    for day in sorted(by_day):
        steps = [Step(known[s.role_id, s.service_id], s.start, "in-person") for s in by_day[day]]
        chains = [chain for order in permutations(services) if (chain := _chain(steps, order))]
        if chains:
            plans.append(min(chains, key=lambda chain: chain[-1].end))
        if len(plans) == most:
            break
    return plans


def _chain(steps: Sequence[Step], order: Sequence[UUID]) -> list[Step]:
    """The chain of one service after another with short pauses that begins first; empty when the day has none.

    `steps` by start. From the last service back: each time keeps the earliest chain that it leads to.
    """
    *before, last = order
    chains = [[step] for step in steps if step.choice.offer.service_id == last]
    for service in reversed(before):
        starts = [chain[0].start for chain in chains]
        turns = [(step, bisect_left(starts, step.over)) for step in steps if step.choice.offer.service_id == service]
        chains = [[step, *chains[n]] for step, n in turns if n < len(starts) and starts[n] <= step.over + LONGEST_PAUSE]
    return chains[0] if chains else []
