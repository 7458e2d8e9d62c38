"""What every page promises: no inline code, one h1, words of both languages, and it stands without a database."""

import re
from types import SimpleNamespace

import pytest
from django.db import DatabaseError
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation

from portal.kernel.errors import Broken, NotFound
from portal.web import context

PUBLIC = [
    "/",
    "/doctors/",
    "/services/",
    "/branches/",
    "/design",
    "/sign-in/",
    "/staff/",
    "/en/",
    "/en/doctors/",
    "/en/design",
]
INLINE = re.compile(rb"""<style|<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=["']|javascript:""")


@pytest.mark.parametrize("path", PUBLIC)
def test_a_page_holds_nothing_that_the_policy_forbids(client_of, path):
    answer = client_of().get(path)
    assert answer.status_code == 200
    assert not INLINE.findall(answer.content)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    foreign = re.findall(rb"""(?:src|href|action|data-\w+)=["']((?:https?:)?//[^"']*)""", answer.content)
    assert all(address.startswith(b"http://testserver/") for address in foreign)


@pytest.mark.parametrize("path", PUBLIC)
def test_a_page_has_one_heading_a_title_and_a_way_to_its_content(client_of, path):
    page = client_of().get(path).content.decode()
    assert len(re.findall(r"<h1\b", page)) == 1
    assert re.search(r"<title>[^<·]+ · [^<]+</title>", page)
    assert 'href="#main"' in page
    assert "tel:103" in page or path in ("/sign-in/", "/staff/")


def test_an_english_page_has_no_russian_of_ours(client_of):
    """Up to the footer, where the clinic's legal name is Russian by law; the language's own name does not count."""
    page = client_of().get("/en/design").content.decode().split("<footer")[0].replace("Русский", "")
    assert not re.findall(r"[а-яё]{3,}", page, re.IGNORECASE)


def error_page(monkeypatch, error, template="errors/error.html"):
    def away():
        raise DatabaseError("gone")

    monkeypatch.setattr("portal.people.selectors.current_organization", away)
    request = RequestFactory().get("/doctors/")
    request.actor = None
    with translation.override("ru"):
        return render_to_string(template, {"error": error, "request_id": "7F3C21AB"}, request=request)


def test_the_error_page_stands_without_a_database(monkeypatch):
    page = error_page(monkeypatch, Broken())
    assert "Что-то сломалось у нас" in page
    assert "7F3C21AB" in page
    assert "Попробовать снова" in page


def test_a_missing_page_offers_the_doctors(monkeypatch):
    page = error_page(monkeypatch, NotFound())
    assert "Такой страницы нет" in page
    assert "7F3C21AB" not in page


def test_the_part_for_htmx_is_a_notice(monkeypatch):
    part = error_page(monkeypatch, Broken(), "errors/_error.html")
    assert part.strip().startswith('<div class="notice notice--bad" role="alert">')
    assert "<html" not in part


def test_the_last_good_name_outlives_the_database(monkeypatch):
    clinic = SimpleNamespace(slug="shore", name="Берег", phone="+78000000000", hours_ru="Каждый день")
    monkeypatch.setattr("portal.people.selectors.current_organization", lambda: clinic)
    with translation.override("ru"):
        assert context.branding().hours == "Каждый день"
    assert "Берег" in error_page(monkeypatch, Broken())
