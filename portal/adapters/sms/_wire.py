"""What the SMS adapters share: one POST that tells whether anything can have happened, and reading what came back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from portal.kernel.ports import PortFailure, PortUnknown

TIMEOUT = httpx.Timeout(connect=3.0, write=5.0, read=10.0, pool=3.0)  # seconds
SENDER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{1,9}[A-Za-z0-9])")
NO_GATEWAY = {403, 404, 405, 429}

# Raised before the first byte of the request is written: nothing can have happened.
NOT_WRITTEN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def client_for(url: str, timeout: httpx.Timeout | float, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """A client of one origin; no proxy, .netrc or redirect may ever see the secret."""
    return httpx.Client(base_url=url, timeout=timeout, headers=headers, follow_redirects=False, trust_env=False)


def post(client: httpx.Client, path: str, **body: Any) -> httpx.Response:
    """One POST with `data` or `json`. Raises PortFailure when nothing was written, PortUnknown when nothing came."""
    try:
        return client.post(path, **body)
    except NOT_WRITTEN as error:
        raise PortFailure(
            permanent=False, code="unreachable", detail=type(error).__name__, stops_provider=True
        ) from None
    except httpx.HTTPError as error:
        raise PortUnknown(code="no-answer", detail=type(error).__name__) from None


def require_gateway(response: httpx.Response) -> None:
    """Raises PortFailure for an answer that no gateway gives which has understood the request."""
    if response.status_code in NO_GATEWAY or response.is_redirect:
        raise PortFailure(
            permanent=False, code=f"http-{response.status_code}", detail="not a gateway", stops_provider=True
        )


def parsed(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of a good answer. Raises PortUnknown for anything else."""
    try:
        answer = response.json() if response.status_code == httpx.codes.OK else None
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise PortUnknown(code="bad-answer", detail=f"http {response.status_code}")
    return answer


def require_account(*, names: str, values: tuple[object, ...]) -> None:
    """Raises PortFailure `not-configured` unless every value is there; `names`: the settings, for the operator."""
    if not all(values):
        detail = f"{names}: not set as expected"
        raise PortFailure(permanent=False, code="not-configured", detail=detail, stops_provider=True)


def require_sender(sender: str, *, name: str) -> None:
    """Raises PortFailure `no-sender` unless it is a name that can be registered; `name`: the setting."""
    if not SENDER.fullmatch(sender):
        raise PortFailure(
            permanent=False,
            code="no-sender",
            detail=f"{name}: expected a registered name of 3 to 11 latin letters or digits",
            stops_provider=True,
        )


def failure(name: str, permanent: bool, stops: bool, detail: str) -> PortFailure:
    """One row of an adapter's table of errors."""
    return PortFailure(permanent=permanent, code=name, detail=detail, stops_provider=stops)


def number(value: object) -> int | None:
    """Gateways write numbers now as numbers, now as strings."""
    try:
        return int(str(value))
    except ValueError:
        return None


def money(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
