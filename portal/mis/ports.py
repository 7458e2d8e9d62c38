"""What the portal asks of a clinic's own system (MIS): one protocol, typed values, typed errors.

Every time is aware. Every `ref` is the MIS's own id of a thing, opaque to us. An adapter keeps no state between calls
but its connection, never repeats a write by itself, and raises nothing but the errors below.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from portal.kernel.ports import PortFailure, PortUnknown


class Capability(StrEnum):
    """What a MIS may lack. Everything else of `Mis` every adapter offers."""

    HOLD = "hold"  # keeps a time for a few minutes before it is booked
    MOVE = "move"  # moves a visit in one step; else the new one is booked, then the old one cancelled
    CHANGES = "changes"  # tells what has changed since a cursor
    ATOMIC = "atomic"  # refuses a time that is not free any more; else a write is verified by reading it back
    KEYS = "keys"  # keeps the portal's id with a visit and finds by it
    PATIENTS = "patients"  # takes new patients
    VISITS = "visits"  # tells of visits that took place
    RESULTS = "results"
    DOCUMENTS = "documents"


class VisitStatus(StrEnum):
    """FHIR R4 Appointment.status, and `undefined` for a state of the MIS that nobody has mapped."""

    PROPOSED = "proposed"
    PENDING = "pending"
    BOOKED = "booked"
    ARRIVED = "arrived"
    CHECKED_IN = "checked-in"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    NOSHOW = "noshow"
    ENTERED_IN_ERROR = "entered-in-error"
    WAITLIST = "waitlist"
    UNDEFINED = "undefined"


TAKES_TIME = {
    VisitStatus.PENDING,
    VisitStatus.BOOKED,
    VisitStatus.ARRIVED,
    VisitStatus.CHECKED_IN,
    VisitStatus.FULFILLED,
    VisitStatus.UNDEFINED,
}


@dataclass(frozen=True, slots=True)
class Branch:
    ref: str
    name: str
    zone: str = ""  # IANA, where the MIS tells


@dataclass(frozen=True, slots=True)
class Service:
    ref: str
    name: str
    minutes: int = 0  # 0: not told
    price: int | None = None  # whole roubles


@dataclass(frozen=True, slots=True)
class Doctor:
    """A doctor at a branch in a specialty: what a schedule belongs to (FHIR PractitionerRole)."""

    ref: str
    practitioner_ref: str
    branch_ref: str
    family_name: str
    given_name: str
    middle_name: str
    specialty: str  # as the MIS calls it
    specialty_code: str = ""  # of the federal classifier (NSI), where the MIS tells
    practising_since: int | None = None
    services: tuple[str, ...] = ()  # refs
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Directory:
    branches: Sequence[Branch]
    services: Sequence[Service]
    doctors: Sequence[Doctor]


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of a doctor's day. Only its time and its doctor identify it: refs may change every night."""

    doctor_ref: str
    start: datetime
    end: datetime
    is_free: bool
    modes: tuple[str, ...] = ("in-person",)


@dataclass(frozen=True, slots=True)
class Person:
    """Personal data: into a request's body and nowhere else; `repr` shows none of it."""

    family_name: str = field(repr=False)
    given_name: str = field(repr=False)
    middle_name: str = field(repr=False)
    birth_date: date | None = field(repr=False)
    sex: str = field(repr=False)
    phones: tuple[str, ...] = field(repr=False, default=())  # E.164
    snils: str = field(repr=False, default="")  # digits
    policy: str = field(repr=False, default="")  # digits


@dataclass(frozen=True, slots=True)
class KnownPatient:
    """A patient as the MIS has them. `key`: the portal's id of them, where the MIS keeps it.

    `replaced_by`: this record was merged into another one.
    """

    ref: str
    person: Person
    key: UUID | None = None
    card: str = field(repr=False, default="")
    born: str = field(repr=False, default="")  # as it is written there: a year alone, perhaps
    is_active: bool = True
    replaced_by: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A visit to be written down. `key` is the portal's id of it: the MIS keeps it where it can."""

    key: UUID
    doctor_ref: str
    patient_ref: str
    start: datetime
    end: datetime
    service_ref: str = ""
    mode: str = "in-person"
    hold_ref: str = ""


@dataclass(frozen=True, slots=True)
class MisVisit:
    """A visit as the MIS has it. `version` changes whenever it does."""

    ref: str
    version: str
    status: VisitStatus
    doctor_ref: str
    patient_ref: str
    start: datetime | None
    end: datetime | None
    key: UUID | None = None
    service_ref: str = ""
    raw_status: str = ""  # of the MIS, where nobody has mapped it

    def is_as(self, wanted: Wanted) -> bool:
        """Read back after writing: is it what was asked for, and nobody else's?"""
        told = (self.doctor_ref, self.patient_ref, self.start, self.end)
        asked = (wanted.doctor_ref, wanted.patient_ref, wanted.start, wanted.end)
        return told == asked and self.status in TAKES_TIME


@dataclass(frozen=True, slots=True)
class Changes:
    """Visits that changed since a cursor, oldest first, and the cursor to go on from."""

    visits: Sequence[MisVisit]
    cursor: str
    is_all: bool = True  # False: more wait, ask again with the new cursor


@dataclass(frozen=True, slots=True)
class PastVisit:
    """A visit that took place (FHIR Encounter)."""

    ref: str
    doctor_ref: str
    start: datetime
    end: datetime | None
    visit_ref: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """What `ping` learns. `skew`: how far the MIS's clock is ahead of ours."""

    product: str
    version: str
    skew: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a self-check, for the clinic's administrator: no personal data."""

    what: str
    is_good: bool
    detail: str = ""


class MisFailure(PortFailure):
    """Nothing happened there. `code` and `detail` as of PortFailure."""

    def __init__(self, code: str, detail: str = "", *, permanent: bool = False, stops: bool = False) -> None:
        super().__init__(permanent=permanent, code=code, detail=detail, stops_provider=stops)


class TimeTaken(MisFailure):
    """The time is not free there (any more)."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("time-taken", detail, permanent=True)


class RuleViolation(MisFailure):
    """The MIS has a rule against it; `code` says which, as far as the MIS tells."""

    def __init__(self, code: str = "rule", detail: str = "") -> None:
        super().__init__(code, detail, permanent=True)


class PatientUnknown(MisFailure):
    """There is no such patient there (any more)."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("patient-unknown", detail, permanent=True)


class Gone(MisFailure):
    """There is no such visit there (any more)."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("gone", detail, permanent=True)


class Changed(MisFailure):
    """Someone has changed it since it was read: read again, then decide."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("changed", detail)


class AuthExpired(MisFailure):
    """The MIS does not take our credentials: the administrator has to look."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("auth", detail, stops=True)


class MisBusy(MisFailure):
    """Later it may work: no connection, a restart, a lock, too many calls."""

    def __init__(self, code: str = "busy", detail: str = "") -> None:
        super().__init__(code, detail)


class MisBroken(MisFailure):
    """It answers what cannot be understood, or is not the MIS at all: the administrator has to look."""

    def __init__(self, code: str = "broken", detail: str = "") -> None:
        super().__init__(code, detail, stops=True)


class MisUnknown(PortUnknown):
    """A write was sent and no usable answer came. Ask by the portal's id before repeating."""

    def __init__(self, code: str = "no-answer", detail: str = "") -> None:
        super().__init__(code=code, detail=detail)


class Mis(Protocol):
    """A clinic's own system. Reads raise MisFailure; writes MisFailure (nothing happened) or MisUnknown."""

    def capabilities(self) -> frozenset[Capability]:
        """What this system can do, as asked of it now."""

    def ping(self) -> Health:
        """Is it there, and is it what the mapping says?"""

    def check(self) -> Iterable[Finding]:
        """Everything that can be found out about the mapping by asking; raises nothing."""

    def directory(self) -> Directory:
        """Branches, services, doctors, as they are now."""

    def get_slots(self, doctor_ref: str, since: datetime, until: datetime) -> list[Slot]:
        """Free and taken stretches that begin in [since, until), in any order."""

    def find_patients(self, person: Person) -> list[KnownPatient]:
        """Whoever shares an identifier, a phone, or name and birth date; each once. The caller decides who it is."""

    def get_patient(self, ref: str) -> KnownPatient:
        """Raises PatientUnknown."""

    def create_patient(self, person: Person, *, key: UUID) -> KnownPatient:
        """`key`: the portal's id of the person, kept there where that is possible."""

    def hold_slot(self, wanted: Wanted) -> str:
        """A reference of the hold, or TimeTaken. Only with Capability.HOLD."""

    def book(self, wanted: Wanted) -> MisVisit:
        """Write it down. TimeTaken, RuleViolation, PatientUnknown, MisUnknown."""

    def move(self, visit: MisVisit, wanted: Wanted) -> MisVisit:
        """Another time for it, in one step. As `book`; Changed, Gone. Only with Capability.MOVE."""

    def cancel(self, visit: MisVisit) -> MisVisit | None:
        """Free its time. None when it is gone altogether. Cancelling twice changes nothing. Changed."""

    def get_visit(self, ref: str) -> MisVisit | None:
        """None when there is no such visit (any more)."""

    def find_visits(self, wanted: Wanted) -> list[MisVisit]:
        """Those written down for this key; without Capability.KEYS, of this patient, doctor and start."""

    def booked_between(self, since: datetime, until: datetime) -> list[MisVisit]:
        """All visits that begin in [since, until), cancelled ones too where the MIS keeps them."""

    def changes_since(self, cursor: str) -> Changes:
        """From the beginning of time when `cursor` is empty: then no visits, only a cursor. Capability.CHANGES."""

    def list_visits(self, patient_ref: str, since: datetime) -> list[PastVisit]:
        """What took place. Only with Capability.VISITS."""
