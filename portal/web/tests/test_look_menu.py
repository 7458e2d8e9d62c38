import pytest


def press(client, **values):
    return client.post("/look/", {"theme": "dark", "lang": "ru", "next": "/doctors/", **values})


def test_the_choice_is_kept_for_a_year_and_the_person_is_back_where_they_were(client_of):
    client = client_of()
    answer = press(client, clear="1")
    assert (answer.status_code, answer["Location"]) == (303, "/doctors/")
    assert {name: client.cookies[name].value for name in ("portal_theme", "portal_clear", "portal_lang")} == {
        "portal_theme": "dark",
        "portal_clear": "1",
        "portal_lang": "ru",
    }
    assert client.cookies["portal_theme"]["max-age"] == 365 * 24 * 3600
    assert b'data-theme="dark" data-clear' in client.get("/").content


def test_another_language_leads_to_the_same_page_in_it(client_of):
    assert press(client_of(), lang="en")["Location"] == "/en/doctors/"
    assert press(client_of(), lang="en", next="/sign-in/")["Location"] == "/sign-in/"


@pytest.mark.parametrize(
    "target", ["//evil.example/", "https://evil.example", "/\\evil.example", "javascript:1", "", "x" * 3000]
)
def test_it_never_leads_out_of_the_portal(client_of, target):
    assert press(client_of(), next=target)["Location"] == "/"


def test_unknown_values_change_nothing(client_of):
    client = client_of()
    answer = press(client, theme="<script>", lang="xx", clear="9")
    assert answer.status_code == 303
    assert not {"portal_theme", "portal_clear", "portal_lang"} & set(client.cookies)


def test_a_forged_cookie_is_ignored(client_of):
    client = client_of()
    client.cookies["portal_theme"] = '"><script>'
    page = client.get("/").content
    assert b"data-theme" not in page
    assert b'"><script>' not in page


def test_only_a_form_of_ours_may_change_it(client_of):
    assert client_of().get("/look/").status_code == 405
    assert client_of(enforce_csrf_checks=True).post("/look/", {"theme": "dark"}).status_code == 403


def test_the_clinics_colour_is_served_as_a_stylesheet(client_of):
    answer = client_of().get("/brand.css?v=245a8d")
    assert answer["Content-Type"].startswith("text/css")
    assert "immutable" in answer["Cache-Control"]
    assert b"--brand: light-dark(#245a8d" in answer.content
    assert client_of().get("/brand.css?v=77d0b4").status_code == 404
    assert client_of().get("/brand.css?v=%7D*%7B").status_code == 404
