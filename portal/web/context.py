"""What every page needs: its theme and language, the clinic it belongs to, who is looking.

Nothing here may fail: the page that tells about a broken database is drawn with it too.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from portal.web import brand
from portal.web.language import DEFAULT, OTHERS, in_language, is_private

logger = logging.getLogger(__name__)

THEME_COOKIE, CLEAR_COOKIE = "portal_theme", "portal_clear"
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True)
class Branding:
    """The clinic as the page shows it; plain words, so that a stale copy outlives the database."""

    slug: str = ""
    name: str = ""
    legal_name: str = ""
    license_number: str = ""
    phone: str = ""
    hours: str = ""
    mark: str = ""
    accent: str = ""

    @property
    def phone_link(self) -> str:
        return "tel:" + "".join(c for c in self.phone if c.isdigit() or c == "+")

    @property
    def brand_version(self) -> str:
        """Changes with the colour, so that its stylesheet may be cached for a year."""
        return self.accent.lstrip("#").lower() if brand.is_allowed(self.accent) else ""


@dataclass(frozen=True)
class SignedIn:
    kind: str = ""
    name: str = ""
    id: str = ""

    def __bool__(self) -> bool:
        return bool(self.kind)


@dataclass(frozen=True)
class Shell:
    """What stands around a page's content. Not called `page`: views have pages of their own (of results)."""

    theme: str
    is_clear: bool
    language: str
    path: str
    here: str
    is_public: bool
    alternates: list[tuple[str, str]] = field(default_factory=list)
    languages: tuple[str, ...] = (DEFAULT, *OTHERS)


_last_good: dict[str, Branding] = {}


def branding() -> Branding:
    language = _language()
    try:
        organization = import_module("portal.people.selectors").current_organization()
        branding = Branding(
            **{name: _plain(organization, name) for name in Branding.__dataclass_fields__ if name != "name"},
            name=_plain(organization, "name") or _plain(organization, f"name_{language}"),
        )
    except Exception as error:  # no clinic yet, or no database: the page still stands
        logger.debug("no branding", exc_info=error)
        return _last_good.get(language, Branding(name=_("Medical portal")))
    _last_good[language] = branding
    return branding


def _plain(thing: object, name: str) -> str:
    value = getattr(thing, name, "") or getattr(thing, f"{name}_{_language()}", "")
    return str(value or "")


def _language() -> str:
    from django.utils.translation import get_language

    return get_language() or DEFAULT


def _signed_in(request: HttpRequest) -> SignedIn:
    actor = getattr(request, "actor", None)
    if actor is None or not getattr(actor, "is_signed_in", False):
        return SignedIn()
    name = getattr(request, "display_name", "") or getattr(actor, "display_name", "")
    return SignedIn(kind=str(actor.kind), name=str(name), id=str(getattr(actor, "user_id", "")))


def _shell(request: HttpRequest) -> Shell:
    theme = request.COOKIES.get(THEME_COOKIE, "auto")
    is_public = not is_private(request.path_info)
    pairs = [(code, settings.PUBLIC_URL + in_language(request.path_info, code)) for code in (DEFAULT, *OTHERS)]
    return Shell(
        theme=theme if theme in THEMES else "auto",
        is_clear=request.COOKIES.get(CLEAR_COOKIE) == "1",
        language=_language(),
        path=request.path_info,
        here=request.get_full_path() if request.method == "GET" else request.path_info,
        is_public=is_public,
        alternates=pairs if is_public else [],
    )


def page(request: HttpRequest) -> dict[str, Any]:
    return {
        "shell": _shell(request),
        "organization": SimpleLazyObject(branding),
        "signed_in": SimpleLazyObject(lambda: _signed_in(request)),
    }
