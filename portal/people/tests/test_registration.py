"""A new person: the consent is a page and an action of its own, and nothing is written before the last page."""

import re
import threading

import pytest
from django.db import connections
from django.urls import reverse

from portal.people.models import Consent, Patient
from portal.people.tests.conftest import NEW, get, post, problem_at
from tests.cast import PHONES, uid

PERSON = {"family_name": "Ёлкина", "given_name": "Анна-Мария", "birth_date": "12.03.1961", "sex": "female"}
DOCUMENT = uid("document-consent-account")
WRITTEN = (
    "SELECT (SELECT count(*) FROM people_user), (SELECT count(*) FROM people_patient),"
    " (SELECT count(*) FROM people_consent)"
)


def test_a_new_person_gets_an_account_and_a_patient(agreed, sql, as_actor):
    before = sql(WRITTEN)[0]
    client = agreed()
    assert post(client, "new", **PERSON)["Location"] == reverse("people:home")
    assert client.get("/me/visits/").status_code == 200
    assert sql(WRITTEN)[0] == tuple(n + 1 for n in before)
    assert "Ёлкина" in get(client, "data").content.decode()


def test_the_consent_is_its_own_page_and_not_ticked(proved):
    page = get(proved(), "consent").content.decode()
    (tick,) = re.findall(r'<input[^>]*name="agree"[^>]*>', page)
    assert "checked" not in tick
    assert 'name="family_name"' not in page and 'name="contact"' not in page
    assert "Текст документа." in page


@pytest.mark.parametrize("data", [{}, {"document": str(DOCUMENT)}, {"agree": "on"}, {"document": "x", "agree": "on"}])
def test_without_agreement_nothing_is_written(proved, sql, data):
    before = sql(WRITTEN)
    client = proved()
    answer = post(client, "consent", **data)
    assert answer.status_code == 422
    if "agree" not in data:
        assert problem_at(answer, "agree")
    assert get(client, "new")["Location"] == reverse("people:consent")
    assert post(client, "new", **PERSON)["Location"] == reverse("people:consent")
    assert sql(WRITTEN) == before


@pytest.mark.parametrize("other", ["document-policy", "document-rules", "nothing"])
def test_agreeing_to_another_text_is_a_conflict(proved, other):
    assert post(proved(), "consent", document=uid(other), agree="on").status_code == 409


def test_the_consent_is_proved(agreed, sql):
    client = agreed()
    client.post(reverse("people:new"), PERSON, headers={"User-Agent": "Planted/1.0 (Canary)"})
    row = sql(
        "SELECT c.document_sha256, d.sha256, d.version, c.status, c.recorded_at IS NOT NULL, c.evidence, c.user_id"
        " FROM people_consent c JOIN people_legaldocument d ON d.id = c.document_id WHERE d.id = %s",
        DOCUMENT,
    )[0]
    assert row[0] == row[1] and row[2:5] == (1, "active", True)
    assert b"Planted" not in row[5] and b"127.0.0.1" not in row[5] and row[6]


def test_the_evidence_says_where_from_and_by_which_code(agreed, sql, as_actor):
    from portal.kernel.system_door import system_door

    post(agreed(), "new", **PERSON)
    ((patient_id,),) = sql("SELECT patient_id FROM people_consent")
    with as_actor("job") as trail:
        system_door("test", [patient_id])
        evidence = Consent.objects.visible_to(trail.actor).get().evidence
        assert Patient.objects.visible_to(trail.actor).get().family_name == "Ёлкина"
    assert evidence["ip"] == "127.0.0.1" and evidence["language"] == "ru"
    assert evidence["agreed_at"] and evidence["code"] == str(sql("SELECT id FROM people_onetimecode")[0][0])


@pytest.mark.parametrize("name", ["consent", "new", "code"])
def test_pages_out_of_order_lead_to_the_beginning(client_of, name):
    client = client_of()
    assert get(client, name)["Location"] == reverse("people:sign-in")
    assert post(client, name, **PERSON)["Location"] == reverse("people:sign-in")


def test_the_last_page_waits_for_the_consent(proved):
    assert get(proved(), "new")["Location"] == reverse("people:consent")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("family_name", ""), ("family_name", "<b>Иван</b>"), ("family_name", "А" * 101), ("family_name", "123"),
        ("family_name", "Иван\u202eов"), ("family_name", "😀"), ("given_name", " "), ("given_name", "-Анна"),
        ("middle_name", "=1+1"), ("birth_date", "31.02.1990"), ("birth_date", "01.01.2999"),
        ("birth_date", "01.01.1899"), ("birth_date", "0001-01-01"), ("birth_date", "вчера"), ("sex", ""), ("sex", "x"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_beside_its_field_and_the_rest_is_kept(agreed, sql, field, value):
    before = sql(WRITTEN)
    client = agreed()
    answer = post(client, "new", **PERSON | {field: value})
    assert answer.status_code == 422
    assert problem_at(answer, field)
    kept = "Ёлкина" if field != "family_name" else "Анна-Мария"
    assert f'value="{kept}"' in answer.content.decode()
    assert sql(WRITTEN) == before


def test_a_name_typed_in_pieces_is_put_together(agreed):
    client = agreed()
    post(client, "new", **PERSON | {"family_name": "Зайцев", "given_name": "Андреи\u0306"})
    assert "Андрей" in get(client, "data").content.decode()


def test_two_registrations_of_one_contact_make_one_account(agreed, client_of, code_for, wait, sql):
    one = agreed()
    wait("61 seconds")
    two = agreed()
    before = sql(WRITTEN)[0]
    assert post(one, "new", **PERSON).status_code == 302
    assert post(two, "new", **PERSON).status_code == 409
    assert sql(WRITTEN)[0] == tuple(n + 1 for n in before)
    assert two.get("/me/visits/").status_code == 302


def test_two_registrations_at_once_make_one_account(agreed, wait, sql):
    one = agreed()
    wait("61 seconds")
    two = agreed()
    before, answers = sql(WRITTEN)[0], []
    gate = threading.Barrier(2)

    def press(client):
        gate.wait()
        answers.append(post(client, "new", **PERSON).status_code)
        connections.close_all()

    threads = [threading.Thread(target=press, args=(client,)) for client in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302, 409]
    assert sql(WRITTEN)[0] == tuple(n + 1 for n in before)


def test_pressing_twice_is_not_two_accounts(agreed, sql):
    client = agreed()
    post(client, "new", **PERSON)
    after = sql(WRITTEN)
    assert post(client, "new", **PERSON).status_code == 302
    assert sql(WRITTEN) == after


def test_a_disabled_account_is_neither_opened_nor_made_anew(proved, agreed, sql):
    sql("UPDATE people_user SET is_active = false WHERE id = %s", uid("user-anna"))
    client = agreed(PHONES["anna"])
    before = sql(WRITTEN)
    assert post(client, "new", **PERSON).status_code == 409
    assert sql(WRITTEN) == before
    assert client.get("/me/visits/").status_code == 302


def test_the_proof_ends_with_the_session(proved, client_of):
    client = proved(NEW)
    client.cookies.clear()
    assert get(client, "consent")["Location"] == reverse("people:sign-in")
