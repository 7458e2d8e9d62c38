"""Patients: account, keyset, encrypted person, confirmed phone, card at the clinic, and their line on the trail."""

from __future__ import annotations

from datetime import date
from random import Random
from uuid import UUID

from portal.demo.large.clinic import clinic_of
from portal.demo.large.selectors_sql import AUDIT, Load, text_load
from portal.demo.large.size import Chunk, Plan, key
from portal.demo.names import person
from portal.kernel import crypto
from portal.people.contacts import Address
from portal.people.models import Contact, Patient

NO_PASSWORD = "!"  # what Django writes for an unusable one
KEYSET = "id patient_id wrapped"
USER = "id password is_active is_demo created_at"
PATIENT = "id user_id language version family_name given_name middle_name birth_date sex"
CONTACT = "id patient_id kind value digest verified_at created_at"
CARD = "id patient_id organization_id since"
EVENT = "action outcome opens patient_id purpose actor_kind role request_id"


def patients(plan: Plan, chunk: Chunk) -> list[Load]:
    random = Random(chunk.first)  # noqa: S311  (invented people, not secrets)
    organization = clinic_of(plan).organization.pk.hex
    children = plan.crowds()[1].patients
    lines: list[tuple[str, ...]] = []
    for n in range(chunk.first, chunk.last):
        years = random.randint(4, 15) if n in children else random.randint(22, 88)
        born = date(plan.today.year - years, random.randint(1, 12), random.randint(1, 28))
        is_female = random.random() < 0.55
        family, given, middle = person(random, is_female)
        said = (family, given, middle, born.isoformat(), "female" if is_female else "male")
        lines.append(_lines(n, said, organization, f"{plan.today}T00:00:00+00:00"))
    users, keysets, people, contacts, cards, events = (list(column) for column in zip(*lines, strict=True))
    return [
        text_load("people_user", USER, users),
        text_load("kernel_patientkeyset", KEYSET, keysets),
        text_load("people_patient", PATIENT, people),
        text_load("people_contact", CONTACT, contacts),
        text_load("people_patientatorganization", CARD, cards),
        text_load(AUDIT, EVENT, events),
    ]


def _lines(n: int, said: tuple[str, ...], organization: str, now: str) -> tuple[str, ...]:
    """One line of COPY text for each table. `said` in the order of PATIENT."""
    patient, user, contact = key("patient", n), key("user", n), key("contact", n)
    patient_id = UUID(patient)
    wrapped = crypto.wrap_new_keyset(patient_id)
    cipher = crypto._unwrap(patient_id, wrapped)
    phone = Address(Contact.Kind.PHONE, phone_of(n))

    def seal(table: str, column: str, row: UUID, text: str) -> str:
        place = crypto.Place(table, column, row, patient_id)
        return _bytea(cipher.encrypt(text.encode(), place.associated_data()))

    table = Patient._meta.db_table
    sealed = [seal(table, column, patient_id, text) for column, text in zip(PATIENT.split()[4:], said, strict=True)]
    value = seal(Contact._meta.db_table, "value", UUID(contact), phone.value)
    return (
        f"{user}\t{NO_PASSWORD}{user}\tt\tt\t{now}\n",
        f"{key('keyset', n)}\t{patient}\t{_bytea(wrapped)}\n",
        "\t".join((patient, user, "ru", "1", *sealed)) + "\n",
        f"{contact}\t{patient}\tphone\t{value}\t{_bytea(phone.digest)}\t{now}\t{now}\n",
        f"{key('card', n)}\t{patient}\t{organization}\t{now}\n",
        f"Patient.register\tsuccess\tt\t{patient}\tdemo\tsystem\tsystem\t{key('request', n)}\n",
    )


def phone_of(n: int) -> str:
    """E.164; a Russian mobile number for every n below ten million."""
    return f"+7901{n:07d}"


def _bytea(value: bytes) -> str:
    return "\\\\x" + value.hex()
