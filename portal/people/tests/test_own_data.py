"""My data: edit, contacts, open sessions; and everything that is not mine."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.notifications.jobs import forget_contacts
from portal.people.actors import SEEN, SINCE
from portal.people.jobs import tidy
from portal.people.sessions import SessionStore, stored_key
from portal.people.tests.conftest import NEW, get, post, problem_at
from tests.cast import EMAILS, PHONES, uid

PERSON = {"family_name": "Белова", "given_name": "Анна", "birth_date": "12.03.1961", "sex": "female"}
CONTACTS = "SELECT count(*) FROM people_contact WHERE patient_id = %s AND removed_at IS NULL"


def page(client):
    return get(client, "data").content.decode()


def keys(sql, name):
    rows = sql("SELECT session_key FROM people_session WHERE user_id = %s ORDER BY seen_at", uid(f"user-{name}"))
    return [key for (key,) in rows]


# --- who I am --------------------------------------------------------------------------------------------------------


def test_names_birth_date_and_sex_can_be_changed(client_of):
    client = client_of("anna")
    answer = post(client, "data", **PERSON | {"middle_name": "Ивановна", "version": 1})
    assert answer["Location"] == reverse("people:data")
    assert all(word in page(client) for word in ("Белова", "Ивановна", 'name="version" value="2"'))


def test_an_older_page_is_a_conflict_and_keeps_what_was_typed(client_of, sql):
    client = client_of("anna")
    post(client, "data", **PERSON | {"version": 1})
    answer = post(client, "data", **PERSON | {"family_name": "Чернова", "version": 1})
    assert answer.status_code == 409
    assert 'value="Чернова"' in answer.content.decode() and 'role="alert"' in answer.content.decode()
    assert "Чернова" not in page(client) and "Белова" in page(client)
    assert sql("SELECT version FROM people_patient WHERE id = %s", uid("anna")) == [(2,)]


def test_after_a_conflict_the_next_save_succeeds(client_of):
    client = client_of("anna")
    post(client, "data", **PERSON | {"version": 1})
    answer = post(client, "data", **PERSON | {"family_name": "Чернова", "version": 1})
    assert 'name="version" value="2"' in answer.content.decode()
    assert post(client, "data", **PERSON | {"family_name": "Чернова", "version": 2}).status_code == 302


@pytest.mark.parametrize("version", ["", "0", "-1", "x", "9" * 30, "9" * 5000, "1.5"])
def test_a_broken_version_changes_nothing(client_of, sql, version):
    answer = post(client_of("anna"), "data", **PERSON | {"version": version})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert sql("SELECT version FROM people_patient WHERE id = %s", uid("anna")) == [(1,)]


# --- contacts --------------------------------------------------------------------------------------------------------


def test_a_contact_is_added_by_its_own_code(client_of, code_for, sql):
    client = client_of("anna")
    assert post(client, "contact-add", contact=NEW)["Location"] == reverse("people:contact-confirm")
    assert sql(CONTACTS, uid("anna")) == [(2,)]
    assert post(client, "contact-confirm", code=code_for(NEW))["Location"] == reverse("people:data")
    assert sql(CONTACTS + " AND verified_at IS NOT NULL", uid("anna")) == [(3,)]
    assert "111" in page(client)


def test_a_new_contact_signs_in(client_of, code_for):
    client, other = client_of("anna"), client_of()
    post(client, "contact-add", contact=NEW)
    post(client, "contact-confirm", code=code_for(NEW))
    post(other, "sign-in", contact=NEW)
    post(other, "code", code=code_for(NEW))
    assert "Annaова" in page(other)


def test_wrong_codes_of_a_contact_are_counted(client_of, code_for, sql):
    client = client_of("anna")
    post(client, "contact-add", contact=NEW)
    right = code_for(NEW)
    for _ in range(5):
        answer = post(client, "contact-confirm", code=f"{(int(right) + 1) % 10**6:06d}")
        assert answer.status_code == 422 and problem_at(answer, "code")
    post(client, "contact-confirm", code=right)
    assert sql(CONTACTS, uid("anna")) == [(2,)]


def test_a_contact_of_another_account_is_refused_in_words(client_of, code_for, sql):
    client = client_of("anna")
    post(client, "contact-add", contact=PHONES["boris"])
    answer = post(client, "contact-confirm", code=code_for(PHONES["boris"]))
    assert answer.status_code == 409
    assert "Этот контакт подтверждён другим человеком" in answer.content.decode()
    assert sql(CONTACTS, uid("anna")) == [(2,)]


def test_until_the_code_nobody_learns_whose_contact_it_is(client_of):
    client = client_of("anna")
    answers = [post(client, "contact-add", contact=contact) for contact in (PHONES["boris"], "+79990000009")]
    assert {(a.status_code, a["Location"]) for a in answers} == {(302, reverse("people:contact-confirm"))}


def test_adding_the_same_contact_again_keeps_one(client_of, code_for, sql):
    client = client_of("anna")
    post(client, "contact-add", contact=PHONES["anna"])
    assert post(client, "contact-confirm", code=code_for(PHONES["anna"])).status_code == 302
    assert sql(CONTACTS, uid("anna")) == [(2,)]


@pytest.mark.parametrize("contact", ["", "x", "8 495 123-45-67", "\x00", "<script>"])
def test_a_wrong_contact_is_named_beside_its_field(client_of, contact):
    answer = post(client_of("anna"), "contact-add", contact=contact)
    assert answer.status_code == 422 and problem_at(answer, "contact")


def test_the_sixth_code_for_a_contact_is_refused_beside_the_field(client_of, wait):
    client = client_of("anna")
    for _ in range(5):
        post(client, "contact-add", contact=NEW)
        wait("301 seconds")
    answer = post(client, "contact-add", contact=NEW)
    assert answer.status_code == 429 and problem_at(answer, "contact")


def test_another_persons_code_confirms_nothing(client_of, code_for, sql):
    boris, anna = client_of("boris"), client_of("anna")
    post(boris, "contact-add", contact=NEW)
    ((code_id,),) = sql("SELECT id FROM people_onetimecode")
    session = anna.session
    session["new_contact"] = str(code_id)
    session.save()
    assert post(anna, "contact-confirm", code=code_for(NEW))["Location"] == reverse("people:data")
    assert sql(CONTACTS, uid("anna")) == [(2,)]


def test_the_last_contact_stays(client_of, sql):
    client = client_of("anna")
    assert post(client, "contact-remove", uid("contact-email-anna")).status_code == 302
    answer = post(client, "contact-remove", uid("contact-phone-anna"))
    assert answer.status_code == 409
    assert "Это единственный способ с вами связаться" in answer.content.decode()
    assert sql(CONTACTS, uid("anna")) == [(1,)]


@pytest.mark.parametrize("contact", ["contact-phone-boris", "contact-phone-zoya", "nothing"])
def test_somebody_elses_contact_does_not_exist(client_of, sql, contact):
    before = sql("SELECT count(*) FROM people_contact")
    assert post(client_of("anna"), "contact-remove", uid(contact)).status_code == 404
    assert sql("SELECT count(*) FROM people_contact") == before


def message(sql, patient, contact):
    sql(
        "INSERT INTO notifications_message (id, patient_id, recipient_id, kind, subject_id, subject_version, channel,"
        " contact_id, sequence, state, attempts, asked, resent, provider, provider_ref, segments, error, wants_answer,"
        " due_at, expires_at, created_at, language)"
        " VALUES (gen_random_uuid(), %s, %s, 'booked', gen_random_uuid(), 1, 'email', %s, 7, 'accepted', 1, 0, 0,"
        " '', '', 1, '', false, now(), now(), now(), '')",
        uid(patient),
        uid("anna"),
        uid(contact),
    )


def a_day_passes(sql):
    """Until then its owner can be told; then it is deleted."""
    sql("UPDATE people_contact SET removed_at = removed_at - interval '25 hours'")
    forget_contacts()


def test_a_contact_that_messages_went_to_can_be_removed(client_of, sql):
    message(sql, "anna", "contact-email-anna")
    assert post(client_of("anna"), "contact-remove", uid("contact-email-anna")).status_code == 302
    a_day_passes(sql)
    assert sql("SELECT contact_id, state FROM notifications_message") == [(None, "accepted")]


@pytest.mark.parametrize("is_over", [False, True])
def test_even_when_they_were_about_a_child_who_is_hers_no_more(client_of, sql, is_over):
    message(sql, "mila", "contact-email-anna")
    if is_over:
        sql("UPDATE people_proxy SET period = tstzrange(lower(period), clock_timestamp())")
    assert post(client_of("anna"), "contact-remove", uid("contact-email-anna")).status_code == 302
    a_day_passes(sql)
    assert sql("SELECT contact_id FROM notifications_message") == [(None,)]


# --- sessions --------------------------------------------------------------------------------------------------------


def test_sessions_are_listed_and_one_is_ended(client_of, sql):
    here, there = client_of("anna"), client_of("anna")
    page(there), page(here)
    other = stored_key(there.cookies["portal_session"].value)
    assert other in page(here)
    assert post(here, "sessions-end", session=other).status_code == 302
    assert get(there, "data").status_code == 302
    assert get(here, "data").status_code == 200


def test_signing_out_everywhere_ends_this_browser_too(client_of, sql):
    here, there = client_of("anna"), client_of("anna")
    assert post(here, "sessions-end")["Location"] == reverse("people:sign-in")
    assert [get(c, "data").status_code for c in (here, there)] == [302, 302]
    assert keys(sql, "anna") == []


def test_expired_sessions_are_neither_shown_nor_kept(client_of, sql):
    here, gone = client_of("anna"), client_of("anna")
    old = stored_key(gone.cookies["portal_session"].value)
    sql(
        "UPDATE people_session SET expire_date = now() - interval '1 s', device = 'Netscape' WHERE session_key = %s",
        old,
    )
    assert "Netscape" not in get(here, "data").content.decode()
    tidy()
    assert old not in keys(sql, "anna") and len(keys(sql, "anna")) == 1


def test_everywhere_means_only_ones_own(client_of):
    anna, boris = client_of("anna"), client_of("boris")
    post(anna, "sessions-end")
    assert get(boris, "data").status_code == 200


def test_another_persons_session_does_not_exist(client_of):
    anna, boris = client_of("anna"), client_of("boris")
    key = stored_key(boris.cookies["portal_session"].value)
    assert post(anna, "sessions-end", session=key).status_code == 404
    assert get(boris, "data").status_code == 200


@pytest.mark.parametrize("key", ["x", "'; DROP TABLE people_session; --", "a" * 41, "\x00" * 40, "ё" * 40])
def test_what_is_no_session_key_is_refused(client_of, key):
    client = client_of("anna")
    assert post(client, "sessions-end", session=key).status_code == 400
    assert get(client, "data").status_code == 200


def test_the_stored_key_signs_nobody_in(client_of, sql):
    client_of("anna")
    thief = client_of()
    thief.cookies["portal_session"] = keys(sql, "anna")[0]
    assert get(thief, "data").status_code == 302


def shift(client, name, by):
    store = SessionStore(client.cookies["portal_session"].value)
    store[name] = (timezone.now() - by).isoformat()
    store.save()


@pytest.mark.parametrize(("name", "path", "minutes"), [("anna", "/me/visits/", 30), ("rita", "/desk/", 15)])
def test_an_idle_browser_is_signed_out(client_of, name, path, minutes):
    client = client_of(name)
    client.get(path)
    shift(client, SEEN, timedelta(minutes=minutes, seconds=-5))
    assert client.get(path).status_code == 200
    shift(client, SEEN, timedelta(minutes=minutes, seconds=5))
    assert client.get(path).status_code == 302
    assert client.get(path).status_code == 302


@pytest.mark.parametrize(("name", "path"), [("anna", "/me/visits/"), ("rita", "/desk/")])
def test_nobody_stays_in_for_more_than_twelve_hours(client_of, name, path):
    client = client_of(name)
    client.get(path)
    shift(client, SINCE, timedelta(hours=12, seconds=5))
    assert client.get(path).status_code == 302


def test_a_disabled_account_is_out_at_once(client_of, sql):
    client = client_of("anna")
    assert get(client, "data").status_code == 200
    sql("UPDATE people_user SET is_active = false WHERE id = %s", uid("user-anna"))
    assert get(client, "data").status_code == 302


def test_sessions_hold_ids_and_nothing_of_the_person(client_of, code_for):
    client = client_of()
    post(client, "sign-in", contact=PHONES["anna"])
    post(client, "code", code=code_for(PHONES["anna"]))
    post(client, "contact-add", contact=NEW)
    page(client)
    held = dict(client.session.items())
    assert set(held) <= {"_auth_user_id", "_auth_user_backend", "_auth_user_hash", "device", SEEN, SINCE, "new_contact"}
    assert UUID(held["_auth_user_id"]) == uid("user-anna") and UUID(held["new_contact"])
    text = str(held)
    assert not any(word in text for word in (PHONES["anna"], NEW, EMAILS["anna"], "Anna"))


def test_signing_out_ends_the_session_in_the_database(client_of, sql):
    client = client_of("anna")
    post(client, "sign-out")
    assert get(client, "data").status_code == 302 and keys(sql, "anna") == []
