"""The clinic itself: requisites, licence, regulators (PP 736), and the texts it publishes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.kernel.errors import NotFound
from portal.people.models import Organization
from portal.people.selectors import current_document


@require_safe
def organization(request: HttpRequest, slug: str) -> HttpResponse:
    found = Organization.objects.prefetch_related("locations").filter(slug=slug).first()
    if found is None:
        raise NotFound
    return render(request, "people/organization.html", {"clinic": found})


@require_safe
def legal(request: HttpRequest, kind: str) -> HttpResponse:
    """The version in force today of a published text."""
    document = current_document(kind, timezone.localdate())
    if document is None:
        raise NotFound
    return render(request, "people/legal.html", {"document": document})
