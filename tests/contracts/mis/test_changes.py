"""What has changed since a cursor: nothing is missed, whatever happens between two questions."""

from __future__ import annotations

import pytest

from portal.mis.ports import Capability, MisBroken


@pytest.fixture
def since(world, mis):
    """A cursor of now, or the word of the MIS that it tells no changes."""
    if Capability.CHANGES in world.has:
        return mis.changes_since("").cursor
    with pytest.raises(MisBroken, match="not-offered"):
        mis.changes_since("")
    return pytest.skip("tells no changes, as it says")


def after(mis, cursor):
    """Everything up to now, question after question, and the cursor to go on from."""
    found = []
    for _ in range(50):
        told = mis.changes_since(cursor)
        found += told.visits
        cursor = told.cursor
        if told.is_all:
            return found, cursor
    raise AssertionError("it never comes to an end")


def test_the_first_cursor_comes_without_visits(mis, since):
    told = mis.changes_since("")
    assert (list(told.visits), told.is_all) == ([], True) and told.cursor


def test_nothing_after_the_first_cursor_is_missed(world, mis, since):
    visits = [world.booked()[1] for _ in range(3)]
    found, _cursor = after(mis, since)
    assert {one.ref for one in visits} <= {one.ref for one in found}


def test_a_change_and_a_cancellation_are_told_as_they_are_now(world, mis, since):
    _wanted, visit = world.booked()
    cancelled = mis.cancel(visit)
    found, _cursor = after(mis, since)
    assert [one for one in found if one.ref == visit.ref][-1] == cancelled


def test_the_oldest_change_comes_first(world, mis, since):
    first, second = (world.booked()[1] for _ in range(2))
    mis.cancel(first)
    refs = [one.ref for one in after(mis, since)[0]]
    assert refs.index(second.ref) < len(refs) - 1 - refs[::-1].index(first.ref)


def test_what_was_told_is_told_again_rather_than_missed(world, mis, since):
    """A commit may be seen later than its time says, so each question goes back some way."""
    visit = world.booked()[1]
    _found, cursor = after(mis, since)
    again, _cursor = after(mis, cursor)
    assert visit.ref in [one.ref for one in again]


def test_a_cursor_goes_on_and_never_back(world, mis, since):
    world.booked()
    _found, first = after(mis, since)
    world.booked()
    _found, second = after(mis, first)
    assert second != since
    assert visit_refs(mis, second) <= visit_refs(mis, since)


def visit_refs(mis, cursor):
    return {one.ref for one in after(mis, cursor)[0]}
