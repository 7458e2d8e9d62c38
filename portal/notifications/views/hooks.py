"""Addresses that SMS providers call when something becomes of a message.

Nothing of a call is believed: it only makes the messages it names be asked about at once, by the provider's own
interface. Lost, repeated, out of order or forged, it changes no message.
"""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from portal.kernel.access import current_trail
from portal.kernel.actor import provider
from portal.kernel.errors import BadInput, NotFound
from portal.kernel.ports import port
from portal.notifications import services
from portal.notifications.routes import carriers_of_vendor

MOST_BYTES = 64 * 1024
MOST_NAMED = 200


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def sms(request: HttpRequest, vendor: str, secret: str) -> HttpResponse:
    """The provider's own words for "taken", whatever it said; without the secret the address does not exist."""
    carriers = carriers_of_vendor(vendor)
    if not carriers or not _is_ours(secret):
        raise NotFound
    actor = provider(request.request_id)  # type: ignore[attr-defined]
    request.actor = actor  # type: ignore[attr-defined]
    current_trail().become(actor)
    carrier = port(carriers[0])
    if refs := carrier.mentioned(_said(request))[:MOST_NAMED]:
        services.ask_now(actor=actor, carriers=carriers, refs=refs, by_our_number=carrier.knows_our_number)
    return HttpResponse(carrier.callback_answer, content_type="text/plain; charset=utf-8")


def _is_ours(secret: str) -> bool:
    known: str = settings.PORTAL.sms_hook_secret
    return bool(known) and hmac.compare_digest(secret.encode(), known.encode())


def _said(request: HttpRequest) -> bytes:
    """The body, or the query of an address that was opened without one."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise BadInput
    return request.body or str(request.META.get("QUERY_STRING", ""))[:MOST_BYTES].encode("ascii", "replace")
