"""Fixtures for every test: a database of one's own, the cast as actors, clients signed in as any of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from portal.kernel import crypto
from portal.kernel.access import Trail, acting
from portal.kernel.actor import Actor, Role, anonymous, system
from tests import plugin
from tests.cast import uid

# Pages name their style sheets by hash only after `collectstatic`; tests of real servers run that (tests/servers.py).
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


def _superuser() -> str:
    return os.environ["DATABASE_URL"].replace("//app@", "//postgres@").replace("/portal_empty?", "/postgres?")


@contextmanager
def _clone(template: str) -> Iterator[str]:
    """A database cloned from a template; Django points at it, in every thread, until the end."""
    name = f"t_{uuid4().hex}"
    plugin.execute(_superuser(), f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    entry = connections.settings["default"]
    before = entry["NAME"]
    connections["default"].close()
    entry["NAME"] = name
    crypto.forget_keys()
    try:
        yield name
    finally:
        connections["default"].close()
        entry["NAME"] = before
        crypto.forget_keys()
        plugin.execute(_superuser(), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(autouse=True)
def nobody_has_looked() -> None:
    """Looks of earlier tests are not counted: each 25th costs a statement (scheduling/views/limits.py)."""
    from portal.scheduling.views import limits

    limits._uncounted.clear()
    limits._refused.clear()


@pytest.fixture
def empty_db(django_db_blocker: Any) -> Iterator[str]:
    """Migrated, empty, gone afterwards."""
    with django_db_blocker.unblock(), _clone("portal_empty") as name:
        yield name


@pytest.fixture
def db(django_db_blocker: Any) -> Iterator[str]:
    """A real database with the cast in it. Its name."""
    with django_db_blocker.unblock(), _clone("portal_cast") as name:
        yield name


@pytest.fixture
def database_url(db: str) -> Callable[[str], str]:
    """The address of this test's database for a role: `database_url("app")`."""
    return lambda role: os.environ["DATABASE_URL"].replace("//app@", f"//{role}@").replace("/portal_empty?", f"/{db}?")


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
