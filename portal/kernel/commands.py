"""The write door: `@command(action, roles={…})` is the only way to change anything.

It checks the role, opens a savepoint, runs, and writes the AuditEvent in the same transaction as the change.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.db import transaction

from portal.kernel.access import UnguardedWrite, current_trail
from portal.kernel.actor import Actor, Role
from portal.kernel.audit import record
from portal.kernel.errors import Forbidden

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Command:
    action: str
    roles: frozenset[Role]
    module: str
    name: str


registry: dict[str, Command] = {}


def command(action: str, *, roles: set[Role]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a change. The function takes keyword arguments only, `actor` among them.

    Its ids (arguments that are UUIDs, and `.pk` of the result) go into the event; `patient_id` names the patient.
    """
    if not roles:
        raise ValueError(f"{action}: a command names its roles")

    def wrap(run: Callable[P, R]) -> Callable[P, R]:
        registry[action] = Command(action, frozenset(roles), run.__module__, run.__name__)

        @functools.wraps(run)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            actor: Any = kwargs.get("actor")
            trail = current_trail()
            if args or not isinstance(actor, Actor) or trail.actor != actor:
                raise UnguardedWrite(f"{action}: keyword arguments, with the actor of this transaction")
            if actor.role not in roles:
                raise Forbidden
            with trail.as_it_was_on_failure(), transaction.atomic():
                trail.commands.append(action)
                try:
                    result = run(*args, **kwargs)
                finally:
                    trail.commands.pop()
                _write_event(action, kwargs, result)
            return result

        return guarded

    return wrap


def _write_event(action: str, arguments: dict[str, Any], result: Any) -> None:
    ids = {name: str(value) for name, value in arguments.items() if isinstance(value, UUID) and name != "patient_id"}
    if isinstance(key := getattr(result, "pk", None), UUID):
        ids["result"] = str(key)
    patient_id = arguments.get("patient_id") or getattr(result, "patient_id", None)
    record(action, "success", patient_id=patient_id if isinstance(patient_id, UUID) else None, **ids)
