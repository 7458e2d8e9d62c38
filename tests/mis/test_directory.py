"""The MIS's list of doctors: who comes, who goes, whose id is another's now; a bad export is an alarm."""

from contextlib import contextmanager

import pytest

from portal.mis import exchanging
from portal.people.models import Location, PractitionerRole
from portal.runway import exchange as runway
from portal.runway.errors import RunwayError
from tests.mis.conftest import clinic_with


def family(role):
    return role.practitioner.family_name_ru


def roles_there(clinic):
    """PractitionerRoles of the MIS by the family name of their doctor."""
    people = {one["id"]: one["name"][0]["family"] for one in clinic.all_of("Practitioner")}
    roles = clinic.all_of("PractitionerRole")
    return {people[one["practitioner"]["reference"].partition("/")[2]]: one for one in roles}


def leaves(clinic, *names):
    for name in names:
        clinic.rewrite(roles_there(clinic)[name], active=False)


def comes_back(clinic, *names):
    for name in names:
        clinic.rewrite(roles_there(clinic)[name], active=True)


def read(clinic, **more):
    return exchanging.read_directory(clinic.organization, **more)


def offered(clinic):
    return [family(role) for role in clinic.roles]


def refs(clinic):
    return clinic.sql("SELECT ref, object_id FROM mis_directoryref WHERE kind = 'doctor' AND gone_at IS NULL")


@pytest.fixture
def wide(double, token, sql, db):
    """A clinic of three where one may leave without an alarm."""
    with clinic_with(double, token, sql, largest_loss=0.4) as made:
        yield made


# A bad export ------------------------------------------------------------------------------------------------------


def test_when_too_many_are_missing_at_once_nobody_is_retired_and_the_page_says_so(clinic, client_of):
    leaves(clinic, "Крылов")  # one of three
    before = refs(clinic)
    report = read(clinic)
    assert (report.is_alarm, report.gone, report.doctors) == (True, 1, 3)
    assert offered(clinic) == ["Ахметова", "Крылов", "Северин"]
    assert sorted(refs(clinic)) == sorted(before)
    page = client_of("alla").get("/manage/mis/").content.decode()
    assert "В справочнике системы сразу не стало многих врачей" in page
    assert "1 of 3 doctors are not in the directory of the MIS any more" in page


def test_an_alarm_stands_until_somebody_accepts_the_loss(clinic, client_of):
    leaves(clinic, "Крылов", "Северин")
    for _ in range(2):
        assert read(clinic).is_alarm
        clinic.tend()
    ((trouble,),) = clinic.sql("SELECT trouble FROM mis_exchange")
    assert trouble == "directory-shrank"
    report = read(clinic, accepts_loss=True)
    assert (report.is_alarm, report.gone) == (False, 2)
    assert offered(clinic) == ["Ахметова"]
    assert clinic.sql("SELECT trouble FROM mis_exchange") == [("",)]
    assert "of 3 doctors" not in client_of("alla").get("/manage/mis/").content.decode()


def test_the_command_says_it_and_fails_and_accepts_the_loss_when_told(clinic, monkeypatch):
    monkeypatch.setattr(runway, "mapping_of", lambda slug: clinic.mapping)
    leaves(clinic, "Крылов")
    said = []
    with pytest.raises(RunwayError, match="nothing is archived"):
        runway.sync("shore", said.append, accepts_loss=False, wrap=lambda rows, _what: rows)
    assert offered(clinic) == ["Ахметова", "Крылов", "Северин"]
    runway.sync("shore", said.append, accepts_loss=True, wrap=lambda rows, _what: rows)
    assert offered(clinic) == ["Ахметова", "Северин"]


def test_an_export_that_is_whole_again_ends_the_alarm_by_itself(clinic):
    leaves(clinic, "Крылов")
    assert read(clinic).is_alarm
    comes_back(clinic, "Крылов")
    report = read(clinic)
    assert (report.is_alarm, report.gone) == (False, 0)
    assert clinic.sql("SELECT trouble FROM mis_exchange") == [("",)]


# Coming and going --------------------------------------------------------------------------------------------------


def test_who_leaves_is_not_offered_and_the_visits_stay(wide, client_of):
    role = wide.roles[1]
    visit_id, _ref = wide.stands(role=role)
    leaves(wide, family(role))
    assert not read(wide).is_alarm
    assert offered(wide) == ["Ахметова", "Северин"]
    assert wide.sql("SELECT 1 FROM mis_look WHERE role_id = %s", role.pk) == []
    assert wide.visit(visit_id).status == "booked"
    assert family(role) not in client_of().get("/doctors/").content.decode()


def test_who_comes_back_is_the_same_doctor_with_times_again(wide):
    role = wide.roles[1]
    leaves(wide, family(role))
    read(wide)
    comes_back(wide, family(role))
    report = read(wide)
    assert report.added == 0
    assert [one.pk for one in wide.roles if family(one) == family(role)] == [role.pk]
    wide.tend()
    assert wide.free(role)


def test_a_doctor_under_another_id_is_the_same_doctor_and_no_loss(clinic):
    before = {family(role): role.pk for role in clinic.roles}
    new = {}
    for role in roles_there(clinic).values():  # all ids are others from tonight on
        body = {key: value for key, value in role.items() if key not in ("id", "meta")}
        new[f"PractitionerRole/{role['id']}"] = f"PractitionerRole/{clinic.create(body)['id']}"
        clinic.rewrite(role, active=False)
    for one in clinic.all_of("Schedule"):
        actors = [{**who, "reference": new.get(who["reference"], who["reference"])} for who in one["actor"]]
        clinic.rewrite(one, actor=actors)
    report = read(clinic)
    assert (report.is_alarm, report.gone, report.added) == (False, 0, 0)
    assert {family(role): role.pk for role in clinic.roles} == before
    assert len(refs(clinic)) == 3
    clinic.sync()
    assert clinic.free(clinic.roles[0])


def test_an_id_that_is_another_doctors_now_means_that_doctor(wide):
    role = wide.roles[1]
    there = roles_there(wide)[family(role)]
    who = wide.resource("Practitioner", there["practitioner"]["reference"].partition("/")[2])
    wide.rewrite(who, name=[{"use": "official", "family": "Новикова", "given": ["Дарья", "Олеговна"]}])
    report = read(wide)
    assert (report.added, report.gone, report.is_alarm) == (1, 1, False)
    assert offered(wide) == ["Ахметова", "Новикова", "Северин"]
    rows = wide.sql(
        "SELECT object_id, gone_at IS NULL FROM mis_directoryref WHERE kind = 'doctor' AND ref = %s", there["id"]
    )
    new = next(one.pk for one in wide.roles if family(one) == "Новикова")
    assert sorted(rows, key=lambda row: row[1]) == [(role.pk, False), (new, True)]
    assert not PractitionerRole.objects.get(pk=role.pk).is_active


def test_an_id_of_a_small_clinic_that_is_another_doctors_now_is_an_alarm_each_night(clinic):
    role = clinic.roles[1]
    there = roles_there(clinic)[family(role)]
    who = clinic.resource("Practitioner", there["practitioner"]["reference"].partition("/")[2])
    clinic.rewrite(who, name=[{"use": "official", "family": "Новикова", "given": ["Дарья", "Олеговна"]}])
    assert [read(clinic).is_alarm for _ in range(2)] == [True, True]
    assert not read(clinic, accepts_loss=True).is_alarm
    assert offered(clinic) == ["Ахметова", "Новикова", "Северин"]


# Another branch ----------------------------------------------------------------------------------------------------


@contextmanager
def two_branches(double, token, sql, **more):
    sql(
        "INSERT INTO people_location SELECT (jsonb_populate_record(l, jsonb_build_object('id', gen_random_uuid(),"
        " 'slug', 'shore-garden', 'name_ru', 'Садовая, 5'))).* FROM people_location l WHERE slug = 'shore-place'"
    )
    with clinic_with(double, token, sql, branches={}, largest_loss=0.4, **more) as made:
        yield made


def test_a_doctor_who_moves_to_another_branch_is_offered_there_and_the_visit_goes_along(double, token, sql, db):
    with two_branches(double, token, sql) as clinic:
        role = clinic.roles[1]
        assert role.location.slug == "shore-garden"
        visit_id, _ref = clinic.stands(role=role)
        there = roles_there(clinic)[family(role)]
        river = next(one for one in clinic.all_of("Location") if one["name"] == "Речная, 12")
        clinic.rewrite(there, location=[{"reference": f"Location/{river['id']}"}])
        report = read(clinic)
        assert (report.added, report.is_alarm) == (1, False)
        (new,) = [one for one in clinic.roles if family(one) == family(role)]
        assert (new.location.slug, new.practitioner_id) == ("shore-place", role.practitioner_id)
        assert not PractitionerRole.objects.get(pk=role.pk).is_active
        exchanging.reconcile(clinic.organization)
        visit = clinic.visit(visit_id)
        assert (visit.role_id, visit.location_id, visit.status) == (new.pk, new.location_id, "booked")
        assert clinic.news(visit_id) == ["booked", "clinic-moved"]
        assert clinic.sql("SELECT kind FROM mis_drift WHERE settled_at IS NULL") == []
        assert Location.objects.filter(organization=clinic.organization).count() == 2


# What nothing of ours matches --------------------------------------------------------------------------------------


def test_a_specialty_that_nobody_has_mapped_is_listed_and_its_doctor_not_added(double, token, sql, db, client_of):
    specialties = {"Эндокринолог": "therapist", "Офтальмолог": "cardiologist"}
    with clinic_with(double, token, sql, specialties=specialties) as clinic:
        report = read(clinic)
        assert [one for one in report.unmatched if "Северин" in one] == ["doctor Северин Павел Олегович, Уролог"]
        assert offered(clinic) == ["Ахметова", "Крылов"]
        page = client_of("alla").get("/manage/mis/").content.decode()
        assert "Северин Павел Олегович" in page
    with clinic_with(double, token, sql) as clinic:  # now somebody has
        assert offered(clinic) == ["Ахметова", "Крылов", "Северин"]
        page = client_of("alla").get("/manage/mis/").content.decode()
        assert page.count("Северин Павел Олегович") == page.count("Ахметова Лилия Рашидовна")


def test_a_branch_that_nothing_of_ours_matches_is_listed_and_its_doctors_are_not_added(double, token, sql, db):
    with clinic_with(double, token, sql, branches={"Речная, 12": "shore-place"}) as clinic:
        report = read(clinic)
        assert sorted(report.unmatched) == ["branch Садовая, 5", "doctor Крылов Андрей Викторович, Офтальмолог"]
        assert offered(clinic) == ["Ахметова", "Северин"]


def test_ids_of_times_that_are_others_every_night_change_nothing_here(clinic):
    visit_id, ref = clinic.stands()
    free = [clinic.free(n=n) for n in range(5)]
    before = {role.pk: [one["id"] for one in clinic.slots(role)] for role in clinic.roles}
    clinic.double.control("slots", regenerate=True)
    assert not set(before[clinic.roles[0].pk]) & {one["id"] for one in clinic.slots(clinic.roles[0])}
    clinic.tend()
    assert exchanging.reconcile(clinic.organization) == 0
    assert [clinic.free(n=n) for n in range(5)] == free
    other, _ = clinic.stands("zoya", role=clinic.roles[1])
    clinic.move(visit_id, clinic.free(n=2))
    clinic.settle()
    assert clinic.visit(visit_id).start == free[2] and clinic.visit_ref(visit_id) == ref
    clinic.cancel(other, "zoya")
    clinic.settle()
    assert not [one for one in clinic.there() if str(other) in str(one["identifier"])]
