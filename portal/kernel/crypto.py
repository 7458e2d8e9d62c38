"""Encryption at rest, per patient, with Tink keysets (docs/adr/0004).

KEK (from a provider) → installation keyset, unwrapped once per process → a keyset per patient → values.
The associated data of a value is table, column, row and owner: a value moved to another place does not open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

import tink
from django.conf import settings
from django.db import connection
from tink import aead, json_proto_keyset_format, prf, proto_keyset_format, secret_key_access

from portal.kernel.access import current_trail
from portal.kernel.errors import CryptoError

aead.register()
prf.register()

_AES = aead.aead_key_templates.AES256_GCM
_PRF = prf.prf_key_templates.HMAC_SHA256
SCOPES = {"portal": _AES, "patients": _AES, "index": _PRF}


def new_kek() -> str:
    """A fresh key-encryption key, as the JSON text that KEK_URI points to."""
    return cast(str, json_proto_keyset_format.serialize(tink.new_keyset_handle(_AES), secret_key_access.TOKEN))


@cache
def _kek() -> aead.Aead:
    uri = settings.KEK_URI
    if not uri:
        raise CryptoError("KEK_URI is not set")
    path = Path(urlsplit(uri).path)
    try:
        handle = json_proto_keyset_format.parse(path.read_text(encoding="utf-8"), secret_key_access.TOKEN)
    except OSError as error:
        raise CryptoError(f"KEK_URI: cannot read {path}: {error.strerror}") from None
    except (tink.TinkError, ValueError):
        raise CryptoError(f"KEK_URI: {path} is not a Tink keyset") from None
    return cast(aead.Aead, handle.primitive(aead.Aead))


def ensure_keysets() -> None:
    """Create the installation's keysets that do not exist yet. After migrations, never inside a request."""
    with connection.cursor() as cursor:
        for scope, template in SCOPES.items():
            wrapped = proto_keyset_format.serialize_encrypted(
                tink.new_keyset_handle(template), _kek(), f"keyset:{scope}".encode()
            )
            cursor.execute(
                "INSERT INTO kernel_keyset (scope, wrapped) VALUES (%s, %s) ON CONFLICT (scope) DO NOTHING",
                [scope, wrapped],
            )


@cache
def _keyset(scope: str) -> tink.KeysetHandle:
    with connection.cursor() as cursor:
        cursor.execute("SELECT wrapped FROM kernel_keyset WHERE scope = %s", [scope])
        row = cursor.fetchone()
    if row is None:
        raise CryptoError(f"the installation has no keyset {scope!r}; run `portal migrate`")
    try:
        return proto_keyset_format.parse_encrypted(bytes(row[0]), _kek(), f"keyset:{scope}".encode())
    except tink.TinkError:
        raise CryptoError(f"keyset {scope!r} was wrapped with another key-encryption key than KEK_URI gives") from None


@cache
def _aead(scope: str) -> aead.Aead:
    return cast(aead.Aead, _keyset(scope).primitive(aead.Aead))


@cache
def _index() -> prf.PrfSet:
    return cast(prf.PrfSet, _keyset("index").primitive(prf.PrfSet))


def forget_keys() -> None:
    """Drop unwrapped keys from memory: after a rotation, and between test databases."""
    for cached in (_kek, _keyset, _aead, _index):
        cached.cache_clear()


def blind_index(kind: str, normal_value: str) -> bytes:
    """32 bytes that find equal values and reveal nothing else. `kind` keeps a phone from matching an e-mail."""
    return cast(bytes, _index().primary().compute(f"{kind}\x00{normal_value}".encode(), 32))


# --- a patient's keyset --------------------------------------------------------------------------------------------


def wrap_new_keyset(patient_id: UUID) -> bytes:
    """A fresh keyset for a patient, wrapped for storage."""
    handle = tink.new_keyset_handle(_AES)
    return cast(bytes, proto_keyset_format.serialize_encrypted(handle, _aead("patients"), patient_id.bytes))


def _unwrap(patient_id: UUID, wrapped: bytes) -> aead.Aead:
    try:
        handle = proto_keyset_format.parse_encrypted(wrapped, _aead("patients"), patient_id.bytes)
    except tink.TinkError:
        raise CryptoError("a patient's keyset does not open: wrong key or changed data") from None
    return cast(aead.Aead, handle.primitive(aead.Aead))


def _patient_aead(patient_id: UUID) -> aead.Aead:
    trail = current_trail()
    if patient_id not in trail.keys:
        _load_keys(trail.opened | {patient_id})
    key = trail.keys.get(patient_id)
    if key is None:
        raise CryptoError("this patient has no keyset: their data has been destroyed, or the door is closed")
    return cast(aead.Aead, key)


def _load_keys(patient_ids: Iterable[UUID]) -> None:
    """All keysets of the open doors in one query, so that a list costs no more than a row."""
    trail = current_trail()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT patient_id, wrapped FROM kernel_patientkeyset WHERE patient_id = ANY(%s::uuid[])",
            [list(patient_ids)],
        )
        for patient_id, wrapped in cursor.fetchall():
            trail.keys.setdefault(patient_id, _unwrap(patient_id, bytes(wrapped)))


# --- values --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lives. `owner` is the patient whose keyset is used, or None for the installation's."""

    table: str
    column: str
    row: object
    owner: UUID | None = None

    def associated_data(self) -> bytes:
        return f"{self.table}|{self.column}|{self.row}|{self.owner or ''}".encode()

    def cipher(self) -> aead.Aead:
        return _patient_aead(self.owner) if self.owner else _aead("portal")


def seal(plain: bytes, place: Place) -> bytes:
    """Encrypt for one place."""
    return cast(bytes, place.cipher().encrypt(plain, place.associated_data()))


def unseal(sealed: bytes, place: Place) -> bytes:
    """Decrypt; `CryptoError` when the value was moved, changed or written with another key."""
    try:
        return cast(bytes, place.cipher().decrypt(sealed, place.associated_data()))
    except tink.TinkError:
        where = f"{place.table}.{place.column}"
        raise CryptoError(f"{where}: the stored value does not open here; it was moved, changed or mis-keyed") from None


def code_digest(secret: str, salt: bytes) -> bytes:
    """Keyed digest of a one-time code: a dump of the table gives no code even by trying all of them."""
    return cast(bytes, _index().primary().compute(b"code\x00" + salt + secret.encode(), 32))
