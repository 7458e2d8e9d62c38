"""Every address of the portal. A new one must appear in tests/walls/urls.py, or CI fails.

Public pages live under `/` in Russian and under `/en/` in English; the rest has one address, its language is a cookie.
"""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, URLResolver, path
from django.urls.resolvers import LocalePrefixPattern, RoutePattern

from portal.mis import urls as mis
from portal.notifications import urls as notifications
from portal.people import urls as people
from portal.scheduling import urls as scheduling
from portal.web import urls as web
from portal.web.health import live, ready

Pattern = URLPattern | URLResolver


def room(name: str, own: list[Any], public: list[Any]) -> URLResolver:
    """One namespace for both kinds of addresses of a room.

    Django's `include` refuses a language prefix inside a namespace, so the resolvers are put together here.
    """
    prefixed = URLResolver(LocalePrefixPattern(prefix_default_language=False), list(public))
    return URLResolver(RoutePattern(""), [*own, prefixed], app_name=name, namespace=name)


urlpatterns: list[Pattern] = [
    path("health/live", live, name="health-live"),
    path("health/ready", ready, name="health-ready"),
    room("people", people.own_patterns, people.public_patterns),
    room("scheduling", scheduling.own_patterns, scheduling.public_patterns),
    room("notifications", notifications.own_patterns, notifications.public_patterns),
    room("mis", mis.own_patterns, mis.public_patterns),
    room("web", web.own_patterns, web.public_patterns),
]
handler400 = "portal.kernel.errors.bad_request"
handler403 = "portal.kernel.errors.forbidden"
handler404 = "portal.kernel.errors.not_found"
handler500 = "portal.kernel.errors.broken"
