"""Every way a request can fail means one thing, and the caller learns whether anything can have happened."""

from __future__ import annotations

import logging
from contextlib import suppress
from urllib.parse import unquote_plus
from uuid import uuid4

import pytest

from portal.kernel.ports import PortError
from portal.mis.ports import AuthExpired, Capability, MisBroken, MisBusy, MisUnknown
from tests.contracts.mis.world import nobody


def test_a_mis_that_is_not_there_is_unreachable_for_reads_and_writes(world, mis, closed):
    wanted, away = world.wanted(), world.another(url=closed)
    for ask in (away.ping, away.directory, lambda: away.get_patient(world.patient), lambda: away.book(wanted)):
        with pytest.raises(MisBusy, match="unreachable"):
            ask()
    assert mis.find_visits(wanted) == []


def test_a_read_that_gets_no_answer_may_be_asked_again(world, wire, shaky):
    wire.next("drop")
    with pytest.raises(MisBusy, match="no-answer"):
        shaky.get_patient(world.patient)
    assert shaky.get_patient(world.patient).ref == world.patient


def test_a_write_whose_answer_is_lost_is_unknown_and_found_by_asking(world, wire, shaky, mis):
    wanted = world.wanted()
    wire.next("lost", world.is_write)
    with pytest.raises(MisUnknown):
        shaky.book(wanted)
    (found,) = mis.find_visits(wanted)
    assert found.is_as(wanted)


@pytest.mark.parametrize("spoil", ["drop", "html", "status:500", "status:502"])
def test_a_write_that_nobody_understood_is_unknown(world, wire, shaky, spoil):
    wanted = world.wanted()
    wire.next(spoil, world.is_write)
    with pytest.raises(MisUnknown):
        shaky.book(wanted)


def test_a_cancellation_whose_answer_is_lost_is_asked_for_again_and_takes_effect_once(world, wire, shaky, mis):
    wanted, visit = world.booked()
    wire.next("lost", world.is_write)
    with suppress(MisUnknown):  # what was lost may have been less than the whole
        shaky.cancel(visit)
    mis.cancel(visit)
    assert world.live_at(wanted) == [] and world.now_at(wanted).is_free


@pytest.mark.parametrize("status", [429, 503])
def test_a_mis_that_asks_for_patience_is_busy_and_nothing_was_done(world, wire, shaky, mis, status):
    wanted = world.wanted()
    wire.next(f"status:{status}")
    with pytest.raises(MisBusy):
        shaky.get_patient(world.patient)
    wire.next(f"status:{status}", world.is_write)
    with pytest.raises(MisBusy):
        shaky.book(wanted)
    assert mis.find_visits(wanted) == []


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_are_not_taken_are_told_apart(world, wire, shaky, status):
    wire.next(f"status:{status}")
    with pytest.raises(AuthExpired):
        shaky.get_patient(world.patient)


def test_a_wrong_token_is_told_apart(world, tmp_path):
    if world.mapping.token_file is None:
        return  # this server asks for none
    (tmp_path / "wrong").write_text("wrong\n")
    with pytest.raises(AuthExpired):
        world.another(token_file=tmp_path / "wrong").get_patient(world.patient)


def test_a_page_in_place_of_an_answer_is_broken(world, wire, shaky):
    wire.next("html")
    with pytest.raises(MisBroken):
        shaky.get_patient(world.patient)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_followed_elsewhere(world, wire, shaky, status):
    wire.next(f"status:{status}")
    with pytest.raises(MisBroken):
        shaky.get_patient(world.patient)


def test_every_failure_says_whether_it_lasts_and_who_has_to_look(world, wire, shaky):
    wire.next("status:503")
    with pytest.raises(MisBusy) as busy:
        shaky.get_patient(world.patient)
    wire.next("status:401")
    with pytest.raises(AuthExpired) as login:
        shaky.get_patient(world.patient)
    assert (busy.value.permanent, busy.value.stops_provider) == (False, False)
    assert (login.value.permanent, login.value.stops_provider) == (False, True)


def persons_words(person):
    return [person.family_name, person.given_name, person.snils, person.policy, person.phones[0][2:], "Выдумкин"]


def test_no_personal_data_is_in_an_address_or_a_log(world, wire, shaky, caplog):
    caplog.set_level(logging.DEBUG)
    person = nobody()
    shaky.find_patients(person)
    patient = world.patient
    if Capability.PATIENTS in world.has:
        patient = shaky.create_patient(person, key=uuid4()).ref
    shaky.get_patient(patient)
    shaky.book(world.wanted(patient_ref=patient))
    assert any(person.snils.encode() in one.body or person.phones[0][2:].encode() in one.body for one in wire.seen)
    lines = "\n".join([one.path for one in wire.seen] + [repr(record.__dict__) for record in caplog.records])
    for word in [*persons_words(person), str(person.birth_date)]:
        assert word not in _plain(lines)


def _plain(text):
    return unquote_plus(text) + text


def test_no_secret_is_in_an_address(world, wire, shaky):
    shaky.get_patient(world.patient)
    secret = world.mapping.secret("token") or world.mapping.secret("password") or "no secret at all"
    assert wire.seen and not [one for one in wire.seen if secret in one.path]


@pytest.mark.parametrize("spoil", ["drop", "html", "status:400", "status:422", "status:503", "status:302", "lost"])
def test_no_personal_data_is_in_an_error(world, wire, shaky, spoil):
    person = nobody()
    for ask in (lambda: shaky.find_patients(person), lambda: shaky.create_patient(person, key=uuid4())):
        wire.next(spoil)
        with pytest.raises(PortError) as error:
            ask()
        said = f"{error.value} {error.value!r} {error.value.__dict__} {error.value.__cause__}"
        assert not [word for word in persons_words(person) if word in said]
    assert not [word for word in persons_words(person) if word in repr(person)]
