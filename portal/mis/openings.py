"""Stretches that a MIS calls free → openings of a day sheet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

from portal.mis.ports import Slot
from portal.scheduling.opening import Opening

Span = tuple[datetime, datetime]


def openings_of(
    slots: Iterable[Slot], zone: tzinfo, *, own: Sequence[Span] = (), closed: Sequence[Span] = ()
) -> list[Opening]:
    """Neighbours of one length are joined, so that a long visit fits over several; those of two days are not.

    A day's openings are made of what begins on that day in `zone`, whichever days are read together.

    own     our visits: taken there by us, so open here (occupancy says that they are taken)
    closed  times that the MIS refuses to book though it calls them free
    """
    found: list[Opening] = []
    for slot in sorted(slots, key=lambda slot: (slot.start, slot.end)):
        is_open = slot.is_free or _meets(slot, own)
        minutes = int((slot.end - slot.start) / timedelta(minutes=1))
        if not is_open or minutes < 1 or _meets(slot, closed):
            continue
        last = found[-1] if found else None
        if last and slot.start < last.end:
            continue  # told twice, or one over another: the first one counts
        is_next = last and (last.end, last.step_minutes, last.modes) == (slot.start, minutes, slot.modes)
        if last and is_next and last.start.astimezone(zone).date() == slot.start.astimezone(zone).date():
            found[-1] = Opening(last.start, slot.end, last.anchor, minutes, last.modes, None)
        else:
            found.append(Opening(slot.start, slot.end, slot.start, minutes, slot.modes, None))
    return found


def _meets(slot: Slot, spans: Sequence[Span]) -> bool:
    return any(start < slot.end and end > slot.start for start, end in spans)
