"""The table of tests/walls/urls.py against the running portal; the trail of each allowed page and of each refusal."""

from __future__ import annotations

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.walls.urls import EVERYONE, ROWS

READING = [pytest.param(row, id=row.label) for row in ROWS if row.method == "GET"]
POSTS = [row for row in ROWS if row.method != "GET"]
TURNED_AWAY = (403, 404)
WRITING = [
    pytest.param(row, who, id=f"{row.label} as {who}")
    for row in POSTS
    for who in EVERYONE
    if row.expected[who] not in TURNED_AWAY
]


def names(patterns, namespace=""):
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from names(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}"


def test_every_address_has_a_row():
    assert set(names(get_resolver().url_patterns)) == {row.name for row in ROWS}


def test_every_address_has_a_name():
    assert not [name for name in names(get_resolver().url_patterns) if name.endswith("None")]


@pytest.mark.parametrize("row", READING)
def test_everyone_sees_what_is_theirs(row, client_of, sql):
    """One database for all members of the cast: looking changes nothing for the next."""
    for who in EVERYONE:
        try_address(row, who, client_of, sql)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.label) for row in POSTS])
def test_who_is_turned_away_changes_nothing_for_the_next(row, client_of, sql):
    """One database for all of them: a refusal writes nothing but its trail."""
    for who in EVERYONE:
        if row.expected[who] in TURNED_AWAY:
            try_address(row, who, client_of, sql)


@pytest.mark.parametrize(("row", "who"), WRITING)
def test_everyone_may_do_what_is_theirs(row, who, client_of, sql):
    try_address(row, who, client_of, sql)


def try_address(row, who, client_of, sql):
    """The status of the table, and the trail that belongs to it."""
    response = client_of(who).generic(row.method, reverse(row.name, args=row.args), **_body(row))
    assert response.status_code == row.expected[who], f"as {who}"
    if row.name.startswith("health") or row.name == "scheduling:times":  # no actor, no transaction
        return
    events = _events(sql, response["X-Request-Id"])
    if response.status_code in (403, 404) and who != "visitor":
        assert "refused" in {outcome for outcome, _, _ in events}, f"a refusal of {who} left no trail"
    if row.opens and response.status_code == 200:
        assert any(opens and patient for _, opens, patient in events), f"patient data without a trail, as {who}"
        assert "no-store" in response["Cache-Control"]
    if response.status_code == 302 and who == "visitor" and row.opens:
        assert response["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("row", [r for r in ROWS if r.opens], ids=lambda r: r.label)
def test_a_refused_page_shows_nothing_of_the_patient(row, client_of):
    for who in EVERYONE:
        if row.expected[who] in (403, 404):
            text = client_of(who).get(reverse(row.name, args=row.args)).content.decode()
            assert "Annaова" not in text and "Milaова" not in text and "Врачvera" not in text


def _body(row):
    if row.method == "GET":
        return {}
    from urllib.parse import urlencode

    return {"data": urlencode(row.data(), doseq=True), "content_type": "application/x-www-form-urlencoded"}


def _events(sql, request_id):
    return sql("SELECT outcome, opens, patient_id FROM guard.audit_event WHERE request_id = %s", request_id)
