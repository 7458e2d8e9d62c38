"""Is the process alive, is it ready: for the supervisor and the balancer. No transaction, no session, no data."""

from __future__ import annotations

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.kernel import crypto
from portal.kernel.errors import CryptoError
from portal.scheduling.models import DaySheet


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when the database answers, the tables are there and the keys open."""
    try:
        DaySheet.objects.order_by("pk").first()
        crypto.blind_index("health", "ready")
    except (DatabaseError, CryptoError):
        return HttpResponse("not ready", content_type="text/plain", status=503)
    return HttpResponse("ready", content_type="text/plain")
