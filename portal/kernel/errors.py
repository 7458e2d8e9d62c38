"""Errors say what happened; here is the one mapping to a page, an htmx part, JSON (RFC 9457) and an OperationOutcome.

Raise a `PortalError` anywhere below a view. Text is for the person who reads it: what is, then what to do next.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

logger = logging.getLogger(__name__)


class PortalError(Exception):
    """`issue` is a FHIR IssueType code (http://hl7.org/fhir/issue-type); `context` goes to the page as it is."""

    status = 400
    issue = "invalid"
    title: str | Promise = gettext_lazy("This did not work")
    text: str | Promise = gettext_lazy("Check what you entered and try again.")

    def __init__(self, text: str | Promise | None = None, **context: Any) -> None:
        self.text = text or self.text
        self.context = context
        super().__init__(type(self).__name__)


class BadInput(PortalError):
    """Something in the address or the form that no page of ours would send."""


class SignInNeeded(PortalError):
    status, issue = 401, "login"
    title = gettext_lazy("Sign in first")
    text = gettext_lazy("This page is yours alone, so we need to know that it is you.")


class Forbidden(PortalError):
    """The person is known and the thing is not a secret, but this is not theirs to do."""

    status, issue = 403, "forbidden"
    title = gettext_lazy("This is not open to you")
    text = gettext_lazy("Your role does not include this. If you need it, ask your clinic's administrator.")


class NotFound(PortalError):
    """Also what a stranger sees: another person's record does not exist."""

    status, issue = 404, "not-found"
    title = gettext_lazy("There is no such page")
    text = gettext_lazy("Perhaps the address was copied in part, or the page has moved.")

    def __init__(self, text: str | Promise | None = None, *, patient_id: UUID | None = None, **context: Any) -> None:
        super().__init__(text, **context)
        self.patient_id = patient_id


class NotAllowed(PortalError):
    """A method the address does not know. `allow` goes into the answer's header."""

    status, issue = 405, "not-supported"
    title = gettext_lazy("This address does not work that way")
    text = gettext_lazy("Go back and use the buttons of the page.")


class Conflict(PortalError):
    status, issue = 409, "conflict"
    title = gettext_lazy("Someone was faster")
    text = gettext_lazy("This has changed in the meantime. Open the page again.")


class TooMany(PortalError):
    status, issue = 429, "throttled"
    title = gettext_lazy("Too many attempts")
    text = gettext_lazy("Wait a little and try again.")


class Broken(PortalError):
    status, issue = 500, "exception"
    title = gettext_lazy("Something broke on our side")
    text = gettext_lazy("We already know. Your visits are safe, nothing is lost.")


class Unavailable(PortalError):
    """The database cannot be reached or is being restarted: worth another try in a moment."""

    status, issue = 503, "transient"
    title = gettext_lazy("The portal is restarting")
    text = gettext_lazy("Try again in a minute. Your visits are safe, nothing is lost.")


class CryptoError(Exception):
    """A stored value that does not open: moved, changed, or written with another key. Never shown to a person."""


MALFORMED = (
    SuspiciousOperation,
    BadRequest,
    ValidationError,
    UnicodeError,
    MultiPartParserError,
    UnreadablePostError,
)


def as_portal_error(error: BaseException) -> PortalError:
    """Translate what Django raises; everything unknown is `Broken` and logged with its traceback."""
    if isinstance(error, PortalError):
        return error
    if isinstance(error, Http404):
        return NotFound()
    if isinstance(error, PermissionDenied):
        return Forbidden()
    if isinstance(error, RequestDataTooBig):
        return BadInput(_("That is too large to accept."))
    if isinstance(error, MALFORMED):
        return BadInput()
    logger.error("unhandled", exc_info=error)
    return Broken()


def respond(request: HttpRequest, error: PortalError) -> HttpResponse:
    """The answer in the form the caller asked for. Never a stack trace."""
    request_id = getattr(request, "request_id", None)
    accept = request.headers.get("Accept", "")
    response: HttpResponse
    if request.path.startswith("/fhir/") or "application/fhir+json" in accept:
        response = JsonResponse(_outcome(error), status=error.status, content_type="application/fhir+json")
    elif "application/json" in accept and "text/html" not in accept:
        response = JsonResponse(
            _problem(error, request_id), status=error.status, content_type="application/problem+json"
        )
    elif isinstance(error, SignInNeeded):
        response = _to_sign_in(request)
    else:
        response = _page(request, error, request_id)
    response["Cache-Control"] = "no-store"
    if isinstance(error, Unavailable):
        response["Retry-After"] = "30"
    if isinstance(error, NotAllowed):
        response["Allow"] = error.context["allow"]
    return response


def _outcome(error: PortalError) -> dict[str, Any]:
    issue = {"severity": "error", "code": error.issue, "details": {"text": str(error.text)}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _problem(error: PortalError, request_id: UUID | None) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": str(error.title),
        "status": error.status,
        "detail": str(error.text),
        "code": type(error).__name__,
        "request_id": str(request_id or ""),
    }


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    from django.conf import settings
    from django.urls import reverse
    from django.utils.http import urlencode

    url = reverse(settings.LOGIN_URL)
    if request.method == "GET":
        url = f"{url}?{urlencode({'next': request.get_full_path()})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _page(request: HttpRequest, error: PortalError, request_id: UUID | None) -> HttpResponse:
    context = {"error": error, "request_id": str(request_id or "")[:8].upper(), **error.context}
    template = "errors/_error.html" if request.headers.get("HX-Request") else "errors/error.html"
    template = error.context.get("template", template)
    body: str
    try:
        body = render_to_string(template, context, request=request)
    except Exception as failure:  # the page about the failure must not fail
        logger.error("error page did not render", exc_info=failure)
        body = f"{error.title}. {error.text}"
    return HttpResponse(body, status=error.status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW: usually a page that was open for a day."""
    return respond(
        request,
        Forbidden(_("The page was open for too long. Go back, reload it and try again: what you typed stays.")),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, as_portal_error(exception) if isinstance(exception, PortalError) else NotFound())


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, as_portal_error(exception))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, as_portal_error(exception))


def broken(request: HttpRequest) -> HttpResponse:
    return respond(request, Broken())
