"""The MIS's double: searches, their pages, and what `self` says of them."""

from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.contracts.fhir_client import TOKEN, Client, refused
from tests.contracts.processes import http


@pytest.fixture
def mis(fhir_double) -> Client:
    return Client(fhir_double)


def links(answer):
    return {link["relation"]: link["url"] for link in answer.json()["link"]}


def test_free_slots_of_a_doctor_in_a_week(mis):
    (doctor,) = mis.found("Practitioner", name="Крылов")
    start = mis.free()[0]["start"]
    until = (datetime.fromisoformat(start) + timedelta(days=7)).isoformat()
    asked = [("schedule.actor", f"Practitioner/{doctor['id']}"), ("start", f"ge{start}"), ("start", f"lt{until}")]
    found = [entry["resource"] for entry in mis.get("Slot", [*asked, ("status", "free")]).json()["entry"]]
    (schedule,) = mis.found("Schedule", actor=f"Practitioner/{doctor['id']}")
    assert {slot["schedule"]["reference"] for slot in found} == {f"Schedule/{schedule['id']}"}
    assert {slot["status"] for slot in found} == {"free"}
    assert all(start <= slot["start"] < until for slot in found)


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"family": "белов", "given": "Анна"}, ["Белова"]),
        ({"family:exact": "Белов"}, []),
        ({"family:contains": "ЕЛОВ"}, ["Белова"]),
        ({"family": "Федорова"}, ["Фёдорова"]),
        ({"phone": "8 (999) 000-00-02"}, ["Нечаев", "Нечаева"]),
        ({"telecom": "+79990000001"}, ["Белова"]),
        ({"birthdate": "1961-03-12"}, ["Белова"]),
        ({"birthdate": "1985"}, ["Нечаев"]),
        ({"birthdate": "1985-07-02"}, []),
        ({"birthdate": "lt1960"}, ["Шестакова"]),
        ({"birthdate": "ge2001-01-16"}, []),
        ({"birthdate": "gt2001-01-14"}, ["Горин"]),
        ({"identifier": "urn:oid:1.2.643.5.1.13.2.7.100.5|К-2041"}, ["Белова"]),
        ({"identifier": "К-2041,К-2042"}, ["Белова", "Нечаев"]),
        ({"identifier": "urn:other|К-2041"}, []),
        ({"active": "false"}, []),
    ],
)
def test_patients_are_found(mis, params, names):
    assert [found["name"][0]["family"] for found in mis.found("Patient", **params)] == names


def test_names_can_be_asked_for_in_a_form(mis):
    asked = {"family": "Белова", "birthdate": "1961-03-12"}
    answer = http.post(f"{mis.base}/Patient/_search", data=asked, headers=TOKEN)
    assert answer.json()["total"] == 1
    wrong = http.post(f"{mis.base}/Patient/_search", json=asked, headers=TOKEN)
    assert refused(wrong) == (415, "not-supported")


def test_self_says_only_what_was_used(mis):
    answer = mis.get("Patient", {"shoe": "45", "family": "Белова"})
    assert parse_qs(urlsplit(links(answer)["self"]).query) == {"family": ["Белова"]}
    assert refused(mis.get("Patient", {"shoe": "45"}, Prefer="handling=strict")) == (400, "not-supported")


@pytest.mark.parametrize(
    "params",
    [
        {"start": "tomorrow"},
        {"start": "ge2026-13-01"},
        {"start": "2026-12-01T09:00:00 03:00"},
        {"start": "sa2026-12-01"},
        {"status:text": "free"},
        {"_count": "many"},
        {"_getpages": "nonsense"},
    ],
)
def test_a_value_that_makes_no_sense_is_400(mis, params):
    assert refused(mis.get("Slot", params))[0] == 400


def test_pages_follow_each_other_and_none_is_told_twice(mis):
    answer, seen = mis.get("Slot", {"_count": 7, "status": "busy-unavailable"}), []
    total = answer.json()["total"]
    while True:
        seen += [entry["resource"]["id"] for entry in answer.json()["entry"]]
        if "next" not in links(answer):
            break
        answer = http.get(links(answer)["next"], headers=TOKEN)
    assert len(seen) == len(set(seen)) == total > 14


def test_a_page_has_200_at_most_and_0_asks_for_the_total_only(mis):
    assert len(mis.get("Slot", {"_count": 1000}).json()["entry"]) == 200
    none = mis.get("Slot", {"_count": 0}).json()
    assert none["total"] > 200
    assert "entry" not in none


def test_what_changed_since_comes_in_the_order_of_changes(mis):
    one, two = mis.free()[:2]
    first, second = mis.put(two).json(), mis.put(one).json()
    since = first["meta"]["lastUpdated"]
    found = mis.found("Slot", _lastUpdated=f"ge{since}", _sort="_lastUpdated")
    assert [slot["id"] for slot in found][-2:] == [two["id"], one["id"]]
    assert mis.found("Slot", _lastUpdated=f"gt{second['meta']['lastUpdated']}") == []
    newest = mis.found("Slot", _sort="-_lastUpdated", _count=1)
    assert newest[0]["id"] == one["id"]


def test_an_update_during_paging_skips_nothing(mis):
    everything = {slot["id"] for slot in mis.found("Slot", _count=200, status="busy-unavailable")}
    answer = mis.get("Slot", {"_sort": "_lastUpdated", "_count": 5, "status": "busy-unavailable"})
    seen = [entry["resource"] for entry in answer.json()["entry"]]
    mis.put(seen[0])
    while "next" in links(answer):
        answer = http.get(links(answer)["next"], headers=TOKEN)
        seen += [entry["resource"] for entry in answer.json()["entry"]]
    assert {slot["id"] for slot in seen} == everything


def test_includes_come_once_and_are_marked(mis):
    answer = mis.get("Slot", {"_count": 30, "_include": "Slot:schedule", "_sort": "start"}).json()
    modes = [(entry["search"]["mode"], entry["resource"]["resourceType"]) for entry in answer["entry"]]
    assert modes.count(("match", "Slot")) == 30
    assert 1 <= modes.count(("include", "Schedule")) <= 3
    mis.book(mis.free()[0])
    booked = mis.get("Appointment", {"_include": "Appointment:patient", "patient": mis.anna()["id"]}).json()
    assert booked["entry"][-1]["resource"] == mis.anna()


def test_appointments_are_found_by_all_that_matters(mis):
    slot = mis.free()[0]
    made = mis.book(slot, identifier=[{"system": "urn:portal", "value": "a-1"}])
    doctor = next(each["actor"]["reference"] for each in made["participant"] if "Practitioner/" in str(each))
    for asked in (
        {"identifier": "urn:portal|a-1"},
        {"slot": f"Slot/{slot['id']}"},
        {"_id": made["id"]},
        {"patient": f"{mis.base}/Patient/{mis.anna()['id']}", "status": "booked,pending"},
        {"patient.identifier": "К-2041", "status:not": "fulfilled"},
        {"practitioner": doctor, "date": slot["start"], "status": "booked"},
        {"actor": doctor, "date": f"eq{slot['start'][:10]}", "identifier": "a-1"},
    ):
        assert mis.found("Appointment", **asked) == [made], asked
    assert made not in mis.found("Appointment", date=f"ne{slot['start'][:10]}", _count=200)


def test_the_directory_can_be_walked(mis):
    roles = mis.found("PractitionerRole", **{"specialty": "urn:oid:1.2.643.5.1.13.13.11.1066|80"})
    assert [role["practitioner"]["display"] for role in roles] == ["Ахметова Лилия Рашидовна"]
    assert [place["name"] for place in mis.found("Location")] == ["Речная, 12", "Садовая, 5"]
    assert [service["name"] for service in mis.found("HealthcareService", name="подбор")] == ["Подбор очков"]
    assert mis.found("Organization")[0]["name"] == "Берег"
    assert len(mis.found("Schedule", active="true")) == 3


def test_every_snils_has_a_right_check_number(mis):
    people = mis.found("Practitioner") + mis.found("Patient")
    numbers = [each["value"] for who in people for each in who["identifier"] if each["system"].endswith(".100.3")]
    assert len(numbers) == 10
    for number in numbers:
        total = sum(int(digit) * weight for digit, weight in zip(number, range(9, 0, -1), strict=False))
        assert int(number[9:]) == total % 101 % 100


def test_a_visit_of_the_past_is_there(mis):
    (visit,) = mis.found("Encounter", patient=mis.anna()["id"], status="finished")
    held = mis.read(visit["appointment"][0]["reference"])
    assert (held["status"], held["start"]) == ("fulfilled", visit["period"]["start"])
    assert mis.found("Encounter", appointment=f"Appointment/{held['id']}") == [visit]
