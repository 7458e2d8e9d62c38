"""The look menu, the clinic's colours, and the page that shows every part."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST, require_safe

from portal.kernel.origin import from_own_pages
from portal.kernel.public import public_page
from portal.web import brand, samples
from portal.web.context import CLEAR_COOKIE, THEME_COOKIE, THEMES, branding
from portal.web.language import DEFAULT, OTHERS, in_language

YEAR = 365 * 24 * 3600


class SeeOther(HttpResponseRedirect):
    """After a POST: come back with GET."""

    status_code = 303


def _keep(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=YEAR, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax")


def _safe_path(path: str) -> str:
    """A path of this site and nothing else: no host, no scheme, no `//`."""
    is_safe = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if is_safe else "/"


@require_POST
@from_own_pages
def look(request: HttpRequest) -> HttpResponse:
    """Remember theme, clear version and language for a year; unknown values change nothing."""
    language = request.POST.get("lang", "")
    is_language = language in (DEFAULT, *OTHERS)
    target = _safe_path(request.POST.get("next", "/"))
    response = SeeOther(in_language(target, language) if is_language else target)
    if is_language:
        _keep(response, settings.LANGUAGE_COOKIE_NAME, language)
    if request.POST.get("theme") in THEMES:
        _keep(response, THEME_COOKIE, request.POST["theme"])
        _keep(response, CLEAR_COOKIE, "1" if request.POST.get("clear") == "1" else "0")
    return response


@public_page
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """The portal on a home screen. An iPhone shows notifications of such a page alone."""
    sizes = ("192", "512")
    icons = [{"src": static(f"look/mark-{n}.png"), "sizes": f"{n}x{n}", "type": "image/png"} for n in sizes]
    name = str(branding().name)
    said = {"name": name, "id": "/", "start_url": "/me/", "scope": "/", "display": "standalone"}
    colours = {"background_color": "#f0f4f0", "theme_color": "#104236"}
    return JsonResponse(said | colours | {"icons": icons}, content_type="application/manifest+json")


@require_GET
def brand_css(request: HttpRequest) -> HttpResponse:
    """The clinic's own hue as tokens. The address carries the colour, so a year of cache is safe."""
    accent = "#" + request.GET.get("v", "")
    try:
        body = brand.stylesheet(accent)
    except brand.ColourError:
        raise Http404 from None
    return HttpResponse(
        body, content_type="text/css; charset=utf-8", headers={"Cache-Control": f"public, max-age={YEAR}, immutable"}
    )


@require_GET
def design(request: HttpRequest) -> HttpResponse:
    """Every token and part in its states, drawn by the templates that real pages use."""
    return render(request, "web/design.html", samples.everything())
