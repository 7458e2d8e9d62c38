"""The port `Mis` over FHIR R4. What the server can do is asked of it; the best way that it has is taken (desk.py)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from portal.adapters.mis._http import Params
from portal.adapters.mis.fhir_r4 import parse, write
from portal.adapters.mis.fhir_r4.desk import Desk
from portal.adapters.mis.fhir_r4.grid import Grid, Memory, iso
from portal.adapters.mis.fhir_r4.options import Options
from portal.adapters.mis.fhir_r4.probe import Probe, findings
from portal.adapters.mis.fhir_r4.text import Resource
from portal.adapters.mis.fhir_r4.wire import Wire
from portal.mis.mapping import Mapping
from portal.mis.ports import (
    Capability,
    Changes,
    Directory,
    Finding,
    Health,
    KnownPatient,
    MisBroken,
    MisVisit,
    PastVisit,
    PatientUnknown,
    Person,
    Slot,
    Wanted,
)

MOST_AT_ONCE = 2000  # changes of one call


class System:
    """A FHIR R4 server as a clinic's MIS. Thread-safe."""

    def __init__(self, wire: Wire, mapping: Mapping, options: Options) -> None:
        self._wire, self._mapping, self._options = wire, mapping, options
        self._memory = Memory()
        self._grid = Grid(wire, options, self._memory)
        self._desk = Desk(wire, self._grid, options, self._visit, self.probe)

    @classmethod
    def from_mapping(cls, mapping: Mapping) -> Self:
        options = Options.of(mapping.options)
        wire = Wire(
            url=mapping.url,
            token=mapping.secret("token"),
            login=mapping.login,
            password=mapping.secret("password"),
            read=mapping.timeouts.read,
            write=mapping.timeouts.write,
            bases=tuple(options.bases),
        )
        return cls(wire, mapping, options)

    # What it is ------------------------------------------------------------------------------------------------

    def capabilities(self) -> frozenset[Capability]:
        return self.probe().capabilities(self._options)

    def ping(self) -> Health:
        answer = self._wire.read("metadata")
        probe = Probe.of(answer.body)
        skew = answer.clock - datetime.now(UTC) if answer.clock else None
        return Health(probe.product, probe.version, skew)

    def check(self) -> Iterable[Finding]:
        return findings(self, self._mapping)

    def probe(self) -> Probe:
        return self._memory.of("probe", self._ask_probe)

    def _ask_probe(self) -> Probe:
        probe = Probe.of(self._wire.read("metadata").body)
        if probe.base:
            self._wire.bases |= {probe.base.rstrip("/") + "/"}
        return probe

    def _require(self, capability: Capability) -> None:
        if capability not in self.capabilities():
            raise MisBroken("not-offered", f"this server does not offer: {capability.value}")

    # The directory ---------------------------------------------------------------------------------------------

    def directory(self) -> Directory:
        self._memory.clear()
        people = {parse.words(one.get("id")): one for one in self._grid.all("Practitioner")}
        doctors = [parse.doctor(role, people) for role in self._grid.all("PractitionerRole")]
        return Directory(
            branches=[parse.branch(one) for one in self._grid.all("Location")],
            services=[parse.service(one) for one in self._services()],
            doctors=[one for one in doctors if one],
        )

    def _services(self) -> Iterator[Resource]:
        """Many servers keep none."""
        has_any = "search-type" in self.probe().types.get("HealthcareService", frozenset())
        return self._grid.all("HealthcareService") if has_any else iter(())

    def get_slots(self, doctor_ref: str, since: datetime, until: datetime) -> list[Slot]:
        found = (parse.slot(one, doctor_ref) for one in self._grid.slots(doctor_ref, since, until))
        return [one for one in found if one and since <= one.start < until]

    # Patients --------------------------------------------------------------------------------------------------

    def find_patients(self, person: Person) -> list[KnownPatient]:
        found: dict[str, KnownPatient] = {}
        for params in self._ways_to_find(person):
            for one in self._wire.search("Patient", [*params, ("_count", 50)], is_private=True):
                known = parse.patient(one, self._options)
                if known.ref and _has_to_do(known.person, person):
                    found[known.ref] = known
        return list(found.values())

    def _ways_to_find(self, person: Person) -> Iterator[Params]:
        for systems, value in ((self._options.snils, person.snils), (self._options.policy, person.policy)):
            if value:
                for system in systems:
                    yield [("identifier", f"{system}|{value}")]
        for phone in person.phones:
            yield [("phone", phone)]
        if person.birth_date:
            yield [("family", person.family_name), ("birthdate", person.birth_date.isoformat())]

    def get_patient(self, ref: str) -> KnownPatient:
        answer = self._wire.find("Patient", ref)
        if answer is None:
            raise PatientUnknown
        return parse.patient(answer.body, self._options)

    def create_patient(self, person: Person, *, key: UUID) -> KnownPatient:
        self._require(Capability.PATIENTS)
        token = f"{self._options.patient_system}|{key}"
        for one in self._wire.search("Patient", [("identifier", token)], is_private=True):
            known = parse.patient(one, self._options)
            if known.key == key:  # made by an attempt that never heard of it
                return known
        # If-None-Exist alone keeps no two apart that come at once; the room above lets one at a time
        made = self._wire.create(
            "Patient", write.patient(person, key, self._options), if_none_exist=f"identifier={token}"
        )
        return parse.patient(made.body, self._options)

    # Visits ----------------------------------------------------------------------------------------------------

    def hold_slot(self, wanted: Wanted) -> str:
        self._require(Capability.HOLD)
        return self._desk.hold(wanted)

    def book(self, wanted: Wanted) -> MisVisit:
        return self._desk.book(wanted)

    def move(self, visit: MisVisit, wanted: Wanted) -> MisVisit:
        self._require(Capability.MOVE)
        return self._desk.move(visit, wanted)

    def cancel(self, visit: MisVisit) -> MisVisit | None:
        return self._desk.cancel(visit)

    def get_visit(self, ref: str) -> MisVisit | None:
        found = self._wire.find("Appointment", ref)
        return self._visit(found.body) if found else None

    def find_visits(self, wanted: Wanted) -> list[MisVisit]:
        params: Params = [("identifier", f"{self._options.visit_system}|{wanted.key}"), ("_count", 50)]
        found = [self._visit(one) for one in self._wire.search("Appointment", params)]
        return [one for one in found if one.key == wanted.key]

    def booked_between(self, since: datetime, until: datetime) -> list[MisVisit]:
        params: Params = [("date", f"ge{iso(since)}"), ("date", f"lt{iso(until)}"), ("_count", self._options.page)]
        found = map(self._visit, self._wire.search("Appointment", params))
        return [one for one in found if one.start and since <= one.start < until]

    def changes_since(self, cursor: str) -> Changes:
        """The cursor is the server's own time of the last change seen; asked again from some minutes before it.

        `…|exact` goes on in the middle of a long list, where going back would never come to an end.
        """
        if not cursor:
            clock = self._wire.read("metadata").clock or datetime.now(UTC)
            return Changes([], iso(clock))
        since, _, exact = cursor.partition("|")
        told = datetime.fromisoformat(since)
        begins = told - timedelta(seconds=0 if exact else self._mapping.fresh.overlap)
        visits, last, is_all = list[MisVisit](), told, True
        for one in self._changed(begins):
            changed = parse.updated(one)
            if len(visits) >= MOST_AT_ONCE and changed and changed > last > told:
                is_all = False  # here an instant ends, and another one than the question began with
                break
            if changed is None or changed >= begins:
                visits.append(self._visit(one))
            last = max(last, changed) if changed else last
        return Changes(visits, last.astimezone(UTC).isoformat() + ("" if is_all else "|exact"), is_all)

    def _changed(self, begins: datetime) -> Iterator[Resource]:
        params: Params = [("_lastUpdated", f"ge{iso(begins)}"), ("_sort", "_lastUpdated")]
        return self._wire.search("Appointment", [*params, ("_count", self._options.page)])

    def list_visits(self, patient_ref: str, since: datetime) -> list[PastVisit]:
        self._require(Capability.VISITS)
        params: Params = [
            ("patient", f"Patient/{patient_ref}"),
            ("date", f"ge{iso(since)}"),
            ("_count", self._options.page),
        ]
        found = self._wire.search("Encounter", params)
        own = [one for one in found if parse.reference(one.get("subject"), "Patient") == patient_ref]
        visits = [parse.past_visit(one, self._grid.role_of()) for one in own]
        return [one for one in visits if one and one.start >= since]

    def _visit(self, resource: Resource) -> MisVisit:
        return parse.visit(resource, self._options, self._mapping.statuses, self._grid.role_of())


def _has_to_do(found: Person, person: Person) -> bool:
    """A server that ignores a parameter lists everybody: whoever shares nothing is not looked at further."""
    same_number = (person.snils and found.snils == person.snils) or (person.policy and found.policy == person.policy)
    is_named = found.birth_date is not None and found.birth_date == person.birth_date and _same_family(found, person)
    return bool(same_number or is_named or set(found.phones) & set(person.phones))


def _same_family(found: Person, person: Person) -> bool:
    """As servers compare names: neither case nor ё decides. Names may have changed places."""
    plain = person.family_name.casefold().replace("ё", "е").strip()
    told = f"{found.family_name} {found.given_name} {found.middle_name}".casefold().replace("ё", "е")
    return bool(plain) and plain in told
