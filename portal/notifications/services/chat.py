"""A dialog in the messenger: a one-time link, the press that binds it, the end.

The link is as good as the account for ten minutes, so its token is kept as a digest and is spent by the first use. A
dialog belongs to one account: the messenger does not say who sits at it, so an account never loses it to another.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from portal.kernel import crypto
from portal.kernel.actor import Actor, Role
from portal.kernel.base import get_one
from portal.kernel.commands import command
from portal.kernel.errors import Conflict
from portal.kernel.outbox import emit
from portal.notifications.models_ways import ChatBinding
from portal.people.models import Patient
from portal.scheduling.selectors_sql import database_now

LINK_LIVES = timedelta(minutes=10)
UNBOUND = {"chat_id": None, "digest": None, "bound_at": None}


class ChatTaken(Conflict):
    """Another account has this dialog."""


def link_digest(token: str) -> bytes:
    return crypto.blind_index("chat-link", token)


def chat_digest(chat_id: str) -> bytes:
    return crypto.blind_index("chat", chat_id)


@command("ChatBinding.ask", roles={Role.PATIENT})
def ask_link(*, actor: Actor, patient_id: UUID, digest: bytes) -> ChatBinding:
    """A link of this digest binds a dialog to the person, once. The link before it ends."""
    get_one(Patient.objects.visible_to(actor), pk=patient_id)
    ChatBinding.objects.bulk_create([ChatBinding(patient_id=patient_id)], ignore_conflicts=True)
    until = database_now() + LINK_LIVES
    _mine(actor, patient_id).update(link_digest=digest, link_expires_at=until, refused_at=None)
    row: ChatBinding = get_one(_mine(actor, patient_id))
    return row


@command("ChatBinding.bind", roles={Role.LINK})
def bind_chat(*, actor: Actor, patient_id: UUID, digest: bytes, chat_id: str) -> ChatBinding | None:
    """Spend the link; None when somebody was faster. `ChatTaken` for a dialog of another account."""
    live = _mine(actor, patient_id).filter(link_digest=digest, link_expires_at__gt=Now())
    row: ChatBinding | None = live.select_for_update().first()
    if row is None:
        return None
    row.chat_id, row.digest, row.bound_at = chat_id, chat_digest(chat_id), database_now()
    row.link_digest = row.link_expires_at = row.refused_at = None
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise ChatTaken from None
    emit("chat.bound", patient_id=patient_id)
    return row


@command("ChatBinding.refuse", roles={Role.LINK})
def refuse_chat(*, actor: Actor, patient_id: UUID, digest: bytes, owner_id: UUID) -> None:
    """The dialog stays whose it is; both learn of it, one on the page, the other in the dialog."""
    if _mine(actor, patient_id).filter(link_digest=digest).update(link_digest=None, refused_at=Now()):
        emit("chat.taken", patient_id=owner_id)


@command("ChatBinding.end", roles={Role.PATIENT, Role.LINK})
def end_chat(*, actor: Actor, patient_id: UUID) -> None:
    """Nothing more goes there; a link not used yet ends too. Twice changes nothing."""
    _mine(actor, patient_id).update(**UNBOUND, link_digest=None, link_expires_at=None, refused_at=None)


def _mine(actor: Actor, patient_id: UUID):  # type: ignore[no-untyped-def]
    return ChatBinding.objects.visible_to(actor).filter(patient_id=patient_id)
