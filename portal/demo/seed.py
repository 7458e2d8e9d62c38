"""The demo clinic, made once: through the same doors as everything else, as the role `app`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, TypeVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.utils import timezone
from psycopg.types.range import TimestamptzRange

from portal.demo import accounts, directory, habits, large, own_system
from portal.demo.names import person
from portal.kernel import crypto
from portal.kernel.access import acting, current_trail, register_door
from portal.kernel.actor import Actor, Role, system
from portal.kernel.commands import command
from portal.kernel.models import PatientKeyset
from portal.people.contacts import parse_address
from portal.people.models import (
    CareTeam,
    Contact,
    LegalDocument,
    Organization,
    Patient,
    PatientAtOrganization,
    Practitioner,
    PractitionerRole,
    Proxy,
    Resource,
    ServiceOffer,
    StaffAssignment,
    User,
)
from portal.people.services.register import write_consent
from portal.people.services.staff import activate_staff, create_staff
from portal.scheduling.models import Appointment, AppointmentStatus, DaySheet, Occupancy, ResourceUse
from portal.scheduling.selectors import WRITTEN_AHEAD
from portal.scheduling.services import write_sheets

T = TypeVar("T")
Progress = Callable[[Iterable[T], str], Iterable[T]]
PATIENTS = 200
WEEKS = 8  # in which the coming visits lie
VISITS_AHEAD, VISITS_BEHIND = 420, 500
CARE_AFTER = timedelta(days=30)


def plain(items: Iterable[Any], label: str) -> Iterable[Any]:
    return items


def run(size: str = "demo", progress: Progress[Any] = plain, in_worker: Callable[[], None] | None = None) -> bool:
    """Fill an empty installation; False when there is a clinic already. One transaction: all of it or nothing.

    `large` is written as `owner`, in many transactions (portal/demo/large).
    """
    if size == "large":
        return large.run(progress=progress, in_worker=in_worker)
    with acting(system("demo.seed")) as trail:
        if Organization.objects.exists():
            own_system.look_after(actor=trail.actor)
            return False
        seed_demo(actor=trail.actor, progress=progress)
    return True


@command("Demo.seed", roles={Role.SYSTEM})
def seed_demo(*, actor: Actor, progress: Progress[Any]) -> None:
    random = Random(2026)  # noqa: S311  (invented people, not secrets)
    today = timezone.localdate()
    clinic = directory.make_organization()
    locations = directory.make_locations(clinic)
    own_system.make_branch(clinic)
    roles = directory.make_directory(clinic, locations, random)
    habits.give_habits(clinic, locations, roles, today)
    roles = list(PractitionerRole.objects.select_related("specialty", "practitioner").order_by("pk"))
    for role in progress(roles, "Schedules"):
        write_sheets(actor=actor, role_ids=[role.pk], first=today, last=today + WRITTEN_AHEAD)
    make_staff(clinic)
    people = make_patients(clinic, random, progress)
    make_visits(clinic, roles, people, random, progress)


def make_staff(clinic: Organization) -> None:
    for member in accounts.STAFF:
        account = create_staff(email=parse_address(member.email), name=member.name, is_demo=True)
        doctor = Practitioner.objects.get(slug=member.doctor) if member.doctor else None
        StaffAssignment(
            user=account.user,
            organization=clinic,
            role=member.role.value,
            department=member.department,
            practitioner=doctor,
        ).save(force_insert=True)
        activate_staff(user=account.user, password=accounts.PASSWORD, secret=member.secret)


def make_patients(clinic: Organization, random: Random, progress: Progress[Any]) -> list[UUID]:
    """The cast first, then the crowd. Returns patient ids, Anna's first, Boris's second, Mila's third."""
    ids: list[UUID] = []
    users: list[User] = []
    for family, given, middle, born, sex, phone, email in accounts.PATIENTS:
        user = make_user(is_demo=True)
        users.append(user)
        ids.append(make_patient(user, family, given, middle, date.fromisoformat(born), sex, (phone, email)))
    family, given, middle, born, sex = accounts.CHILD
    ids.append(make_patient(None, family, given, middle, date.fromisoformat(born), sex, ()))
    Proxy(patient_id=ids[2], user=users[0], period=TimestamptzRange(timezone.now(), None)).save(force_insert=True)
    for n in progress(range(PATIENTS), "Patients"):
        is_female = random.random() < 0.55
        family, given, middle = person(random, is_female)
        born_on = date(random.randint(1938, 2023), random.randint(1, 12), random.randint(1, 28))
        contacts = (f"+7999{1000000 + n:07d}",)
        ids.append(
            make_patient(
                make_user(is_demo=True), family, given, middle, born_on, "female" if is_female else "male", contacts
            )
        )
    PatientAtOrganization.objects.bulk_create([PatientAtOrganization(patient_id=i, organization=clinic) for i in ids])
    return ids


def make_user(*, is_demo: bool) -> User:
    user = User(is_demo=is_demo)
    user.set_unusable_password()
    user.save(force_insert=True)
    return user


def make_patient(
    user: User | None, family: str, given: str, middle: str, born: date, sex: str, contacts: tuple[str, ...]
) -> UUID:
    """A patient with a keyset, confirmed contacts and, when there is an account, a consent."""
    patient_id = uuid4()
    register_door(current_trail().actor, patient_id, purpose="demo")
    PatientKeyset(patient_id=patient_id, wrapped=crypto.wrap_new_keyset(patient_id)).save(force_insert=True)
    Patient(
        id=patient_id, user=user, family_name=family, given_name=given, middle_name=middle, birth_date=born, sex=sex
    ).save(force_insert=True)
    if user:
        document = LegalDocument.objects.get(kind=LegalDocument.Kind.CONSENT_ACCOUNT)
        write_consent(patient_id, user.pk, document.pk, {"demo": True})
    for text in contacts:
        address = parse_address(text)
        Contact(
            patient_id=patient_id,
            kind=address.kind,
            value=address.value,
            digest=address.digest,
            verified_at=timezone.now(),
        ).save(force_insert=True)
    return patient_id


def make_visits(
    clinic: Organization, roles: list[PractitionerRole], people: list[UUID], random: Random, progress: Progress[Any]
) -> None:
    """Past and coming visits that overlap for nobody; the nearest days fuller than the far ones."""
    book = _Book(clinic, roles, people, random)
    for _ in progress(range(VISITS_BEHIND), "Past visits"):
        book.add_past()
    for _ in progress(range(VISITS_AHEAD), "Coming visits"):
        book.add_coming()
    book.add_cast()
    Occupancy.objects.bulk_create(book.occupied, batch_size=500)
    ResourceUse.objects.bulk_create(book.uses, batch_size=500)
    Appointment.objects.bulk_create(book.visits, batch_size=500)
    CareTeam.objects.bulk_create(book.teams, batch_size=500)


class _Book:
    """Collects visits and remembers who is busy when."""

    def __init__(self, clinic: Organization, roles: list[PractitionerRole], people: list[UUID], random: Random) -> None:
        self.clinic, self.people, self.random = clinic, people, random
        self.now = timezone.now()
        self.visits: list[Appointment] = []
        self.occupied: list[Occupancy] = []
        self.uses: list[ResourceUse] = []
        self.teams: list[CareTeam] = []
        self.seen: set[tuple[UUID, UUID, date]] = set()
        self.devices = {r.location_id: r for r in Resource.objects.filter(kind=Resource.Kind.DEVICE)}
        self.busy: dict[UUID, list[tuple[datetime, datetime]]] = {}
        self.offers = list(
            ServiceOffer.objects.select_related("service", "role__practitioner", "role__location", "role__room")
        )
        self.sheets = list(DaySheet.objects.filter(start__lt=self.now + timedelta(weeks=WEEKS)).order_by("start"))
        self.ages = {p.pk: p.age_on(self.now.date()) for p in Patient.objects.visible_to(self._actor())}

    def _actor(self) -> Actor:
        return current_trail().actor

    def add_past(self) -> None:
        offer = self.random.choice(self.offers)
        day = self.now.date() - timedelta(days=self.random.randint(2, 400))
        start = datetime(
            day.year, day.month, day.day, self.random.randint(6, 14), self.random.choice([0, 20, 40]), tzinfo=UTC
        )
        self.add(
            offer,
            start,
            self._someone(offer),
            self.random.choices(["fulfilled", "noshow", "cancelled"], [88, 4, 8])[0],
        )

    def add_coming(self) -> None:
        nearness = int(len(self.sheets) * self.random.random() ** 3)
        self.try_sheet(self.sheets[nearness], self._someone)

    def add_cast(self) -> None:
        """Anna meets Vera soon; Mila meets a paediatrician; Vera's own day has people in it."""
        anna, boris, mila = self.people[:3]
        by_doctor = {o.role.practitioner.slug: o.role_id for o in self.offers}
        children = {o.role_id for o in self.offers if o.role.practitioner.max_age < 18}
        vera = [s for s in self.sheets if s.role_id == by_doctor["vera-sokolova"]]
        coming = [s for s in vera if s.start > self.now + timedelta(hours=20)]
        self.first_free(coming, anna)
        self.first_free(
            [s for s in self.sheets if s.role_id in children and s.start > self.now + timedelta(days=2)], mila
        )
        self.first_free(
            [s for s in self.sheets if s.role_id == by_doctor["dina-yusupova"] and s.start > self.now], boris
        )
        offer = next(o for o in self.offers if o.role_id == by_doctor["vera-sokolova"])
        self.add(
            offer, self.now.replace(hour=7, minute=20, second=0, microsecond=0) - timedelta(days=21), anna, "fulfilled"
        )
        for _ in range(8):
            self.try_sheet(vera[0], self._someone)

    def first_free(self, sheets: list[DaySheet], patient_id: UUID) -> None:
        for sheet in sheets:
            if self.try_sheet(sheet, lambda offer: patient_id):
                return

    def try_sheet(self, sheet: DaySheet, who: Callable[[ServiceOffer], UUID | None]) -> bool:
        offer = self.random.choice(
            [o for o in self.offers if o.role_id == sheet.role_id and set(o.service.modes) & set(sheet.modes)]
        )
        steps = int((sheet.end - sheet.start) / timedelta(minutes=sheet.step_minutes))
        start = sheet.start + timedelta(minutes=sheet.step_minutes) * self.random.randrange(steps)
        if start + timedelta(minutes=offer.minutes) > sheet.end:
            return False
        return self.add(offer, start, who(offer), "booked" if start > self.now else "fulfilled")

    def _someone(self, offer: ServiceOffer) -> UUID | None:
        doctor = offer.role.practitioner
        for _ in range(20):
            patient_id = self.random.choice(self.people[3:])
            if doctor.min_age <= self.ages[patient_id] <= doctor.max_age:
                return patient_id
        return None

    def add(self, offer: ServiceOffer, start: datetime, patient_id: UUID | None, status: str) -> bool:
        end = start + timedelta(minutes=offer.minutes)
        doctor_id = offer.role.practitioner_id
        if patient_id is None or self._is_busy(doctor_id, start, end) or self._is_busy(patient_id, start, end):
            return False
        day = start.astimezone(ZoneInfo(offer.role.location.zone)).date()
        device = self.devices[offer.role.location_id] if offer.service.devices else None
        if (patient_id, offer.role.specialty_id, day) in self.seen or (device and self._is_busy(device.pk, start, end)):
            return False
        visit = Appointment(
            patient_id=patient_id,
            organization=self.clinic,
            location=offer.role.location,
            practitioner_id=doctor_id,
            role=offer.role,
            service=offer.service,
            specialty_id=offer.role.specialty_id,
            room=offer.role.room if offer.service.modes[0] == "in-person" else None,
            mode=offer.service.modes[0],
            start=start,
            end=end,
            local_date=day,
            status=status,
            price=offer.price,
            cancelled_by="patient" if status == "cancelled" else "",
        )
        self.visits.append(visit)
        self.seen.add((patient_id, offer.role.specialty_id, day))
        if status == AppointmentStatus.BOOKED:
            taken = self._occupancy(visit, offer)
            self.occupied.append(taken)
            self.uses += [
                ResourceUse(occupancy=taken, resource=thing, start=start, end=end)
                for thing in (visit.room, device)
                if thing
            ]
        if status != AppointmentStatus.CANCELLED:
            self.teams.append(self._team(visit, offer))
        for who in (doctor_id, patient_id, *([device.pk] if device else [])):
            self.busy.setdefault(who, []).append((start, end))
        return True

    def _occupancy(self, visit: Appointment, offer: ServiceOffer) -> Occupancy:
        return Occupancy(
            id=visit.pk,
            owner=visit.pk,
            practitioner_id=visit.practitioner_id,
            role=offer.role,
            service=offer.service,
            mode=visit.mode,
            start=visit.start,
            end=visit.end,
            kind=Occupancy.Kind.BOOKED,
        )

    def _team(self, visit: Appointment, offer: ServiceOffer) -> CareTeam:
        return CareTeam(
            patient_id=visit.patient_id,
            organization=self.clinic,
            practitioner_id=visit.practitioner_id,
            department=offer.role.department,
            appointment_id=visit.pk,
            period=TimestamptzRange(min(visit.start - timedelta(days=7), self.now), visit.end + CARE_AFTER),
        )

    def _is_busy(self, who: UUID, start: datetime, end: datetime) -> bool:
        return any(s < end and start < e for s, e in self.busy.get(who, []))
