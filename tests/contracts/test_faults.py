"""The bad network itself: each fault does what it says to the request, and what it says to the answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.contracts.fhir_client import FHIR, Client
from tests.contracts.processes import Double, closed_port, http, running_faults

COUNT = {"family": "Ветрова"}
NEW = {"resourceType": "Patient", "name": [COUNT]}


@pytest.fixture(scope="module")
def network_process(fhir_process: Double) -> Iterator[Double]:
    with running_faults(fhir_process.url, "--rate=0") as double:
        yield double


@pytest.fixture
def network(network_process: Double, fhir_double: Double) -> Double:
    """A network on which nothing happens by itself, before a clinic on its first day."""
    network_process.control("faults", rate=0, seed=1, kinds=["lost", "after"])
    return network_process


@pytest.fixture
def far(network) -> Client:
    return Client(network)


@pytest.fixture
def near(fhir_double) -> Client:
    return Client(fhir_double)


def create(far):
    return far.post("Patient", NEW)


def kept(near):
    return len(near.found("Patient", **COUNT))


def test_without_faults_all_passes_as_it_is(far, near):
    answer = create(far)
    assert (answer.status_code, answer.headers["ETag"]) == (201, 'W/"1"')
    assert answer.headers["Location"].startswith(far.base)
    assert near.found("Patient", **COUNT) == [answer.json()]
    assert far.get("Patient/none").status_code == 404
    assert far.get("Patient/1001", If_None_Match='W/"1"').status_code == 304


def test_pages_lead_back_through_the_network(far):
    links = far.get("Slot", {"_count": 1}).json()["link"]
    assert all(link["url"].startswith(far.base) for link in links)


def test_a_connection_is_kept(far):
    with httpx.Client(headers=FHIR) as client:
        answers = [client.get(f"{far.base}/Patient/1001") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert all("close" not in answer.headers.get("Connection", "") for answer in answers)


@pytest.mark.parametrize(("kind", "status", "effects"), [("error", 500, 0), ("after", 500, 1), ("duplicate", 201, 2)])
def test_what_the_answer_says_and_what_was_done(network, far, near, kind, status, effects):
    network.control("faults", next=[kind])
    assert create(far).status_code == status
    assert kept(near) == effects
    assert create(far).status_code == 201


@pytest.mark.parametrize("kind", ["lost", "reset"])
def test_an_answer_that_does_not_arrive(network, far, near, kind):
    network.control("faults", next=[kind])
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        create(far)
    assert kept(near) == 1


def test_a_delay_ends(network, far):
    network.control("faults", next=["delay"])
    assert create(far).status_code == 201


def test_a_write_is_overtaken(network, far, near):
    network.control("faults", next=["reorder"])
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(create, far)
        while network.page("/messages.json").json()["counts"]["reorder"] == 0:
            pass
        assert far.get("Patient", COUNT).json()["total"] == 0
        assert held.result().status_code == 201
    assert kept(near) == 1


def test_a_read_is_not_held_back(network, far):
    before = counts(network)["reorder"]
    network.control("faults", next=["reorder"])
    assert far.get("Patient/1001").status_code == 200
    assert counts(network)["reorder"] == before


def test_a_wrong_answer_only_when_asked_for(network, far, near):
    slot = near.free()[0]
    network.control("faults", next=["wrong"])
    assert far.read(f"Slot/{slot['id']}") == {**slot, "status": "busy"}
    assert far.read(f"Slot/{slot['id']}") == slot


def counts(network):
    return network.page("/messages.json").json()["counts"]


def fates(network, far, seed):
    network.control("faults", rate=0.5, seed=seed, kinds=["error", "after"])
    return [far.get("Patient/1001").status_code for _ in range(30)]


def test_the_same_seed_is_the_same_weather(network, far):
    before = counts(network)
    first, again, other = (fates(network, far, seed) for seed in (7, 7, 8))
    assert first == again != other
    after = counts(network)
    happened = sum(after[kind] - before[kind] for kind in ("error", "after"))
    assert happened == [*first, *again, *other].count(500) > 0


@pytest.mark.parametrize("order", [{"rate": 2}, {"kinds": ["rain"]}, {"next": ["rain"]}, {"rate": "x"}, []])
def test_an_order_that_is_not_understood_is_400(network, order):
    assert http.post(f"{network.url}/control/faults", json=order).status_code == 400


def test_control_is_for_this_machine(network):
    evil = {"Host": "evil.example"}
    assert http.get(f"{network.url}/messages.json", headers=evil).status_code == 421
    assert http.post(f"{network.url}/control/faults", json={"rate": 0}, headers=evil).status_code == 421


def test_a_target_that_hangs_up_or_is_not_there(network, far, near):
    near.double.control("down", down=True)
    with pytest.raises(httpx.RemoteProtocolError):
        create(far)
    near.double.control("down", down=False)
    assert create(far).status_code == 201
    with running_faults(f"http://127.0.0.1:{closed_port()}") as nowhere, pytest.raises(httpx.RemoteProtocolError):
        http.get(f"{nowhere.url}/fhir/metadata")


def test_in_bad_weather_no_slot_has_two_appointments(network, far, near):
    slots, kinds = near.free()[:6], ["error", "after", "reset", "lost", "duplicate"]
    asked = [near.appointment(slot) for slot in slots] * 8
    network.control("faults", rate=0.5, seed=3, kinds=kinds)

    def book(resource):
        try:
            return far.post("Appointment", resource).status_code
        except httpx.HTTPError:
            return 0

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(book, asked))
    network.control("faults", rate=0)
    assert {0, 409, 500} <= answers <= {0, 201, 409, 500}
    for slot in slots:
        assert len(near.found("Appointment", slot=f"Slot/{slot['id']}")) == 1
        assert near.read(f"Slot/{slot['id']}")["status"] == "busy"
