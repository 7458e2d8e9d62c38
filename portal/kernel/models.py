"""Keys. The audit trail has no models: its tables belong to `guard` and are reached only through functions."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from portal.kernel import crypto
from portal.kernel.access import current_trail
from portal.kernel.base import PatientRecord, PortalManager


class Keyset(models.Model):
    """An installation keyset, wrapped by the KEK. Written by `crypto.ensure_keysets` alone."""

    scope = models.CharField(max_length=40, primary_key=True)
    wrapped = models.BinaryField()

    objects = PortalManager()


class PatientKeyset(PatientRecord):
    """The keyset that encrypts everything of one patient. Destroying the row ends that patient's data."""

    patient_id = models.UUIDField(unique=True)
    wrapped = models.BinaryField()

    public_fields = {"wrapped": "is ciphertext itself"}
    retention = "MEDICAL_25Y"


def give_keyset(patient_id: UUID) -> None:
    """Inside a command, behind `register_door`: the new patient's keyset."""
    PatientKeyset(patient_id=patient_id, wrapped=crypto.wrap_new_keyset(patient_id)).save(force_insert=True)
    current_trail().keys.pop(patient_id, None)
