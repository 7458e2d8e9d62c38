"""Has this browser been in this account before? A cookie that it keeps says so, and nothing is stored here.

The cookie holds a digest of the account under the installation's key: it signs nobody in and tells nobody who it is.
"""

from __future__ import annotations

import re
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal.kernel import crypto

COOKIE = "portal_known"
MOST_ACCOUNTS = 5
MARK = re.compile("[0-9a-f]{32}")
FOR = 400 * 24 * 3600  # seconds; browsers keep no cookie longer


def is_known(request: HttpRequest, user_id: UUID) -> bool:
    return _mark(user_id) in _marks(request)


def remember(request: HttpRequest, response: HttpResponse, user_id: UUID) -> None:
    """The last five accounts of a shared browser."""
    marks = [_mark(user_id), *(mark for mark in _marks(request) if mark != _mark(user_id))][:MOST_ACCOUNTS]
    response.set_cookie(
        COOKIE,
        ".".join(marks),
        max_age=FOR,
        path="/sign-in/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _marks(request: HttpRequest) -> list[str]:
    return [mark for mark in request.COOKIES.get(COOKIE, "").split(".") if MARK.fullmatch(mark)][:MOST_ACCOUNTS]


def _mark(user_id: UUID) -> str:
    return crypto.blind_index("known-browser", str(user_id))[:16].hex()
