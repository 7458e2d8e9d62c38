"""Questions that are asked past the wall; the answers are ids alone."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from portal.kernel import crypto


def patient_of_ref(organization_id: UUID, ref: str) -> UUID | None:
    """The patient whose verified record this is; their id alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.mis_patient(%s)", [ref_digest(organization_id, ref)])
        row = cursor.fetchone()
    return row[0] if row else None


def unmatched_patients() -> list[UUID]:
    """Ids of the patients of whom the registrar has to say who they are in the clinic's own system."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.unmatched_patients()")
        row = cursor.fetchone()
    return list(row[0]) if row else []


def patient_of_link(link_id: UUID) -> UUID | None:
    """Whose link this is; their id alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.mis_patient_of_link(%s)", [link_id])
        row = cursor.fetchone()
    return row[0] if row else None


def verified_links(organization_id: UUID) -> list[UUID]:
    """The links of a clinic of which somebody or something sure has said who it is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.mis_verified_links(%s)", [organization_id])
        row = cursor.fetchone()
    return list(row[0]) if row else []


def ref_digest(organization_id: UUID, ref: str) -> bytes:
    """Refs of two clinics may be equal; their digests are not."""
    return crypto.blind_index("mis-patient", f"{organization_id}|{ref}")


def past_visit_digest(organization_id: UUID, ref: str) -> bytes:
    return crypto.blind_index("mis-past-visit", f"{organization_id}|{ref}")
