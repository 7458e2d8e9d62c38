"""The read door and the ground under all doors: one transaction that knows who acts.

    with acting(actor):                                   # middleware, jobs, commands of the operator
        open_door(actor, [patient_id], purpose="visits")  # relation checked, AuditEvent written; else NotFound
        Visit.objects.visible_to(actor)                   # only rows behind doors opened above

A patient's row that is read in any other way raises `UnguardedRead`, a change outside a command `UnguardedWrite`;
below both stands the database wall (doors.sql), which gives no rows at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from portal.kernel.actor import Actor
from portal.kernel.errors import NotFound

NOTE_READ = "guard.note_read(%s, %s::uuid[])"


class UnguardedRead(RuntimeError):
    """A program error: patient data read without `visible_to` or without an open door."""


class UnguardedWrite(RuntimeError):
    """A program error: data changed outside a command."""


class Trail:
    """What this transaction may see and has seen. Lives exactly as long as the transaction."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.opened: set[UUID] = set()
        self.commands: list[str] = []
        self.keys: dict[UUID, Any] = {}
        self._reads: defaultdict[str, set[UUID]] = defaultdict(set)

    def become(self, actor: Actor) -> None:
        """Set the actor in the database context. Doors opened as someone else are forgotten here."""
        self.actor = actor
        self.opened.clear()
        self.keys.clear()
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.actor', %s, true)", [actor.context()])

    @contextmanager
    def as_it_was_on_failure(self) -> Iterator[None]:
        """Doors opened in a savepoint close when it is rolled back: their events are gone, so the wall stands again."""
        opened, keys = set(self.opened), dict(self.keys)
        try:
            yield
        except BaseException:
            self.opened, self.keys = opened, keys
            raise

    def note_read(self, resource: str, ids: Iterable[UUID]) -> None:
        self._reads[resource].update(ids)

    def flush(self) -> None:
        """Write what was read, all of it in one statement. Called right before commit."""
        reads, self._reads = self._reads, defaultdict(set)
        if not reads:
            return
        notes = ", ".join([NOTE_READ] * len(reads))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {notes}", [part for resource, ids in reads.items() for part in (resource, list(ids))]
            )


_trail: ContextVar[Trail | None] = ContextVar("portal_trail", default=None)


def current_trail() -> Trail:
    """The trail of the running transaction; `UnguardedRead` when there is none."""
    trail = _trail.get()
    if trail is None:
        raise UnguardedRead("no portal transaction is open; use kernel.access.acting(actor)")
    return trail


@contextmanager
def acting(actor: Actor) -> Iterator[Trail]:
    """One transaction as `actor`: context set, work done, reads written, commit. Does not nest."""
    if _trail.get() is not None:
        raise RuntimeError("a portal transaction is already open")
    trail = Trail(actor)
    token = _trail.set(trail)
    try:
        with transaction.atomic():
            trail.become(actor)
            yield trail
            trail.flush()
    finally:
        _trail.reset(token)


def open_door(actor: Actor, patient_ids: Iterable[UUID], *, purpose: str, action: str = "Patient.read") -> None:
    """Open the door to every one of `patient_ids` or raise `NotFound`: a stranger's patient does not exist."""
    trail = _own_trail(actor)
    wanted = set(patient_ids) - trail.opened
    if not wanted:
        return
    allowed = open_with("SELECT guard.open_door(%s::uuid[], %s, %s)", [list(wanted), action, purpose])
    trail.opened |= allowed
    if refused := wanted - allowed:
        raise NotFound(patient_id=next(iter(refused)))


def register_door(actor: Actor, patient_id: UUID, *, purpose: str) -> None:
    """Open the door to a patient who does not exist yet, so that the row can be written."""
    trail = _own_trail(actor)
    trail.opened |= open_with("SELECT guard.register_patient(%s, %s)", [patient_id, purpose])


def _own_trail(actor: Actor) -> Trail:
    trail = current_trail()
    if trail.actor != actor:
        raise UnguardedRead("the actor is not the one this transaction belongs to")
    return trail


def open_with(sql: str, params: list[Any]) -> set[UUID]:
    """Call a guard function that opens doors; the ids it opened. For the door modules of the kernel alone."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    return set(row[0] or []) if row else set()


def require_command() -> None:
    trail = _trail.get()
    if trail is None or not trail.commands:
        raise UnguardedWrite("data changes only inside a @command")
