"""How much one account or one network may hold, counted in the database so that it holds across processes."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest

from portal.kernel import crypto
from portal.kernel.actor import Actor
from portal.kernel.errors import TooMany
from portal.people.rates import is_over
from portal.people.views.sign_in import client_ip
from portal.scheduling.services import Holder

HELD_BY_ACCOUNT, HELD_BY_NETWORK = 2, 12  # mobile operators put many people behind one address
HOLDS = ((60, timedelta(minutes=10)), (400, timedelta(days=1)))


def holder_of(request: HttpRequest, actor: Actor) -> Holder:
    """Whom to count this hold for. `TooMany` when this network has held too many times lately."""
    network = client_ip(request)
    if is_over("hold", network, *HOLDS):
        raise TooMany
    if actor.is_signed_in:
        return Holder(crypto.blind_index("hold-account", str(actor.user_id)), HELD_BY_ACCOUNT)
    return Holder(crypto.blind_index("hold-network", network), HELD_BY_NETWORK)
