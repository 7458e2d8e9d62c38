"""Patients, the front desk and a bad network for thousands of operations: afterwards both sides say the same."""

from __future__ import annotations

import pytest

from tests.contracts.processes import http
from tests.mis.conftest import SPECIALTIES
from tests.mis.storm import Site, Weather, storm
from tests.peers import clinic, servers

BRANCHES = {"Речная, 12": "shore-place", "Садовая, 5": "shore-place"}


@pytest.fixture
def double_site(double, token):
    base = f"{double.url}/fhir"
    found = http.get(f"{base}/Patient", headers={"Authorization": "Bearer demo"}).json()["entry"]
    return Site(base, [one["resource"]["id"] for one in found[3:]], BRANCHES, SPECIALTIES, token)


@pytest.fixture
def hapi_site():
    with servers.hapi(is_shared=False) as base:
        there = clinic.seed(base)
        yield Site(base, there.patients, {"Набережная, 1": "shore-place"}, {"49": "therapist"})


def check(seen, record):
    for name in ("kills", "drained", "faults"):
        record(name, getattr(seen, name))
    record("done", dict(seen.done))
    agree(seen.after, record)
    assert seen.done["book"] and seen.done["move"] and seen.done["cancel"] and sum(seen.faults.values())


def agree(after, record):
    record("differences before healing", after.differences)
    assert after.unfinished == []
    assert (after.overlaps_here, after.overlaps_there) == (0, [])
    assert after.stray == []
    assert after.drift == []


def test_both_sides_agree_after_a_storm(db, double_site, database_url, tmp_path, record_property):
    weather = Weather(operations=200, people=8, kill_every=2.0)
    check(storm(double_site, weather, database_url, tmp_path), record_property)


@pytest.mark.peer
def test_both_sides_agree_after_a_storm_over_a_server_of_others(db, hapi_site, database_url, tmp_path, record_property):
    weather = Weather(operations=200, people=8, kill_every=2.0)
    check(storm(hapi_site, weather, database_url, tmp_path), record_property)


@pytest.mark.soak
@pytest.mark.parametrize("site", ["double_site", "hapi_site"])
def test_both_sides_agree_after_10000_operations(db, site, request, database_url, tmp_path, record_property):
    weather = Weather(operations=10_000, people=50, kill_every=10.0, within=600)
    check(storm(request.getfixturevalue(site), weather, database_url, tmp_path), record_property)
