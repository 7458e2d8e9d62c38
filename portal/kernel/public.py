"""What a public page says to caches: anyone's copy is good as long as its ETag is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import conditional_page

View = Callable[..., HttpResponse]


def public_page(view: View) -> View:
    """Asked again each time, answered 304 while nothing changed; shared by visitors who have not signed in."""

    @functools.wraps(view)
    def cached(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        is_known = settings.SESSION_COOKIE_NAME in request.COOKIES
        response.headers["Cache-Control"] = "private, no-cache" if is_known else "public, no-cache"
        patch_vary_headers(response, ["Cookie", "HX-Request"])
        return response

    return conditional_page(cached)
