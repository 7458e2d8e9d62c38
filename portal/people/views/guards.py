"""Who may open a page: decorators that hand the actor to the view."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict

from portal.kernel.actor import Actor, Role
from portal.kernel.errors import Forbidden, SignInNeeded

View = Callable[..., HttpResponse]


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to. A POST without any field is a form without any answer, not a first look at the page."""
    return request.POST if request.method == "POST" else None


def patient_page(view: View) -> View:
    """A signed-in patient; a visitor is sent to sign in, staff get 403."""
    return _page(view, lambda actor: actor.role == Role.PATIENT)


def staff_page(*roles: Role) -> Callable[[View], View]:
    """Staff in one of these roles; others get 403, a visitor is sent to sign in."""
    return lambda view: _page(view, lambda actor: actor.role in roles)


def _page(view: View, allows: Callable[[Actor], bool]) -> View:
    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        actor: Actor = request.actor  # type: ignore[attr-defined]
        if not actor.is_signed_in:
            raise SignInNeeded
        if not allows(actor):
            raise Forbidden
        return view(request, actor, *args, **kwargs)

    return guarded
