"""Finding and making patients. Whoever has nothing to do with the person asked for is never told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest

from portal.mis.ports import Capability, MisBroken, PatientUnknown, Person
from tests.contracts.mis.world import nobody

EMPTY = Person("Никто", "Никак", "", None, "unknown")


@pytest.fixture
def made(world, mis):
    """Somebody new in the MIS, or a test of its own that it takes nobody."""
    if Capability.PATIENTS not in world.has:
        with pytest.raises(MisBroken, match="not-offered"):
            mis.create_patient(nobody(), key=uuid4())
        pytest.skip("takes no new patients, as it says")
    person, key = nobody(), uuid4()
    return person, key, mis.create_patient(person, key=key)


def found(mis, **known):
    return [one.ref for one in mis.find_patients(replace(EMPTY, **known))]


def test_a_known_patient_is_read(world, mis):
    patient = mis.get_patient(world.patient)
    assert patient.ref == world.patient
    assert (patient.person.family_name, patient.person.given_name) == (
        world.person.family_name,
        world.person.given_name,
    )
    assert (patient.person.birth_date, patient.person.phones) == (world.person.birth_date, world.person.phones)
    assert patient.is_active and not patient.replaced_by


def test_a_patient_whom_nobody_knows_is_unknown(mis):
    with pytest.raises(PatientUnknown):
        mis.get_patient("999999999")


def test_a_new_patient_is_as_they_were_told(mis, made):
    person, key, patient = made
    assert patient.person == person or patient.person == replace(person, policy="")
    assert mis.get_patient(patient.ref).person == patient.person
    assert patient.key in (key, None)


def test_the_same_key_makes_one_patient(mis, made):
    person, key, patient = made
    assert mis.create_patient(person, key=key).ref == patient.ref
    assert found(mis, snils=person.snils) == [patient.ref]


def test_a_patient_is_found_by_each_thing_that_is_known_alone(mis, made):
    person, _key, patient = made
    assert found(mis, snils=person.snils) == [patient.ref]
    assert found(mis, phones=person.phones) == [patient.ref]
    assert found(mis, family_name=person.family_name, birth_date=person.birth_date) == [patient.ref]
    if patient.person.policy:
        assert found(mis, policy=person.policy) == [patient.ref]


def test_a_patient_who_fits_in_every_way_is_told_once(mis, made):
    person, _key, patient = made
    assert [one.ref for one in mis.find_patients(person)] == [patient.ref]


def test_a_family_that_shares_a_phone_is_told_whole(mis, made):
    person, _key, patient = made
    child = replace(nobody(), phones=person.phones)
    second = mis.create_patient(child, key=uuid4())
    assert sorted(found(mis, phones=person.phones)) == sorted([patient.ref, second.ref])


def test_nobody_is_told_who_shares_nothing(mis):
    assert mis.find_patients(nobody()) == []


def test_a_birthday_without_the_name_is_nobody(world, mis):
    assert found(mis, family_name="Совсемдругая", birth_date=world.person.birth_date) == []
    assert found(mis, family_name=world.person.family_name, birth_date=date(1903, 4, 5)) == []


def test_a_person_of_whom_nothing_is_known_is_nobody(mis):
    assert mis.find_patients(EMPTY) == []
