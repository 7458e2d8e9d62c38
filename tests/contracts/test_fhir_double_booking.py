"""The MIS's double: who gets a time, who is refused, and what becomes of Slots."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.contracts.fhir_client import Client, participant, refused


@pytest.fixture
def mis(fhir_double) -> Client:
    return Client(fhir_double)


def status(mis, slot):
    return mis.read(f"Slot/{slot['id']}")["status"]


def doctor_of(mis, slot):
    schedule = mis.read(slot["schedule"]["reference"])
    return next(actor for actor in schedule["actor"] if actor["reference"].startswith("Practitioner/"))


def nothing_changed(mis, slot):
    return status(mis, slot) == "free" and mis.found("Appointment", slot=f"Slot/{slot['id']}") == []


def test_a_booking_takes_its_slot_and_names_doctor_and_place(mis):
    slot = mis.free()[0]
    made = mis.book(slot, identifier=[{"system": "urn:portal", "value": "1"}])
    assert (made["status"], made["minutesDuration"], made["identifier"][0]["value"]) == ("booked", 30, "1")
    kinds = [each["actor"]["reference"].partition("/")[0] for each in made["participant"]]
    assert kinds == ["Patient", "Practitioner", "Location"]
    assert status(mis, slot) == "busy"
    assert made["created"]


def test_a_taken_time_is_a_conflict(mis):
    slot = mis.free()[0]
    first = mis.book(slot)
    assert refused(mis.post("Appointment", mis.appointment(slot))) == (409, "conflict")
    assert mis.found("Appointment", slot=f"Slot/{slot['id']}") == [first]


def test_without_slots_the_time_and_the_doctor_are_enough(mis):
    one, two = mis.pair()
    who = [participant(mis.anna()), {"actor": doctor_of(mis, one), "status": "accepted"}]
    start = datetime.fromisoformat(one["start"]).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = mis.book(one, two, slot=None, participant=who, start=start)
    assert [slot["reference"] for slot in made["slot"]] == [f"Slot/{one['id']}", f"Slot/{two['id']}"]
    assert (status(mis, one), status(mis, two), made["minutesDuration"]) == ("busy", "busy", 60)
    assert refused(mis.post("Appointment", mis.appointment(one, slot=None, participant=who))) == (409, "conflict")


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("invariant", {"start": None}),
        ("invariant", {"start": None, "end": None}),
        ("invariant", {"cancelationReason": {"text": "x"}}),
        ("invariant", {"participant": [{"status": "accepted"}]}),
        ("required", {"participant": []}),
        ("required", {"participant": [{"actor": {"reference": "Patient/1001"}}]}),
        ("code-invalid", {"status": "taken"}),
        ("business-rule", {"status": "fulfilled"}),
        ("business-rule", {"participant": [{"actor": {"reference": "Patient/none"}, "status": "accepted"}]}),
        ("business-rule", {"participant": [{"type": [{"text": "patient"}], "status": "accepted"}]}),
        ("business-rule", {"slot": None}),
        ("business-rule", {"slot": [{"reference": "Slot/none"}]}),
        ("business-rule", {"slot": [{"reference": "Patient/1001"}]}),
        ("business-rule", {"end": "2046-01-01T09:00:00Z"}),
    ],
)
def test_a_booking_that_breaks_a_rule_is_422_and_nothing_is_written(mis, code, changes):
    slot = mis.free()[0]
    assert refused(mis.post("Appointment", mis.appointment(slot, **changes))) == (422, code)
    assert nothing_changed(mis, slot)


def test_a_past_time_cannot_be_booked(mis):
    past = mis.found("Slot", status="free", start=f"lt{datetime.now(UTC).isoformat(timespec='seconds')}")[0]
    assert refused(mis.post("Appointment", mis.appointment(past))) == (422, "business-rule")


def test_another_doctors_slot_cannot_be_booked(mis):
    slot = mis.free()[0]
    own = doctor_of(mis, slot)["reference"]
    other = next(who for who in mis.found("Practitioner") if f"Practitioner/{who['id']}" != own)
    asked = mis.appointment(slot, participant=[participant(mis.anna()), participant(other)])
    assert refused(mis.post("Appointment", asked)) == (422, "business-rule")


def test_slots_with_a_gap_cannot_be_booked(mis):
    one, two = mis.pair()
    far = next(slot for slot in mis.free() if slot["start"] > two["end"])
    assert refused(mis.post("Appointment", mis.appointment(one, far))) == (422, "business-rule")
    assert nothing_changed(mis, one)


def test_a_patient_whose_record_is_closed_cannot_be_booked(mis):
    mis.put({**mis.anna(), "active": False})
    assert refused(mis.post("Appointment", mis.appointment(mis.free()[0]))) == (422, "business-rule")


def test_cancelling_frees_the_slot_and_cannot_be_undone(mis):
    slot = mis.free()[0]
    made = mis.book(slot)
    gone = mis.put({**made, "status": "cancelled", "cancelationReason": {"text": "x"}}).json()
    assert (gone["status"], status(mis, slot)) == ("cancelled", "free")
    back = {name: value for name, value in gone.items() if name != "cancelationReason"}
    assert refused(mis.put({**back, "status": "booked"})) == (422, "business-rule")
    mis.book(slot)


def test_moving_frees_the_old_slot_and_takes_the_new(mis):
    old, new = mis.pair()
    made = mis.book(old)
    moved = {**made, "start": new["start"], "end": new["end"], "slot": [{"reference": f"Slot/{new['id']}"}]}
    assert mis.put(moved, If_Match='W/"1"').json()["slot"] == moved["slot"]
    assert (status(mis, old), status(mis, new)) == ("free", "busy")
    assert refused(mis.put(made, If_Match='W/"1"')) == (412, "conflict")


def test_moving_by_time_alone_finds_the_slot(mis):
    old, new = mis.pair()
    made = mis.book(old)
    moved = mis.put({**made, "start": new["start"], "end": new["end"]}).json()
    assert moved["slot"] == [{"reference": f"Slot/{new['id']}"}]
    assert (status(mis, old), status(mis, new)) == ("free", "busy")


def test_moving_to_a_taken_time_is_a_conflict_and_all_stays(mis):
    old, new = mis.pair()
    made = mis.book(old)
    mis.book(new)
    moved = {**made, "start": new["start"], "end": new["end"], "slot": [{"reference": f"Slot/{new['id']}"}]}
    assert refused(mis.put(moved)) == (409, "conflict")
    assert mis.read(f"Appointment/{made['id']}") == made
    assert (status(mis, old), status(mis, new)) == ("busy", "busy")


def test_a_longer_visit_keeps_its_slot_and_takes_the_next(mis):
    one, two = mis.pair()
    longer = mis.put({**mis.book(one), "end": two["end"]}).json()
    assert (len(longer["slot"]), longer["minutesDuration"]) == (2, 60)
    shorter = mis.put({**longer, "end": one["end"]}).json()
    assert (len(shorter["slot"]), status(mis, two)) == (1, "free")


@pytest.mark.parametrize("what", ["arrived", "noshow", "fulfilled"])
def test_what_became_of_a_visit_keeps_its_slot(mis, what):
    slot = mis.free()[0]
    assert mis.put({**mis.book(slot), "status": what}).json()["status"] == what
    assert status(mis, slot) == "busy"


def test_a_visit_that_took_place_leaves_one_encounter_and_cannot_be_cancelled(mis):
    made = mis.book(mis.free()[0])
    done = mis.put({**made, "status": "fulfilled"}).json()
    mis.put(done)
    (visit,) = mis.found("Encounter", appointment=f"Appointment/{made['id']}")
    assert (visit["status"], visit["period"]) == ("finished", {"start": made["start"], "end": made["end"]})
    assert refused(mis.put({**done, "status": "cancelled"})) == (422, "business-rule")


def test_an_appointment_stays_with_its_patient(mis):
    made = mis.book(mis.free()[0])
    other = mis.found("Patient", family="Горин")[0]
    assert refused(mis.put({**made, "participant": [participant(other)]})) == (422, "business-rule")


def test_a_pending_one_holds_the_slot_tentatively_until_it_is_booked(mis):
    slot = mis.free()[0]
    made = mis.book(slot, status="pending")
    assert status(mis, slot) == "busy-tentative"
    mis.put({**made, "status": "booked"})
    assert status(mis, slot) == "busy"


def test_a_slot_of_an_appointment_cannot_be_freed_under_it(mis):
    slot = mis.free()[0]
    mis.book(slot)
    assert refused(mis.put({**slot, "status": "free"})) == (409, "conflict")
    assert status(mis, slot) == "busy"


def test_one_of_twenty_gets_the_slot(mis):
    slot = mis.free()[0]
    asked = mis.appointment(slot)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: mis.post("Appointment", asked).status_code, range(20)))
    assert sorted(answers) == [201] + [409] * 19
    assert len(mis.found("Appointment", slot=f"Slot/{slot['id']}")) == 1


def test_one_of_ten_movers_gets_the_slot(mis):
    *own, wanted = mis.free()[:11]
    made = [mis.book(slot) for slot in own]
    place = {"start": wanted["start"], "end": wanted["end"], "slot": [{"reference": f"Slot/{wanted['id']}"}]}
    bare = [{**each, **place, "participant": each["participant"][:1]} for each in made]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda each: mis.put(each).status_code, bare))
    assert sorted(answers) == [200] + [409] * 9
    assert [status(mis, slot) for slot in own].count("free") == 1


def test_one_of_ten_conditional_creates_creates(mis):
    slots = mis.free()[:10]
    asked = [mis.appointment(slot, identifier=[{"system": "urn:portal", "value": "once"}]) for slot in slots]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda each: mis.post("Appointment", each, If_None_Exist="identifier=once"), asked))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum(status(mis, slot) == "busy" for slot in slots) == 1
