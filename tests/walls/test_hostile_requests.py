"""What no browser of ours would send, to every address: never 500, and a refusal leaves every table as it was."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from django.test import RequestFactory
from django.urls import reverse

from portal.kernel.wsgi import PortalHandler
from tests.walls.hostile import FORM, WORST, post
from tests.walls.urls import ROWS

GETS = sorted({reverse(row.name, args=row.args) for row in ROWS if not row.name.startswith("health")})
PARAMETERS = ("q", "specialty", "location", "mode", "child", "page", "service", "day", "next", "new", "v", "lang", "x")


@pytest.mark.parametrize("path", GETS)
def test_no_parameter_breaks_an_address(client_of, counts, path):
    client = client_of("anna")
    before = counts()
    for name, value in WORST.items():
        query = urlencode(dict.fromkeys(PARAMETERS, value[:4000]))
        answer = client.get(f"{path}?{query}")
        assert answer.status_code < 500, name
        assert WORST["markup"] not in answer.content.decode()
        assert not answer.get("Location", "/").startswith(("//", "http")), name
    assert counts() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", "0"), ("page", "-1"), ("page", "1001"), ("page", "x"), ("page", "9" * 5000), ("mode", "x"),
        ("specialty", "a b"), ("location", "../x"), ("q", "x" * 101), ("q", "\x00"),
    ],
)  # fmt: skip
def test_filters_that_no_page_offers_are_refused(client_of, name, value):
    assert client_of().get(reverse("scheduling:results"), {name: value}).status_code == 400


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("day", "0001-01-01", 400), ("day", "9999-12-31", 400), ("day", "2026-02-30", 400), ("day", "x", 400),
        ("day", "2100-12-31", 200), ("day", "2000-01-01", 200), ("mode", "x", 400), ("service", "unknown", 404),
        ("service", "cardiologist-first", 404), ("location", "far-place", 404), ("location", "<", 400),
    ],
)  # fmt: skip
def test_days_and_services_of_a_doctors_page(client_of, name, value, status):
    assert client_of().get(reverse("scheduling:doctor", args=["vera"]), {name: value}).status_code == status


BROKEN_PATHS = [
    "/me/visits/x/", "/me/visits/00000000-0000-0000-0000-00000000000/", f"/me/visits/{'9' * 5000}/", "/book/%00/",
    "/book/x/confirm/", "/me/visits/../../../etc/passwd", "/static/../../portal/settings.py", "/doctors/%2e%2e%2fvera/",
    "/doctors/вера/", "/doctors/ve'ra/", "/clinics/" + "a" * 5000 + "/", "/staff/invite/" + "a" * 5000 + "/",
    "/staff/invite/%00%ff%fe/", "/legal/x/", "/%ed%a0%80/", "/%ff/", "/en/en/",
    "/EN/", "/me/visits/%0d%0aSet-Cookie:x=1/", "/.env", "/.git/config", "/admin/", "/desk/visits/1 OR 1=1/",
]  # fmt: skip


@pytest.mark.parametrize("path", BROKEN_PATHS)
@pytest.mark.parametrize("who", ["visitor", "anna", "rita"])
def test_broken_paths_do_not_exist(client_of, path, who):
    answer = client_of(who).get(path)
    assert answer.status_code in (301, 302, 400, 404)
    if answer.status_code in (301, 302):
        assert not answer["Location"].startswith(("//", "http"))


# --- the request itself ----------------------------------------------------------------------------------------------

ADDRESSES = sorted({(row.name, row.args) for row in ROWS if not row.name.startswith("health")}, key=str)


@pytest.mark.parametrize(("name", "args"), ADDRESSES)
def test_other_methods_are_refused_everywhere(client_of, counts, name, args):
    client, before = client_of("anna"), counts()
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "CONNECT", "PROPFIND", "X" * 500):
        answer = client.generic(method, reverse(name, args=args), "a=b", content_type=FORM)
        assert answer.status_code == 405, method
        assert answer["Allow"]
    assert client.head(reverse(name, args=args)).status_code < 500
    assert counts() == before


def test_public_pages_answer_head(client_of):
    for name, args in (("home", ()), ("results", ()), ("doctor", ("vera",)), ("services", ()), ("branches", ())):
        answer = client_of().head(reverse(f"scheduling:{name}", args=args))
        assert answer.status_code == 200 and answer.content == b""
    for path in ("/clinics/shore/", "/legal/policy/"):
        assert client_of().head(path).status_code == 200


POSTS = [row for row in ROWS if row.method == "POST"]
BODIES = {
    "json": (json.dumps({"contact": ["x"]}), "application/json"),
    "json array": ("[[[[" * 1000, "application/json"),
    "no type": ("contact=x", ""),
    "text": ("contact=x", "text/plain"),
    "xml": ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', "text/xml"),
    "multipart without boundary": ("x", "multipart/form-data"),
    "multipart with a strange boundary": ("x", "multipart/form-data; boundary=" + "é" * 300),
    "multipart garbage": ("--b\r\nContent-Disposition: form-data\r\n\r\n\xff", "multipart/form-data; boundary=b"),
    "multipart cut off": (
        '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx',
        "multipart/form-data; boundary=b",
    ),
    "multipart bad base64": (
        '--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n*\r\n--b--',
        "multipart/form-data; boundary=b",
    ),
    "multipart file": (
        '--b\r\nContent-Disposition: form-data; name="contact"; filename="../../x"\r\n\r\nx\r\n--b--',
        "multipart/form-data; boundary=b",
    ),
    "many fields": ("&".join(f"a{n}=1" for n in range(200)), FORM),
    "two megabytes": ("contact=" + "x" * 2_000_000, FORM),
    "not utf-8": ("contact=%ff%fe%ed%a0%80", FORM),
    "raw bytes": (b"\xff\xfe\x00", FORM),
    "charset of windows": ("contact=x", f"{FORM}; charset=windows-1251"),
    "charset that is no text": ("contact=x", f"{FORM}; charset=hex"),
    "multipart of surrogates": (
        '--b\r\nContent-Disposition: form-data; name="comment"\r\n\r\n+2AA-\r\n--b--',
        "multipart/form-data; boundary=b; charset=utf-7",
    ),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("who", ["visitor", "anna"])
def test_no_body_breaks_an_address(client_of, counts, who, body):
    content, kind = BODIES[body]
    for row in POSTS:
        if row.name in ("people:sign-out", "people:sessions-end", "scheduling:feed-make") or (
            row.data() == {} and row.expected[who] == 302
        ):
            continue  # these need no fields: any body is ignored
        client, before = client_of(who), counts()
        answer = client.generic("POST", reverse(row.name, args=row.args), content, content_type=kind)
        assert answer.status_code < 500, row.label
        if row.name not in ("web:look", "people:contact-remove", "scheduling:cancel", "scheduling:leave"):
            assert counts() == before, row.label


CHARSETS = ["hex", "zlib", "rot13", "idna", "punycode", "undefined", "utf-16", "utf-7", "unicode_escape", "x", "é"]


def as_the_server_asks(path, query="", **environ):
    """Through the application that the server runs: the test client makes its requests itself."""
    said = {}
    environ = RequestFactory()._base_environ(PATH_INFO=path, QUERY_STRING=query, **environ)
    body = b"".join(PortalHandler()(environ, lambda status, headers: said.update(status=int(status[:3]))))
    return said["status"], body


@pytest.mark.parametrize("charset", CHARSETS)
def test_texts_are_utf_8_or_refused(db, charset):
    for path in ("/doctors/", "/sign-in/", "/nowhere/"):
        query = "q=%5Cud800+2AA-&next=%5Cud800+2AA-"
        status, body = as_the_server_asks(path, query, CONTENT_TYPE=f"text/html; charset={charset}")
        assert status == 400 and b"<html" in body


KINDS = ["text/html; charset=UTF-8", "text/html; charset=utf8", "", ";", "x" * 20_000, ";a*=x''%ff", "\x00;="]


@pytest.mark.parametrize("kind", KINDS)
def test_no_content_type_breaks_a_page(db, kind):
    assert as_the_server_asks("/doctors/", "q=x", CONTENT_TYPE=kind)[0] in (200, 400)


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example/..", "/\\evil.example", "//sign-in"])
def test_a_path_that_looks_like_a_host_leads_nowhere(db, path):
    status, _ = as_the_server_asks(path)
    assert status == 404


SECRET_IN_THE_ADDRESS = {"notifications:sms-hook"}  # another's program calls it: without its secret it does not exist


@pytest.mark.parametrize("row", POSTS, ids=lambda row: row.label)
def test_nothing_is_posted_without_the_token(client_of, counts, row):
    before, status = counts(), 404 if row.name in SECRET_IN_THE_ADDRESS else 403
    for who in ("visitor", "anna", "rita"):
        client = client_of(who, enforce_csrf_checks=True)
        for extra in ({}, {"csrfmiddlewaretoken": "x" * 64}, {"csrfmiddlewaretoken": "é\x00"}):
            assert post(client, reverse(row.name, args=row.args), row.data() | extra).status_code == status
    assert counts() == before


HEADERS = [
    {"cookie": "portal_session=" + "x" * 4000}, {"cookie": "portal_session=a'--; portal_csrf=\x01; portal_lang=xx"},
    {"cookie": "portal_theme=<script>; portal_clear=2; portal_lang=../../"}, {"cookie": ";;;=;=a; a=;\u00ff"},
    {"cookie": "portal_session=" + "0" * 32}, {"cookie": "portal_session="}, {"cookie": '"' * 1000},
    {"accept": "\u00ff;q=x,,,"}, {"accept": "a/" * 5000}, {"accept": "application/json;q=zz"}, {"accept": ""},
    {"accept-language": "x" * 6000}, {"accept-language": "ru;q=9e999,\u00ff"}, {"user-agent": "\u00ff" * 8000},
    {"hx-request": "true", "hx-current-url": "http://[", "hx-trigger": "{"}, {"hx-request": "\u00ff"},
    {"hx-current-url": "%ff", "hx-current-url-uri-autoencoded": "true", "hx-request": "true"},
    {"referer": "http://["}, {"origin": "null"}, {"origin": "http://["}, {"if-none-match": '"' * 5000},
    {"x-forwarded-for": "1" * 5000}, {"x-forwarded-host": "evil.example"}, {"range": "bytes=0-0,-1"},
    {"x-request-id": "\u00ff" * 500}, {"content-length": "-1"}, {"content-length": "x"},
    {"transfer-encoding": "chunked"},
    {"x-http-method-override": "DELETE"}, {"authorization": "Basic \u00ff"}, {"if-modified-since": "x" * 3000},
]  # fmt: skip


@pytest.mark.parametrize("headers", HEADERS, ids=lambda h: next(iter(h)))
def test_no_header_breaks_a_page(client_of, headers):
    for path in ("/", "/doctors/vera/", "/sign-in/", "/me/visits/", "/nowhere/"):
        for client in (client_of(), client_of("anna")):
            answer = client.get(path, headers=headers)
            assert answer.status_code in (200, 204, 302, 401, 404)
            assert "evil.example" not in answer.content.decode()


@pytest.mark.parametrize(
    "host", ["evil.example", "a b", "[", "testserver\u00ff", "127.0.0.1.evil.example", "evil.example:80@testserver"]
)
def test_a_foreign_host_is_refused(client_of, host):
    assert client_of().get("/sign-in/", headers={"host": host}).status_code == 400
