"""Fixtures for every test: a database of one's own, the cast as actors, clients signed in as any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone, translation

from portal.kernel.access import Trail, acting
from portal.kernel.actor import Actor, Role, anonymous, system
from tests.cast import uid
from tests.clones import address, clone, lender
from tests.plugin import is_heavy

# Pages name their style sheets by hash only after `collectstatic`; tests of real servers run that (tests/servers.py).
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


@pytest.fixture(autouse=True)
def nobody_has_looked() -> None:
    """Looks of earlier tests are not counted, each 25th costs a statement; the language of their last page is over."""
    from portal.people import selectors
    from portal.scheduling.views import limits, times

    selectors._indexes.clear()
    times._choices.clear()
    limits._uncounted.clear()
    limits._refused.clear()
    translation.deactivate()


@pytest.fixture(autouse=True)
def no_limit_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute or an hour that is over while a test counts hits would start the count anew."""
    from portal.people import rates

    began, window_start = timezone.now(), rates._window_start
    monkeypatch.setattr(rates, "_window_start", lambda _now, window: window_start(began, window))


@pytest.fixture
def empty_db(django_db_blocker: Any) -> Iterator[str]:
    """Migrated, empty, gone afterwards."""
    with django_db_blocker.unblock(), clone("portal_empty") as name:
        yield name


@pytest.fixture
def db(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[str]:
    """A real database with the cast in it, as if nobody had used it before. Its name."""
    with django_db_blocker.unblock(), clone("portal_cast") if is_heavy(request.node.path) else lender.lent() as name:
        yield name


@pytest.fixture
def database_url(db: str) -> Callable[[str], str]:
    """The address of this test's database for a role: `database_url("app")`."""
    return partial(address, db)


@pytest.fixture
def sql(database_url: Callable[[str], str]) -> Iterator[Callable[..., list[Any]]]:
    """A statement past the wall: to look at what is stored, and to let time pass. One connection for all of them."""
    opened: list[psycopg.Connection[Any]] = []

    def run(statement: str, *params: Any) -> list[Any]:
        if not opened:
            opened.append(psycopg.connect(database_url("postgres"), autocommit=True))
        cursor = opened[0].execute(statement, params)
        return cursor.fetchall() if cursor.description else []

    yield run
    for connection in opened:
        connection.close()


STAFF = {
    "vera": (Role.DOCTOR, "therapist", "shore"),
    "gleb": (Role.DOCTOR, "therapist", "shore"),
    "dina": (Role.DOCTOR, "cardiologist", "shore"),
    "rita": (Role.REGISTRAR, "", "shore"),
    "oleg": (Role.PRIVACY_OFFICER, "", "shore"),
    "alla": (Role.CLINIC_ADMIN, "", "shore"),
    "foma": (Role.REGISTRAR, "", "far"),
}
PATIENTS = ("anna", "boris", "zoya")
EVERYONE = ("visitor", *PATIENTS, *STAFF)


def actor_named(name: str) -> Actor:
    """`anna` … `foma` of the cast, `visitor`, or `job`."""
    if name == "visitor":
        return anonymous()
    if name == "job":
        return system("test")
    if name in PATIENTS:
        return Actor(kind="patient", role=Role.PATIENT, user_id=uid(f"user-{name}"))
    role, department, clinic = STAFF[name]
    doctor = uid(name) if role == Role.DOCTOR else None
    return Actor(
        kind="staff",
        role=role,
        user_id=_staff_user(name),
        organization_id=uid(clinic),
        department=department,
        practitioner_id=doctor,
    )


def _staff_user(name: str) -> Any:
    from portal.people.models import StaffAssignment

    return StaffAssignment.objects.values_list("user_id", flat=True).get(pk=uid(f"assignment-{name}"))


@pytest.fixture
def as_actor(db: str) -> Callable[[str], Any]:
    """`with as_actor("anna") as trail: …` – one portal transaction as a member of the cast."""

    @contextmanager
    def enter(name: str) -> Iterator[Trail]:
        with acting(actor_named(name)) as trail:
            yield trail

    return enter


@pytest.fixture
def client_of(db: str) -> Callable[..., Client]:
    """A signed-in browser: `client_of("anna")`. `visitor` has no session."""

    def sign_in(name: str = "visitor", **extra: Any) -> Client:
        client = Client(**extra)
        if name != "visitor":
            _open_session(client, name)
        return client

    return sign_in


def _open_session(client: Client, name: str) -> None:
    """What the sign-in pages leave behind, without walking through them."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from portal.people.actors import ASSIGNMENT
    from portal.people.models import User
    from portal.people.sessions import SessionStore
    from portal.people.views.sign_in import BACKEND

    user = User.objects.get(pk=actor_named(name).user_id)
    session = SessionStore()
    session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    if name in STAFF:
        session[ASSIGNMENT] = str(uid(f"assignment-{name}"))
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
