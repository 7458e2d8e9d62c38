"""JSON as FHIR wants it: decimals keep every digit they came with (72.50 stays 72.50), nothing is rounded."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

Resource = dict[str, Any]
# `json` writes no decimals, so each travels as a string that nobody else can have written, and loses its quotes.
MARK = secrets.token_hex(16)
MARKED = re.compile(rf'"{MARK}([^"]+)"')


def decoded(content: bytes) -> Resource | None:
    """The resource; None for whatever is none."""
    try:
        body = json.loads(content, parse_float=_Number, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and isinstance(body.get("resourceType"), str) else None


class _Number(Decimal):
    """A decimal that remembers how it was written: 7.250E1 and 72.50 are the same number and not the same text."""

    text: str

    def __new__(cls, text: str) -> _Number:
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __deepcopy__(self, _memo: Any) -> _Number:
        return self


def _no_number(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


def encoded(body: Resource) -> bytes:
    text = json.dumps(body, ensure_ascii=False, default=_marked)
    return MARKED.sub(r"\1", text).encode()


def _marked(value: Any) -> str:
    if isinstance(value, Decimal):
        return MARK + (value.text if isinstance(value, _Number) else str(value))
    raise TypeError(type(value).__name__)


def own(value: Any, bases: Iterable[str]) -> Any:
    """The same with references to the server's own addresses made relative. Another server's 5 is not our 5."""
    if isinstance(value, list):
        return [own(one, bases) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: own(one, bases) if isinstance(one, dict | list) else one for name, one in value.items()}
    target = made.get("reference")
    if isinstance(target, str) and "://" in target:
        known = next((base for base in bases if target.startswith(base)), "")
        made["reference"] = target[len(known) :]
    return made
