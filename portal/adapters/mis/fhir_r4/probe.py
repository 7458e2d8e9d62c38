"""What a FHIR server says it can do (CapabilityStatement), and the self-check that is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from portal.adapters.mis.fhir_r4.options import Options
from portal.adapters.mis.fhir_r4.parse import dicts, words
from portal.kernel.ports import PortFailure, PortUnknown
from portal.mis.mapping import Mapping
from portal.mis.ports import Capability, Directory, Finding, Health, MisBroken, Slot

SPOKEN = "4.0"
NAMES = {"1.0": "DSTU2", "3.0": "STU3", "4.3": "R4B", "5.0": "R5"}
READ = ("Practitioner", "PractitionerRole", "Location", "Schedule", "Slot", "Appointment", "Patient")
SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Probe:
    product: str
    version: str
    types: dict[str, frozenset[str]]  # resource → interactions
    operations: frozenset[str]  # of Appointment
    has_transactions: bool
    base: str = ""  # what the server calls itself

    @classmethod
    def of(cls, statement: dict[str, Any]) -> Probe:
        """Raises MisBroken for another FHIR than R4: what it calls an Appointment is not what we mean."""
        if statement.get("resourceType") not in ("CapabilityStatement", "Conformance"):  # as DSTU2 called it
            raise MisBroken("no-metadata", "metadata is not a CapabilityStatement")
        version = words(statement.get("fhirVersion"))
        if not version.startswith(SPOKEN + "."):
            name = NAMES.get(".".join(version.split(".")[:2]), version[:20] or "unknown")
            raise MisBroken("fhir-version", f"the server speaks FHIR {name}, the portal speaks R4 (4.0.1)")
        rest = next(iter(dicts(statement.get("rest"))), {})
        resources = dicts(rest.get("resource"))
        types = {
            words(r.get("type")): frozenset(words(i.get("code")) for i in dicts(r.get("interaction")))
            for r in resources
        }
        appointment = next((r for r in resources if r.get("type") == "Appointment"), {})
        software = statement.get("software") if isinstance(statement.get("software"), dict) else {}
        return cls(
            product=" ".join(words((software or {}).get(part)) for part in ("name", "version")).strip() or "FHIR R4",
            version=version,
            types=types,
            operations=frozenset(words(o.get("name")).lstrip("$") for o in dicts(appointment.get("operation"))),
            has_transactions=any(words(i.get("code")) == "transaction" for i in dicts(rest.get("interaction"))),
            base=words(part.get("url") if isinstance(part := statement.get("implementation"), dict) else ""),
        )

    def capabilities(self, options: Options) -> frozenset[Capability]:
        operations = self.operations if options.uses_operations else frozenset()
        has = {Capability.CHANGES, Capability.KEYS}
        if "hold" in operations and "book" in operations:
            has.add(Capability.HOLD)
        if self.has_transactions:
            has |= {Capability.ATOMIC, Capability.MOVE}
        if "book" in operations:
            has.add(Capability.ATOMIC)
        if "create" in self.types.get("Patient", frozenset()):
            has.add(Capability.PATIENTS)
        if "search-type" in self.types.get("Encounter", frozenset()):
            has.add(Capability.VISITS)
        return frozenset(has)


class Checked(Protocol):
    def ping(self) -> Health: ...
    def probe(self) -> Probe: ...
    def directory(self) -> Directory: ...
    def get_slots(self, doctor_ref: str, since: datetime, until: datetime) -> list[Slot]: ...


def findings(system: Checked, mapping: Mapping) -> Iterator[Finding]:
    """Line by line; what cannot be asked any more is left out."""
    try:
        health = system.ping()
        yield Finding("the server answers", True, f"{health.product}, FHIR {health.version}")
        yield _clock(health)
        yield from _abilities(system.probe())
        yield from _contents(system, mapping)
    except (PortFailure, PortUnknown) as error:
        yield Finding("the server answers", False, error.detail or error.code)


def _clock(health: Health) -> Finding:
    if health.skew is None:
        return Finding("its clock", True, "it does not tell the time")
    return Finding("its clock", abs(health.skew) < SKEW, f"{health.skew.total_seconds():+.0f} s")


def _abilities(probe: Probe) -> Iterator[Finding]:
    missing = [kind for kind in READ if "search-type" not in probe.types.get(kind, frozenset())]
    yield Finding("it can be searched", not missing, f"not: {', '.join(missing)}" if missing else ", ".join(READ))
    writes = probe.types.get("Appointment", frozenset()) >= {"create", "update"}
    yield Finding(
        "visits can be written", writes, "Appointment create, update" if writes else "Appointment is read-only"
    )
    way = (
        "$book" if "book" in probe.operations else "transactions" if probe.has_transactions else "one by one, verified"
    )
    yield Finding("how visits are written", True, way)


def _contents(system: Checked, mapping: Mapping) -> Iterator[Finding]:
    told = system.directory()
    yield Finding("its directory", bool(told.doctors), f"{len(told.doctors)} doctors, {len(told.branches)} branches")
    zones = {branch.zone for branch in told.branches if branch.zone}
    yield Finding("its time zone", zones <= {mapping.timezone}, ", ".join(sorted(zones)) or "not told")
    now = datetime.now(mapping.zone)
    for doctor in told.doctors[:50]:
        slots = system.get_slots(doctor.ref, now, now + timedelta(days=14))
        free = sum(slot.is_free for slot in slots)
        name = f"{doctor.family_name} {doctor.given_name[:1]}."
        yield Finding(f"times of {name}", bool(slots), f"{len(slots)} in two weeks, {free} free")
