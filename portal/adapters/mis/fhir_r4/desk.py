"""Writing visits down, moving and cancelling them, in the best way the server has.

$hold, $book           where the server offers them (IHE ITI Scheduling; the same names elsewhere)
a transaction          [Slot PUT If-Match, Appointment POST]: all of it or nothing; what a server tears is mended
one by one             Appointment, then its Slots If-Match, for servers that do not look after Slots themselves
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from portal.adapters.mis._http import Params
from portal.adapters.mis.fhir_r4 import parse, write
from portal.adapters.mis.fhir_r4.grid import Grid, iso
from portal.adapters.mis.fhir_r4.options import Options
from portal.adapters.mis.fhir_r4.probe import Probe
from portal.adapters.mis.fhir_r4.text import Resource
from portal.adapters.mis.fhir_r4.wire import TornTransaction, Wire, id_in
from portal.kernel.ports import PortError
from portal.mis.ports import (
    TAKES_TIME,
    Changed,
    Gone,
    MisFailure,
    MisUnknown,
    MisVisit,
    PatientUnknown,
    RuleViolation,
    Slot,
    TimeTaken,
    VisitStatus,
    Wanted,
)

TRIES = 3  # of a slot that somebody touches without taking it
LONGEST = timedelta(hours=12)  # of a visit
Way = Callable[[Wanted, Resource, list[Resource]], MisVisit]


class Desk:
    """`read` makes a visit of an Appointment; `probe` says what the server can do."""

    def __init__(
        self, wire: Wire, grid: Grid, options: Options, read: Callable[[Resource], MisVisit], probe: Callable[[], Probe]
    ) -> None:
        self._wire, self._grid, self._options, self._read, self._probe = wire, grid, options, read, probe

    # Booking ---------------------------------------------------------------------------------------------------

    def hold(self, wanted: Wanted) -> str:
        body = {**self._planned(wanted, self._free(wanted)), "status": "proposed"}
        answer = self._wire.operate("Appointment/$hold", write.parameters(body))
        return parse.words(_only(answer.body, "Appointment").get("id"))

    def book(self, wanted: Wanted) -> MisVisit:
        if self._wire.find("Patient", wanted.patient_ref) is None:
            raise PatientUnknown  # not every server looks
        if wanted.hold_ref and (held := self._wire.find("Appointment", wanted.hold_ref)):
            mine = self._read(held.body)
            if (mine.key, mine.status) == (wanted.key, VisitStatus.PENDING):
                return self._of_hold(mine, held.body, wanted)
        way = self._way()
        for _ in range(TRIES):
            slots = self._free(wanted)
            try:
                return way(wanted, self._planned(wanted, slots), slots)
            except Changed:  # somebody touched a slot; is it still free?
                continue
        raise TimeTaken("touched again and again")

    def _of_hold(self, mine: MisVisit, raw: Resource, wanted: Wanted) -> MisVisit:
        """What was held for nobody yet becomes the visit of somebody. Servers differ in what $book takes along."""
        if self._probe().has_transactions:
            return self.move(mine, wanted)
        body = write.moved(raw, wanted, self._grid.parts(wanted.doctor_ref), self._free(wanted))
        return self._read(self._wire.update("Appointment", mine.ref, body, parse.version(raw)).body)

    def _way(self) -> Way:
        probe = self._probe()
        if self._options.uses_operations and "book" in probe.operations:
            return self._by_operation
        return self._at_once if probe.has_transactions else self._one_by_one

    def _planned(self, wanted: Wanted, slots: list[Resource]) -> Resource:
        return write.appointment(wanted, self._grid.parts(wanted.doctor_ref), slots, self._options)

    def _by_operation(self, wanted: Wanted, body: Resource, _slots: list[Resource]) -> MisVisit:
        answer = self._wire.operate("Appointment/$book", write.booking(body, wanted.hold_ref))
        return self._read(_only(answer.body, "Appointment"))

    def _at_once(self, _wanted: Wanted, body: Resource, slots: list[Resource]) -> MisVisit:
        entries = [*(write.slot_entry(slot, "busy") for slot in slots), write.create_entry("Appointment", body)]
        return self._transacted(entries, [*slots, None])

    def _one_by_one(self, wanted: Wanted, body: Resource, slots: list[Resource]) -> MisVisit:
        once = f"identifier={self._options.visit_system}|{wanted.key}&status=booked&date={iso(wanted.start)}"
        visit = self._read(self._wire.create("Appointment", body, if_none_exist=once).body)
        try:
            for slot in slots:
                self._wire.update("Slot", slot["id"], {**slot, "status": "busy"}, parse.version(slot))
        except Changed:  # the server has made it busy for us, or somebody for themselves
            if self._others(visit):
                self._take_back("Appointment", visit.ref, None)
                raise
        except PortError:
            pass  # it is written down: who asked reads it back and compares
        return visit

    def _free(self, wanted: Wanted, own: frozenset[str] = frozenset()) -> list[Resource]:
        """The slots that make up the wanted time, free or our `own`; TimeTaken when they do not."""
        at, found = wanted.start, self._grid.slots_at(wanted.doctor_ref, wanted.start, wanted.end)
        for slot, raw in found:
            if not (slot.is_free or raw.get("id") in own) or slot.start > at:
                raise TimeTaken("not free there")
            at = max(at, slot.end)
        if at < wanted.end:
            raise TimeTaken("not open there")
        return [raw for _slot, raw in found]

    # Moving, cancelling ----------------------------------------------------------------------------------------

    def move(self, visit: MisVisit, wanted: Wanted) -> MisVisit:
        """[old Slots free, new Slots busy, Appointment PUT], all of it If-Match."""
        for _ in range(TRIES):
            raw = self._unchanged(visit)
            old = self._own_slots(self._read(raw))
            new = self._free(wanted, frozenset(one["id"] for one in old))
            left = [one for one in old if one["id"] not in {kept["id"] for kept in new}]
            taken = [one for one in new if one.get("status") == "free"]
            body = write.moved(raw, wanted, self._grid.parts(wanted.doctor_ref), new)
            entries = [write.update_entry("Appointment", body)]
            entries += [write.slot_entry(one, "free") for one in left]
            entries += [write.slot_entry(one, "busy") for one in taken]
            try:
                return self._transacted(entries, [raw, *left, *taken], n=0)
            except Changed:
                continue
        raise TimeTaken("touched again and again")

    def cancel(self, visit: MisVisit) -> MisVisit | None:
        found = self._wire.find("Appointment", visit.ref)
        if found is None:
            return None
        there = self._read(found.body)
        if there.status in (VisitStatus.CANCELLED, VisitStatus.ENTERED_IN_ERROR):
            return there
        body, slots = write.cancelled(found.body, self._options), self._own_slots(there)
        if self._probe().has_transactions:
            entries = [write.update_entry("Appointment", body), *(write.slot_entry(one, "free") for one in slots)]
            return self._transacted(entries, [found.body, *slots], n=0)
        self._let_go(slots)  # first: if we get no further, cancelling again does; afterwards nobody would free them
        return self._read(self._wire.update("Appointment", visit.ref, body, parse.version(found.body)).body)

    def _let_go(self, slots: list[Resource]) -> None:
        """A server that frees them itself may refuse."""
        for slot in slots:
            try:
                self._wire.update("Slot", slot["id"], {**slot, "status": "free"}, parse.version(slot))
            except PortError:
                continue

    def _own_slots(self, visit: MisVisit) -> list[Resource]:
        """Slots that this visit alone makes busy now."""
        if visit.start is None or visit.end is None:
            return []
        found = self._grid.slots_at(visit.doctor_ref, visit.start, visit.end)
        busy = [(slot, raw) for slot, raw in found if raw.get("status") in ("busy", "busy-tentative")]
        others = self._others(visit) if busy else []
        return [raw for slot, raw in busy if not any(_meet(slot, one) for one in others)]

    def _others(self, visit: MisVisit) -> list[MisVisit]:
        """Other visits that take a part of the same time."""
        if visit.start is None or visit.end is None:
            return []
        params: Params = [("date", f"ge{iso(visit.start - LONGEST)}"), ("date", f"lt{iso(visit.end)}")]
        found = map(self._read, self._wire.search("Appointment", [*params, ("_count", self._options.page)]))
        same = [one for one in found if one.doctor_ref == visit.doctor_ref and one.ref != visit.ref]
        return [one for one in same if one.status in TAKES_TIME and _overlap(visit, one)]

    def _unchanged(self, visit: MisVisit) -> Resource:
        found = self._wire.find("Appointment", visit.ref)
        if found is None or self._read(found.body).status not in TAKES_TIME:
            raise Gone
        if visit.version and parse.version(found.body) != visit.version:
            raise Changed("somebody was here")
        return found.body

    # Transactions ----------------------------------------------------------------------------------------------

    def _transacted(self, entries: list[Resource], before: list[Resource | None], n: int = -1) -> MisVisit:
        """The visit that entry n is about. `before`: what each entry changes, None for what is new."""
        try:
            told = self._wire.transact(entries)
        except TornTransaction as torn:
            self._mend(torn, before)
            if {409, 412} & set(torn.statuses):
                raise Changed("torn, and taken back") from None
            raise RuleViolation("torn-transaction", "taken back") from None
        resource = told[n].get("resource")
        if not isinstance(resource, dict) or resource.get("resourceType") != "Appointment":
            resource = self._wire.read_back("Appointment", _place(told[n], before[n])).body
        return self._read(resource)

    def _mend(self, torn: TornTransaction, before: list[Resource | None]) -> None:
        """A server that takes a transaction for a batch has done a part: nothing of it stays, or nobody knows."""
        try:
            for status, entry, was in zip(torn.statuses, torn.entries, before, strict=True):
                if status < 300:
                    self._take_back(was["resourceType"] if was else "Appointment", _place(entry, was), was)
        except MisFailure:
            raise MisUnknown("torn-transaction", "a part was done, and cannot be taken back") from None

    def _take_back(self, kind: str, id_: str, was: Resource | None) -> None:
        """As it was before, or an Appointment that nobody sees. What somebody has changed since is theirs."""
        now = self._wire.read_back(kind, id_).body
        body = {**(was or now), "id": id_} if was else {**now, "status": VisitStatus.ENTERED_IN_ERROR.value}
        try:
            self._wire.update(kind, id_, body, parse.version(now))
        except Changed:
            if was is None:
                raise MisUnknown("torn-transaction", "somebody has changed what was to be taken back") from None


def _place(entry: Resource, was: Resource | None) -> str:
    """The id of what an entry of a transaction's answer is about."""
    response = entry.get("response")
    place = str(response.get("location", "")) if isinstance(response, dict) else ""
    id_ = parse.words((was or {}).get("id")) or id_in(place, "Appointment")
    if not id_:
        raise MisUnknown("no-location", "written, and nobody says where")
    return id_


def _meet(slot: Slot, visit: MisVisit) -> bool:
    return bool(visit.start and visit.end and visit.start < slot.end and visit.end > slot.start)


def _overlap(one: MisVisit, other: MisVisit) -> bool:
    return bool(one.start and one.end and other.start and other.end and one.start < other.end and one.end > other.start)


def _only(body: Resource, kind: str) -> Resource:
    """The resource of an operation's answer: itself, or in a Bundle or Parameters."""
    if body.get("resourceType") == kind:
        return body
    inner = [one.get("resource") for one in parse.dicts(body.get("entry")) + parse.dicts(body.get("parameter"))]
    found = [one for one in inner if isinstance(one, dict) and one.get("resourceType") == kind]
    if not found:
        raise MisUnknown("not-the-resource", "an operation was answered with something else")
    return found[0]
