"""Posts of public pages: known by where they come from instead of by a token, so that the pages are the same for all.

A token in a page makes every copy of it different, and no cache can keep it (docs/adr/0008). Browsers say on their own
where a request was made (Fetch Metadata, W3C; Origin, RFC 6454); a page of another site cannot say otherwise. Only for
posts that touch nothing of an account: a press on a free time, the look of the page.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from portal.kernel.errors import Forbidden

View = Callable[..., HttpResponse]
OWN_SITES = ("same-origin", "none")


def from_own_pages(view: View) -> View:
    """`Forbidden` for a post that another site caused, or that does not say where it comes from."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and not _is_own(request):
            raise Forbidden(_("This was sent from another site. Open the page here and press the button again."))
        return view(request, *args, **kwargs)

    return csrf_exempt(guarded)


def _is_own(request: HttpRequest) -> bool:
    if getattr(request, "_dont_enforce_csrf_checks", False):  # Django's own test client
        return True
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in OWN_SITES
    said = request.headers.get("Origin") or request.headers.get("Referer", "")
    parts = urlsplit(said)
    here = f"{request.scheme}://{request.get_host()}"
    return f"{parts.scheme}://{parts.netloc}" in {here, *settings.CSRF_TRUSTED_ORIGINS}
