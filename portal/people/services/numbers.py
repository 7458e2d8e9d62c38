"""SNILS and policy number: given, replaced, removed, by the person or at the desk.

They help to find the person in a clinic's own system when that is asked next. A match that stands is not touched.
"""

from __future__ import annotations

from uuid import UUID

from portal.kernel.access import open_door
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.people.models import Patient, PatientIdentifier
from portal.people.numbers import number_digest


@command("PatientIdentifier.set", roles={Role.PATIENT, Role.REGISTRAR})
def set_numbers(*, actor: Actor, patient_id: UUID, numbers: dict[str, str]) -> None:
    """`numbers`: digits by system. A system that has a number already gets this one instead; others stay."""
    open_door(actor, [patient_id], purpose="own-data")
    get_one(Patient.objects.visible_to(actor).select_for_update(), pk=patient_id)  # one after another: no number twice
    mine = PatientIdentifier.objects.visible_to(actor).filter(patient_id=patient_id)
    known = {row.system: row for row in mine}
    for system, digits in sorted(numbers.items()):
        row = known.get(system) or PatientIdentifier(patient_id=patient_id, system=system)
        row.value, row.digest = digits, number_digest(system, digits)
        row.save()


@command("PatientIdentifier.remove", roles={Role.PATIENT, Role.REGISTRAR})
def remove_number(*, actor: Actor, patient_id: UUID, system: str) -> bool:
    """False when there is none (any more)."""
    open_door(actor, [patient_id], purpose="own-data")
    rows = PatientIdentifier.objects.visible_to(actor).filter(patient_id=patient_id, system=system)
    return bool(rows.delete()[0])
