"""Short words for sign-in tests: the page's own way, the code read from where it waits to be sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse

from portal.people import rates
from portal.people.contacts import parse_address
from portal.people.models import OneTimeCode
from tests.cast import uid

NEW = "+79991112233"


def post(client: Any, name: str, *args: Any, **data: Any) -> Any:
    return client.post(reverse(f"people:{name}", args=args), data)


def get(client: Any, name: str, *args: Any, **query: Any) -> Any:
    return client.get(reverse(f"people:{name}", args=args), query)


def text_of(response: Any) -> str:
    """A page without what is different each time: the CSRF token and the request's number."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())
    return re.sub(r'data-wait="\d+"', "", text)


def problem_at(response: Any, field: str) -> str:
    """The text beside a field; the control is marked and points at it."""
    page = response.content.decode()
    found = re.search(rf'id="(?:id|new)_{field}-error">(.*?)</span></span>', page, re.S)
    assert found, f"no message at {field}"
    assert re.search(rf'aria-(?:invalid="true"|describedby="[^"]*{field}-error)', page)
    return re.sub(r"<[^>]+>|\s+", " ", found[1]).strip()


@pytest.fixture
def wait(sql: Callable[..., list[Any]]) -> Callable[[str], None]:
    """`wait("61 seconds")`: every code grows older by that much."""

    def grow(interval: str) -> None:
        sql(
            "UPDATE people_onetimecode"
            " SET created_at = created_at - %s::interval, expires_at = expires_at - %s::interval,"
            " again_at = again_at - %s::interval",
            *[interval] * 3,
        )

    return grow


@pytest.fixture
def code_for(as_actor: Any) -> Callable[[str], str]:
    """The newest code on its way to a contact."""

    def read(contact: str) -> str:
        with as_actor("job"):
            rows = OneTimeCode.objects.filter(destination_digest=parse_address(contact).digest)
            row = rows.order_by("-created_at").first()
            assert row is not None
            return str(row.sealed_code)

    return read


@pytest.fixture
def proved(client_of: Any, code_for: Any) -> Callable[..., Any]:
    """A browser that has typed the right code for a contact."""

    def walk(contact: str = NEW, client: Any = None) -> Any:
        client = client or client_of()
        post(client, "sign-in", contact=contact)
        post(client, "code", code=code_for(contact))
        return client

    return walk


@pytest.fixture
def agreed(proved: Any) -> Callable[..., Any]:
    """The same, with the consent given: one page away from an account."""

    def walk(contact: str = NEW) -> Any:
        client = proved(contact)
        post(client, "consent", document=uid("document-consent-account"), agree="on")
        return client

    return walk


@pytest.fixture(autouse=True)
def _calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of limits do not turn over in the middle of a test; no TOTP code is remembered from another test."""
    monkeypatch.setattr(rates, "_window_start", lambda now, window: datetime(2026, 1, 1, tzinfo=UTC))
    cache.clear()
