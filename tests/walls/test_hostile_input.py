"""What no browser of ours would send, to every address and field: refused, said beside the field, nothing written.

`WORST` is tried on each field of each form and on each parameter of each address. A refusal is 4xx; where a value
may be ignored the place says so (`IGNORES`). Whatever the answer, it is never 500, and a refusal leaves every table
as it was, but for sessions, counters of tries and the audit trail.
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote, urlencode

import psycopg
import pytest
from django.test import RequestFactory
from django.urls import reverse

from portal.kernel.wsgi import PortalHandler
from tests.cast import PHONES, at, uid
from tests.contracts.push_keys import OURS, encoded, public_of
from tests.walls.urls import ROWS, UNKNOWN, chip, person

MAY_CHANGE = ("people_session", "people_ratewindow")
FORM = "application/x-www-form-urlencoded"

WORST = {
    "NUL": "a\x00b",
    "control": "\x01\x02\x1b[31m\x7f",
    "long": "я" * 100_000,
    "emoji": "👩‍⚕️🦠",
    "rtl": "\u202egnp.exe",
    "sql": "'; DROP TABLE people_patient; --",
    "markup": "<img src=x onerror=alert(1)>",
    "template": "{{7*7}}{% debug %}",
    "percent": "%00%0d%0a",
    "path": "../../../etc/passwd",
    "negative": "-1",
    "huge": "9" * 400,
    "enormous": "9" * 5000,
    "float": "1e309",
    "nan": "NaN",
    "json": '{"$ne": null}',
    "newline": "a\r\nSet-Cookie: portal_session=x",
    "null": "null",
    "spaces": "\u00a0\u2003\u200b",
}


@pytest.fixture
def counts(database_url):
    """How many rows each table has and which transaction wrote last: what a refused request must leave alone."""
    direct = psycopg.connect(database_url("postgres"), autocommit=True)
    tables = direct.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND relname <> ALL (%s) ORDER BY 1",
        [list(MAY_CHANGE)],
    )
    one = "SELECT '{0}', count(*), coalesce(max(xmin::text::bigint), 0) FROM {0}"
    statement = " UNION ALL ".join(one.format(name) for (name,) in tables)
    yield lambda: direct.execute(statement).fetchall()
    direct.close()


def errors_at(response):
    """Names of the fields that have a message beside them, their controls marked."""
    page = response.content.decode()
    found = set()
    for name in re.findall(r'<span class="error" id="(?:id|new)_(\w+)-error">', page):
        assert re.search(rf'aria-describedby="[^"]*_{name}-error', page), f"{name}: the control does not name its error"
        text = re.search(rf'_{name}-error">(.*?)</span></span>', page, re.S)
        assert re.sub(r"<[^>]+>|\s", "", text[1]), f"{name}: an empty message"
        found.add(name)
    return found


def post(client, path, data, **more):
    return client.post(path, urlencode(data, doseq=True), content_type=FORM, **more)


# --- every field of every form ---------------------------------------------------------------------------------------


def test_a_written_row_would_be_noticed(client_of, counts):
    before = counts()
    assert post(client_of(), reverse("scheduling:hold"), chip()).status_code == 302
    assert counts() != before


def signing_in(client_of):
    return client_of(), reverse("people:sign-in"), {"contact": PHONES["anna"]}


def code(client_of):
    client = client_of()
    post(client, reverse("people:sign-in"), {"contact": PHONES["anna"]})
    return client, reverse("people:code"), {"code": "123456"}


def _flow(client_of, **values):
    """A browser whose contact is proved, without walking there."""
    client = client_of()
    post(client, reverse("people:sign-in"), {"contact": "+79991112233"})
    session = client.session
    session["sign_in"] = {"next": "/me/", "proved": session["sign_in"]["code"]} | values
    session.save()
    return client


def consent(client_of):
    values = {"document": str(uid("document-consent-account")), "agree": "on"}
    return _flow(client_of), reverse("people:consent"), values


def new_person(client_of):
    client = _flow(client_of, consent=str(uid("document-consent-account")), agreed_at="2026-01-01T00:00:00+00:00")
    return client, reverse("people:new"), person()


def own_data(client_of):
    return client_of("anna"), reverse("people:data"), person()


def new_contact(client_of):
    return client_of("anna"), reverse("people:contact-add"), {"contact": "+79991112233"}


def contact_code(client_of):
    client = client_of("anna")
    post(client, reverse("people:contact-add"), {"contact": "+79991112233"})
    return client, reverse("people:contact-confirm"), {"code": "123456"}


def staff(client_of):
    return client_of(), reverse("people:staff-sign-in"), {"email": "rita@bereg.example", "password": "x"}


def held(client_of):
    client = client_of("anna")
    answer = post(client, reverse("scheduling:hold"), chip())
    path = answer["Location"] + "confirm/"
    return client, path, {"patient": str(uid("anna")), "comment": "кашель"}


def hold(client_of):
    return client_of("anna"), reverse("scheduling:hold"), chip()


def sessions(client_of):
    return client_of("anna"), reverse("people:sessions-end"), {"session": "a" * 40}


def device(client_of):
    keys = {"p256dh": public_of(OURS), "auth": encoded(bytes(16))}
    given = {"endpoint": "https://fcm.googleapis.com/fcm/send/a", "keys": keys}
    return client_of("anna"), reverse("notifications:device-add"), {"subscription": json.dumps(given)}


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


# --- every address ---------------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("row", POSTS, ids=lambda row: row.label)
def test_nothing_is_posted_without_the_token(client_of, counts, row):
    before = counts()
    for who in ("visitor", "anna", "rita"):
        client = client_of(who, enforce_csrf_checks=True)
        for extra in ({}, {"csrfmiddlewaretoken": "x" * 64}, {"csrfmiddlewaretoken": "é\x00"}):
            assert post(client, reverse(row.name, args=row.args), row.data() | extra).status_code == 403
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
