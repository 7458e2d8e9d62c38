"""Is the line up? One row a clinic; scheduling reads its half (`MisLine`) when somebody books."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.mis.mapping import Mapping
from portal.mis.models import Exchange, Outgoing
from portal.scheduling.models import MisLine
from portal.scheduling.selectors_sql import database_now


@command("Exchange.open", roles={Role.SYSTEM})
def open_exchange(*, actor: Actor, organization_id: UUID, mapping: Mapping) -> Exchange:
    """What the mapping says becomes what scheduling and messages obey. Again and again; the same changes nothing."""
    row, _is_new = Exchange.objects.get_or_create(organization_id=organization_id, defaults={"next_at": database_now()})
    line = MisLine.objects.filter(organization_id=organization_id).first() or MisLine(organization_id=organization_id)
    said = (mapping.when_down, list(mapping.tells))
    if line._state.adding or (line.when_down, line.tells) != said:
        line.when_down, line.tells = said
        line.save()
    return row


@command("Exchange.claim", roles={Role.SYSTEM})
def claim_exchanges(*, actor: Actor, lease: timedelta) -> list[tuple[UUID, str]]:
    """(organization, slug) of those that are to be looked at now; nobody else looks while the lease lasts."""
    due = Exchange.objects.select_for_update(skip_locked=True, of=("self",)).filter(next_at__lte=Now())
    rows = [(row.organization_id, row.organization.slug) for row in due.select_related("organization")]
    Exchange.objects.filter(organization_id__in=[pk for pk, _slug in rows]).update(next_at=Now() + lease)
    return rows


@command("Exchange.rest", roles={Role.SYSTEM})
def rest(*, actor: Actor, organization_id: UUID, pause: timedelta) -> None:
    """Looked at; again after so long."""
    Exchange.objects.filter(organization_id=organization_id).update(next_at=Now() + pause)


@command("Exchange.note-heard", roles={Role.SYSTEM})
def note_heard(*, actor: Actor, organization_id: UUID) -> bool:
    """It answers. True when it had been away: then everything that waits for it is due at once."""
    lines = MisLine.objects.filter(organization_id=organization_id)
    was_away = bool(lines.filter(down_since__isnull=False).update(down_since=None))
    lines.update(heard_at=Now())
    Exchange.objects.filter(organization_id=organization_id, trouble__in=AWAY).update(trouble="", trouble_detail="")
    if was_away:
        waiting = Outgoing.objects.filter(organization_id=organization_id, state=Outgoing.State.WAITING)
        waiting.filter(written_at=None).update(next_at=Now())
    return was_away


AWAY = ("unreachable", "busy", "resting", "too-many-calls", "auth", "broken", "fault", "no-answer", "wrong-mapping")


@command("Exchange.note-trouble", roles={Role.SYSTEM})
def note_trouble(*, actor: Actor, organization_id: UUID, code: str, detail: str = "", is_away: bool = True) -> None:
    """Why nothing goes. Twice in a row unheard, or at once when only a person can help: the line is down."""
    row = Exchange.objects.select_for_update().filter(organization_id=organization_id).first()
    if row is None:
        return
    is_down = is_away and (row.trouble in AWAY or code not in ("unreachable", "busy", "no-answer"))
    if code != "resting" or not row.trouble:  # why it rests is worth more than that it does
        row.trouble, row.trouble_detail = code[:40], detail[:500]
    row.save(update_fields=["trouble", "trouble_detail"])
    if is_down:
        MisLine.objects.filter(organization_id=organization_id, down_since=None).update(down_since=Now())


@command("Exchange.note-capabilities", roles={Role.SYSTEM})
def note_capabilities(*, actor: Actor, organization_id: UUID, capabilities: list[str]) -> None:
    Exchange.objects.filter(organization_id=organization_id).update(capabilities=sorted(capabilities))
