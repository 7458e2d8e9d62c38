"""Which language a page speaks: the address decides on public pages, a cookie on private ones.

Public pages are indexed and shared, so `/en/…` is English and the rest Russian, whatever the cookie says.
Private pages have one address per person, so there the choice travels in `portal_lang`.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

DEFAULT = "ru"
OTHERS = ("en",)
PRIVATE = (
    "/me/",
    "/book/",
    "/sign-in",
    "/sign-out",
    "/desk/",
    "/manage/",
    "/staff/",
    "/look/",
    "/m/",
    "/cal/",
)


def is_private(path: str) -> bool:
    """Has this page one address for all languages?"""
    return path.startswith(PRIVATE) or f"{path}/" in PRIVATE


def prefix_of(path: str) -> str:
    """`en` for `/en/doctors`, nothing for `/doctors`."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in OTHERS else ""


def in_language(path: str, language: str) -> str:
    """The address of the same page in another language; a private page keeps its address."""
    if is_private(path):
        return path
    prefix = prefix_of(path)
    bare = path[len(prefix) + 1 :] if prefix else path
    return f"/{language}{bare or '/'}" if language in OTHERS else bare or "/"


def language_for(request: HttpRequest) -> str:
    path = request.path_info
    if not is_private(path):
        return prefix_of(path) or DEFAULT
    wanted = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, DEFAULT)
    return wanted if wanted in OTHERS else DEFAULT


class LanguageMiddleware:
    """Speaks the language of the request and says so in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = language_for(request)
        translation.activate(language)
        request.LANGUAGE_CODE = language
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        if is_private(request.path_info):
            patch_vary_headers(response, ("Cookie",))
        return response
