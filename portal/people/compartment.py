"""THE visibility rule, in words; compartment.sql says the same to the database.

A patient's door opens to
- the patient themselves, and a representative while the representation lasts (`Proxy.period`);
- a doctor of the same organization who is in the care team now, or whose department is (`CareTeam.period`);
- the registrar of an organization where the person is a patient (`PatientAtOrganization`);
- a job, for the ids in its arguments (`system_door`).
A privacy officer and a clinic administrator open no door: they work with the trail, not with records (order 21, UPD.4).
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from portal.kernel.access import open_door
from portal.kernel.actor import Actor
from portal.kernel.errors import NotFound
from portal.people import selectors_sql

SQL = (Path(__file__).parent / "compartment.sql").read_text(encoding="utf-8")


def own_patients(actor: Actor) -> list[UUID]:
    """Ids of the person and of those they represent; the person first is not promised."""
    if not actor.is_signed_in:
        return []
    return selectors_sql.own_patients()


def open_own_doors(actor: Actor, *, purpose: str) -> list[UUID]:
    """Open the doors of everyone the signed-in person may act for."""
    patients = own_patients(actor)
    if not patients:
        raise NotFound
    open_door(actor, patients, purpose=purpose)
    return patients
