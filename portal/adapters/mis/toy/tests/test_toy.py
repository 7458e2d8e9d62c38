"""What only the toy does: naive times around midnight, its own words, errors that call themselves a success."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

from portal.adapters.mis.toy.tests.contract import toy
from portal.adapters.mis.toy.wire import Wire
from portal.mis.mapping import WrongMapping
from portal.mis.ports import TAKES_TIME, AuthExpired, MisBroken, MisBusy, MisUnknown, VisitStatus
from tests.contracts.processes import http

MIDNIGHT = [time(23, 30), time(0, 0), time(0, 30)]


@pytest.fixture(scope="module", params=["Asia/Kamchatka", "Europe/Kaliningrad", "Asia/Omsk"])
def world(request, tmp_path_factory):
    with toy(tmp_path_factory.mktemp("toy"), zone=request.param) as made:
        yield made


def there(world, what, **asked):
    """Past the adapter."""
    return http.post(f"{world.mapping.url}/{what}", json=asked, headers={"X-Key": "demo"}).json()


def evening(world, days=3):
    zone = world.mapping.zone
    return datetime.combine(datetime.now(zone).date() + timedelta(days=days), time(23, 30), zone)


def test_a_night_is_one_whatever_the_calendar_says(world):
    since = evening(world)
    found = world.mis.get_slots("7", since, since + timedelta(hours=1, minutes=30))
    assert [one.start.astimezone(world.mapping.zone).time() for one in found] == MIDNIGHT
    assert [one.start - since for one in found] == [timedelta(minutes=30 * n) for n in range(3)]


@pytest.mark.parametrize("n", range(3))
def test_a_visit_at_midnight_stands_in_the_diary_at_the_same_wall_clock(world, n):
    start = evening(world, days=4 + n) + timedelta(minutes=30 * n)
    (slot,) = world.mis.get_slots("7", start, start + timedelta(minutes=1))
    wanted, visit = world.booked(slot)
    assert visit.is_as(wanted)
    row = there(world, "visits/get", id=int(visit.ref))["row"]
    assert row["start"] == start.strftime("%Y-%m-%d %H:%M")
    assert world.mis.booked_between(start, slot.end) == [visit]
    assert visit not in world.mis.booked_between(start - timedelta(days=1), start)


def test_its_clock_is_right_in_its_own_zone_and_wrong_in_another(world):
    assert all(one.is_good for one in world.mis.check())
    wrong = {one.what: one.is_good for one in world.another(timezone="Europe/Moscow").check()}
    right = world.mapping.timezone == "Europe/Moscow"
    assert wrong["its clock, in the zone of the mapping"] is right


def test_a_state_that_nobody_has_mapped_takes_its_time_until_somebody_does(world):
    _wanted, visit = world.booked()
    row = there(world, "visits/get", id=int(visit.ref))["row"]
    number = there(world, "visits/add", **{**row, "state": "Q"})["id"]
    told = world.mis.get_visit(str(number))
    assert (told.status, told.raw_status, told.status in TAKES_TIME) == (VisitStatus.UNDEFINED, "Q", True)
    mapped = world.another(statuses={"Q": VisitStatus.PENDING}).get_visit(str(number))
    assert (mapped.status, mapped.raw_status) == (VisitStatus.PENDING, "")
    assert world.another(statuses={"N": VisitStatus.PENDING}).get_visit(visit.ref).status == VisitStatus.PENDING


def test_a_person_without_a_birthday_is_nobody_one_could_match(world):
    person = world.mis.get_patient("2").person
    assert (person.given_name, person.middle_name, person.birth_date) == ("Олег", "", None)


ERRORS = {1: AuthExpired, 99: MisBusy, 13: MisBroken, "?": MisBroken, None: MisBroken}


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_inside_a_success_is_an_error(error, monkeypatch):
    wire = spoilt(monkeypatch, {"ok": False, "error": error})
    with pytest.raises(ERRORS[error]):
        wire.ask("about")


@pytest.mark.parametrize("told", [{"ok": False, "error": 13}, {"ok": False}, {}, [], "ok"])
def test_a_write_with_an_answer_that_nobody_understands_is_unknown(told, monkeypatch):
    with pytest.raises(MisUnknown):
        spoilt(monkeypatch, told).write("visits/add")


def spoilt(monkeypatch, told):
    wire = Wire(url="http://127.0.0.1", key="demo", zone=ZoneInfo("Asia/Omsk"), read=1, write=1)
    monkeypatch.setattr(wire._http, "send", lambda *_args, **_more: httpx.Response(200, json=told))
    return wire


@pytest.mark.parametrize("written", ["2026-11-24", "24.11.2026 09:00", "", None, 900])
def test_a_time_in_another_form_is_broken_and_not_guessed(written):
    wire = Wire(url="http://127.0.0.1", key="demo", zone=ZoneInfo("Asia/Omsk"), read=1, write=1)
    with pytest.raises(MisBroken, match="bad-time"):
        wire.moment(written)


@pytest.mark.parametrize(("zone", "hours"), [("Asia/Kamchatka", 12), ("Europe/Kaliningrad", 2), ("Europe/Samara", 4)])
def test_a_wall_clock_is_a_moment_of_its_zone(zone, hours):
    wire = Wire(url="http://127.0.0.1", key="demo", zone=ZoneInfo(zone), read=1, write=1)
    moment = wire.moment("2026-11-24 00:10")
    assert moment.utcoffset() == timedelta() and moment.date() == date(2026, 11, 23)
    assert moment.hour == (24 - hours) % 24 and wire.local(moment) == "2026-11-24 00:10"


def test_an_option_that_the_toy_does_not_have_is_a_wrong_mapping(world):
    with pytest.raises(WrongMapping, match=r"options\.colour"):
        world.another(options={"colour": "red"})
