"""Patients by the dozen, each with an account and a phone of their own."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from portal.kernel.access import acting, register_door
from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.kernel.models import give_keyset
from portal.people.contacts import parse_address
from portal.people.models import Contact, Patient, User


@command("Test.crowd", roles={Role.SYSTEM})
def make_crowd(*, actor: Actor, people: int) -> list[tuple[UUID, UUID]]:
    """Patients with a phone each; (patient, account)."""
    made = []
    for n in range(people):
        patient, user = uuid4(), User(id=uuid4())
        user.set_unusable_password()
        user.save(force_insert=True)
        register_door(actor, patient, purpose="crowd")
        give_keyset(patient)
        Patient(
            id=patient, user=user, family_name="Crowd", given_name=str(n), birth_date=date(1980, 1, 1), sex="male"
        ).save(force_insert=True)
        phone = parse_address(f"+7916{n:07d}")
        Contact(
            patient_id=patient, kind=phone.kind, value=phone.value, digest=phone.digest, verified_at=datetime.now(UTC)
        ).save(force_insert=True)
        made.append((patient, user.pk))
    return made


def as_person(account: UUID) -> Any:
    return acting(Actor(kind="patient", role=Role.PATIENT, user_id=account))
