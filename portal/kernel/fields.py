"""Encrypted model fields: text, date, JSON. Stored as `bytea`, opened on first use, never comparable in SQL."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import FieldError
from django.db import models

from portal.kernel import crypto


class Sealed(bytes):
    """A value as it lies in the table. A model instance opens it when the attribute is first read."""


class _Opening:
    """The attribute of an encrypted field on the model class."""

    def __init__(self, field: EncryptedField) -> None:
        self.field = field

    def __get__(self, instance: models.Model | None, owner: type | None = None) -> Any:
        if instance is None:
            return self
        values = instance.__dict__
        name = self.field.attname
        if name not in values:
            instance.refresh_from_db(fields=[name])
        if isinstance(values[name], Sealed):
            values[name] = self.field.open(instance, values[name])
        return values[name]

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedField(models.BinaryField):  # type: ignore[type-arg]
    """Base. Subclasses turn their value into bytes and back."""

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, _Opening(self))

    def pack(self, value: Any) -> bytes:
        raise NotImplementedError

    def unpack(self, plain: bytes) -> Any:
        raise NotImplementedError

    def _place(self, instance: models.Model) -> crypto.Place:
        owner: UUID | None = getattr(instance, "keyset_owner", None)
        return crypto.Place(instance._meta.db_table, self.column, instance.pk, owner)

    def open(self, instance: models.Model, sealed: bytes) -> Any:
        return self.unpack(crypto.unseal(bytes(sealed), self._place(instance)))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = model_instance.__dict__.get(self.attname)
        if value is None or isinstance(value, Sealed):
            return value
        return Sealed(crypto.seal(self.pack(value), self._place(model_instance)))

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Sealed | None:
        return None if value is None else Sealed(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is not None and not isinstance(value, Sealed):
            raise FieldError(f"{self.name} is encrypted: save() the row, and search by a blind index")
        return super().get_db_prep_value(None if value is None else bytes(value), connection, prepared)

    def value_to_string(self, obj: models.Model) -> str:
        raise FieldError(f"{self.name} is encrypted and is not serialized")


class EncryptedTextField(EncryptedField):
    def pack(self, value: Any) -> bytes:
        return str(value).encode()

    def unpack(self, plain: bytes) -> str:
        return plain.decode()


class EncryptedDateField(EncryptedField):
    def pack(self, value: Any) -> bytes:
        if not isinstance(value, date):
            raise TypeError(f"{self.name} takes a date, not {type(value).__name__}")
        return value.isoformat().encode()

    def unpack(self, plain: bytes) -> date:
        return date.fromisoformat(plain.decode())


class EncryptedJSONField(EncryptedField):
    def pack(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False).encode()

    def unpack(self, plain: bytes) -> Any:
        return json.loads(plain)
