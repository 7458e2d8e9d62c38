"""Every address of the portal. A new one must appear in tests/walls/urls.py, or CI fails."""

from django.urls import path

from portal.kernel import errors

urlpatterns: list = []
handler400, handler403, handler404, handler500 = (
    "portal.kernel.errors.bad_request",
    "portal.kernel.errors.forbidden",
    "portal.kernel.errors.not_found",
    "portal.kernel.errors.broken",
)
