"""The MIS's double: what it is ordered to do wrong, what the front desk does, and what it remembers."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contracts.fhir_client import Client, refused
from tests.contracts.processes import http, running_fhir


@pytest.fixture
def mis(fhir_double) -> Client:
    return Client(fhir_double)


def appointments(mis, slot):
    return mis.found("Appointment", slot=f"Slot/{slot['id']}")


def desk(mis, **asked):
    answer = http.post(f"{mis.double.url}/control/desk", json=asked)
    return answer.raise_for_status().json()


# Orders ----------------------------------------------------------------------------------------------------------


def test_an_ordered_error_comes_before_any_effect(mis):
    slot = mis.free()[0]
    asked = mis.appointment(slot)
    mis.double.order("error:503", on="create")
    assert refused(mis.post("Appointment", asked)) == (503, "transient")
    assert appointments(mis, slot) == []
    mis.double.order("error:429/30", on="any")
    busy = mis.get("Patient")
    assert (refused(busy), busy.headers["Retry-After"]) == ((429, "throttled"), "30")


@pytest.mark.parametrize("mode", ["drop", "html", "outcome:error"])
def test_modes_without_an_effect(mis, mode):
    slot = mis.free()[0]
    asked = mis.appointment(slot)
    mis.double.order(mode, on="create")
    if mode == "drop":
        with pytest.raises(httpx.RemoteProtocolError):
            mis.post("Appointment", asked)
    else:
        answer = mis.post("Appointment", asked)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/html" if mode == "html" else "application/fhir+json")
    assert appointments(mis, slot) == []


@pytest.mark.parametrize("mode", ["lost", "after:500", "outcome", "slow:0.01"])
def test_modes_with_an_effect(mis, mode):
    slot = mis.free()[0]
    asked = mis.appointment(slot)
    mis.double.order(mode, on="create")
    if mode == "lost":
        with pytest.raises(httpx.RemoteProtocolError):
            mis.post("Appointment", asked)
    else:
        answer = mis.post("Appointment", asked)
        assert answer.status_code == {"after:500": 500, "outcome": 200, "slow:0.01": 201}[mode]
        is_outcome = answer.json()["resourceType"] == "OperationOutcome"
        assert is_outcome == (mode != "slow:0.01")
    assert len(appointments(mis, slot)) == 1


def test_silence_lasts_until_reset_and_the_effect_was_there(mis):
    slot = mis.free()[0]
    asked = mis.appointment(slot)
    mis.double.order("timeout", on="create")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{mis.base}/Appointment", json=asked, headers={"Authorization": "Bearer demo"}, timeout=0.3)
    assert len(appointments(mis, slot)) == 1


def test_orders_wait_for_their_kind(mis):
    mis.double.order("error:500", times=2, on="search")
    anna = "Patient/1001"
    assert mis.get(anna).status_code == 200
    assert [mis.get("Patient").status_code for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize(
    "order", [{"mode": "explode"}, {"mode": "error:x"}, {"mode": "drop", "on": "tea"}, {"mode": "drop", "times": 0}, {}]
)
def test_an_order_that_is_not_understood_is_400(mis, order):
    assert http.post(f"{mis.double.url}/control/", json=order).status_code == 400


def test_a_next_link_to_another_host(mis):
    mis.double.order("foreign-next", on="search")
    links = mis.get("Patient").json()["link"]
    assert urlsplit(links[1]["url"]).hostname == "fhir.invalid"


def test_ignored_parameters_are_not_told_in_self(mis):
    mis.double.order("ignore-params", on="search")
    told = mis.get("Patient", {"family": "Белова"}).json()
    assert told["total"] == 8
    assert "family" not in told["link"][0]["url"]


def test_a_stale_search_is_as_of_before_the_last_write(mis):
    slot = mis.free()[0]
    made = mis.book(slot)
    mis.double.order("stale", times=2, on="search")
    assert appointments(mis, slot) == []
    assert mis.found("Slot", _id=slot["id"]) == [slot]
    assert appointments(mis, slot) == [made]


def test_a_wrong_patient_is_written_down(mis):
    slot = mis.free()[0]
    asked = mis.appointment(slot)
    mis.double.order("wrong-patient", on="create")
    made = mis.post("Appointment", asked).json()
    assert made["participant"][0]["actor"]["reference"] != asked["participant"][0]["actor"]["reference"]
    assert mis.read(f"Appointment/{made['id']}") == made


def test_a_taken_time_is_given_twice(mis):
    slot = mis.free()[0]
    mis.book(slot)
    asked = mis.appointment(slot)
    mis.double.order("overlap", on="create")
    assert [mis.post("Appointment", asked).status_code for _ in range(2)] == [201, 409]
    one, two = appointments(mis, slot)
    for each, left in ((two, "busy"), (one, "free")):
        mis.put({**each, "status": "cancelled"})
        assert mis.read(f"Slot/{slot['id']}")["status"] == left


def test_down_is_down_until_it_is_up(mis):
    mis.double.control("down", down=True)
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            mis.get("metadata")
    mis.double.control("down", down=False)
    assert mis.get("metadata").status_code == 200


def test_slots_get_new_ids_and_appointments_follow(mis):
    slot = mis.free()[0]
    made = mis.book(slot)
    mis.double.control("slots", regenerate=True)
    (place,) = mis.read(f"Appointment/{made['id']}")["slot"]
    new = mis.read(place["reference"])
    assert new["id"] != slot["id"]
    assert (new["start"], new["schedule"], new["status"]) == (slot["start"], slot["schedule"], "busy")


def test_control_and_page_are_for_this_machine(mis):
    for path in ("/", "/messages.json"):
        assert http.get(f"{mis.double.url}{path}", headers={"Host": "evil.example"}).status_code == 421
    evil = http.post(f"{mis.double.url}/control/reset", json={}, headers={"Host": "evil.example"})
    assert evil.status_code == 421
    assert http.post(f"{mis.double.url}/control/reset", data={"a": "b"}).status_code == 400


# The front desk --------------------------------------------------------------------------------------------------


def test_the_desk_books_moves_and_receives(mis):
    slot, other = mis.pair()
    made = desk(mis, act="book", slot=slot["id"], patient=mis.anna()["id"])
    moved = desk(mis, act="move", appointment=made["id"], slot=other["id"])
    assert (moved["start"], mis.read(f"Slot/{slot['id']}")["status"]) == (other["start"], "free")
    for act, status in (("arrive", "arrived"), ("fulfil", "fulfilled")):
        assert desk(mis, act=act, appointment=made["id"])["status"] == status
    assert len(mis.found("Encounter", appointment=f"Appointment/{made['id']}")) == 1
    assert mis.double.page("/messages.json").json()["appointments"][0] == {
        "id": made["id"],
        "version": "4",
        "status": "fulfilled",
        "start": other["start"],
        "slot": [f"Slot/{other['id']}"],
        "patient": f"Patient/{mis.anna()['id']}",
        "practitioner": made["participant"][1]["actor"]["reference"],
        "identifier": [],
    }


def test_the_desk_chooses_for_itself_and_cancels_for_the_clinic(mis):
    made = desk(mis, act="book")
    assert made["status"] == "booked"
    assert desk(mis, act="move", appointment=made["id"])["start"] != made["start"]
    gone = desk(mis, act="cancel", appointment=made["id"])
    assert (gone["status"], gone["cancelationReason"]["coding"][0]["code"]) == ("cancelled", "prov")
    assert desk(mis, act="noshow")["status"] == "noshow"


def test_what_the_front_desk_deletes_is_gone_and_its_time_is_free(mis):
    made = desk(mis, act="book")
    desk(mis, act="delete", appointment=made["id"])
    assert mis.get(f"Appointment/{made['id']}").status_code == 410
    (slot,) = made["slot"]
    assert mis.get(slot["reference"]).json()["status"] == "free"


def test_the_desk_is_refused_what_the_rules_refuse(mis):
    slot = mis.free()[0]
    mis.book(slot)
    taken = http.post(f"{mis.double.url}/control/desk", json={"act": "book", "slot": slot["id"]})
    assert refused_plainly(taken) == (409, "conflict")
    unknown = http.post(f"{mis.double.url}/control/desk", json={"act": "sing"})
    assert refused_plainly(unknown) == (400, "value")


def refused_plainly(answer):
    return answer.status_code, answer.json()["issue"][0]["code"]


def press(mis, **fields):
    headers = {"Sec-Fetch-Site": "same-origin"}
    return http.post(f"{mis.double.url}/desk", data=fields, headers=headers)


def test_the_page_shows_a_day_and_says_what_was_done(mis):
    slot = mis.free()[0]
    day = slot["start"][:10]
    page = mis.double.page(f"/?day={day}&slot={slot['id']}").text
    assert "Ахметова Лилия Рашидовна" in page
    assert "Записать по телефону" in page
    answer = press(mis, act="book", slot=slot["id"], patient=mis.anna()["id"], day=day, lang="en")
    assert answer.status_code == 303
    said = mis.double.page(answer.headers["Location"]).text
    assert "<strong>Booked.</strong> Белова Анна Игоревна" in said
    again = press(mis, act="book", slot=slot["id"], patient=mis.anna()["id"], day=day)
    assert "Это время уже заняли" in mis.double.page(again.headers["Location"]).text


def test_the_page_offers_to_move(mis):
    old, new = mis.pair()
    made = mis.book(old)
    page = mis.double.page(f"/?day={new['start'][:10]}&move={made['id']}").text
    assert "Переносим запись" in page
    assert f'value="{new["id"]}"' in page
    press(mis, act="move", appointment=made["id"], slot=new["id"])
    assert mis.read(f"Appointment/{made['id']}")["start"] == new["start"]


@pytest.mark.parametrize("path", ["/?day=2026-11-22", "/?day=nonsense", "/?day=1999-01-01&lang=en", "/?move=x&slot=y"])
def test_the_page_stands_any_address(mis, path):
    page = mis.double.page(path)
    assert page.status_code == 200
    assert "script" not in page.text


def test_a_name_cannot_break_the_page(mis):
    name = {"text": "<script>alert(1)</script>"}
    made = mis.post("Patient", {"resourceType": "Patient", "name": [name], "birthDate": "<b>"}).json()
    slot = mis.free()[0]
    desk(mis, act="book", slot=slot["id"], patient=made["id"])
    other = mis.free()[0]
    page = mis.double.page(f"/?day={slot['start'][:10]}&slot={other['id']}").text
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_form_of_another_site_does_nothing(mis):
    fields = {"act": "book", "slot": mis.free()[0]["id"]}
    assert http.post(f"{mis.double.url}/desk", data=fields, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert http.post(f"{mis.double.url}/desk", data=fields).status_code == 403


# Operations ------------------------------------------------------------------------------------------------------


def held(mis, resource):
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "appointment-resource", "resource": resource}]}
    return mis.post("Appointment/$hold", parameters)


def booked(mis, made):
    reference = {"name": "appointment-reference", "valueReference": {"reference": f"Appointment/{made['id']}"}}
    return mis.post("Appointment/$book", {"resourceType": "Parameters", "parameter": [reference]})


def test_find_hold_book(mis):
    slot = mis.free()[0]
    doctor = mis.read(slot["schedule"]["reference"])["actor"][0]["reference"]
    asked = {"start": slot["start"], "end": slot["end"], "practitioner": doctor}
    (found,) = [entry["resource"] for entry in mis.get("Appointment/$find", asked).json()["entry"]]
    assert (found["status"], found["slot"][0]["reference"]) == ("proposed", f"Slot/{slot['id']}")
    made = held(mis, {**found, "participant": mis.appointment(slot)["participant"]})
    assert (made.status_code, made.json()["status"]) == (201, "pending")
    assert mis.read(f"Slot/{slot['id']}")["status"] == "busy-tentative"
    assert refused(held(mis, mis.appointment(slot))) == (409, "conflict")
    assert booked(mis, made.json()).json()["status"] == "booked"
    assert mis.read(f"Slot/{slot['id']}")["status"] == "busy"


def test_a_hold_ends_by_itself_and_cannot_be_booked_then(mis):
    slot = mis.free()[0]
    made = held(mis, mis.appointment(slot)).json()
    mis.double.control("clock", forward=599)
    assert mis.read(f"Slot/{slot['id']}")["status"] == "busy-tentative"
    mis.double.control("clock", forward=2)
    assert mis.read(f"Slot/{slot['id']}")["status"] == "free"
    assert refused(booked(mis, made)) == (409, "conflict")


def test_what_was_booked_stays_when_the_hold_would_end(mis):
    made = held(mis, mis.appointment(mis.free()[0])).json()
    booked(mis, made)
    mis.double.control("clock", forward=700)
    assert mis.read(f"Appointment/{made['id']}")["status"] == "booked"


def test_book_takes_a_resource_too(mis):
    slot = mis.free()[0]
    answer = mis.post("Appointment/$book", mis.appointment(slot, status="proposed"))
    assert (answer.status_code, answer.json()["status"]) == (201, "booked")


@pytest.mark.parametrize("body", [{}, {"resourceType": "Parameters", "parameter": []}, []])
def test_an_operation_without_its_parameters_is_400(mis, body):
    assert refused(mis.post("Appointment/$book", body)) == (400, "required")
    assert refused(mis.get("Appointment/$find"))[0] == 400
    assert refused(mis.get("Appointment/$sing"))[0] == 404


# Time and memory -------------------------------------------------------------------------------------------------


def test_the_grid_rolls_on(mis):
    last = mis.found("Slot", _sort="-start", _count=1)[0]["start"]
    mis.double.control("clock", forward=7 * 86400)
    assert mis.found("Slot", _sort="-start", _count=1)[0]["start"] > last


def test_a_week_of_a_doctor_is_found_quickly(mis):
    doctor = mis.found("Practitioner")[0]["id"]
    start = mis.free()[0]["start"]
    asked = [("schedule.actor", f"Practitioner/{doctor}"), ("start", f"ge{start}"), ("status", "free"), ("_count", 80)]
    times = []
    for _ in range(10):
        began = time.perf_counter()
        mis.get("Slot", asked).raise_for_status()
        times.append(time.perf_counter() - began)
    assert min(times) < 0.03  # milliseconds where nothing else runs; a mistake in an index costs far more


def test_nothing_acknowledged_is_lost_when_it_is_killed(tmp_path):
    """Eight write at once; the process is killed while they do; every answered booking is there afterwards."""
    options = (f"--file={tmp_path / 'mis.sqlite'}", "--zone=Asia/Vladivostok", "--token=")
    done = []
    with running_fhir(*options) as double:
        mis = Client(double)
        asked = [mis.appointment(slot) for slot in mis.free()]

        def book(resource):
            try:
                answer = mis.post("Appointment", resource)
            except httpx.HTTPError:
                return
            done.append(answer.json())
            if len(done) >= 25:  # more than one may see it; the second kill finds nobody
                os.kill(double.process.pid, signal.SIGKILL)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(book, asked))
    assert 25 <= len(done) < len(asked)
    with running_fhir(*options) as double:
        mis = Client(double)
        assert mis.read("Location/1001")["extension"][0]["valueCode"] == "Asia/Vladivostok"
        for made in done:
            assert mis.read(f"Appointment/{made['id']}") == made
            assert mis.read(made["slot"][0]["reference"])["status"] == "busy"
        double.control("reset")
        assert mis.get(f"Appointment/{done[-1]['id']}").status_code == 404


def test_ids_change_at_night_and_operations_are_off_unless_asked_for():
    with running_fhir("--ids=nightly") as double:
        mis = Client(double)
        slot = mis.found("Slot", _sort="-start", _count=1)[0]
        double.control("clock", forward=86400)
        assert mis.get(f"Slot/{slot['id']}").status_code == 410
        assert refused(mis.get("Appointment/$find", {"start": "2026-01-01", "end": "2046-01-01"}))[0] == 404
        appointment = next(
            each for each in mis.read("metadata")["rest"][0]["resource"] if each["type"] == "Appointment"
        )
        assert "operation" not in appointment
