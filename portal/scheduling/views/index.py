"""For search engines: which pages there are, and which are nobody's business."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import override
from django.views.decorators.http import require_safe

from portal.kernel.public import public_page
from portal.people import selectors as people

PAGES = (
    "/book/",
    "/me/",
    "/desk/",
    "/manage/",
    "/sign-in/",
    "/staff/",
    "/times/",
    "/m/",
    "/cal/",
    "/doctors/suggestions/",
)
PRIVATE = tuple(prefix + page for prefix in ("", "/en") for page in PAGES)


@require_safe
@public_page
def sitemap(request: HttpRequest) -> HttpResponse:
    """Every public page in both languages (sitemaps.org 0.9, with hreflang alternates)."""
    pages = [{code: settings.PUBLIC_URL + url for code, url in _in_both(*page).items()} for page in _pages()]
    return render(request, "scheduling/sitemap.xml", {"pages": pages}, content_type="application/xml")


def _pages() -> Iterator[tuple[str, str, str]]:
    """(name of the address, its argument, its query)"""
    for name in ("home", "results", "services", "together", "branches"):
        yield name, "", ""
    for specialty in people.specialties():
        yield "results", "", f"?specialty={specialty.slug}"
    for place in people.locations():
        yield "branch", place.slug, ""
    for slug in people.published_doctors():
        yield "doctor", slug, ""


def _in_both(name: str, argument: str, query: str) -> dict[str, str]:
    found = {}
    for code in ("ru", "en"):
        with override(code):
            found[code] = reverse(f"scheduling:{name}", args=[argument] if argument else []) + query
    return found


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in PRIVATE), f"Sitemap: {settings.PUBLIC_URL}/sitemap.xml"]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
