"""What the peers do that our client has to live with. Where they differ, both answers are written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.peers import clinic, servers
from tests.peers.clinic import OWN, SNILS, Clinic, seed
from tests.peers.servers import http

SERVERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "hapi": servers.hapi,
    "medplum": servers.medplum,
    "medplum-atomic": partial(servers.medplum, atomic=True),
}
APPOINTMENT = {"resourceType": "Appointment", "status": "booked"}
pytestmark = pytest.mark.peer
NOT_REMEMBERED = {"Cache-Control": "no-cache"}


@dataclass
class Peer:
    name: str
    url: str
    clinic: Clinic

    @property
    def is_hapi(self) -> bool:
        return self.name == "hapi"

    def get(self, path: str, **options: Any) -> httpx.Response:
        return http.get(f"{self.url}/{path}", **{"headers": NOT_REMEMBERED, **options})

    def found(self, path: str, **params: str | list[str]) -> list[dict[str, Any]]:
        answer = self.get(path, params=params).raise_for_status().json()
        return [entry["resource"] for entry in answer.get("entry", [])]

    def post(self, kind: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return http.post(f"{self.url}/{kind}", json={"resourceType": kind, **body}, headers=headers)

    def put(self, resource: dict[str, Any], **headers: str) -> httpx.Response:
        return http.put(f"{self.url}/{resource['resourceType']}/{resource['id']}", json=resource, headers=headers)

    def a_free_slot(self) -> dict[str, Any]:
        """One that no other test has seen."""
        return self.get(f"Slot/{self.clinic.slots[self.clinic.schedules[0]].pop()}").json()

    def book(self, slot: dict[str, Any], key: str, **headers: str) -> httpx.Response:
        """As our client does: the slot as it was seen becomes busy and the appointment is made, or neither."""
        here = [{"reference": f"Slot/{slot['id']}"}]
        patient = {"actor": {"reference": f"Patient/{self.clinic.patients[0]}"}, "status": "accepted"}
        made = {**APPOINTMENT, "identifier": _key(key), "slot": here, "participant": [patient]}
        made |= {"start": slot["start"], "end": slot["end"]}
        seen = f'W/"{slot["meta"]["versionId"]}"'
        update = {"method": "PUT", "url": here[0]["reference"], "ifMatch": seen}
        create = {"method": "POST", "url": "Appointment"}
        entries = [
            {"resource": {**slot, "status": "busy"}, "request": update},
            {"fullUrl": uuid4().urn, "resource": made, "request": create},
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        return http.post(self.url, json=bundle, headers=headers)


def _key(value: str) -> list[dict[str, str]]:
    return [{"system": OWN, "value": value}]


def _statuses(answer: httpx.Response) -> list[str]:
    return [entry["response"]["status"][:3] for entry in answer.json()["entry"]]


@pytest.fixture(scope="module", params=list(SERVERS))
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    with SERVERS[request.param]() as url:
        yield Peer(request.param, url, seed(url))


@pytest.fixture
def key() -> str:
    return uuid4().hex


def test_one_server_serves_the_session(peer):
    with SERVERS[peer.name]() as url:
        assert url == peer.url


def test_it_says_which_fhir_it_speaks_and_whether_it_knows_transactions(peer):
    statement = peer.get("metadata").json()
    assert (statement["resourceType"], statement["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    system = {one["code"] for one in statement["rest"][0]["interaction"]}
    assert ("transaction" in system) == (peer.name != "medplum")


def test_the_clinic_is_there_with_references_that_lead_somewhere(peer):
    slot = peer.get(f"Slot/{peer.clinic.slots[peer.clinic.schedules[2]][0]}").json()
    assert slot["schedule"]["reference"] == f"Schedule/{peer.clinic.schedules[2]}"
    actors = [one["reference"] for one in peer.get(slot["schedule"]["reference"]).json()["actor"]]
    assert actors[:2] == [f"Practitioner/{peer.clinic.practitioners[2]}", f"PractitionerRole/{peer.clinic.roles[2]}"]
    assert [len(peer.clinic.slots[one]) > 400 for one in peer.clinic.schedules] == [True] * 3


def test_a_created_resource_has_a_version_in_three_places(peer, key):
    answer = peer.post("Patient", {"id": key, "active": True})
    made = answer.json()
    version = made["meta"]["versionId"]
    assert (answer.status_code, answer.headers["ETag"]) == (201, f'W/"{version}"')
    assert answer.headers["Location"] == f"{peer.url}/Patient/{made['id']}/_history/{version}"
    assert (made["id"] == key) != peer.is_hapi  # the rule is that the server chooses; Medplum's store takes ours


def test_a_patient_is_found_by_snils_in_the_address_and_in_a_form(peer):
    for number, snils in zip(peer.clinic.patients, peer.clinic.snils, strict=True):
        assert [one["id"] for one in peer.found("Patient", identifier=f"{SNILS}|{snils}")] == [number]
    form = http.post(f"{peer.url}/Patient/_search", data={"identifier": f"{SNILS}|{peer.clinic.snils[3]}"}).json()
    assert [entry["resource"]["id"] for entry in form["entry"]] == [peer.clinic.patients[3]]
    links = [link["url"] for link in form.get("link", [])]
    assert links == ([f"{peer.url}/Patient/_search"] if peer.is_hapi else [])  # never what was really searched for


def test_the_free_times_of_a_day_are_found_whatever_the_zone_they_are_asked_in(peer):
    day, schedule = peer.clinic.starts[0], f"Schedule/{peer.clinic.schedules[1]}"
    for zone in (day.tzinfo, clinic.ZoneInfo("UTC")):
        bounds = [f"{op}{moment.astimezone(zone).isoformat()}" for op, moment in _bounds(day)]
        free = peer.found("Slot", schedule=schedule, status="free", start=bounds, _count="50")
        assert sorted(one["start"] for one in free) == [one.isoformat() for one in peer.clinic.starts[:16]]


def _bounds(start):
    return ("ge", start), ("lt", start + timedelta(hours=8))


def test_a_reference_without_its_type_is_not_understood_by_all(peer):
    assert bool(peer.found("Slot", schedule=peer.clinic.schedules[0])) == peer.is_hapi


def test_a_chain_is_not_understood_by_all(peer):
    chained = peer.found("Slot", **{"schedule.actor": f"Practitioner/{peer.clinic.practitioners[0]}"})
    assert bool(chained) == peer.is_hapi


def test_an_unknown_parameter_is_refused_or_matches_nothing(peer):
    answer = peer.get("Patient", params={"nosuch": "1"})
    assert answer.status_code == (400 if peer.is_hapi else 200)
    assert answer.json().get("total", 0) == 0


def test_all_pages_together_are_the_whole(peer):
    """HAPI gives 50 at most whatever `_count` says, and its `next` is nothing one could make up."""
    schedule = peer.clinic.schedules[1]
    page = peer.get("Slot", params={"schedule": f"Schedule/{schedule}", "_count": "500"}).json()
    pages = [page]
    while following := [link["url"] for link in page.get("link", []) if link["relation"] == "next"]:
        assert following[0].startswith(f"{peer.url}?_getpages=")
        page = http.get(following[0]).raise_for_status().json()
        pages.append(page)
    assert len(pages) == (9 if peer.is_hapi else 1)
    assert {entry["resource"]["id"] for page in pages for entry in page["entry"]} == set(peer.clinic.slots[schedule])


def test_what_changed_since_is_found(peer, key):
    made = peer.post("Patient", {"identifier": _key(key)}).json()
    since = made["meta"]["lastUpdated"]
    assert made["id"] in [one["id"] for one in peer.found("Patient", _lastUpdated=f"ge{since}")]
    assert peer.found("Patient", _lastUpdated="ge2999-01-01T00:00:00Z") == []


def test_what_is_included_comes_marked_or_not_at_all(peer, key):
    peer.book(peer.a_free_slot(), key).raise_for_status()
    query = {"identifier": f"{OWN}|{key}", "_include": ["Appointment:patient", "Appointment:slot"]}
    entries = peer.get("Appointment", params=query).json()["entry"]
    got = {(one["resource"]["resourceType"], one.get("search", {}).get("mode")) for one in entries}
    complete = {("Appointment", "match"), ("Patient", "include"), ("Slot", "include")}
    assert got == (complete if peer.is_hapi else {("Appointment", None)})


def test_the_same_appointment_is_made_once(peer, key):
    body = {"status": "proposed", "identifier": _key(key), "participant": [{"status": "accepted"}]}
    condition = {"If-None-Exist": f"identifier={OWN}|{key}"}
    first, second = (peer.post("Appointment", body, **condition) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    peer.post("Appointment", body)
    assert peer.post("Appointment", body, **condition).status_code == 412


def test_the_same_appointment_asked_for_at_once_is_made_once(peer, key):
    """HAPI tells some of them 409: asked again, they are told 200."""
    body = {"status": "proposed", "identifier": _key(key), "participant": [{"status": "accepted"}]}
    answers = _at_once(lambda: peer.post("Appointment", body, **{"If-None-Exist": f"identifier={OWN}|{key}"}))
    assert answers.count(201) == 1
    assert set(answers) <= ({200, 201, 409} if peer.is_hapi else {200, 201})
    assert len(peer.found("Appointment", identifier=f"{OWN}|{key}")) == 1


def test_a_stale_version_is_refused_and_changes_nothing(peer):
    slot = peer.a_free_slot()
    busy = peer.put({**slot, "status": "busy"})
    assert busy.headers["ETag"] != f'W/"{slot["meta"]["versionId"]}"'
    refused = peer.put({**slot, "status": "busy-tentative"}, **{"If-Match": f'W/"{slot["meta"]["versionId"]}"'})
    assert refused.status_code == (409 if peer.is_hapi else 412)
    assert refused.json()["resourceType"] == "OperationOutcome"
    assert peer.get(f"Slot/{slot['id']}").json()["status"] == "busy"


def test_an_update_that_changes_nothing_may_keep_the_version(peer):
    slot = peer.a_free_slot()
    again = peer.put(slot).json()
    assert (again["meta"]["versionId"] == slot["meta"]["versionId"]) == peer.is_hapi


def test_a_booking_answers_for_each_part(peer, key):
    """An entry has its version bare where a header quotes it, or not at all; its resource if asked for, or always."""
    slot = peer.a_free_slot()
    answer = peer.book(slot, key)
    assert (answer.status_code, _statuses(answer)) == (200, ["200", "201"])
    assert answer.json()["type"] == "transaction-response"
    made = answer.json()["entry"][1]
    assert made["response"].get("etag") == ("1" if peer.is_hapi else None)
    assert made["response"]["location"].startswith("Appointment/")
    assert ("resource" in made) != peer.is_hapi
    asked = peer.book(peer.a_free_slot(), f"{key}-2", Prefer="return=representation").json()["entry"][1]
    assert asked["resource"]["identifier"] == _key(f"{key}-2")
    assert peer.get(f"Slot/{slot['id']}").json()["status"] == "busy"


def test_a_booking_of_a_slot_that_changed_leaves_nothing_unless_transactions_are_not_claimed(peer, key):
    """Who does not claim transactions takes one all the same: 200, the slot's part refused, the appointment made."""
    slot = peer.a_free_slot()
    peer.put({**slot, "status": "busy-unavailable"}).raise_for_status()
    answer = peer.book(slot, key)
    left = peer.found("Appointment", identifier=f"{OWN}|{key}")
    if peer.name == "medplum":
        assert (answer.status_code, _statuses(answer), len(left)) == (200, ["412", "201"], 1)
    else:
        assert (answer.status_code, left) == (409 if peer.is_hapi else 412, [])
    assert peer.get(f"Slot/{slot['id']}").json()["status"] == "busy-unavailable"


def test_of_bookings_at_once_one_is_made_where_transactions_are_claimed(peer, key):
    slot = peer.a_free_slot()
    answers = _at_once(lambda: peer.book(slot, key))
    made = len(peer.found("Appointment", identifier=f"{OWN}|{key}"))
    if peer.name == "medplum":
        assert (set(answers), made) == ({200}, len(answers))
    else:
        assert (answers.count(200), made) == (1, 1)
        assert set(answers) == {200, 409 if peer.is_hapi else 412}


def test_a_busy_slot_is_booked_again_by_who_saw_its_newest_version(peer, key):
    """No server looks at the status: the client must, in what it read before."""
    slot = peer.a_free_slot()
    peer.book(slot, key).raise_for_status()
    answer = peer.book(peer.get(f"Slot/{slot['id']}").json(), f"{key}-2")
    assert (answer.status_code, _statuses(answer)) == (200, ["200", "201"])


def test_a_search_of_the_last_minute_may_be_answered_from_memory(peer):
    slot = peer.a_free_slot()
    query = {"_id": slot["id"], "status": "free"}
    plain = partial(http.get, f"{peer.url}/Slot", params=query)
    assert plain().json()["total"] == 1
    peer.put({**slot, "status": "busy"}).raise_for_status()
    assert plain().json()["total"] == (1 if peer.is_hapi else 0)
    assert plain(headers=NOT_REMEMBERED).json()["total"] == 0


def test_what_is_deleted_is_gone_or_was_never_there(peer):
    number = peer.post("Patient", {"active": False}).json()["id"]
    assert http.delete(f"{peer.url}/Patient/{number}").status_code == 200
    assert peer.get(f"Patient/{number}").status_code == (410 if peer.is_hapi else 404)
    assert peer.get("Patient/nosuch").status_code == 404
    assert peer.found("Patient", _id=number) == []


def test_little_of_what_is_wrong_is_refused(peer):
    """Neither checks what must be there; Medplum's store checks nothing at all."""
    expected = (201, 400, 201) if peer.is_hapi else (201, 201, 201)
    wrong = ({}, {"status": "bookedd"}, {"status": "booked", "nosuch": 1})
    answers = [peer.post("Appointment", body) for body in wrong]
    assert tuple(answer.status_code for answer in answers) == expected
    assert ("nosuch" in answers[2].json()) != peer.is_hapi


def _at_once(ask: Callable[[], httpx.Response], times: int = 8) -> list[int]:
    with ThreadPoolExecutor(times) as pool:
        return [answer.status_code for answer in pool.map(lambda _: ask(), range(times))]


def test_a_snils_of_the_clinic_ends_with_its_check():
    assert clinic._snils(112233445) == "11223344595"
    assert clinic._snils(87654303) == "08765430300"
