"""A request on the wire becomes an interaction, and a reply goes back: addresses, headers, formats, the token."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message as Headers
from typing import Any
from urllib.parse import parse_qsl, unquote

from doubles import _fhir_operations as operations
from doubles import _fhir_transaction
from doubles._fhir_errors import Refusal, outcome
from doubles._fhir_metadata import statement
from doubles._fhir_rest import Clinic, Reply
from doubles._fhir_search import LARGEST, Given
from doubles._fhir_store import Resource

JSON = {"application/fhir+json", "application/json", "text/json", "json"}
ANY = {"*/*", "application/*", ""}
FORM = "application/x-www-form-urlencoded"
KINDS = {"any", "read", "search", "create", "update", "transaction", "operation", "metadata"}
SEARCH_MODES = {"foreign-next", "ignore-params", "stale"}
Work = Callable[[], Reply]


@dataclass
class Request:
    """`path`: after the base, without slashes around; `body` is None when it was too long."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | None

    @property
    def parts(self) -> list[str]:
        return [unquote(part) for part in self.path.split("/")] if self.path else []

    @property
    def given(self) -> Given:
        return parse_qsl(self.query, keep_blank_values=True)

    def header(self, name: str) -> str:
        return str(self.headers.get(name, ""))

    @property
    def media(self) -> str:
        return self.header("Content-Type").partition(";")[0].strip().lower()

    def resource(self) -> Any:
        if self.body is None:
            raise Refusal(413, "too-long", "The body is too long, or its length is not told")
        if self.media not in JSON:
            raise Refusal(415, "not-supported", "Only application/fhir+json is read here")
        try:
            return json.loads(self.body)
        except ValueError:
            raise Refusal(400, "invalid", "The body is not JSON") from None


def kind_of(request: Request) -> str:
    """Which of KINDS it is; "" for what is none of them."""
    parts, method = request.parts, request.method
    if any(part.startswith("$") for part in parts):
        return "operation"
    if parts == ["metadata"]:
        return "metadata"
    if method == "POST":
        return {0: "transaction", 1: "create"}.get(len(parts), "search" if parts[-1:] == ["_search"] else "")
    if method == "GET":
        return {0: "", 1: "search"}.get(len(parts), "read")
    return "update" if method == "PUT" and len(parts) == 2 else ""


def check_token(request: Request, token: str) -> None:
    """Raises Refusal. What the server can do is told to everybody."""
    given = request.header("Authorization").partition(" ")
    is_good = given[0].lower() == "bearer" and hmac.compare_digest(given[2].strip().encode(), token.encode())
    if token and request.parts != ["metadata"] and not is_good:
        raise Refusal(401, "login", "A bearer token is needed", WWW_Authenticate='Bearer realm="fhir"')


def check_format(request: Request) -> None:
    """Raises Refusal for one who wants XML and nothing else."""
    asked = dict(request.given).get("_format") or request.header("Accept")
    ranges = {part.partition(";")[0].strip().lower() for part in asked.split(",")}
    if not ranges & (JSON | ANY):
        raise Refusal(406, "not-supported", "Only application/fhir+json is spoken here")


def perform(
    clinic: Clinic, request: Request, *, mode: str, hold_seconds: float | None, is_plain: bool = False
) -> Reply:
    """Raises Refusal. `mode`: an order about what is found; `hold_seconds`: None without operations."""
    check_format(request)
    has_operations = hold_seconds is not None
    works: dict[str, Work] = {
        "metadata": lambda: Reply(200, statement(clinic.base, has_operations=has_operations, is_plain=is_plain)),
        "read": lambda: _read(clinic, request),
        "search": lambda: _search(clinic, request, mode),
        "create": lambda: _create(clinic, request),
        "update": lambda: _update(clinic, request),
        "transaction": lambda: _fhir_transaction.run(clinic, request.resource()),
        "operation": lambda: _operation(clinic, request, hold_seconds),
    }
    work = works.get(kind_of(request))
    if work is None or (is_plain and kind_of(request) == "transaction"):
        raise Refusal(405, "not-supported", f"{request.method} is not offered here")
    return work()


def _read(clinic: Clinic, request: Request) -> Reply:
    kind, id_, *rest = request.parts
    if not rest:
        return clinic.read(kind, id_, unless=request.header("If-None-Match"))
    if len(rest) == 2 and rest[0] == "_history":
        return clinic.read(kind, id_, version=rest[1])
    raise Refusal(404, "not-found", "There is nothing at this address")


def _search(clinic: Clinic, request: Request, mode: str) -> Reply:
    given, strict = _asked(request), "handling=strict" in request.header("Prefer")
    kind = request.parts[0]
    if mode == "ignore-params":
        return clinic.search(kind, [("_count", str(LARGEST))])
    if mode == "stale":
        with clinic.store.before_the_last_write():
            return clinic.search(kind, given, strict=strict)
    return clinic.search(kind, given, strict=strict, foreign=mode == "foreign-next")


def _asked(request: Request) -> Given:
    """Of the address, and of the form of a POST: names stay out of logs of addresses."""
    if request.method == "GET":
        return request.given
    if request.media != FORM or request.body is None:
        raise Refusal(415, "not-supported", f"_search is asked with {FORM}")
    return request.given + parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)


def _create(clinic: Clinic, request: Request) -> Reply:
    reply = clinic.create(request.parts[0], request.resource(), unless=request.header("If-None-Exist"))
    return _preferred(request, reply)


def _update(clinic: Clinic, request: Request) -> Reply:
    kind, id_ = request.parts
    return _preferred(request, clinic.update(kind, id_, request.resource(), match=request.header("If-Match")))


def _preferred(request: Request, reply: Reply) -> Reply:
    """What was written, nothing, or a word that it was done, as the client likes."""
    asked = request.header("Prefer")
    if "return=minimal" in asked:
        return Reply(reply.status, {}, reply.headers)
    if "return=OperationOutcome" in asked:
        done = outcome("informational", "It is done", severity="information")
        return Reply(reply.status, done, reply.headers)
    return reply


def _operation(clinic: Clinic, request: Request, hold_seconds: float | None) -> Reply:
    parts, method = request.parts, request.method
    if hold_seconds is None or len(parts) != 2 or parts[0] != "Appointment" or parts[1] not in operations.NAMES:
        raise Refusal(404, "not-supported", "There is no such operation here")
    if parts[1] == "$find":
        return operations.find(clinic, dict(request.given) if method == "GET" else _values(request.resource()))
    if method != "POST":
        raise Refusal(405, "not-supported", f"{parts[1]} is a POST")
    if parts[1] == "$hold":
        return operations.hold(clinic, request.resource(), hold_seconds)
    return operations.book(clinic, request.resource())


def _values(parameters: Any) -> dict[str, str]:
    """name → value of Parameters. Raises Refusal."""
    try:
        return {each["name"]: _value(each) for each in parameters["parameter"]}
    except (KeyError, TypeError, AttributeError):
        raise Refusal(400, "structure", "Parameters are expected") from None


def _value(parameter: Resource) -> str:
    value = next((value for name, value in parameter.items() if name.startswith("value")), "")
    return str(value["reference"] if isinstance(value, dict) else value)
