"""A refusal in the form its reader understands; names that are markup are text on every page."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

import psycopg
import pytest
from django.urls import reverse

from tests.cast import uid
from tests.walls.hostile import errors_at, held, new_person, own_data, post
from tests.walls.urls import ROWS, UNKNOWN

# --- the answer's form -----------------------------------------------------------------------------------------------

REFUSED = [
    ("GET", "/nowhere/", 404), ("GET", "/doctors/?page=x", 400), ("GET", "/me/visits/", 401),
    ("GET", f"/me/visits/{UNKNOWN}/", 401), ("PUT", "/", 405), ("POST", "/book/hold/", 422),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "status"), REFUSED)
def test_a_program_gets_a_problem(client_of, method, path, status):
    answer = client_of().generic(method, path, headers={"accept": "application/json"})
    assert answer.status_code == status and answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status and answer.json()["title"]


def test_a_program_without_the_token_gets_a_problem(client_of):
    client = client_of("anna", enforce_csrf_checks=True)
    answer = client.post("/book/hold/", headers={"accept": "application/json"})
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")


@pytest.mark.parametrize(("method", "path", "status"), [row for row in REFUSED if row[2] != 401])
def test_htmx_gets_a_part_and_a_person_a_page(client_of, method, path, status):
    part = client_of().generic(method, path, headers={"hx-request": "true"})
    page = client_of().generic(method, path)
    assert part.status_code == page.status_code == status
    assert b"<html" not in part.content and part.content.strip()
    assert b"<html" in page.content


def test_htmx_is_sent_to_sign_in(client_of):
    answer = client_of().get("/me/visits/", headers={"hx-request": "true"})
    assert answer.status_code == 204 and answer["HX-Redirect"] == "/sign-in/?" + urlencode({"next": "/me/visits/"})


def test_fhir_clients_get_an_outcome(client_of):
    answer = client_of().get("/nowhere/", headers={"accept": "application/fhir+json"})
    assert answer.json()["issue"][0]["code"] == "not-found"


# --- names on pages --------------------------------------------------------------------------------------------------

EVIL = "<img src=x onerror=alert(1)>\"'{{7*7}}"


@pytest.fixture
def evil_names(as_actor, sql_as_owner):
    """Names as a clinic's other system might bring them: past the form that would refuse them."""
    from portal.kernel.actor import Role
    from portal.kernel.commands import command
    from portal.kernel.system_door import system_door
    from portal.people.models import Patient

    @command("Test.rename", roles={Role.SYSTEM})
    def rename(*, actor):
        for patient in Patient.objects.visible_to(actor):
            patient.family_name = patient.given_name = patient.middle_name = EVIL
            patient.save()

    with as_actor("job") as trail:
        system_door("test", [uid("anna"), uid("mila")])
        rename(actor=trail.actor)
    for table, columns in {
        "people_practitioner": "family_name_ru given_name_ru title_ru about_ru",
        "people_location": "name_ru city_ru metro_ru directions_ru hours_ru",
        "people_healthcareservice": "name_ru preparation_ru",
        "people_specialty": "name_ru plural_ru",
        "people_organization": "name_ru legal_name address_ru regulators_ru hours_ru license_issuer_ru",
        "people_legaldocument": "title_ru body_ru",
    }.items():
        sql_as_owner(f"UPDATE {table} SET " + ", ".join(f"{c} = %(evil)s" for c in columns.split()), evil=EVIL)


@pytest.fixture
def sql_as_owner(database_url):
    def run(statement, **params):
        with psycopg.connect(database_url("postgres")) as direct:
            direct.execute(statement, params)

    return run


@pytest.mark.parametrize("who", ["visitor", "anna", "vera", "rita"])
def test_names_are_text_on_every_page(evil_names, client_of, who):
    client = client_of(who)
    seen = 0
    for row in ROWS:
        if row.method == "GET":
            answer = client.get(reverse(row.name, args=row.args))
            page = answer.content.decode() if answer["Content-Type"].startswith("text/html") else ""
            assert "<img src=x" not in page and "49" not in re.findall(r"onerror=alert\(1\)&gt;&quot;&#x27;(\d+)", page)
            seen += "&lt;img src=x" in page
    assert seen > 8


def test_names_are_text_on_the_pages_of_a_booking(evil_names, client_of):
    client, path, good = held(client_of)
    for page in (client.get(path.removesuffix("confirm/")), post(client, path, {"patient": "x"})):
        assert b"<img src=x" not in page.content and b"&lt;img src=x" in page.content
    visit = client.get(post(client, path, good)["Location"])
    assert b"<img src=x" not in visit.content
    calendar = client.get(reverse("scheduling:calendar", args=[uid("visit-anna")]))
    assert calendar["Content-Type"].startswith("text/calendar") and calendar["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", [EVIL, quote(EVIL), "<script>", "javascript:alert(1)", "=HYPERLINK(1)", "${7*7}"])
def test_nobody_can_call_themselves_that(client_of, name):
    for form in (new_person, own_data):
        client, path, good = form(client_of)
        answer = post(client, path, good | {"family_name": name})
        assert answer.status_code == 422 and "family_name" in errors_at(answer)
        assert EVIL not in answer.content.decode()
