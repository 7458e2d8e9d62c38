"""Many at once at one time of one doctor."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

from portal.mis import carry
from portal.mis.line import Line
from portal.mis.ports import TAKES_TIME, Capability, Changed, Gone, TimeTaken

EIGHT = 8


def at_once(*jobs):
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [one.result() for one in [pool.submit(job) for job in jobs]]


def test_of_eight_at_one_time_exactly_one_gets_it_where_that_is_promised(world, mis):
    wanted = world.wanted()

    def book(n):
        mine = replace(wanted, key=uuid4(), patient_ref=(world.patient, world.stranger)[n % 2])
        try:
            return mis.book(mine).is_as(mine)
        except TimeTaken:
            return False

    won = sum(at_once(*(lambda n=n: book(n) for n in range(EIGHT))))
    live = len(world.live_at(wanted))
    assert won == live
    if Capability.ATOMIC in world.has:
        assert won == 1


def test_on_the_way_the_portal_takes_no_more_than_one_of_eight_stays(world, mis):
    """Without the promise two who met may both yield; two who both stay there never are."""
    wanted, line = world.wanted(), Line(mis, world.mapping)

    def bring():
        word = carry.bring(line, replace(wanted, key=uuid4()), "", is_unsure=False, writing=lambda: None)
        return not word.refused

    won = sum(at_once(*[bring] * EIGHT))
    assert won == len(world.live_at(wanted))
    assert won == 1 if Capability.ATOMIC in world.has else won <= 1


def test_eight_cancellations_of_one_visit_are_one(world, mis):
    wanted, visit = world.booked()

    def cancel():
        try:
            done = mis.cancel(visit)
        except Changed:
            return "changed"
        return "done" if done is None or done.status not in TAKES_TIME else "stands"

    told = Counter(at_once(*[cancel] * EIGHT))
    assert told["done"] and not told["stands"]
    assert world.live_at(wanted) == [] and world.now_at(wanted).is_free


def test_a_move_and_a_cancellation_at_once_leave_one_of_the_two(world, mis):
    if Capability.MOVE not in world.has:
        return
    wanted, visit = world.booked()
    new = replace(world.wanted(), key=wanted.key)

    def attempt(work):
        try:
            work()
        except (Changed, Gone, TimeTaken):
            return False
        return True

    moved, cancelled = at_once(
        lambda: attempt(lambda: mis.move(visit, new)), lambda: attempt(lambda: mis.cancel(visit))
    )
    assert moved or cancelled
    there = mis.get_visit(visit.ref)
    stands = there is not None and there.status in TAKES_TIME
    assert world.now_at(new).is_free != (stands and there.start == new.start)
    assert world.now_at(wanted).is_free != (stands and there.start == wanted.start)
