"""The port `Mis` over the toy. It has no ids of ours, no changes, no hold, no move, and gives a taken time away:
so no capability is claimed but new patients, and the room above looks before and after each write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NoReturn, Self, TypeVar
from uuid import UUID

from portal.adapters.mis.toy.wire import Row, Wire
from portal.kernel.ports import PortFailure, PortUnknown
from portal.mis.mapping import Mapping, WrongMapping
from portal.mis.ports import (
    Branch,
    Capability,
    Changes,
    Directory,
    Doctor,
    Finding,
    Gone,
    Health,
    KnownPatient,
    MisBroken,
    MisBusy,
    MisUnknown,
    MisVisit,
    PastVisit,
    PatientUnknown,
    Person,
    Service,
    Slot,
    VisitStatus,
    Wanted,
)

T = TypeVar("T")
SEXES = {"m": "male", "f": "female"}
STATUSES = {"N": VisitStatus.BOOKED, "A": VisitStatus.ARRIVED, "D": VisitStatus.FULFILLED, "X": VisitStatus.CANCELLED}


class System:
    """Thread-safe: it keeps nothing but its connection."""

    def __init__(self, wire: Wire, mapping: Mapping) -> None:
        self._wire, self._mapping = wire, mapping
        self._statuses = STATUSES | mapping.statuses

    @classmethod
    def from_mapping(cls, mapping: Mapping) -> Self:
        if mapping.options:
            raise WrongMapping([f"options.{name}: the toy has no options" for name in mapping.options])
        seconds = mapping.timeouts
        key = mapping.secret("token")
        return cls(Wire(url=mapping.url, key=key, zone=mapping.zone, read=seconds.read, write=seconds.write), mapping)

    # What it is ------------------------------------------------------------------------------------------------

    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.PATIENTS})

    def ping(self) -> Health:
        told = self._wire.ask("about")
        clock = self._wire.moment(told.get("now"))
        now = datetime.now(UTC).replace(second=0, microsecond=0)  # it tells whole minutes
        return Health(f"Toy {told.get('name', '')}".strip(), str(told.get("version", "?")), clock - now)

    def check(self) -> Iterable[Finding]:
        try:
            health = self.ping()
            yield Finding("the server answers", True, f"{health.product} {health.version}")
            skew = health.skew or timedelta()
            yield Finding("its clock, in the zone of the mapping", abs(skew) <= timedelta(minutes=1), str(skew))
            yield Finding("its directory", bool(self.directory().doctors))
        except (PortFailure, PortUnknown) as error:
            yield Finding("the server answers", False, error.detail or error.code)

    def directory(self) -> Directory:
        told = self._wire.ask("directory")
        return Directory(
            branches=[Branch(str(one["id"]), str(one["name"])) for one in _rows(told, "places")],
            services=[
                Service(str(one["id"]), str(one["name"]), int(one["minutes"])) for one in _rows(told, "services")
            ],
            doctors=[_doctor(one) for one in _rows(told, "doctors")],
        )

    # Times -----------------------------------------------------------------------------------------------------

    def get_slots(self, doctor_ref: str, since: datetime, until: datetime) -> list[Slot]:
        """It is asked by its own days: the window's edges may lie on two of them, or in the middle of one."""
        found = (slot for day in self._days(since, until) for slot in self._day(doctor_ref, day))
        return [slot for slot in found if since <= slot.start < until]

    def _days(self, since: datetime, until: datetime) -> Iterator[date]:
        day, last = since.astimezone(self._wire.zone).date(), until.astimezone(self._wire.zone).date()
        last = min(last, day + timedelta(days=400))
        while day <= last:
            yield day
            day += timedelta(days=1)

    def _day(self, doctor_ref: str, day: date) -> Iterator[Slot]:
        if not _number(doctor_ref):
            return
        told = self._wire.ask("grid", doctor=_number(doctor_ref), day=day.isoformat())
        for row in _rows(told, "rows"):
            start, end = self._wire.span(row.get("from"), row.get("to"))
            if not self._wire.exists(row.get("from")):
                continue  # its grid knows nothing of the clocks that go forward
            yield Slot(doctor_ref, start, end, is_free=row.get("busy") == 0)

    # Patients --------------------------------------------------------------------------------------------------

    def find_patients(self, person: Person) -> list[KnownPatient]:
        asked: list[Row] = [{"snils": person.snils}, {"policy": person.policy}]
        asked += [{"phone": phone} for phone in person.phones]
        if person.birth_date:
            asked.append({"surname": person.family_name, "born": person.birth_date.isoformat()})
        known = [one for one in asked if all(one.values())]
        found = [_patient(row) for one in known for row in _rows(self._wire.ask("people/find", **one), "rows")]
        return list({one.ref: one for one in found}.values())

    def get_patient(self, ref: str) -> KnownPatient:
        return _patient(self._wire.ask("people/get", id=_number(ref))["row"])

    def create_patient(self, person: Person, *, key: UUID) -> KnownPatient:
        """It has no place for our id. The room above asks by what is known of the person before it repeats."""
        same = [one for one in self.find_patients(person) if one.person == person]
        if same:
            return same[0]
        sex = next((letter for letter, said in SEXES.items() if said == person.sex), "")
        told = self._wire.write(
            "people/add",
            surname=person.family_name,
            names=f"{person.given_name} {person.middle_name}".strip(),
            born=person.birth_date.isoformat() if person.birth_date else "",
            sex=sex,
            phones=list(person.phones),
            snils=person.snils,
            policy=person.policy,
        )
        return self._read_back(lambda: self.get_patient(str(told["id"])))

    # Visits ----------------------------------------------------------------------------------------------------

    def hold_slot(self, wanted: Wanted) -> str:
        _not_offered(Capability.HOLD)

    def book(self, wanted: Wanted) -> MisVisit:
        start, end = self._wire.local_span(wanted.start, wanted.end)
        told = self._wire.write(
            "visits/add",
            doctor=_number(wanted.doctor_ref),
            person=_number(wanted.patient_ref),
            start=start,
            end=end,
            service=_number(wanted.service_ref),
        )
        visit = self._read_back(lambda: self.get_visit(str(told["id"])))
        if visit is None:
            raise MisUnknown("not-found-again", "written, and not to be found")
        return visit

    def move(self, visit: MisVisit, wanted: Wanted) -> MisVisit:
        _not_offered(Capability.MOVE)

    def cancel(self, visit: MisVisit) -> MisVisit | None:
        try:
            self._wire.write("visits/drop", id=_number(visit.ref))
        except Gone:
            return None
        return self._read_back(lambda: self.get_visit(visit.ref))

    def get_visit(self, ref: str) -> MisVisit | None:
        try:
            return self._visit(self._wire.ask("visits/get", id=_number(ref))["row"])
        except Gone:
            return None

    def find_visits(self, wanted: Wanted) -> list[MisVisit]:
        """It does not know our id: whoever comes to this doctor at this moment is meant."""
        found = self.booked_between(wanted.start, wanted.start + timedelta(minutes=1))
        asked = (wanted.doctor_ref, wanted.patient_ref, wanted.start)
        return [one for one in found if (one.doctor_ref, one.patient_ref, one.start) == asked]

    def booked_between(self, since: datetime, until: datetime) -> list[MisVisit]:
        """Its list is by whole minutes and has its last one: looked at again."""
        told = self._wire.ask("visits/list", since=self._wire.local(since), until=self._wire.local(until))
        found = [self._visit(row) for row in _rows(told, "rows")]
        return [one for one in found if one.start and since <= one.start < until]

    def changes_since(self, cursor: str) -> Changes:
        _not_offered(Capability.CHANGES)

    def list_visits(self, patient_ref: str, since: datetime) -> list[PastVisit]:
        _not_offered(Capability.VISITS)

    def _visit(self, row: Row) -> MisVisit:
        said = str(row.get("state", ""))
        status = self._statuses.get(said, VisitStatus.UNDEFINED)
        start, end = self._wire.span(row["start"], row["end"])
        return MisVisit(
            ref=str(row["id"]),
            version=str(row.get("changed", "")),
            status=status,
            doctor_ref=str(row["doctor"]),
            patient_ref=str(row["person"]),
            start=start,
            end=end,
            service_ref=str(row.get("service") or ""),
            raw_status=said if status == VisitStatus.UNDEFINED else "",
        )

    @staticmethod
    def _read_back(ask: Callable[[], T]) -> T:
        """The second half of a write: when it fails, the first half has happened."""
        try:
            return ask()
        except (MisBusy, MisBroken, PatientUnknown) as error:
            raise MisUnknown("not-read-back", error.code) from None


def _not_offered(capability: Capability) -> NoReturn:
    raise MisBroken("not-offered", f"this system does not offer: {capability.value}")


def _number(ref: str) -> int:
    """Its ids are whole numbers; 0 is nobody's."""
    return int(ref) if ref.isascii() and ref.isdigit() else 0


def _rows(told: Row, name: str) -> list[Row]:
    found = told.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise MisBroken("no-list", f"{name} is not a list")
    return found


def _doctor(row: Row) -> Doctor:
    given, _, middle = str(row.get("names", "")).partition(" ")
    return Doctor(
        ref=str(row["id"]),
        practitioner_ref=str(row["id"]),
        branch_ref=str(row["place"]),
        family_name=str(row["surname"]),
        given_name=given,
        middle_name=middle,
        specialty=str(row["post"]),
        services=tuple(str(one) for one in row.get("services", [])),
        is_active=row.get("works") == 1,
    )


def _patient(row: Row) -> KnownPatient:
    given, _, middle = str(row.get("names", "")).partition(" ")
    person = Person(
        family_name=str(row["surname"]),
        given_name=given,
        middle_name=middle,
        birth_date=date.fromisoformat(row["born"]) if row.get("born") else None,
        sex=SEXES.get(str(row.get("sex")), "unknown"),
        phones=tuple(row.get("phones", [])),
        snils=str(row.get("snils", "")),
        policy=str(row.get("policy", "")),
    )
    return KnownPatient(ref=str(row["id"]), person=person, card=str(row.get("card", "")))
