"""A clinic beside its MIS: clinic «Shore» of the cast, and the double of a FHIR R4 system as an own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from conftest import actor_named
from portal.kernel.access import acting
from portal.kernel.actor import system
from portal.kernel.ports import override_port
from portal.mis import exchanging, jobs, line
from portal.mis.mapping import Mapping
from portal.notifications.ports import FakeEmail, FakeSms
from portal.people.models import Organization, PractitionerRole, ServiceOffer
from portal.scheduling import services
from portal.scheduling.models import Appointment
from tests.cast import uid
from tests.contracts.processes import Double, http, running_fhir

ZONE = ZoneInfo("Europe/Moscow")
HOLDER = uuid4()
BEARER = {"Authorization": "Bearer demo"}
SPECIALTIES = {"Эндокринолог": "therapist", "Офтальмолог": "cardiologist", "Уролог": "cardiologist"}


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mis") / "token"
    path.write_text("demo\n")
    return path


@pytest.fixture(scope="session")
def fhir_process() -> Iterator[Double]:
    with running_fhir() as double:
        yield double


@pytest.fixture
def double(fhir_process: Double) -> Double:
    fhir_process.control("down", down=False)
    fhir_process.control("reset")
    return fhir_process


@pytest.fixture(scope="session")
def held_process() -> Iterator[Double]:
    with running_fhir("--operations") as double:
        yield double


@pytest.fixture
def held_double(held_process: Double) -> Double:
    """A MIS that holds times, too."""
    held_process.control("reset")
    return held_process


def mapping_of(url: str, token: Path, **more: Any) -> Mapping:
    values = {
        "vendor": "fhir_r4",
        "url": url,
        "timezone": "Europe/Moscow",
        "token_file": token,
        "branches": {"Речная, 12": "shore-place", "Садовая, 5": "shore-place"},
        "specialties": SPECIALTIES,
        "fresh": {"overlap": 60},
        "timeouts": {"read": 5, "write": 5, "unknown": 1},
    }
    return Mapping.model_validate(values | more)


@dataclass
class Clinic:
    """One clinic, its line, and what tests do to both sides."""

    double: Double
    mapping: Mapping
    organization: Organization
    line: line.Line
    sql: Callable[..., list[Any]]

    @property
    def roles(self) -> list[PractitionerRole]:
        rows = PractitionerRole.objects.filter(master="mis", is_active=True).select_related("practitioner", "location")
        return list(rows.order_by("practitioner__family_name_ru"))

    def sync(self) -> None:
        """The directory and all times, as at the first start."""
        exchanging.read_directory(self.organization)
        exchanging.read_all_times(self.organization, self.roles)

    def free(
        self, role: PractitionerRole | None = None, *, n: int = 0, after: timedelta = timedelta(days=2)
    ) -> datetime:
        """The n-th time that the portal offers of a doctor, some days ahead."""
        role = role or self.roles[0]
        now = datetime.now(ZONE)
        from portal.mis.selectors import free_here

        times = sorted(start for start, _end in free_here(role, now + after, now + timedelta(days=28)))
        return times[n]

    def book(
        self,
        who: str = "anna",
        *,
        role: PractitionerRole | None = None,
        start: datetime | None = None,
        between: Callable[[], None] = lambda: None,
    ) -> UUID:
        """Hold and book on the portal; nothing of the booking has reached the MIS. `between` happens in between."""
        role = role or self.roles[0]
        offer = ServiceOffer.objects.filter(role=role).order_by("service__position", "pk")[0]
        owner = uuid4()
        with acting(actor_named(who)) as trail:
            held = services.hold_time(
                actor=trail.actor,
                owner=owner,
                role_id=role.pk,
                service_id=offer.service_id,
                mode="in-person",
                start=start or self.free(role),
            )
        between()
        with acting(actor_named(who)) as trail:
            return services.book_appointment(actor=trail.actor, patient_id=uid(who), hold_id=held.pk, owner=owner).pk

    def move(self, appointment_id: UUID, start: datetime, who: str = "anna") -> None:
        visit = self.visit(appointment_id, who)
        owner = uuid4()
        with acting(actor_named(who)) as trail:
            held = services.hold_time(
                actor=trail.actor,
                owner=owner,
                role_id=visit.role_id,
                service_id=visit.service_id,
                mode=visit.mode,
                start=start,
                replaces=appointment_id,
            )
            services.move_appointment(actor=trail.actor, appointment_id=appointment_id, hold_id=held.pk, owner=owner)

    def cancel(self, appointment_id: UUID, who: str = "anna") -> None:
        with acting(actor_named(who)) as trail:
            services.cancel_appointment(actor=trail.actor, appointment_id=appointment_id)

    def visit(self, appointment_id: UUID, who: str = "anna") -> Appointment:
        with acting(system("test")) as trail:
            from portal.kernel.system_door import system_door

            system_door("test", [uid(who)])
            return Appointment.objects.visible_to(trail.actor).select_related("role").get(pk=appointment_id)

    def work(self) -> None:
        """What lies in the queue of this exchange, as the worker would run it; then everything that is due."""
        from procrastinate.contrib.django import app

        for job, name, args in self.sql(
            "SELECT id, task_name, args FROM procrastinate_jobs WHERE task_name LIKE 'mis.%%' ORDER BY id"
        ):
            self.sql("DELETE FROM procrastinate_jobs WHERE id = %s", job)
            app.tasks[name].func(**args)
        jobs.bring_across()

    def now(self) -> None:
        """Every pause is over."""
        self.sql("UPDATE mis_outgoing SET next_at = now()")
        self.sql("UPDATE mis_incoming SET next_at = now() WHERE state = 'waiting'")
        self.sql("UPDATE mis_exchange SET next_at = now()")
        self.sql("UPDATE mis_look SET next_at = now()")

    def settle(self) -> None:
        """Turn after turn, every pause over, until nothing is on its way."""
        self.work()
        for _ in range(8):
            self.sql("UPDATE mis_outgoing SET written_at = written_at - interval '1 hour'")
            self.rested()
            self.tend()
            self.work()
            if not self.sql("SELECT 1 FROM mis_outgoing WHERE state = 'waiting'"):
                return

    def rested(self) -> None:
        """A breaker that opened has had its rest."""
        self.line._breaker.worked()

    def slots(self, role: PractitionerRole) -> list[dict[str, Any]]:
        """Slots of the MIS of a doctor, each with its start as an instant (`at`)."""
        since = datetime.now(ZONE)
        grid = self.line.mis._slots if hasattr(self.line.mis, "_slots") else self.line.mis._grid.slots
        found = grid(self.ref_of(role), since, since + timedelta(days=28))
        return [one | {"at": datetime.fromisoformat(one["start"])} for one in found]

    def ref_of(self, role: PractitionerRole) -> str:
        from portal.mis.selectors import ref_of

        return ref_of(self.organization.pk, "doctor", role.pk)

    def hold(self, start: datetime, role: PractitionerRole | None = None, who: str = "anna") -> UUID:
        role = role or self.roles[0]
        offer = ServiceOffer.objects.filter(role=role).order_by("service__position", "pk")[0]
        with acting(actor_named(who)) as trail:
            return services.hold_time(
                actor=trail.actor,
                owner=HOLDER,
                role_id=role.pk,
                service_id=offer.service_id,
                mode="in-person",
                start=start,
            ).pk

    def release(self, who: str = "anna") -> None:
        with acting(actor_named(who)) as trail:
            services.release_hold(actor=trail.actor, owner=HOLDER)

    def tend(self) -> None:
        """The worker's next turn at this clinic."""
        self.now()
        jobs.tend()

    def there(self, **only: Any) -> list[dict[str, Any]]:
        """Live appointments of the MIS."""
        rows = self.double.messages() if False else http.get(f"{self.double.url}/messages.json").json()["appointments"]
        live = [one for one in rows if one["status"] not in ("cancelled", "entered-in-error")]
        return [one for one in live if all(one.get(name) == value for name, value in only.items())]

    def desk(self, act: str, **what: Any) -> dict[str, Any]:
        """What the front desk does in the MIS; the Appointment."""
        answer = http.post(f"{self.double.url}/control/desk", json={"act": act, **what})
        assert answer.is_success, answer.text
        return answer.json()

    def resource(self, kind: str, ref: str) -> dict[str, Any]:
        """What the MIS keeps, past the adapter."""
        answer = http.get(f"{self.double.url}/fhir/{kind}/{ref}", headers=BEARER)
        return answer.raise_for_status().json()

    def all_of(self, kind: str, **asked: str) -> list[dict[str, Any]]:
        asked = {"_count": "200", **asked}
        answer = http.get(f"{self.double.url}/fhir/{kind}", params=asked, headers=BEARER).raise_for_status()
        return [one["resource"] for one in answer.json().get("entry", [])]

    def rewrite(self, resource: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Somebody changes it in the MIS, past its front desk."""
        body = {**resource, **changes}
        url = f"{self.double.url}/fhir/{body['resourceType']}/{body['id']}"
        answer = http.put(url, json=body, headers=BEARER | {"Content-Type": "application/fhir+json"})
        assert answer.is_success, answer.text
        return answer.json()

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{self.double.url}/fhir/{body['resourceType']}"
        answer = http.post(url, json=body, headers=BEARER | {"Content-Type": "application/fhir+json"})
        assert answer.is_success, answer.text
        return answer.json()

    def visit_ref(self, appointment_id: UUID) -> str:
        ((ref,),) = self.sql("SELECT ref FROM mis_visitref WHERE appointment_id = %s", appointment_id)
        return ref

    def stands(self, who: str = "anna", **more: Any) -> tuple[UUID, str]:
        """A visit that both sides have: its id here and its ref there."""
        visit_id = self.book(who, **more)
        self.work()
        assert self.visit(visit_id, who).status == "booked"
        return visit_id, self.visit_ref(visit_id)

    def free_slot(self, role: PractitionerRole, n: int = 0) -> dict[str, Any]:
        """The n-th Slot of a doctor that both sides call free."""
        start = self.free(role, n=n)
        return next(one for one in self.slots(role) if one["at"] == start)

    def told(self, subject_id: UUID) -> list[str]:
        """Runs what waits to be told; kinds of messages about a visit, in the order they were planned."""
        from procrastinate.contrib.django import app

        with override_port("sms", FakeSms()), override_port("email", FakeEmail()):
            for job, name, args in self.sql(
                "SELECT id, task_name, args FROM procrastinate_jobs WHERE task_name LIKE 'notifications.%%' ORDER BY id"
            ):
                self.sql("DELETE FROM procrastinate_jobs WHERE id = %s", job)
                app.tasks[name].func(**args)
        rows = self.sql(
            "SELECT kind FROM notifications_message WHERE subject_id = %s GROUP BY kind, subject_version"
            " ORDER BY min(sequence)",
            subject_id,
        )
        return [kind for (kind,) in rows]

    def sent(self) -> list[str]:
        """What the worker's next turn says to people: the texts."""
        from portal.notifications.jobs import deliver

        with override_port("sms", FakeSms()) as sms, override_port("email", FakeEmail()) as email:
            deliver()
            return [str(one) for one in (*sms.sent, *email.sent)]

    def news(self, subject_id: UUID) -> list[str]:
        """As `told`, reminders apart."""
        return [kind for kind in self.told(subject_id) if not kind.startswith("reminder")]

    def known_there(self, who: str = "zoya") -> str:
        """Lets a patient of ours become known there, without a visit that stands; their ref there."""
        visit_id, ref = self.stands(who)
        record = next(one for one in self.there() if one["id"] == ref)["patient"].removeprefix("Patient/")
        self.cancel(visit_id, who)
        self.work()
        return record


@pytest.fixture
def clinic(db: str, double: Double, token: Path, sql: Callable[..., list[Any]]) -> Iterator[Clinic]:
    with clinic_with(double, token, sql) as made:
        yield made


@contextmanager
def clinic_with(double: Double, token: Path, sql: Callable[..., list[Any]], **more: Any) -> Iterator[Clinic]:
    mapping = mapping_of(more.pop("url", f"{double.url}/fhir"), token, **more)
    with line.override_line("shore", line.build(mapping), mapping) as made:
        clinic = Clinic(double, mapping, Organization.objects.get(slug="shore"), made, sql)
        clinic.sync()
        yield clinic
