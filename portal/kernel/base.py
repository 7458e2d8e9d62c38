"""The two model bases. `PortalModel`: changes only inside a command. `PatientRecord`: guarded reads too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.db import models

from portal.kernel.access import UnguardedRead, current_trail, require_command
from portal.kernel.actor import Actor
from portal.kernel.errors import NotFound

M = TypeVar("M", bound=models.Model)


class PortalQuerySet(models.QuerySet[M]):
    """Refuses every bulk change outside a command."""

    def update(self, **kwargs: Any) -> int:
        require_command()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        require_command()
        return super().delete()

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        require_command()
        return super().bulk_create(objs, *args, **kwargs)

    def bulk_update(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> int:
        require_command()
        return super().bulk_update(objs, *args, **kwargs)


class PatientQuerySet(PortalQuerySet[M]):
    """Gives rows only after `visible_to(actor)`, and puts on the trail what it gave."""

    _is_visible = False

    def _clone(self) -> PatientQuerySet[M]:
        clone: PatientQuerySet[M] = super()._clone()  # type: ignore[misc]
        clone._is_visible = self._is_visible
        return clone

    def visible_to(self, actor: Actor) -> PatientQuerySet[M]:
        """Rows of the patients whose doors this transaction has opened."""
        trail = current_trail()
        if trail.actor != actor:
            raise UnguardedRead("the actor is not the one this transaction belongs to")
        if not trail.opened:
            raise UnguardedRead(f"{self.model.__name__}: open a door first")
        rows: PatientQuerySet[M] = self.filter(**{f"{self.model.patient_column}__in": list(trail.opened)})  # type: ignore[attr-defined]
        rows._is_visible = True
        return rows

    def _require_visible(self) -> None:
        if not self._is_visible:
            raise UnguardedRead(f"{self.model.__name__} was read without visible_to(actor)")

    def _fetch_all(self) -> None:
        self._require_visible()
        fresh = self._result_cache is None
        super()._fetch_all()
        if fresh:
            rows = self._result_cache or []
            current_trail().note_read(self.model.__name__, (r.pk for r in rows if isinstance(r, models.Model)))

    def iterator(self, chunk_size: int | None = None) -> Iterator[M]:
        self._require_visible()
        current_trail().note_read(self.model.__name__, ())
        return super().iterator(chunk_size or 2000)

    def _noted(self) -> None:
        self._require_visible()
        current_trail().note_read(self.model.__name__, ())

    def count(self) -> int:
        self._noted()
        return super().count()

    def exists(self) -> bool:
        self._noted()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._noted()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        self._require_visible()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._require_visible()
        return super().delete()


PortalManager = models.Manager.from_queryset(PortalQuerySet)
PatientManager = models.Manager.from_queryset(PatientQuerySet)


class PortalModel(models.Model):
    """Everything the portal keeps that is not of a patient."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    objects = PortalManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        require_command()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        require_command()
        return super().delete(*args, **kwargs)


class PatientRecord(PortalModel):
    """A row of a patient. Its migration puts the table behind the wall (kernel/sql.py: `wall`).

    `patient_column` names the column that holds the patient; `public_fields` lists plain fields that hold text
    or JSON and may, with the reason; `retention` is ACCOUNT (ends with the account) or MEDICAL_25Y.
    """

    patient_column = "patient_id"
    public_fields: dict[str, str] = {}
    retention = ""

    objects = PatientManager()  # type: ignore[misc]

    class Meta:
        abstract = True

    @property
    def keyset_owner(self) -> UUID:
        """The patient whose keyset encrypts this row."""
        owner: UUID = getattr(self, self.patient_column)
        return owner


def get_one(rows: models.QuerySet[M], **lookup: Any) -> M:
    """The single row or `NotFound`, which is what a stranger sees."""
    found = rows.filter(**lookup).first()
    if found is None:
        raise NotFound
    return found
