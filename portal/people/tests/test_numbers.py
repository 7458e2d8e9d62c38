"""SNILS and policy number: given by the person or at the desk, checked, replaced, removed; encrypted, on the trail."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.people.numbers import parse_policy, parse_snils
from portal.people.tests.conftest import get, post, problem_at
from tests.cast import SNILS, uid

SYSTEMS = {"snils": "urn:oid:1.2.643.100.3", "policy": "urn:oid:1.2.643.2.69.1.1.1.6.228"}


def with_check(fifteen):
    """As the order puts it: digits at odd places from the right are one number, doubled; the even ones stand before."""
    odd, even = fifteen[::-1][::2], fifteen[::-1][1::2]
    total = sum(int(digit) for digit in even + str(int(odd) * 2))
    return f"{fifteen}{-total % 10}"


def systems(sql, who="anna"):
    rows = sql("SELECT system FROM people_patientidentifier WHERE patient_id = %s ORDER BY system", uid(who))
    return [system for (system,) in rows]


def page(client):
    return get(client, "numbers").content.decode()


@pytest.mark.parametrize("text", ["112-233-445 95", "11223344595", " 112 233 445 95 ", "112–233–445\u00a095"])
def test_a_snils_is_read_however_it_is_written(text):
    assert parse_snils(text) == SNILS


@pytest.mark.parametrize("number", ["087654303 00", "001-001-998 17"])
def test_check_numbers_of_a_hundred_and_numbers_without_one(number):
    assert parse_snils(number)


@pytest.mark.parametrize(
    "text",
    ["112-233-445 96", "121-233-445 95", "1122334459", "112233445950", "1122334459x", "000-000-000 00", "١" * 11],
)
def test_what_is_no_snils_is_refused(text):
    with pytest.raises(ValidationError):
        parse_snils(text)


@pytest.mark.parametrize("number", ["7801234567890125", "5005123456789019", "1234567890123452", "2551108881000749"])
def test_a_policy_number_as_others_count_it(number):
    assert parse_policy(number) == number


@pytest.mark.parametrize("number", ["7801234567890126", "8701234567890125"])
def test_a_policy_number_with_a_slip_is_refused(number):
    with pytest.raises(ValidationError):
        parse_policy(number)


@pytest.mark.parametrize("fifteen", ["785623082200110", "123456789012345", "999999999999999", "100000000000000"])
def test_the_last_digit_of_a_policy_checks_the_others(fifteen):
    good = with_check(fifteen)
    assert parse_policy(f"{good[:4]} {good[4:8]} {good[8:12]} {good[12:]}") == good
    for digit in set("0123456789") - {good[15]}:
        with pytest.raises(ValidationError):
            parse_policy(good[:15] + digit)


@pytest.mark.parametrize("text", ["7856", "7856230822001102 1", "0" * 16, "785623082200110x"])
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(ValidationError):
        parse_policy(text)


def test_both_are_given_and_shown_as_they_stand_on_paper(client_of, sql):
    client, good = client_of("boris"), with_check("785623082200110")
    answer = post(client, "numbers", snils="112-233-445 95", policy=good)
    assert answer.status_code == 302
    text = page(client)
    assert "112-233-445 95" in text
    assert f"{good[:4]} {good[4:8]} {good[8:12]} {good[12:]}" in text
    assert "Сохранено" in text
    assert "Сохранено" not in page(client)
    assert systems(sql, "boris") == sorted(SYSTEMS.values())


def test_it_lies_there_encrypted(client_of, sql):
    post(client_of("boris"), "numbers", snils=SNILS)
    ((value, digest),) = sql("SELECT value, digest FROM people_patientidentifier WHERE patient_id = %s", uid("boris"))
    assert SNILS.encode() not in value + digest


def test_another_number_replaces_the_first_and_an_empty_field_changes_nothing(client_of, sql):
    client = client_of("anna")
    post(client, "numbers", snils="087-654-303 00", policy="")
    text = page(client)
    assert "087-654-303 00" in text
    assert "112-233-445 95" not in text
    post(client, "numbers", snils="", policy=with_check("785623082200110"))
    assert "087-654-303 00" in page(client)
    assert len(systems(sql)) == 2


@pytest.mark.parametrize(("field", "text"), [("snils", "112-233-445 96"), ("policy", "1234")])
def test_a_wrong_number_is_said_at_its_field_kept_there_and_not_written(client_of, sql, field, text):
    other = {"snils": "policy", "policy": "snils"}[field]
    right = {"snils": "087-654-303 00", "policy": with_check("785623082200110")}[other]
    answer = post(client_of("boris"), "numbers", **{field: text, other: right})
    assert answer.status_code == 422
    assert problem_at(answer, field)
    assert f'value="{text}"' in answer.content.decode()
    assert systems(sql, "boris") == []


def test_nothing_at_all_is_not_saved(client_of, sql):
    assert post(client_of("boris"), "numbers", snils=" ", policy="").status_code == 422
    assert systems(sql, "boris") == []


def test_a_number_is_removed_and_removed_again(client_of, sql):
    client = client_of("anna")
    for _ in range(2):
        assert post(client, "numbers-remove", system=SYSTEMS["snils"]).status_code == 302
    assert systems(sql) == []
    assert "112-233-445 95" not in page(client)


def test_a_system_nobody_knows_removes_nothing(client_of, sql):
    assert post(client_of("anna"), "numbers-remove", system="passport").status_code == 400
    assert systems(sql) == [SYSTEMS["snils"]]


def test_nobody_else_sees_or_changes_it(client_of, sql):
    assert "112-233-445 95" not in page(client_of("boris"))
    post(client_of("boris"), "numbers-remove", system=SYSTEMS["snils"])
    assert systems(sql) == [SYSTEMS["snils"]]


def test_the_registrar_gives_it_at_the_desk_and_another_clinics_cannot(client_of, sql):
    rita = client_of("rita")
    visit = rita.get(f"/desk/visits/{uid('visit-boris')}/").content.decode()
    assert f"/desk/patients/{uid('boris')}/numbers/" in visit
    assert post(rita, "desk-numbers", uid("boris"), snils="087-654-303 00").status_code == 302
    assert "087-654-303 00" in get(rita, "desk-numbers", uid("boris")).content.decode()
    for foreign in ("foma", "vera"):
        answer = post(client_of(foreign), "desk-numbers", uid("boris"), policy=with_check("785623082200110"))
        assert answer.status_code in (403, 404)
    assert systems(sql, "boris") == [SYSTEMS["snils"]]
    assert post(rita, "desk-numbers-remove", uid("boris"), system=SYSTEMS["snils"]).status_code == 302
    assert systems(sql, "boris") == []


def test_the_trail_says_who_changed_it_and_not_to_what(client_of, sql):
    post(client_of("rita"), "desk-numbers", uid("boris"), snils="087-654-303 00")
    ((role, detail),) = sql(
        "SELECT role, detail::text FROM guard.audit_event WHERE action = 'PatientIdentifier.set' AND patient_id = %s",
        uid("boris"),
    )
    assert role == "registrar"
    assert "0876" not in detail


def test_a_match_that_stands_is_not_touched(client_of, sql):
    sql(
        "INSERT INTO mis_patientref (id, patient_id, organization_id, digest, state, by, created_at)"
        " VALUES (gen_random_uuid(), %s, %s, 'their record', 'verified', 'snils', now())",
        uid("anna"),
        uid("shore"),
    )
    before = sql("SELECT * FROM mis_patientref"), sql("SELECT count(*) FROM procrastinate_jobs")
    client = client_of("anna")
    post(client, "numbers", snils="087-654-303 00")
    post(client, "numbers-remove", system=SYSTEMS["snils"])
    assert (sql("SELECT * FROM mis_patientref"), sql("SELECT count(*) FROM procrastinate_jobs")) == before


def test_two_numbers_cost_no_more_statements_than_one(client_of):
    client = client_of("anna")

    def cost():
        page(client)
        with CaptureQueriesContext(connection) as captured:
            page(client)
        return len(captured)

    one = cost()
    post(client, "numbers", policy=with_check("785623082200110"))
    page(client)
    assert cost() == one
