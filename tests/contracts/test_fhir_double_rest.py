"""The MIS's double: FHIR's interactions on one resource, formats and the token."""

import pytest

from tests.contracts.fhir_client import FHIR, TOKEN, Client, refused
from tests.contracts.processes import http


@pytest.fixture
def mis(fhir_double) -> Client:
    return Client(fhir_double)


def patient(**changes):
    named = {"family": "Иванова", "given": ["Инна", "Олеговна"]}
    return {"resourceType": "Patient", "name": [named], "gender": "female", **changes}


CARD = {"system": "urn:test", "value": "77"}


def test_the_capability_statement_is_told_without_a_token(mis):
    told = http.get(f"{mis.base}/metadata").json()
    assert (told["resourceType"], told["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    (rest,) = told["rest"]
    slot = next(each for each in rest["resource"] if each["type"] == "Slot")
    assert {"name": "start", "type": "date"} in slot["searchParam"]
    assert rest["interaction"] == [{"code": "transaction"}]


def test_every_declared_search_parameter_is_taken(mis):
    (rest,) = http.get(f"{mis.base}/metadata").json()["rest"]
    for resource in rest["resource"]:
        for param in resource["searchParam"]:
            value = "2026-01-01" if param["type"] == "date" else "x"
            answer = mis.get(resource["type"], {param["name"]: value}, Prefer="handling=strict")
            assert answer.status_code == 200, param


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer other", "Basic demo", "demo"])
def test_without_the_token_it_is_401(mis, header):
    answer = http.get(f"{mis.base}/Patient", headers={"Authorization": header})
    assert refused(answer) == (401, "login")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("headers", [{"Accept": "application/fhir+xml"}, {"Accept": "text/html"}])
def test_another_format_is_406(mis, headers):
    assert refused(mis.get("Patient", **headers)) == (406, "not-supported")
    assert refused(mis.get("Patient", {"_format": "xml"})) == (406, "not-supported")
    assert mis.get("Patient", {"_format": "json"}).status_code == 200


def test_a_body_that_is_not_json_is_refused(mis):
    xml = http.post(f"{mis.base}/Patient", content=b"<a/>", headers={**TOKEN, "Content-Type": "application/fhir+xml"})
    assert refused(xml) == (415, "not-supported")
    assert refused(http.post(f"{mis.base}/Patient", content=b"{", headers=FHIR)) == (400, "invalid")


def test_what_was_created_is_read_back(mis):
    answer = mis.post("Patient", patient(id="mine"))
    made = answer.json()
    assert answer.status_code == 201
    assert made["id"] != "mine"
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["Location"] == f"{mis.base}/Patient/{made['id']}/_history/1"
    read = mis.get(f"Patient/{made['id']}")
    assert read.json() == made
    assert read.headers["Last-Modified"].endswith("GMT")


def test_a_read_of_the_same_version_is_304(mis):
    anna = mis.anna()
    path = f"Patient/{anna['id']}"
    same = mis.get(path, If_None_Match='W/"1"')
    assert (same.status_code, same.content) == (304, b"")
    mis.put(anna)
    assert mis.get(path, If_None_Match='W/"1"').status_code == 200


def test_unknown_is_404_deleted_is_410(mis, fhir_double):
    slot = mis.free()[0]
    assert refused(mis.get("Slot/none")) == (404, "not-found")
    assert refused(mis.get("Observation/1")) == (404, "not-supported")
    fhir_double.control("slots", regenerate=True)
    assert refused(mis.get(f"Slot/{slot['id']}")) == (410, "deleted")
    assert refused(mis.put(slot)) == (410, "deleted")


def test_a_condition_that_matches_creates_nothing(mis):
    asked = patient(identifier=[CARD])
    first = mis.post("Patient", asked, If_None_Exist="identifier=urn:test|77")
    again = mis.post("Patient", asked, If_None_Exist="identifier=urn:test|77")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    mis.post("Patient", asked)
    assert refused(mis.post("Patient", asked, If_None_Exist="identifier=urn:test|77"))[0] == 412
    assert len(mis.found("Patient", identifier="urn:test|77")) == 2


@pytest.mark.parametrize("condition", ["shoe=45", "_format=json"])
def test_a_condition_that_says_nothing_is_refused(mis, condition):
    assert mis.post("Patient", patient(), If_None_Exist=condition).status_code in (400, 412)
    assert mis.found("Patient", family="Иванова") == []


def test_an_update_needs_the_version_it_saw(mis):
    anna = mis.anna()
    anna["telecom"][0]["value"] = "+79990000099"
    answer = mis.put(anna, If_Match='W/"1"')
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"2"')
    assert answer.json()["meta"]["lastUpdated"] > anna["meta"]["lastUpdated"]
    assert refused(mis.put(anna, If_Match='W/"1"')) == (412, "conflict")
    assert mis.read(f"Patient/{anna['id']}/_history/1")["telecom"][0]["value"] == "+79990000001"


def test_an_update_with_another_id_is_400_and_of_an_unknown_one_405(mis):
    anna = mis.anna()
    other = http.put(f"{mis.base}/Patient/{anna['id']}", json={**anna, "id": "other"}, headers=FHIR)
    assert refused(other) == (400, "invalid")
    assert refused(mis.put({**anna, "id": "mine"})) == (405, "not-supported")


@pytest.mark.parametrize(
    ("status", "code", "resource"),
    [
        (400, "structure", {"resourceType": "Slot"}),
        (400, "structure", []),
        (422, "code-invalid", patient(gender="f")),
        (400, "structure", patient(telecom="+7")),
        (400, "structure", patient(name=[{"family": {}}])),
        (400, "structure", patient(identifier=[{"value": 7}])),
        (400, "structure", patient(birthDate=None)),
    ],
)
def test_a_resource_of_a_wrong_shape_is_refused(mis, status, code, resource):
    assert refused(mis.post("Patient", resource)) == (status, code)


def test_what_is_not_read_here_is_kept_as_it_is(mis):
    contact = [{"name": {"family": "Белов"}, "organization": {"identifier": {"value": "1"}}}]
    asked = patient(contact=contact, maritalStatus={"text": "?"}, extension=[{"url": "urn:x", "valueDecimal": 1.50}])
    made = mis.post("Patient", asked).json()
    assert {name: made[name] for name in asked} == asked


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("required", {"start": None}),
        ("value", {"start": "2026-12-01T09:00"}),
        ("value", {"start": "2026-12-01T09:00:00"}),
        ("code-invalid", {"status": "taken"}),
    ],
)
def test_a_slot_needs_an_instant_and_a_known_status(mis, code, changes):
    slot = {name: value for name, value in {**mis.free()[0], **changes}.items() if value is not None}
    assert refused(mis.put(slot)) == (422, code)


def test_what_is_not_offered_is_405(mis):
    anna = f"{mis.base}/Patient/{mis.anna()['id']}"
    assert refused(http.delete(anna, headers=TOKEN)) == (405, "not-supported")
    assert refused(http.patch(anna, json=[], headers=FHIR)) == (405, "not-supported")
    assert refused(mis.post("Observation", {"resourceType": "Observation"})) == (405, "not-supported")


def test_prefer_minimal_answers_nothing_and_the_request_id_comes_back(mis):
    answer = mis.post("Patient", patient(), Prefer="return=minimal", X_Request_Id="abc")
    assert (answer.status_code, answer.content, answer.headers["X-Request-Id"]) == (201, b"", "abc")
    told = mis.post("Patient", patient(), Prefer="return=OperationOutcome")
    assert (told.status_code, told.json()["issue"][0]["severity"]) == (201, "information")


def test_a_body_that_is_too_long_is_413(mis):
    assert refused(mis.post("Patient", patient(note="x" * 1_100_000)))[0] == 413
