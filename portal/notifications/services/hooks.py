"""What a provider's callback may cause."""

from __future__ import annotations

import re
from collections.abc import Sequence

from portal.kernel.actor import Actor, Role
from portal.kernel.commands import command
from portal.notifications.ports import SEQUENCES
from portal.notifications.selectors_sql import ask_at_once

NUMBER = re.compile(r"[1-9]\d{0,9}", re.ASCII)


@command("Message.ask-now", roles={Role.HOOK})
def ask_now(*, actor: Actor, carriers: Sequence[str], refs: Sequence[str], by_our_number: bool) -> int:
    """Have the provider asked now about those of its messages that are on their way or in doubt; how many there were.

    `refs` are from outside: names of nothing, of messages long settled and of another provider's change nothing.
    """
    numbers = [int(ref) for ref in refs if by_our_number and NUMBER.fullmatch(ref) and int(ref) in SEQUENCES]
    return ask_at_once(list(carriers), list(refs), numbers)
