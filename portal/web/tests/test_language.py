import pytest
from django.test import RequestFactory

from portal.web.language import in_language, is_private, language_for


@pytest.mark.parametrize(
    ("path", "cookie", "language"),
    [
        ("/", None, "ru"),
        ("/", "en", "ru"),
        ("/en/", None, "en"),
        ("/en/doctors/", "ru", "en"),
        ("/english/", "en", "ru"),
        ("/me/visits/", "en", "en"),
        ("/me/visits/", "de", "ru"),
        ("/sign-in/", "en", "en"),
        ("/sign-in/code/", None, "ru"),
        ("/desk/", "en", "en"),
    ],
)
def test_the_address_decides_in_public_and_a_cookie_in_private(path, cookie, language):
    request = RequestFactory().get(path)
    if cookie:
        request.COOKIES["portal_lang"] = cookie
    assert language_for(request) == language


@pytest.mark.parametrize(
    ("path", "language", "there"),
    [
        ("/", "en", "/en/"),
        ("/en/", "ru", "/"),
        ("/doctors/?q=eye", "en", "/en/doctors/?q=eye"),
        ("/en/doctors/?q=eye", "ru", "/doctors/?q=eye"),
        ("/en/doctors/", "en", "/en/doctors/"),
        ("/me/visits/", "en", "/me/visits/"),
        ("/book/hold/", "en", "/book/hold/"),
    ],
)
def test_the_same_page_in_another_language(path, language, there):
    assert in_language(path, language) == there


def test_a_path_that_only_looks_private_is_public():
    assert not is_private("/mends/")
    assert not is_private("/bookshop/")
    assert is_private("/me/")
    assert is_private("/m/abc")


def test_the_answer_says_its_language(client_of):
    assert client_of().get("/").headers["Content-Language"] == "ru"
    answer = client_of().get("/en/")
    assert answer.headers["Content-Language"] == "en"
    assert b'<html lang="en"' in answer.content
    assert b'hreflang="ru" href="http://testserver/"' in answer.content
    assert b'hreflang="en" href="http://testserver/en/"' in answer.content
