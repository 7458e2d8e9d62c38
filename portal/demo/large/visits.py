"""Visits that were and visits to come. Places are computed so that nobody is in two at once.

A doctor's past day has eight visits, each within an hour of its own; a coming day has as many of the 30 times taken
as `TAKEN` says. Whom a doctor sees comes from `Crowd.patient`: nobody twice a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from portal.demo.large.clinic import Clinic, Desk, clinic_of, wall_time
from portal.demo.large.selectors_sql import AUDIT, Load, text_load
from portal.demo.large.size import PAST_A_DAY, TAKEN, Chunk, Plan, key
from portal.people.models import HealthcareService
from portal.scheduling.opening import instant

VISIT = (
    "id patient_id practitioner_id role_id location_id specialty_id organization_id room_id service_id mode start end "
    "local_date status price payer same_day awaits version created_at cancelled_at cancelled_by"
)
TEAM = "id patient_id practitioner_id organization_id department appointment_id period"
OCCUPANCY = "id owner batch practitioner_id role_id service_id mode start end kind is_extended"
USE = "id occupancy_id resource_id start end"
EVENT = "recorded action outcome opens patient_id purpose actor_kind user_id role request_id detail"
CARE_AFTER = timedelta(days=30)
NULL = r"\N"


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit; `id` as hexadecimal digits, `patient` and `doctor` as numbers, times aware, UTC."""

    id: str
    patient: int
    doctor: int
    service: HealthcareService
    day: date
    start: datetime
    booked: datetime
    status: str

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.service.duration_minutes)

    @property
    def cancelled(self) -> datetime | None:
        return self.start - timedelta(hours=5) if self.status == "cancelled" else None


@dataclass(frozen=True, slots=True)
class _Marks:
    """A desk as COPY text: its ids in the order of VISIT and of TEAM, its room."""

    visit: str
    team: str
    doctor: str
    role: str
    room: str


class _Lines:
    """COPY text for the five tables on which a visit leaves its mark."""

    def __init__(self, clinic: Clinic) -> None:
        self.marks = [_marks(desk) for desk in clinic.desks]
        self.visits: list[str] = []
        self.teams: list[str] = []
        self.events: list[str] = []
        self.occupied: list[str] = []
        self.uses: list[str] = []

    def loads(self) -> list[Load]:
        loads = [
            text_load("scheduling_appointment", VISIT, self.visits),
            text_load("people_careteam", TEAM, self.teams),
            text_load("scheduling_occupancy", OCCUPANCY, self.occupied),
            text_load("scheduling_resourceuse", USE, self.uses),
            text_load(AUDIT, EVENT, self.events),
        ]
        return [load for load in loads if load.count]

    def add(self, visit: Visit) -> None:
        mark, service, patient = self.marks[visit.doctor], visit.service, key("patient", visit.patient)
        mode, cancelled, start, end = service.modes[0], visit.cancelled, visit.start.isoformat(), visit.end.isoformat()
        booked, room = visit.booked.isoformat(), mark.room if mode == "in-person" else NULL
        self.visits.append(
            f"{visit.id}\t{patient}\t{mark.visit}\t{room}\t{service.pk.hex}\t{mode}\t{start}\t{end}\t{visit.day}\t"
            f"{visit.status}\t{service.price}\tself\t\t\t{2 if cancelled else 1}\t{booked}\t"
            f"{cancelled.isoformat() if cancelled else NULL}\t{'patient' if cancelled else ''}\n"
        )
        until = (cancelled or visit.end + CARE_AFTER).isoformat()
        self.teams.append(f"{_other('c', visit.id)}\t{patient}\t{mark.team}\t{visit.id}\t[{booked},{until})\n")
        self.events.append(
            f"{booked}\tAppointment.book\tsuccess\tf\t{patient}\t\tpatient\t{key('user', visit.patient)}\tpatient\t"
            f'{_other("e", visit.id)}\t{{"owner": "{_other("b", visit.id)}", "result": "{visit.id}", '
            f'"hold_id": "{visit.id}"}}\n'
        )
        if visit.status == "booked":
            self._occupy(visit, mark, f"{start}\t{end}")

    def _occupy(self, visit: Visit, mark: _Marks, span: str) -> None:
        mode = visit.service.modes[0]
        self.occupied.append(
            f"{visit.id}\t{visit.id}\t{visit.id}\t{mark.doctor}\t{mark.role}\t{visit.service.pk.hex}\t{mode}\t{span}\t"
            "booked\tf\n"
        )
        if mode == "in-person":
            self.uses.append(f"{_other('f', visit.id)}\t{visit.id}\t{mark.room}\t{span}\n")


def past(plan: Plan, chunk: Chunk) -> list[Load]:
    lines, desks = _Lines(clinic_of(plan)), clinic_of(plan).desks
    for day in range(chunk.first, chunk.last):
        for crowd in plan.crowds():
            places = len(crowd.doctors) * PAST_A_DAY
            for place in range(places):
                doctor, nth = crowd.doctors[place // PAST_A_DAY], place % PAST_A_DAY
                patient = crowd.patient(day, day * places, place, places)
                lines.add(_past_visit(patient, doctor, desks[doctor], plan.past_day(day), nth))
    return lines.loads()


def coming(plan: Plan, chunk: Chunk) -> list[Load]:
    lines, desks = _Lines(clinic_of(plan)), clinic_of(plan).desks
    for day in range(chunk.first, chunk.last):
        for crowd in plan.crowds():
            places, before = len(crowd.doctors) * TAKEN[day], len(crowd.doctors) * sum(TAKEN[:day])
            for place in range(places):
                doctor, nth = crowd.doctors[place // TAKEN[day]], place % TAKEN[day]
                patient = crowd.patient(day, before, place, places)
                lines.add(_coming_visit(plan, patient, doctor, desks[doctor], day, nth))
    return lines.loads()


def _past_visit(patient: int, doctor: int, desk: Desk, day: date, nth: int) -> Visit:
    """Visit `nth` begins in hour `nth`, so that even forty minutes never reach the next one or the break."""
    name = key("past", doctor, day.toordinal(), nth)
    luck = int(name[-6:], 16)
    start = _start(desk.zone, day, 3 * nth + luck % 2)
    service = desk.offers[luck // 2 % len(desk.offers)]
    chance = luck // 8 % 100
    status = "fulfilled" if chance < 88 else "noshow" if chance < 92 else "cancelled"
    return Visit(name, patient, doctor, service, day, start, start - timedelta(days=1 + luck // 1024 % 14), status)


def _coming_visit(plan: Plan, patient: int, doctor: int, desk: Desk, number: int, nth: int) -> Visit:
    """One grid step long, at the `nth` of 30 times taken in a shuffled order."""
    day = plan.coming_day(number)
    name = key("coming", doctor, day.toordinal(), nth)
    luck = int(name[-6:], 16)
    start = _start(desk.zone, day, (7 * nth + 11 * doctor + 13 * number) % 30)
    service = desk.offers[1 + luck % (len(desk.offers) - 1)]
    booked = datetime.combine(plan.today, time(0), tzinfo=UTC) - timedelta(minutes=luck % 14400)
    return Visit(name, patient, doctor, service, day, start, booked, "booked")


def _marks(desk: Desk) -> _Marks:
    role, organization = desk.role, desk.role.organization_id.hex
    doctor = desk.doctor.pk.hex
    ids = (doctor, role.pk.hex, role.location_id.hex, role.specialty_id.hex, organization)
    return _Marks("\t".join(ids), f"{doctor}\t{organization}\t{role.department}", doctor, ids[1], desk.room.pk.hex)


def _other(mark: str, visit: str) -> str:
    """An id beside a visit's: cheaper than hashing again, and as well spread."""
    return f"{visit[17:19]}{visit[:10]}4{visit[13:16]}8{visit[17:30]}{mark}{visit[31]}"


@lru_cache(maxsize=100_000)
def _start(zone: ZoneInfo, day: date, place: int) -> datetime:
    return instant(day, wall_time(place), zone)
