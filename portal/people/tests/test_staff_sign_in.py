"""Staff: invitation, password, second factor. Without both factors no page opens."""

import re
import time
from datetime import timedelta

import pytest
from allauth.mfa.totp.internal import auth
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from portal.kernel.access import acting
from portal.kernel.actor import Role, system
from portal.people.contacts import parse_address
from portal.people.models import Organization, StaffInvite
from portal.people.services import staff as services
from portal.people.tests.conftest import get, post, problem_at, text_of
from tests.cast import PASSWORD, SECRET, uid

RITA = "rita@bereg.example"
NEWCOMER = "nina@bereg.example"


STEP = int(time.time()) // 30


def totp(secret=SECRET, ago=0):
    return format_hotp_value(hotp_value(secret, STEP - ago))


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    """The authenticator's 30 seconds do not pass, so that no test types a code as it changes."""
    monkeypatch.setattr(auth, "yield_hotp_counters_from_time", lambda: iter([STEP]))


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch, sql):
    """Argon2 at its real price takes a second here; what it costs is not what is tested."""
    monkeypatch.setattr(Argon2PasswordHasher, "time_cost", 1)
    monkeypatch.setattr(Argon2PasswordHasher, "memory_cost", 64)
    sql("UPDATE people_user SET password = %s WHERE id = (SELECT user_id FROM people_staffassignment WHERE id = %s)",
        make_password(PASSWORD), uid("assignment-rita"))  # fmt: skip


def password(client, email=RITA, word=PASSWORD):
    return post(client, "staff-sign-in", email=email, password=word)


def is_in(client):
    return client.get(reverse("web:desk")).status_code == 200


@pytest.fixture
def token(db):
    """A fresh invitation's link."""
    with acting(system("test")) as trail:
        services.add_staff(
            actor=trail.actor,
            email=parse_address(NEWCOMER),
            name="Нина",
            organization=Organization.objects.get(slug="shore"),
            role=Role.REGISTRAR,
        )
        return StaffInvite.objects.get().sealed_token


def secret_on(page):
    return re.search(r"<code>([A-Z2-7 ]+)</code>", page.content.decode())[1].replace(" ", "")


def accept(client, token, **data):
    secret = secret_on(get(client, "staff-invite", token))
    return secret, post(client, "staff-invite", token, **{"password": PASSWORD, "code": totp(secret)} | data)


# --- the way in ------------------------------------------------------------------------------------------------------


def test_invited_then_password_then_code_then_the_desk(client_of, token):
    client = client_of()
    secret, answer = accept(client, token)
    assert answer["Location"] == reverse("people:staff-sign-in")
    cache.clear()
    assert password(client, NEWCOMER)["Location"] == reverse("people:staff-code")
    assert post(client, "staff-code", code=totp(secret))["Location"] == reverse("web:desk")
    assert "Нина" in client.get(reverse("web:desk")).content.decode()


def test_the_password_alone_opens_nothing(client_of):
    client = client_of()
    password(client)
    assert client.get(reverse("web:desk")).status_code == 302
    assert client.get(reverse("web:desk-visit", args=[uid("visit-anna")])).status_code == 302
    assert client.get("/me/visits/").status_code == 302


def test_the_code_page_waits_for_the_password(client_of):
    assert get(client_of(), "staff-code")["Location"] == reverse("people:staff-sign-in")
    assert post(client_of(), "staff-code", code=totp())["Location"] == reverse("people:staff-sign-in")


def test_staff_are_no_patients(client_of):
    client = client_of()
    password(client)
    post(client, "staff-code", code=totp())
    assert is_in(client)
    assert client.get("/me/visits/").status_code == 403


# --- guessing --------------------------------------------------------------------------------------------------------


def test_a_wrong_password_and_an_unknown_address_answer_the_same(client_of):
    answers = [password(client_of(), email, "wrong") for email in (RITA, "xxxx@bereg.example")]
    assert [a.status_code for a in answers] == [422, 422]
    assert text_of(answers[0]) == text_of(answers[1]).replace("xxxx@", "rita@")


def test_five_wrong_passwords_lock_for_fifteen_minutes_even_the_right_one(client_of, sql):
    client = client_of()
    for _ in range(5):
        assert password(client, word="wrong").status_code == 422
    locked = password(client)
    assert locked.status_code == 422
    assert text_of(locked) == text_of(password(client_of(), word="wrong"))
    sql("UPDATE people_staffaccount SET locked_until = now() + interval '14 minutes' WHERE locked_until IS NOT NULL")
    assert password(client).status_code == 422
    sql("UPDATE people_staffaccount SET locked_until = now() - interval '1 second' WHERE locked_until IS NOT NULL")
    assert password(client).status_code == 302


def test_the_lock_lasts_fifteen_minutes(client_of, sql):
    for _ in range(5):
        password(client_of(), word="wrong")
    ((left,),) = sql("SELECT locked_until - now() FROM people_staffaccount WHERE locked_until IS NOT NULL")
    assert timedelta(minutes=14, seconds=50) < left <= timedelta(minutes=15)


def test_wrong_codes_lock_too(client_of):
    client = client_of()
    password(client)
    for n in range(5):
        answer = post(client, "staff-code", code=f"{(int(totp()) + 1 + n) % 10**6:06d}")
        assert answer.status_code == 422 and problem_at(answer, "code")
    assert post(client, "staff-code", code=totp()).status_code == 422
    assert password(client_of()).status_code == 422


def test_the_right_password_does_not_forgive_wrong_codes(client_of):
    for _ in range(5):
        client = client_of()
        password(client)
        post(client, "staff-code", code=f"{(int(totp()) + 1) % 10**6:06d}")
    assert password(client_of()).status_code == 422


@pytest.mark.parametrize("other_process", [False, True])
def test_a_code_works_once(client_of, other_process):
    one, two = client_of(), client_of()
    password(one), password(two)
    assert post(one, "staff-code", code=totp()).status_code == 302
    if other_process:
        cache.clear()
    assert post(two, "staff-code", code=totp()).status_code == 422
    assert not is_in(two)


def test_a_code_works_once_across_the_turn_of_an_hour(client_of, monkeypatch):
    one, two = client_of(), client_of()
    password(one), password(two)
    turn = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    monkeypatch.setattr("portal.people.services.staff.timezone.now", lambda: turn - timedelta(seconds=2))
    assert post(one, "staff-code", code=totp()).status_code == 302
    cache.clear()
    monkeypatch.setattr("portal.people.services.staff.timezone.now", lambda: turn + timedelta(seconds=2))
    assert post(two, "staff-code", code=totp()).status_code == 422


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "１２３４５６", "\x00", "1" * 5000])
def test_what_is_no_code_is_named_beside_the_field(client_of, code):
    client = client_of()
    password(client)
    answer = post(client, "staff-code", code=code)
    assert answer.status_code == 422 and problem_at(answer, "code")


def test_an_old_code_does_not_work(client_of):
    client = client_of()
    password(client)
    assert post(client, "staff-code", code=totp(ago=3)).status_code == 422


def test_a_disabled_member_of_staff_does_not_get_in(client_of, sql):
    client, inside = client_of(), client_of("rita")
    password(client)
    sql("UPDATE people_user SET is_active = false WHERE id IN (SELECT user_id FROM people_staffaccount)")
    post(client, "staff-code", code=totp())
    assert not is_in(client) and not is_in(inside)
    assert password(client_of()).status_code == 422


def test_who_has_lost_the_role_is_led_to_the_sign_in_page_and_not_in_a_circle(client_of, sql):
    client = client_of("rita")
    sql("DELETE FROM people_staffassignment WHERE id = %s", uid("assignment-rita"))
    answer = client.get(reverse("web:desk"))
    assert answer.status_code == 302
    assert client.get(answer["Location"]).status_code == 200


@pytest.mark.parametrize("field", ["email", "password"])
@pytest.mark.parametrize("value", ["", "\x00", "x" * 1000])
def test_wrong_values_are_named_beside_their_field(client_of, field, value):
    answer = post(client_of(), "staff-sign-in", **{"email": RITA, "password": PASSWORD} | {field: value})
    assert answer.status_code == 422 and problem_at(answer, field)


# --- the invitation --------------------------------------------------------------------------------------------------


def test_an_invitation_works_once(client_of, token):
    accept(client_of(), token)
    assert get(client_of(), "staff-invite", token).status_code == 404
    assert post(client_of(), "staff-invite", token, password=PASSWORD, code="000000").status_code == 404


def test_an_invitation_dies_after_three_days(client_of, token, sql):
    ((left,),) = sql("SELECT expires_at - now() FROM people_staffinvite")
    assert timedelta(days=2, hours=23) < left <= timedelta(days=3)
    sql("UPDATE people_staffinvite SET expires_at = now()")
    assert get(client_of(), "staff-invite", token).status_code == 404


@pytest.mark.parametrize("word", ["", "short", "123456789012345", "qwerty123456", "x" * 201])
def test_a_weak_password_is_named_beside_the_field(client_of, token, word):
    _, answer = accept(client_of(), token, password=word)
    assert answer.status_code == 422 and problem_at(answer, "password")


def test_a_wrong_code_keeps_the_invitation(client_of, token):
    client = client_of()
    _, answer = accept(client, token, code="000000")
    assert answer.status_code == 422 and problem_at(answer, "code")
    assert accept(client, token)[1].status_code == 302


def test_the_key_is_another_in_each_browser_and_sealed_in_the_session(client_of, token):
    one, two = client_of(), client_of()
    first, second = secret_on(get(one, "staff-invite", token)), secret_on(get(two, "staff-invite", token))
    assert first != second and first not in str(dict(one.session.items()))


def test_the_key_leaves_the_session_once_it_is_used(client_of, token):
    client = client_of()
    accept(client, token)
    assert "totp" not in client.session


def test_the_token_is_not_readable_in_the_database(token, sql):
    ((row,),) = sql("SELECT row_to_json(i)::text FROM people_staffinvite i")
    assert token not in row and NEWCOMER not in row
