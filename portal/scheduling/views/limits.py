"""How much one account or one network may hold and look up, counted in the database: it holds across processes."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal.kernel import crypto
from portal.kernel.actor import Actor
from portal.kernel.address import client_ip, network_of
from portal.kernel.errors import TooMany
from portal.people.rates import count_hit, is_over
from portal.scheduling.services import Holder

HELD_BY_ACCOUNT, HELD_BY_NETWORK = 2, 12  # mobile operators put many people behind one address
LOOKS_WINDOW = timedelta(minutes=10)
COUNTED_BY = 25  # looks are written down so many at a time: a search costs no statement more
REFUSED_FOR = 60.0  # seconds
MOST_NETWORKS = 10_000

_uncounted: Counter[str] = Counter()
_refused: dict[str, float] = {}


def holder_of(request: HttpRequest, actor: Actor) -> Holder:
    """Whom to count this hold for. `TooMany` when this network has held too many times lately."""
    network = network_of(client_ip(request))
    most = settings.PORTAL.holds_per_ten_minutes
    if is_over("hold", network, (most, timedelta(minutes=10)), (most * 7, timedelta(days=1))):
        raise TooMany
    if actor.is_signed_in:
        return Holder(crypto.blind_index("hold-account", str(actor.user_id)), HELD_BY_ACCOUNT)
    return Holder(crypto.blind_index("hold-network", network), HELD_BY_NETWORK)


def looks_limited(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """`TooMany` for a network that reads free times faster than people do."""

    @functools.wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if looks_too_often(request):
            raise TooMany
        return view(request, *args, **kwargs)

    return limited


def looks_too_often(request: HttpRequest) -> bool:
    """Count one look. Each process writes its looks down 25 at a time and then learns those of all processes."""
    network = network_of(client_ip(request))
    until = _refused.get(network)
    if until is not None:
        if time.monotonic() < until:
            return True
        del _refused[network]
    if len(_uncounted) >= MOST_NETWORKS:
        _uncounted.clear()  # those forgotten had looked at fewer than 25 pages each
    _uncounted[network] += 1
    if _uncounted[network] < COUNTED_BY:
        return False
    total = count_hit("look", network, LOOKS_WINDOW, _uncounted.pop(network))
    if total <= settings.PORTAL.looks_per_ten_minutes:
        return False
    _remember(network)
    return True


def _remember(network: str) -> None:
    if len(_refused) >= MOST_NETWORKS:
        _refused.clear()
    _refused[network] = time.monotonic() + REFUSED_FOR
