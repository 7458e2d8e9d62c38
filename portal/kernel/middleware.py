"""One request, one transaction: who acts → view and rendering → what was read → commit → only then the answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from portal.kernel.access import Trail, acting
from portal.kernel.actor import Actor, anonymous
from portal.kernel.audit import record_refusal
from portal.kernel.errors import (
    BadInput,
    Broken,
    Conflict,
    NotAllowed,
    PortalError,
    Unavailable,
    as_portal_error,
    respond,
)
from portal.kernel.logs import request_id_var

logger = logging.getLogger("portal.request")
GetResponse = Callable[[HttpRequest], HttpResponse]
# No transaction and no actor: nothing, or one statement about nobody (scheduling/views/times.py).
WITHOUT_DATABASE = ("/health/", "/static/", "/times/")
DEADLOCK_OR_SERIALIZATION = ("40P01", "40001", "55P03")
AWAY = ("57P01", "57P02", "57P03", "53300", "08006", "08003")  # shut down, starting, too many clients, lost


class RequestId:
    """A fresh id for each request: in the answer, in every log line, in every AuditEvent."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = uuid4()  # type: ignore[attr-defined]
        token = request_id_var.set(str(request.request_id))  # type: ignore[attr-defined]
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            response["X-Request-Id"] = str(request.request_id)  # type: ignore[attr-defined]
            match = request.resolver_match
            logger.info(
                "request",
                extra={
                    "method": request.method,
                    "route": match.route if match else "",  # never the path: it may hold a token
                    "status": response.status_code,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                },
            )
            return response
        finally:
            request_id_var.reset(token)


class PortalTransaction:
    """Holds the transaction around everything below it, rendering included. Errors are answered after the rollback."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.resolve_actor: Callable[[HttpRequest], Actor] = import_string(settings.ACTOR_RESOLVER)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id: UUID = request.request_id  # type: ignore[attr-defined]
        request.actor = anonymous(request_id)  # type: ignore[attr-defined]
        request.failure = None  # type: ignore[attr-defined]
        if request.path.startswith(WITHOUT_DATABASE):
            response = self.get_response(request)
            failure = request.failure  # type: ignore[attr-defined]
            return respond(request, _problem(failure)) if failure is not None else response
        try:
            with acting(request.actor) as trail:  # type: ignore[attr-defined]
                request.trail = trail  # type: ignore[attr-defined]
                _require_utf8(request)
                response = self.get_response(request)
                if isinstance(response, HttpResponseNotAllowed):
                    raise NotAllowed(allow=response["Allow"])
                if request.failure is not None or response.status_code >= 500:  # type: ignore[attr-defined]
                    raise _RollBack
        except _RollBack:
            if request.failure is None:  # type: ignore[attr-defined]
                return response
            return self._answer(request, request.failure)  # type: ignore[attr-defined]
        except Exception as error:  # raised outside the view: by a middleware, by COMMIT
            return self._answer(request, error)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """The session and the user are known now; from here on the database knows who acts."""
        if request.path.startswith(WITHOUT_DATABASE):
            return
        trail: Trail = request.trail  # type: ignore[attr-defined]
        actor = self.resolve_actor(request).in_request(request.request_id)  # type: ignore[attr-defined]
        if actor != trail.actor:
            request.actor = actor  # type: ignore[attr-defined]
            trail.become(actor)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse:
        """Keep the error; the page about it is made when the transaction is gone."""
        request.failure = error  # type: ignore[attr-defined]
        return HttpResponse(status=500)

    def _answer(self, request: HttpRequest, error: Exception) -> HttpResponse:
        problem = _problem(error)
        actor: Actor = request.actor  # type: ignore[attr-defined]
        try:
            if problem.status in (403, 404) and actor.is_signed_in:
                route = request.resolver_match.view_name if request.resolver_match else ""
                patient_id = getattr(problem, "patient_id", None)
                record_refusal(actor, "request.refused", patient_id=patient_id, route=route, status=problem.status)
            with acting(actor):
                return respond(request, problem)
        except (DatabaseError, InterfaceError) as failure:
            logger.error("database unavailable while answering", exc_info=failure)
            return respond(request, problem)


def _require_utf8(request: HttpRequest) -> None:
    """Another charset is refused rather than read wrongly (kernel/wsgi.py)."""
    named = (request.content_params or {}).get("charset", "utf-8")
    if named.lower().replace("_", "-") not in ("utf-8", "utf8"):
        request.encoding = "utf-8"
        raise BadInput(_("Texts are taken in UTF-8 only."))


class _RollBack(Exception):
    """Leaves the transaction without committing it."""


def _problem(error: Exception) -> PortalError:
    if not isinstance(error, DatabaseError | InterfaceError):
        return as_portal_error(error)
    state = getattr(error.__cause__, "sqlstate", None)
    if isinstance(error, OperationalError) and state in DEADLOCK_OR_SERIALIZATION:
        return Conflict(_("Two people changed the same thing at the same moment. Try once more."))
    logger.error("database error", exc_info=error)
    is_away = isinstance(error, OperationalError | InterfaceError) and (state is None or state in AWAY)
    return Unavailable() if is_away else Broken()
