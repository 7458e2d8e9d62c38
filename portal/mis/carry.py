"""Bringing one visit across to the MIS: look there, write, read back, compare. No database here.

Every way ends in a `Word` of what the MIS has now. Whatever may have taken effect is looked for before it is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from portal.mis.line import Line
from portal.mis.ports import (
    TAKES_TIME,
    Capability,
    Changed,
    Gone,
    MisUnknown,
    MisVisit,
    PatientUnknown,
    RuleViolation,
    Slot,
    TimeTaken,
    Wanted,
)

MOST_TRIES = 3  # of a visit that somebody changes at the same moment


@dataclass(frozen=True, slots=True)
class Word:
    """`visit`: what stands there for us now, None when nothing does. `refused`: our time is not to be had there."""

    visit: MisVisit | None
    refused: bool = False
    code: str = "time-taken"  # why, when it is refused


def bring(
    line: Line, wanted: Wanted, known: str, *, is_unsure: bool, may_write: bool = True, writing: Callable[[], None]
) -> Word:
    """The MIS has exactly this visit for us afterwards, or `refused` and what stood there before stands still.

    known      ref of the visit there
    is_unsure  a write may have taken effect without our knowing
    may_write  False: one may take effect even now, so only look
    writing    is called before the first write
    """
    for _ in range(MOST_TRIES):
        alive = _alive(line, wanted, known, is_unsure=is_unsure)
        there, extra = (alive[0] if alive else None), alive[1:]
        is_done = there is not None and _fits(there, wanted)
        if is_done and not extra:
            return Word(there)
        if not may_write:
            raise MisUnknown("not-yet", "a write that was sent may still take effect")
        writing()
        for one in extra:  # written in doubt; the one that is wanted is kept
            line.call(line.mis.cancel, one)
        if is_done:
            return Word(there)
        try:
            if there is not None and there.patient_ref not in ("", wanted.patient_ref):
                return _refiled(line, wanted, there)
            return _verified(line, wanted, _write(line, wanted, there), there)
        except TimeTaken:
            return Word(there, refused=True)
        except (Changed, Gone):
            is_unsure = True
    raise MisUnknown("changes-again-and-again")


def withdraw(line: Line, wanted: Wanted, known: str, *, writing: Callable[[], None]) -> None:
    """Nothing stands there for us afterwards, however often it was written down."""
    for _ in range(MOST_TRIES):
        try:
            for one in _all(line, wanted, known):
                if one.status in TAKES_TIME:
                    writing()
                    line.call(line.mis.cancel, one)
            return
        except Changed:
            continue
    raise MisUnknown("changes-again-and-again")


def _alive(line: Line, wanted: Wanted, known: str, *, is_unsure: bool) -> list[MisVisit]:
    """What stands there for us, first the one that is wanted, then the one we knew of."""
    if known and not is_unsure:
        found = [one] if (one := line.call(line.mis.get_visit, known)) else []
    else:
        found = _all(line, wanted, known) if known or is_unsure else []
    alive = [one for one in found if one.status in TAKES_TIME]
    return sorted(alive, key=lambda one: (not _fits(one, wanted), one.ref != known, one.ref))


def _all(line: Line, wanted: Wanted, known: str) -> list[MisVisit]:
    found = {one.ref: one for one in line.call(line.mis.find_visits, wanted)}
    if known and known not in found and (one := line.call(line.mis.get_visit, known)):
        found[known] = one
    return list(found.values())


def _fits(there: MisVisit, wanted: Wanted) -> bool:
    place = (there.doctor_ref, there.patient_ref, there.start)
    return there.status in TAKES_TIME and place == (wanted.doctor_ref, wanted.patient_ref, wanted.start)


def _write(line: Line, wanted: Wanted, there: MisVisit | None) -> MisVisit:
    has = line.call(line.mis.capabilities)
    is_same_person = there is not None and there.patient_ref == wanted.patient_ref  # a visit stays with its record
    if there is not None and is_same_person and Capability.MOVE in has:
        return line.call(line.mis.move, there, wanted)
    if Capability.ATOMIC not in has:
        _require_free(line, wanted, there)
    return line.call(line.mis.book, wanted)


def _refiled(line: Line, wanted: Wanted, there: MisVisit) -> Word:
    """A visit stays with its record there: it is written down anew under the patient's own, and the old one goes.

    At its own time the old one has to go first: a time is given once only. It comes back when the new one is refused.
    """
    if not _meet(there, wanted):
        return _verified(line, wanted, _write(line, wanted, None), there)
    line.call(line.mis.cancel, there)
    try:
        word = _verified(line, wanted, _write(line, wanted, None), None)
    except (TimeTaken, RuleViolation, PatientUnknown) as no:
        word = Word(None, refused=True, code=no.code)
    return word if not word.refused else replace(word, visit=_put_back(line, wanted, there))


def _meet(there: MisVisit, wanted: Wanted) -> bool:
    if there.start is None or there.end is None or there.doctor_ref != wanted.doctor_ref:
        return False
    return there.start < wanted.end and there.end > wanted.start


def _put_back(line: Line, wanted: Wanted, there: MisVisit) -> MisVisit | None:
    """As it was, so that its time is kept until a person has looked; None when somebody else was quicker."""
    before = replace(wanted, patient_ref=there.patient_ref, hold_ref="")
    if there.start and there.end:
        before = replace(before, start=there.start, end=there.end)
    try:
        return line.call(line.mis.book, before)
    except (TimeTaken, RuleViolation, PatientUnknown):
        return None


def _require_free(line: Line, wanted: Wanted, own: MisVisit | None) -> None:
    """A MIS that takes whatever it is given is asked right before. What our own visit takes is ours to leave."""
    slots = line.call(line.mis.get_slots, wanted.doctor_ref, wanted.start, wanted.end)
    free = sorted((slot for slot in slots if slot.is_free or _lies_in(slot, own)), key=lambda slot: slot.start)
    at = wanted.start
    for slot in free:
        if slot.start <= at < slot.end:
            at = slot.end
    if at < wanted.end:
        raise TimeTaken("not free when it was looked at right before")


def _lies_in(slot: Slot, own: MisVisit | None) -> bool:
    if own is None or own.start is None or own.end is None or own.doctor_ref != slot.doctor_ref:
        return False
    return own.start <= slot.start and slot.end <= own.end


def _verified(line: Line, wanted: Wanted, written: MisVisit, before: MisVisit | None) -> Word:
    """Read back and compare; what is not as it was asked for is taken back."""
    back = line.call(line.mis.get_visit, written.ref)
    if back is None or not back.is_as(wanted) or _overlapped(line, wanted, back, before):
        if back is not None and (before is None or back.ref != before.ref):
            line.call(line.mis.cancel, back)
        return Word(before, refused=True)
    if before is not None and before.ref != back.ref:
        line.call(line.mis.cancel, before)
    return Word(back)


def _overlapped(line: Line, wanted: Wanted, mine: MisVisit, before: MisVisit | None) -> bool:
    """A MIS that does not look itself may have given the time to someone at the same moment: both see it, both yield.

    Of two who met, the one with the smaller ref stays.
    """
    if Capability.ATOMIC in line.call(line.mis.capabilities):
        return False
    day = timedelta(hours=12)
    others = line.call(line.mis.booked_between, wanted.start - day, wanted.end)
    return any(
        one.ref not in (mine.ref, before.ref if before else "")
        and one.doctor_ref == mine.doctor_ref
        and one.status in TAKES_TIME
        and one.start is not None
        and one.end is not None
        and one.start < wanted.end
        and one.end > wanted.start
        and (one.key is None or one.ref < mine.ref)
        for one in others
    )
