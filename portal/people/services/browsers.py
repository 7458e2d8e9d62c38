"""A browser that was never in this account before."""

from __future__ import annotations

from uuid import UUID

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.kernel.outbox import emit


@command("Session.new-browser", roles={Role.ANONYMOUS})
def note_new_browser(*, actor: Actor, patient_id: UUID, code_id: UUID) -> None:
    """The person hears of it by another way than the one the code went (ASVS 5.0, 6.3.5)."""
    emit("browser.new", patient_id=patient_id, code_id=code_id)
