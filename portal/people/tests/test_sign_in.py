"""Signing in by a one-time code, as a browser and as somebody who guesses."""

import pytest
from django.urls import reverse

from portal.people.tests.conftest import NEW, get, post, problem_at, text_of
from tests.cast import EMAILS, PHONES

ANNA = PHONES["anna"]


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06d}"


def is_signed_in(client):
    return client.get("/me/visits/").status_code == 200


@pytest.mark.parametrize("contact", [ANNA, "8 (999) 000-00-01", "9990000001", EMAILS["anna"], "ANNA@example.ru "])
def test_the_right_code_opens_the_account(client_of, code_for, contact):
    client = client_of()
    assert post(client, "sign-in", contact=contact)["Location"] == reverse("people:code")
    assert post(client, "code", code=code_for(contact))["Location"] == reverse("people:home")
    assert is_signed_in(client)


def test_a_code_may_be_typed_with_spaces(client_of, code_for):
    client = client_of()
    post(client, "sign-in", contact=ANNA)
    code = code_for(ANNA)
    assert post(client, "code", code=f" {code[:3]} {code[3:]} ").status_code == 302


def test_a_known_and_an_unknown_contact_answer_the_same(client_of):
    answers = []
    for contact in (ANNA, "+79990000009"):
        client = client_of()
        first = post(client, "sign-in", contact=contact)
        page = get(client, "code")
        wrong_code = post(client, "code", code="000000")
        masked = [text_of(p).replace("00‑01", "").replace("00‑09", "") for p in (page, wrong_code)]
        answers.append((first.status_code, first["Location"], first.content, page.status_code, *masked))
    left, right = (str(a).replace("01", "##").replace("09", "##") for a in answers)
    assert left == right


def test_unknown_contacts_cause_a_message_too(client_of, sql):
    for contact in (ANNA, "+79990000009"):
        post(client_of(), "sign-in", contact=contact)
    assert sql("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'notifications.jobs.send_code'") == [(2,)]


def test_a_wrong_code_says_how_many_tries_are_left(client_of, code_for):
    client = client_of()
    post(client, "sign-in", contact=ANNA)
    bad = wrong(code_for(ANNA))
    for left in "4321":
        answer = post(client, "code", code=bad)
        assert answer.status_code == 422
        assert left in problem_at(answer, "code")


def test_the_fifth_wrong_code_kills_it(client_of, code_for):
    client = client_of()
    post(client, "sign-in", contact=ANNA)
    right = code_for(ANNA)
    for _ in range(5):
        post(client, "code", code=wrong(right))
    answer = post(client, "code", code=right)
    assert answer.status_code == 422 and problem_at(answer, "code")
    assert not is_signed_in(client)


def test_an_expired_code_does_not_work(client_of, code_for, wait):
    client = client_of()
    post(client, "sign-in", contact=ANNA)
    right = code_for(ANNA)
    wait("301 seconds")
    assert post(client, "code", code=right).status_code == 422
    assert not is_signed_in(client)


def test_a_code_does_not_work_twice(client_of, code_for):
    client, copy = client_of(), client_of()
    post(client, "sign-in", contact=ANNA)
    copy.cookies["portal_session"] = client.cookies["portal_session"].value
    right = code_for(ANNA)
    assert post(client, "code", code=right).status_code == 302
    assert post(copy, "code", code=right)["Location"] == reverse("people:sign-in")
    assert not is_signed_in(copy)


def test_a_code_of_another_session_does_not_work(client_of, code_for):
    anna, stranger = client_of(), client_of()
    post(anna, "sign-in", contact=ANNA)
    post(stranger, "sign-in", contact=NEW)
    assert post(stranger, "code", code=code_for(ANNA)).status_code == 422
    assert post(client_of(), "code", code=code_for(ANNA))["Location"] == reverse("people:sign-in")


def test_a_code_that_confirms_a_contact_does_not_sign_in(client_of, code_for, sql):
    client = client_of("anna")
    post(client, "contact-add", contact=NEW)
    (confirming,) = sql("SELECT id FROM people_onetimecode")[0]
    visitor = client_of()
    post(visitor, "sign-in", contact="+79990000009")
    session = visitor.session
    session["sign_in"] = session["sign_in"] | {"code": str(confirming)}
    session.save()
    assert get(visitor, "code")["Location"] == reverse("people:sign-in")


def test_within_a_minute_no_second_code_is_sent(client_of, sql, wait):
    client = client_of()
    post(client, "sign-in", contact=ANNA)
    post(client, "code-again")
    assert sql("SELECT count(*) FROM people_onetimecode") == [(1,)]
    wait("61 seconds")
    post(client, "code-again")
    assert sql("SELECT count(*) FROM people_onetimecode") == [(2,)]


@pytest.mark.parametrize(
    "contact",
    [
        "", "hello", "123", "+1 202 555 0123", "8 495 123-45-67", "a@b", "a" * 300, "a@" + "b" * 300 + ".ru",
        '"quoted name"@example.ru', "user@[127.0.0.1]", "анна@пример.рф", "a@example.ru\nBcc: b@example.ru", "\x00",
    ],
)  # fmt: skip
def test_what_cannot_take_a_code_is_refused_beside_the_field(client_of, sql, contact):
    answer = post(client_of(), "sign-in", contact=contact)
    assert answer.status_code == 422
    assert problem_at(answer, "contact")
    assert sql("SELECT count(*) FROM people_onetimecode") == [(0,)]


def test_next_survives_the_whole_way(client_of, code_for):
    client = client_of()
    get(client, "sign-in", next="/me/visits/?a=1")
    post(client, "sign-in", contact=ANNA)
    assert post(client, "code", code=code_for(ANNA))["Location"] == "/me/visits/?a=1"


FOREIGN = [
    "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
    "/\t/evil.example", "///evil.example", "http:evil.example", "evil.example", "/" + "a" * 600, "\x00//evil.example",
]  # fmt: skip


@pytest.mark.parametrize("url", FOREIGN)
def test_next_never_leaves_the_site(client_of, code_for, url):
    client = client_of()
    get(client, "sign-in", next=url)
    post(client, "sign-in", contact=ANNA)
    assert post(client, "code", code=code_for(ANNA))["Location"] == reverse("people:home")
    assert get(client, "sign-in", next=url)["Location"] == reverse("people:home")


def test_the_session_changes_its_key_on_signing_in(client_of, code_for):
    client = client_of()
    post(client, "sign-in", contact=ANNA)
    before = client.cookies["portal_session"].value
    post(client, "code", code=code_for(ANNA))
    assert client.cookies["portal_session"].value != before


def test_codes_are_stored_neither_readable_nor_guessable(client_of, code_for, sql):
    post(client_of(), "sign-in", contact=ANNA)
    (row,) = sql("SELECT row_to_json(c)::text FROM people_onetimecode c")
    assert code_for(ANNA) not in row[0] and "9990000001" not in row[0]
