"""A new person: account, patient with a keyset of their own, the confirmed contact, the consent. All or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from portal.kernel.access import register_door
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.errors import Conflict
from portal.kernel.models import give_keyset
from portal.people.contacts import Address
from portal.people.models import Consent, Contact, LegalDocument, OneTimeCode, Patient, User


@dataclass(frozen=True, kw_only=True)
class PersonData:
    """What a person says of themselves. Personal data: never into a log, a URL or a job."""

    family_name: str
    given_name: str
    middle_name: str | None
    birth_date: date
    sex: str
    language: str = "ru"


@command("Patient.register", roles={Role.ANONYMOUS})
def register_person(
    *, actor: Actor, person: PersonData, code_id: UUID, document_id: UUID, evidence: dict[str, Any]
) -> User:
    """`code_id` is the used sign-in code that proves the contact; `document_id` the consent text that was accepted.

    `Conflict` when the contact has been registered in the meantime.
    """
    code = get_one(OneTimeCode.objects.all(), pk=code_id, purpose=OneTimeCode.Purpose.SIGN_IN, used_at__isnull=False)
    address = Address("phone" if code.channel == "sms" else "email", code.destination)
    user = User()
    user.set_unusable_password()
    user.save(force_insert=True)
    patient = write_patient(actor=actor, person=person, user=user)
    contact = Contact(
        patient_id=patient.pk, kind=address.kind, value=address.value, digest=address.digest, verified_at=Now()
    )
    try:
        with transaction.atomic():
            contact.save(force_insert=True)
    except IntegrityError:
        raise Conflict from None
    write_consent(patient.pk, user.pk, document_id, evidence | {"code": str(code_id)})
    return user


def write_patient(*, actor: Actor, person: PersonData, user: User | None) -> Patient:
    """Inside a command: open the register door and write the patient with a fresh keyset."""
    patient_id = uuid4()
    register_door(actor, patient_id, purpose="registration")
    give_keyset(patient_id)
    patient = Patient(
        id=patient_id,
        user=user,
        family_name=person.family_name,
        given_name=person.given_name,
        middle_name=person.middle_name or None,
        birth_date=person.birth_date,
        sex=person.sex,
        language=person.language,
    )
    patient.save(force_insert=True)
    return patient


def write_consent(patient_id: UUID, user_id: UUID | None, document_id: UUID, evidence: dict[str, Any]) -> None:
    """Inside a command: proof of the consent given (152-FZ art. 9 part 3). The row is never changed afterwards."""
    document = get_one(LegalDocument.objects.all(), pk=document_id)
    Consent(
        patient_id=patient_id,
        user_id=user_id,
        document=document,
        document_sha256=document.sha256,
        status=Consent.Status.ACTIVE,
        evidence=evidence,
    ).save(force_insert=True)
