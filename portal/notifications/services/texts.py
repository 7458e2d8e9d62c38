"""A clinic's own timings and texts of messages."""

from __future__ import annotations

from datetime import time

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.kernel.errors import Conflict
from portal.notifications.models import MessagePolicy, MessageText
from portal.notifications.selectors_texts import own_words, versions
from portal.notifications.texts import Text


class TextHasChanged(Conflict):
    title = _("Somebody has saved this text in the meantime")
    text = _("Your words are still here, theirs are in the history. Look at both and save again.")


@command("MessagePolicy.set", roles={Role.CLINIC_ADMIN})
def set_timings(
    *, actor: Actor, day_hours: int, last_minutes: int, quiet_from: time, quiet_until: time
) -> MessagePolicy:
    """When patients of the actor's clinic are reminded, from the next booking on; 0: not at all."""
    values = {
        "day_hours": day_hours,
        "last_minutes": last_minutes,
        "quiet_from": quiet_from,
        "quiet_until": quiet_until,
    }
    policy, _is_new = MessagePolicy.objects.update_or_create(organization_id=actor.clinic, defaults=values)
    return policy


@command("MessageText.write", roles={Role.CLINIC_ADMIN})
def write_text(*, actor: Actor, kind: str, language: str, seen: int, text: Text | None) -> MessageText | None:
    """The next version after the one the writer has `seen`; None goes back to the standard text.

    Of two who have seen one version the second gets `TextHasChanged`. What is said already is not written again.
    """
    now = versions(actor.clinic, kind, language).first()
    if (now.version if now else 0) != seen:
        raise TextHasChanged
    if own_words(now) == text:
        return now
    said = text or Text("", "", "")
    new = MessageText(
        organization_id=actor.clinic,
        kind=kind,
        language=language,
        version=seen + 1,
        is_standard=text is None,
        sms=str(said.sms),
        subject=str(said.subject),
        body=str(said.body),
        made_by=actor.account,
    )
    try:
        with transaction.atomic():
            new.save(force_insert=True)
    except IntegrityError as taken:
        raise TextHasChanged from taken
    return new
