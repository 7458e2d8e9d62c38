"""How one-time codes have failed elsewhere (public CVE reports), each tried here; and what tells of accounts."""

import hmac
import re
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from django.db import connection
from django.urls import reverse

from portal.people.contacts import parse_address
from portal.people.models import OneTimeCode
from portal.people.services import codes
from portal.people.services.codes import check_code, request_code
from portal.people.tests.conftest import NEW, get, post
from tests.cast import EMAILS, PHONES, uid

ANNA = PHONES["anna"]
TWIN = "+79995555501"  # nobody's; the page shows as little of it as of Anna's


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06d}"


def everything(response):
    return f"{response.content.decode()} {response.headers} {response.cookies}"


# --- the code in an answer (CVE-2026-25858, CVE-2026-90983) -----------------------------------------------------------


@pytest.mark.parametrize("contact", [ANNA, EMAILS["anna"], NEW])
@pytest.mark.parametrize("accept", ["text/html", "application/json", "application/fhir+json"])
def test_the_code_is_in_no_answer(client_of, code_for, contact, accept):
    client = client_of(headers={"Accept": accept})
    answers = [post(client, "sign-in", contact=contact)]
    code = code_for(contact)
    answers += [
        get(client, "code"),
        post(client, "code", code=wrong(code)),
        post(client, "code", code="x"),
        post(client, "code-again"),
        get(client, "sign-in"),
    ]
    assert not [answer for answer in answers if code in everything(answer)]


def test_the_code_of_a_contact_is_in_no_answer(client_of, code_for):
    client = client_of("anna")
    answers = [post(client, "contact-add", contact=NEW), get(client, "contact-confirm")]
    code = code_for(NEW)
    answers += [post(client, "contact-confirm", code=wrong(code)), get(client, "data")]
    assert not [answer for answer in answers if code in everything(answer)]


def test_the_code_is_in_no_log_job_or_event(client_of, code_for, sql, caplog):
    client = client_of()
    post(client, "sign-in", contact=ANNA)
    code = code_for(ANNA)
    post(client, "code", code=code)
    kept = [sql(f"SELECT t::text FROM {table} t") for table in ("procrastinate_jobs", "guard.audit_event")]
    assert not [row for rows in kept for (row,) in rows if re.search(rf"\b{code}\b", row)]
    assert code not in caplog.text


# --- unlimited tries (CVE-2026-15210, CVE-2025-2415) ------------------------------------------------------------------


def test_a_thousand_tries_are_five(client_of, code_for, sql):
    client = client_of()
    post(client, "sign-in", contact=ANNA)
    right = code_for(ANNA)
    for n in range(40):
        client.post("/sign-in/code/", {"code": wrong(right)}, headers={"X-Forwarded-For": f"198.51.100.{n}"})
    assert post(client, "code", code=right).status_code == 422
    assert get(client, "data").status_code == 302
    assert sql("SELECT attempts_left FROM people_onetimecode") == [(0,)]


def test_starting_anew_gives_no_new_tries(client_of, code_for):
    client = client_of()
    for n in range(5):
        post(client, "sign-in", contact=ANNA)
        assert post(client, "code", code=wrong(code_for(ANNA))).status_code == 422, n
    assert post(client, "sign-in", contact=ANNA).status_code == 429
    assert post(client, "code", code=code_for(ANNA)).status_code == 422


def test_a_try_is_counted_before_it_is_compared(client_of, code_for, monkeypatch, sql):
    client = client_of()
    post(client, "sign-in", contact=ANNA)
    seen = []

    def compare(left, right):
        seen.append(OneTimeCode.objects.get().attempts_left)
        return hmac.compare_digest(left, right)

    monkeypatch.setattr(codes, "hmac", SimpleNamespace(compare_digest=compare))
    post(client, "code", code="000000")
    assert seen == [4]


# --- without the check (CVE-2026-14245) -------------------------------------------------------------------------------


def test_no_page_after_the_code_opens_without_it(client_of, sql):
    client = client_of()
    post(client, "sign-in", contact=NEW)
    before = sql("SELECT count(*) FROM people_user")
    for page in ("consent", "new"):
        assert get(client, page)["Location"] == reverse("people:sign-in")
        assert post(client, page, agree="on", document=uid("document-consent-account"))["Location"] == reverse(
            "people:sign-in"
        )
    assert sql("SELECT count(*) FROM people_user") == before


def test_a_code_that_nobody_entered_adds_no_contact(client_of, as_actor, sql):
    from portal.kernel.errors import NotFound
    from portal.people.services.own_data import add_contact

    post(client_of("anna"), "contact-add", contact=NEW)
    (code_id,) = sql("SELECT id FROM people_onetimecode")[0]
    with pytest.raises(NotFound), as_actor("anna") as trail:
        add_contact(actor=trail.actor, patient_id=uid("anna"), code_id=code_id)


@pytest.mark.parametrize("code", ["", "      ", "null", "[]", "000000\x00", "1" * 5000, "%s", "true", "٣٣٣٣٣٣"])
def test_what_is_no_code_opens_nothing(client_of, code):
    client = client_of()
    post(client, "sign-in", contact=ANNA)
    assert post(client, "code", code=code).status_code == 422
    assert get(client, "data").status_code == 302


# --- used again, or elsewhere -----------------------------------------------------------------------------------------


@pytest.fixture
def made(as_actor):
    """A code of Anna's phone for one purpose and one browser: its row and its digits."""

    def make(purpose="sign-in", session="one"):
        with as_actor("visitor") as trail:
            row = request_code(
                actor=trail.actor,
                address=parse_address(ANNA),
                purpose=purpose,
                ip="10.0.0.1",
                language="ru",
                session=session,
            )
            return row.pk, row.sealed_code

    return make


@pytest.fixture
def check(as_actor):
    def run(code_id, code, purpose="sign-in", session="one"):
        with as_actor("visitor") as trail:
            return check_code(actor=trail.actor, code_id=code_id, purpose=purpose, code=code, session=session)

    return run


def test_a_code_works_once(made, check):
    code_id, code = made()
    assert isinstance(check(code_id, code), OneTimeCode)
    assert check(code_id, code) == 0


@pytest.mark.parametrize("elsewhere", [{"purpose": "contact"}, {"session": "two"}, {"session": ""}])
def test_a_code_is_bound_to_its_purpose_and_browser(made, check, elsewhere):
    code_id, code = made()
    assert check(code_id, code, **elsewhere) == 0
    assert isinstance(check(code_id, code), OneTimeCode), "and a try elsewhere uses up none of its tries"


def test_the_code_of_another_phone_does_not_work(made, check, as_actor):
    code_id, _ = made()
    with as_actor("visitor") as trail:
        other = request_code(
            actor=trail.actor,
            address=parse_address(NEW),
            purpose="sign-in",
            ip="10.0.0.1",
            language="ru",
            session="one",
        )
        code = other.sealed_code
    assert check(code_id, code) == 4


def test_another_browser_that_learns_the_codes_id_cannot_enter_it(client_of, code_for):
    owner, thief = client_of(), client_of()
    post(owner, "sign-in", contact=ANNA)
    post(thief, "sign-in", contact=NEW)
    session = thief.session
    session["sign_in"] = session["sign_in"] | {"code": owner.session["sign_in"]["code"]}
    session.save()
    assert post(thief, "code", code=code_for(ANNA)).status_code == 422
    assert post(owner, "code", code=code_for(ANNA))["Location"] == reverse("people:home")


def test_codes_are_compared_in_constant_time(made, check, monkeypatch):
    code_id, code = made()
    compared = []
    compare = SimpleNamespace(compare_digest=lambda *pair: compared.append(pair) or False)
    monkeypatch.setattr(codes, "hmac", compare)
    assert check(code_id, code) == 4
    assert [len(left) == len(right) for left, right in compared] == [True]


# --- the same for a known and an unknown contact ----------------------------------------------------------------------


@contextmanager
def statements():
    """What is asked of the database, in order, without the values."""
    said = []

    def note(execute, sql, params, many, context):
        said.append(re.sub(r'"s\d+_x\d+"', "savepoint", sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield said


CHANGING = ("Expires", "Last-Modified", "X-Request-Id")


def bare(response):
    """The answer to the byte, without the form's token, which is drawn anew for every page."""
    body = re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", response.content)
    headers = {name: value for name, value in response.headers.items() if name not in CHANGING}
    cookies = [(name, {**cookie, "expires": ""}) for name, cookie in response.cookies.items()]
    return response.status_code, re.sub(rb'data-wait="\d+"', b"", body), headers, cookies


def walk(client, contact):
    with statements() as said:
        get(client, "sign-in")
        answers = [
            post(client, "sign-in", contact=contact),
            get(client, "code"),
            post(client, "code", code="999x99"),
            post(client, "code", code="000000"),
            post(client, "code-again"),
        ]
    return [bare(answer) for answer in answers], said


@pytest.mark.parametrize(("known", "unknown"), [(ANNA, TWIN), (EMAILS["anna"], "arra@example.ru")])
def test_a_known_and_an_unknown_contact_cost_the_same_and_look_the_same(client_of, known, unknown):
    walk(client_of(), "warm@example.ru"), walk(client_of(), "+79995555502")
    left, right = walk(client_of(), known), walk(client_of(), unknown)
    for one, other in zip(left[0], right[0], strict=True):
        assert one == other
    assert left[1] == right[1] and len(left[1]) > 20


def test_neither_is_told_apart_when_refused(client_of, wait):
    refusals = []
    for contact in (ANNA, TWIN):
        for _ in range(5):
            post(client_of(), "sign-in", contact=contact)
            wait("301 seconds")
        client = client_of()
        get(client, "sign-in")
        with statements() as said:
            answer = post(client, "sign-in", contact=contact)
        page = bare(answer)[1].replace(contact.encode(), b"")
        refusals.append((answer.status_code, page, said))
        wait("2 hours")
    assert refusals[0][0] == 429
    assert refusals[0] == refusals[1]
