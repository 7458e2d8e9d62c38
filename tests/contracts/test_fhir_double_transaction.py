"""The MIS's double: a transaction is done as a whole or not at all."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contracts.fhir_client import Client, participant, refused
from tests.contracts.processes import running_fhir


@pytest.fixture
def mis(fhir_double) -> Client:
    return Client(fhir_double)


def bundle(*entries, kind="transaction"):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(method, url, resource=None, full="", **request):
    told = {"request": {"method": method, "url": url, **request}}
    return {**told, **({"resource": resource} if resource else {}), **({"fullUrl": full} if full else {})}


def busy(slot, **request):
    return entry("PUT", f"Slot/{slot['id']}", {**slot, "status": "busy"}, **request)


NEW = {"resourceType": "Patient", "name": [{"family": "Новикова", "given": ["Яна"]}]}


@pytest.mark.parametrize("turned", [False, True])
def test_a_slot_made_busy_and_its_appointment_in_any_order(mis, turned):
    slot = mis.free()[0]
    entries = [busy(slot, ifMatch='W/"1"'), entry("POST", "Appointment", mis.appointment(slot))]
    answer = mis.post("", bundle(*(reversed(entries) if turned else entries)))
    told = answer.json()
    assert (answer.status_code, told["type"]) == (200, "transaction-response")
    assert sorted(each["response"]["status"] for each in told["entry"]) == ["200 OK", "201 Created"]
    made = next(each for each in told["entry"] if each["resource"]["resourceType"] == "Appointment")
    assert made["response"]["location"] == f"Appointment/{made['resource']['id']}/_history/1"
    assert made["response"]["etag"] == 'W/"1"'
    assert mis.read(f"Slot/{slot['id']}")["status"] == "busy"


def test_a_stale_slot_fails_all_of_it_and_the_entry_is_named(mis):
    slot = mis.free()[0]
    mis.put(slot)
    asked = bundle(entry("POST", "Patient", NEW), busy(slot, ifMatch='W/"1"'))
    answer = mis.post("", asked)
    assert refused(answer) == (412, "conflict")
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1]"]
    assert mis.found("Patient", family="Новикова") == []
    assert mis.read(f"Slot/{slot['id']}")["status"] == "free"


def test_a_slot_that_was_busy_before_is_nobodys_prize(mis):
    slot = mis.free()[0]
    mis.put({**slot, "status": "busy"})
    asked = bundle(busy(slot), entry("POST", "Appointment", mis.appointment(slot)))
    assert refused(mis.post("", asked)) == (409, "conflict")
    assert mis.found("Appointment", slot=f"Slot/{slot['id']}") == []


def test_a_rule_that_is_broken_fails_all_of_it(mis):
    slot = mis.free()[0]
    asked = mis.appointment(slot, participant=[{"actor": {"reference": "Patient/none"}, "status": "accepted"}])
    assert refused(mis.post("", bundle(busy(slot), entry("POST", "Appointment", asked)))) == (422, "business-rule")
    assert mis.read(f"Slot/{slot['id']}") == slot


def test_a_new_patient_and_the_first_visit_at_once(mis):
    slot, full = mis.free()[0], "urn:uuid:0b1e2f3a-0000-4000-8000-000000000001"
    who = [{"actor": {"reference": full}, "status": "accepted"}]
    visit = entry("POST", "Appointment", mis.appointment(slot, participant=who))
    told = mis.post("", bundle(visit, entry("POST", "Patient", NEW, full))).json()
    made, patient = (each["resource"] for each in told["entry"])
    assert made["participant"][0]["actor"]["reference"] == f"Patient/{patient['id']}"
    assert mis.found("Patient", family="Новикова") == [patient]


def test_a_conditional_entry_that_matches_leads_to_what_is_there(mis):
    slot, full = mis.free()[0], "urn:uuid:0b1e2f3a-0000-4000-8000-000000000002"
    who = [{"actor": {"reference": full}, "status": "accepted"}]
    known = entry("POST", "Patient", NEW, full, ifNoneExist="identifier=К-2041")
    visit = entry("POST", "Appointment", mis.appointment(slot, participant=who))
    told = mis.post("", bundle(known, visit)).json()["entry"]
    assert [each["response"]["status"] for each in told] == ["200 OK", "201 Created"]
    assert told[1]["resource"]["participant"][0]["actor"]["reference"] == f"Patient/{mis.anna()['id']}"


def test_a_conditional_reference_is_looked_up(mis):
    slot = mis.free()[0]
    who = [{"actor": {"reference": "Patient?identifier=К-2041"}, "status": "accepted"}]
    visit = entry("POST", "Appointment", mis.appointment(slot, participant=who))
    (told,) = mis.post("", bundle(visit)).json()["entry"]
    assert told["resource"]["participant"][0]["actor"]["reference"] == f"Patient/{mis.anna()['id']}"
    nobody = [{"actor": {"reference": "Patient?identifier=nobody"}, "status": "accepted"}]
    asked = entry("POST", "Appointment", mis.appointment(slot, participant=nobody))
    assert refused(mis.post("", bundle(asked))) == (412, "not-found")


def test_cancelling_one_and_booking_another_at_once(mis):
    old, new = mis.pair()
    made = mis.book(old)
    gone = entry("PUT", f"Appointment/{made['id']}", {**made, "status": "cancelled"}, ifMatch='W/"1"')
    free = entry("PUT", f"Slot/{old['id']}", {**old, "status": "free"})
    told = mis.post("", bundle(free, gone, entry("POST", "Appointment", mis.appointment(new))))
    assert told.status_code == 200, told.text
    assert [mis.read(f"Slot/{slot['id']}")["status"] for slot in (old, new)] == ["free", "busy"]


def test_one_of_ten_transactions_gets_the_slot(mis):
    slot = mis.free()[0]
    asked = bundle(busy(slot, ifMatch='W/"1"'), entry("POST", "Appointment", mis.appointment(slot)))
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: mis.post("", asked).status_code, range(10)))
    assert sorted(answers) == [200] + [412] * 9
    assert len(mis.found("Appointment", slot=f"Slot/{slot['id']}")) == 1


def test_reads_see_what_the_transaction_wrote(mis):
    anna = mis.anna()
    asked = bundle(
        entry("GET", f"Patient/{anna['id']}"),
        entry("GET", "Patient?family=Новикова"),
        entry("PUT", f"Patient/{anna['id']}", {**anna, "gender": "unknown"}),
        entry("POST", "Patient", NEW),
    )
    read, found, *_ = (each["resource"] for each in mis.post("", asked).json()["entry"])
    assert (read["gender"], found["total"]) == ("unknown", 1)


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (400, {"resourceType": "Patient"}),
        (400, bundle(kind="batch")),
        (400, bundle({"resource": NEW})),
        (400, bundle(entry("DELETE", "Patient/1001"))),
        (400, bundle(entry("PUT", "Patient?identifier=1", NEW))),
        (404, bundle(entry("POST", "Observation", {"resourceType": "Observation"}))),
        (400, bundle(entry("POST", "Patient"))),
    ],
)
def test_a_bundle_that_cannot_be_done_is_refused(mis, status, asked):
    assert refused(mis.post("", asked))[0] == status


def test_the_same_resource_twice_is_refused(mis):
    anna = mis.anna()
    twice = [entry("PUT", f"Patient/{anna['id']}", anna)] * 2
    assert refused(mis.post("", bundle(*twice))) == (400, "invalid")


def test_two_appointments_for_one_flipped_slot_are_refused(mis):
    slot = mis.free()[0]
    visit = entry("POST", "Appointment", mis.appointment(slot))
    assert refused(mis.post("", bundle(busy(slot), visit, visit))) == (409, "conflict")
    assert mis.read(f"Slot/{slot['id']}") == slot
    assert participant(mis.anna()) == visit["resource"]["participant"][0]


def test_a_plain_server_offers_single_resources_and_nothing_else():
    with running_fhir("--plain") as double:
        plain = Client(double)
        (rest,) = plain.get("metadata").json()["rest"]
        assert rest["interaction"] == []
        assert not [one for one in rest["resource"] if "operation" in one]
        assert refused(plain.post("", bundle())) == (405, "not-supported")
        assert refused(plain.post("Appointment/$hold", {})) == (404, "not-supported")
        (slot, *_) = plain.free()
        assert plain.book(slot)["status"] == "booked"
