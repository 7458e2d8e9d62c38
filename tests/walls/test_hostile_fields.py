"""What no browser of ours would send, to every field: refused, said beside the field, nothing written.

`WORST` is tried on each field of each form. A refusal is 4xx; where a value may be ignored the place says so
(`IGNORES`). Whatever the answer, it is never 500, and a refusal leaves every table as it was, but for sessions,
counters of tries and the audit trail.
"""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.cast import at, uid
from tests.walls.hostile import (
    WORST,
    code,
    consent,
    contact_code,
    device,
    errors_at,
    held,
    hold,
    new_contact,
    new_person,
    own_data,
    post,
    sessions,
    signing_in,
    staff,
)
from tests.walls.urls import UNKNOWN, chip


def test_a_written_row_would_be_noticed(client_of, counts):
    before = counts()
    assert post(client_of(), reverse("scheduling:hold"), chip()).status_code == 302
    assert counts() != before


FORMS = {
    signing_in: ["contact"],
    code: ["code"],
    consent: ["document", "agree"],
    new_person: ["family_name", "given_name", "middle_name", "birth_date", "sex"],
    own_data: ["family_name", "given_name", "middle_name", "birth_date", "sex", "version"],
    new_contact: ["contact"],
    contact_code: ["code"],
    staff: ["email", "password"],
    held: ["patient", "comment"],
    hold: ["role", "service", "start"],
    sessions: ["session"],
    device: ["subscription"],
}
NAMES = {"family_name", "given_name", "middle_name"}
LETTERS = {"nan", "null"}  # perfectly good names
HIDDEN = {"document", "version", "subscription"}  # said at the head of the form: there is no field to point at
NO_PAGE = {hold, sessions}  # buttons without fields: the answer is a page that says what happened
IGNORES = {
    (consent, "agree"),  # any value of a ticked box is a tick
    (staff, "password"),  # any text may be a password: answered as a wrong one
    (held, "comment"),  # free text
}
FIELDS = [pytest.param(form, field, id=f"{form.__name__}-{field}") for form, names in FORMS.items() for field in names]


@pytest.mark.parametrize(("form", "field"), FIELDS)
def test_every_bad_value_of_every_field_is_refused_beside_it(form, field, client_of, counts):
    client, path, good = form(client_of)
    for name, value in WORST.items():
        if field in NAMES and name in LETTERS:
            continue
        before = counts()
        answer = post(client, path, good | {field: value})
        if (form, field) in IGNORES and answer.status_code in (302, 422):
            break
        assert 400 <= answer.status_code < 500, name
        assert counts() == before, f"{name}: something was written"
        if form not in NO_PAGE:
            assert answer.status_code == 422, name
            assert field in errors_at(answer) or (field in HIDDEN and 'role="alert"' in answer.content.decode()), name
        assert WORST["markup"] not in answer.content.decode()


@pytest.mark.parametrize("value", [v for n, v in WORST.items() if n in ("NUL", "control", "long")])
def test_a_comment_that_cannot_be_kept_is_refused_beside_its_field(client_of, counts, value):
    client, path, good = held(client_of)
    before = counts()
    answer = post(client, path, good | {"comment": value})
    assert answer.status_code == 422 and errors_at(answer) == {"comment"}
    assert counts() == before


def test_a_comment_of_markup_is_kept_as_text(client_of):
    client, path, good = held(client_of)
    comment = WORST["markup"] + WORST["template"] + WORST["emoji"]
    page = client.get(post(client, path, good | {"comment": comment})["Location"]).content.decode()
    assert "<img src=x" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "{{7*7}}" in page and WORST["emoji"] in page


@pytest.mark.parametrize(("form", "field"), FIELDS)
@pytest.mark.parametrize("shape", ["missing", "empty", "twice", "array"])
def test_fields_missing_empty_repeated_or_as_arrays(form, field, shape, client_of, counts):
    client, path, good = form(client_of)
    before = counts()
    bad = dict(good)
    value = bad.pop(field, "Иванович")
    if shape == "empty":
        bad[field] = ""
    elif shape == "twice":
        bad[field] = [value, WORST["markup"]]
    elif shape == "array":
        bad[f"{field}[]"] = value
    answer = post(client, path, bad)
    assert answer.status_code < 500
    ignorable = field in ("middle_name", "comment", "session") or (form, field) in IGNORES
    if not ignorable or (shape == "twice" and (form, field) not in IGNORES):
        assert answer.status_code >= 400, "accepted"
        assert counts() == before


# --- what is booked --------------------------------------------------------------------------------------------------

OTHER = str(uid("therapist-first"))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"start": f"in-person|{at(10, days=-3).isoformat()}"}, 422),
        ({"start": f"in-person|{at(10, days=400).isoformat()}"}, 422),
        ({"start": f"in-person|{at(3).isoformat()}"}, 422),
        ({"start": f"in-person|{at(10, 7).isoformat()}"}, 422),
        ({"start": f"in-person|{at(16, 45).isoformat()}"}, 422),
        ({"start": f"chat|{at(10).isoformat()}"}, 422),
        ({"start": f"|{at(10).isoformat()}"}, 422),
        ({"start": at(10).isoformat()}, 422),
        ({"start": f"in-person|{at(10).replace(tzinfo=None).isoformat()}"}, 422),
        ({"start": f"in-person|{at(10).isoformat()}".replace("+00:00", "+05:00")}, 422),
        ({"start": f"in-person|{at(10).isoformat()}".replace("+00:00", "+23:59:59")}, 422),
        ({"start": "in-person|0001-01-01T00:00:00+00:00"}, 422),
        ({"start": "in-person|0001-01-01T00:00:00+23:59"}, 422),
        ({"start": "in-person|9999-12-31T23:59:59-23:59"}, 422),
        ({"start": "in-person|2100-12-31T23:59:59-23:59"}, 422),
        ({"start": "in-person|2000-01-01T00:00:00+23:59"}, 422),
        ({"start": "in-person|"}, 422),
        ({"start": "|||"}, 422),
        ({"service": str(uid("cardiologist-first"))}, 404),
        ({"service": str(UNKNOWN)}, 404),
        ({"role": str(UNKNOWN)}, 404),
        ({"role": str(uid("vera"))}, 404),
        ({"role": "{" + str(uid("role-dina")) + "}"}, 404),
        ({"role": OTHER, "service": str(uid("role-vera"))}, 404),
    ],
)
def test_times_and_services_that_nobody_offers(client_of, counts, change, status):
    client, path, good = hold(client_of)
    before = counts()
    answer = post(client, path, good | change)
    assert answer.status_code == status
    assert counts() == before


@pytest.mark.parametrize("who", ["boris", "zoya", "mila-of-nobody", "vera", "shore"])
def test_nobody_is_booked_by_a_stranger(client_of, counts, who):
    client, path, good = held(client_of)
    before = counts()
    assert post(client, path, good | {"patient": str(uid(who))}).status_code == 404
    assert counts() == before


def test_a_time_of_another_zone_is_the_same_time(client_of):
    client, path, good = hold(client_of)
    other = at(10).astimezone(__import__("zoneinfo").ZoneInfo("Asia/Vladivostok")).isoformat()
    assert post(client, path, good | {"start": f"in-person|{other}"}).status_code == 302


def test_another_browsers_hold_cannot_be_confirmed(client_of, counts):
    _, path, good = held(client_of)
    before = counts()
    boris = client_of("boris")
    assert post(boris, path, good | {"patient": str(uid("boris"))}).status_code == 404
    post(boris, reverse("scheduling:hold"), chip() | {"start": f"in-person|{at(12).isoformat()}"})
    assert post(boris, path, good | {"patient": str(uid("boris"))}).status_code == 404
    assert len(counts()) == len(before)
