"""Encryption at rest: what is moved, changed or mis-keyed does not open, and says so."""

from datetime import date

import psycopg
import pytest
from django.conf import settings
from django.core.exceptions import FieldError

from portal.kernel import crypto
from portal.kernel.access import open_door
from portal.kernel.errors import CryptoError
from portal.people.models import Contact, Patient
from tests.cast import PHONES, uid


@pytest.fixture
def superuser(database_url):
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        yield direct


def read(as_actor, who, field):
    with as_actor(who) as trail:
        open_door(trail.actor, [uid(who)], purpose="test")
        return getattr(Patient.objects.visible_to(trail.actor).get(pk=uid(who)), field)


def test_values_come_back(as_actor):
    assert read(as_actor, "anna", "given_name") == "Anna"
    assert read(as_actor, "anna", "birth_date") == date(1961, 3, 12)


def test_two_swapped_ciphertexts_of_two_patients_are_refused(as_actor, superuser):
    superuser.execute(
        "UPDATE people_patient p SET given_name = other.given_name FROM people_patient other"
        " WHERE (p.id, other.id) IN ((%s, %s), (%s, %s))",
        [uid("anna"), uid("boris"), uid("boris"), uid("anna")],
    )
    for who in ("anna", "boris"):
        with pytest.raises(CryptoError, match=r"people_patient\.given_name"):
            read(as_actor, who, "given_name")


def test_two_swapped_columns_of_one_patient_are_refused(as_actor, superuser):
    superuser.execute(
        "UPDATE people_patient SET given_name = family_name, family_name = given_name WHERE id = %s", [uid("anna")]
    )
    with pytest.raises(CryptoError):
        read(as_actor, "anna", "given_name")


def test_a_ciphertext_moved_to_another_row_of_the_same_patient_is_refused(as_actor, superuser):
    superuser.execute(
        "UPDATE people_contact SET value = (SELECT value FROM people_contact WHERE id = %s) WHERE id = %s",
        [uid("contact-phone-anna"), uid("contact-email-anna")],
    )
    with as_actor("anna") as trail:
        open_door(trail.actor, [uid("anna")], purpose="test")
        with pytest.raises(CryptoError):
            Contact.objects.visible_to(trail.actor).get(pk=uid("contact-email-anna")).value  # noqa: B018


@pytest.mark.parametrize("bit", [0, 40, 100])
def test_one_flipped_bit_is_refused(as_actor, superuser, bit):
    superuser.execute(
        "UPDATE people_patient SET family_name = set_bit(family_name, %s, 1 - get_bit(family_name, %s)) WHERE id = %s",
        [bit, bit, uid("anna")],
    )
    with pytest.raises(CryptoError):
        read(as_actor, "anna", "family_name")


def test_a_wrong_key_encryption_key_is_refused_by_name(as_actor, tmp_path, monkeypatch):
    other = tmp_path / "kek.json"
    other.write_text(crypto.new_kek())
    monkeypatch.setattr(settings, "KEK_URI", other.as_uri())
    crypto.forget_keys()
    with pytest.raises(CryptoError, match="another key-encryption key"):
        read(as_actor, "anna", "given_name")


@pytest.mark.parametrize(("content", "says"), [("not json", "not a Tink keyset"), (None, "cannot read")])
def test_a_damaged_or_missing_key_file_is_told(as_actor, tmp_path, monkeypatch, content, says):
    path = tmp_path / "kek.json"
    if content:
        path.write_text(content)
    monkeypatch.setattr(settings, "KEK_URI", path.as_uri())
    crypto.forget_keys()
    with pytest.raises(CryptoError, match=says):
        crypto.blind_index("phone", "+7")


def test_a_swapped_keyset_is_refused(as_actor, superuser):
    superuser.execute(
        "UPDATE kernel_patientkeyset SET wrapped ="
        " (SELECT wrapped FROM kernel_patientkeyset WHERE patient_id = %s) WHERE patient_id = %s",
        [uid("boris"), uid("anna")],
    )
    with pytest.raises(CryptoError, match="keyset does not open"):
        read(as_actor, "anna", "given_name")


def test_a_destroyed_keyset_ends_the_data(as_actor, superuser):
    superuser.execute("DELETE FROM kernel_patientkeyset WHERE patient_id = %s", [uid("anna")])
    with pytest.raises(CryptoError, match="destroyed"):
        read(as_actor, "anna", "given_name")


def test_the_same_value_looks_different_each_time(superuser):
    rows = superuser.execute("SELECT sex FROM people_patient").fetchall()
    assert len({bytes(value) for (value,) in rows}) == len(rows)


def test_the_blind_index_finds_and_separates(db):
    phone = crypto.blind_index("phone", PHONES["anna"])
    assert phone == crypto.blind_index("phone", PHONES["anna"]) and len(phone) == 32
    assert phone != crypto.blind_index("email", PHONES["anna"]) != crypto.blind_index("phone", PHONES["boris"])


def test_an_encrypted_field_is_not_searchable_or_bulk_written_in_plain(as_actor):
    with as_actor("anna") as trail:
        open_door(trail.actor, [uid("anna")], purpose="test")
        with pytest.raises(FieldError):
            Patient.objects.visible_to(trail.actor).filter(given_name="Anna").first()
