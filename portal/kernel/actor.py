"""Who acts: a frozen value that travels from the door of the building to every door inside."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID, uuid4


class Role(StrEnum):
    """What a person is here for. One account may hold several; a request acts in exactly one."""

    ANONYMOUS = "anonymous"
    LINK = "link"  # whoever holds the link of a message: may do what the message offers, with this visit alone
    HOOK = "hook"  # a provider that calls back: may have something looked at again, and sees nothing
    PATIENT = "patient"
    DOCTOR = "doctor"
    REGISTRAR = "registrar"
    PRIVACY_OFFICER = "privacy-officer"
    CLINIC_ADMIN = "clinic-admin"
    SYSTEM = "system"


STAFF_ROLES = frozenset({Role.DOCTOR, Role.REGISTRAR, Role.PRIVACY_OFFICER, Role.CLINIC_ADMIN})


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Ids only: an actor may be written to logs and to the database context as it is."""

    kind: str  # nobody | anonymous | link | hook | patient | staff | system
    role: Role
    user_id: UUID | None = None
    organization_id: UUID | None = None
    department: str = ""
    practitioner_id: UUID | None = None
    job: str = ""
    request_id: UUID = field(default_factory=uuid4)

    @property
    def is_signed_in(self) -> bool:
        return self.user_id is not None

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF_ROLES

    @property
    def account(self) -> UUID:
        """The account of someone who has signed in."""
        if self.user_id is None:
            raise LookupError("nobody has signed in")
        return self.user_id

    @property
    def clinic(self) -> UUID:
        """The organization staff act for."""
        if self.organization_id is None:
            raise LookupError("not a member of staff")
        return self.organization_id

    def context(self) -> str:
        """The JSON that `guard.actor()` reads in the database."""
        values = {
            "kind": self.kind,
            "role": self.role.value,
            "user_id": self.user_id,
            "organization_id": self.organization_id,
            "department": self.department or None,
            "practitioner_id": self.practitioner_id,
            "request_id": self.request_id,
        }
        return json.dumps({key: str(value) for key, value in values.items() if value is not None})

    def in_request(self, request_id: UUID) -> Actor:
        return replace(self, request_id=request_id)


def anonymous(request_id: UUID | None = None) -> Actor:
    return Actor(kind="anonymous", role=Role.ANONYMOUS, request_id=request_id or uuid4())


def link_bearer(request_id: UUID) -> Actor:
    """Whoever opened the link of a message. Nobody has signed in; `kernel/link_door.py` says what opens."""
    return Actor(kind="link", role=Role.LINK, request_id=request_id)


def provider(request_id: UUID) -> Actor:
    """Whoever called an address that only a provider knows."""
    return Actor(kind="hook", role=Role.HOOK, request_id=request_id)


def system(job: str) -> Actor:
    """A job. It names its trigger and opens only the ids in its arguments."""
    return Actor(kind="system", role=Role.SYSTEM, job=job)
