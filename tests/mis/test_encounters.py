"""What took place in the clinic's own system: shown to whose it surely is, once, and no longer than it stands there."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.kernel.access import acting
from portal.kernel.actor import system
from portal.kernel.system_door import system_door
from portal.mis import jobs, jobs_past
from portal.mis.models import PastLook
from portal.mis.ports import Capability
from portal.scheduling.models import Encounter
from tests.cast import SNILS, uid
from tests.contracts.processes import http

OWN_SYSTEM = "из её собственной системы"


def fhir(clinic, method, path, **body):
    return http.request(
        method,
        f"{clinic.double.url}/fhir/{path}",
        json=body or None,
        headers={"Authorization": "Bearer demo", "Content-Type": "application/fhir+json"},
    )


def took_place(clinic, *, days=40, patient=None, doctor=None, visit=None):
    """An Encounter of the clinic's own, as its doctor has finished it. Its id."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
    who = fhir(clinic, "GET", f"PractitionerRole/{clinic.ref_of(doctor or clinic.roles[0])}").json()
    answer = fhir(
        clinic,
        "POST",
        "Encounter",
        resourceType="Encounter",
        status="finished",
        **{"class": {"code": "AMB"}},
        subject={"reference": f"Patient/{patient or annas(clinic)}"},
        participant=[{"individual": {"reference": who["practitioner"]["reference"]}}],
        appointment=[{"reference": f"Appointment/{visit}"}] if visit else [],
        period={"start": start.isoformat(), "end": (start + timedelta(minutes=30)).isoformat()},
    )
    assert answer.is_success, answer.text
    return answer.json()["id"]


def changed(clinic, encounter, **values):
    kept = fhir(clinic, "GET", f"Encounter/{encounter}").json()
    answer = fhir(clinic, "PUT", f"Encounter/{encounter}", **{**kept, **values})
    assert answer.is_success, answer.text


def record_of(clinic, given):
    """Ids of records of the double by their given name, as it seeds them."""
    entries = fhir(clinic, "GET", f"Patient?given={given}").json()["entry"]
    return entries[0]["resource"]["id"]


def annas(clinic):
    """The record that has Anna's SNILS: whoever brings that is surely Anna."""
    found = fhir(clinic, "GET", f"Patient?identifier=urn:oid:1.2.643.100.3|{SNILS}").json().get("entry", [])
    if found:
        return found[0]["resource"]["id"]
    answer = fhir(
        clinic,
        "POST",
        "Patient",
        resourceType="Patient",
        active=True,
        identifier=[{"system": "urn:oid:1.2.643.100.3", "value": SNILS}],
        name=[{"family": "Annaова", "given": ["Anna"]}],
        birthDate="1961-03-12",
        gender="female",
    )
    assert answer.is_success, answer.text
    return answer.json()["id"]


def known(clinic, who="anna"):
    """A patient of ours whom the MIS knows: one visit has been written down there."""
    annas(clinic)
    visit_id = clinic.book(who)
    clinic.work()
    return visit_id


def rows(who="anna"):
    with acting(system("test")) as trail:
        system_door("test", [uid(who)])
        return list(Encounter.objects.visible_to(trail.actor).order_by("start"))


def shown(client_of, who="anna"):
    page = client_of(who).get("/me/visits/").content.decode()
    return page.count(OWN_SYSTEM)


def again(clinic):
    """The next night."""
    clinic.sql("UPDATE mis_pastlook SET next_at = now()")
    clinic.tend()


def has_begun(clinic, visit_id):
    for table, key in (("scheduling_appointment", "id"), ("scheduling_occupancy", "owner")):
        clinic.sql(
            f"UPDATE {table} SET start = now() - interval '1 hour', \"end\" = now() - interval '30 minutes'"
            f" WHERE {key} = %s",
            visit_id,
        )


def ref_of(clinic, visit_id):
    ((ref,),) = clinic.sql("SELECT ref FROM mis_visitref WHERE appointment_id = %s", visit_id)
    return ref


def test_nothing_is_read_before_it_is_sure_who_it_is(clinic, client_of):
    boris = record_of(clinic, "Борис")
    took_place(clinic, patient=boris)
    known(clinic, "boris")
    clinic.tend()
    assert clinic.sql("SELECT state FROM mis_patientref") == [("unverified",)]
    assert (rows("boris"), shown(client_of, "boris"), PastLook.objects.count()) == ([], 0, 0)


def test_nothing_is_read_of_whom_nobody_has_looked_for(clinic):
    took_place(clinic)
    again(clinic)
    assert rows() == []


def test_a_match_brings_what_took_place(clinic, client_of):
    took_place(clinic)
    known(clinic)
    clinic.tend()
    assert len(rows()) == 1
    page = client_of("anna").get("/me/visits/").content.decode()
    assert page.count(OWN_SYSTEM) == 1
    assert re.search(r"Л\w+ Ахметова, Речная, 12\. На приёме в клинике", page)


def test_the_receptions_word_brings_it_too(clinic, client_of):
    boris = record_of(clinic, "Борис")
    took_place(clinic, patient=boris)
    known(clinic, "boris")
    client_of("rita").post(f"/desk/mis/patients/{uid('boris')}/", {"chosen": boris})
    clinic.work()
    clinic.tend()
    assert shown(client_of, "boris") == 1


def test_none_of_them_brings_nothing_of_theirs(clinic, client_of):
    took_place(clinic, patient=record_of(clinic, "Борис"))
    known(clinic, "boris")
    client_of("rita").post(f"/desk/mis/patients/{uid('boris')}/", {"chosen": ""})
    clinic.work()
    clinic.tend()
    assert (rows("boris"), shown(client_of, "boris")) == ([], 0)


def test_nobody_else_sees_it(clinic, client_of):
    took_place(clinic)
    known(clinic)
    clinic.tend()
    assert (shown(client_of, "boris"), rows("boris"), rows("mila")) == (0, [], [])


def test_a_visit_of_ours_took_place_and_stands_once(clinic, client_of):
    visit_id = known(clinic)
    clinic.tend()
    before = shown(client_of)
    clinic.sql("DELETE FROM mis_pastlook")  # the change alone must bring it
    has_begun(clinic, visit_id)
    clinic.desk("fulfil", appointment=ref_of(clinic, visit_id))
    clinic.tend()
    assert clinic.visit(visit_id).status == "fulfilled"
    assert [row.appointment_id for row in rows()].count(visit_id) == 1
    assert shown(client_of) == before


def test_what_took_place_tells_that_a_visit_of_ours_did(clinic, client_of):
    """Its state there was forgotten; the doctor's record is enough."""
    visit_id = known(clinic)
    clinic.tend()
    before = shown(client_of)
    has_begun(clinic, visit_id)
    took_place(clinic, days=0, visit=ref_of(clinic, visit_id))
    again(clinic)
    assert clinic.visit(visit_id).status == "fulfilled"
    assert clinic.sql("SELECT 1 FROM scheduling_occupancy WHERE owner = %s", visit_id) == []
    assert shown(client_of) == before


def test_a_visit_of_ours_that_has_not_begun_stands(clinic):
    visit_id = known(clinic)
    clinic.tend()
    took_place(clinic, days=0, visit=ref_of(clinic, visit_id))
    again(clinic)
    assert clinic.visit(visit_id).status == "booked"


def test_a_visit_that_was_cancelled_here_and_took_place_there_is_shown(clinic, client_of):
    visit_id = known(clinic)
    clinic.tend()
    before, ref = shown(client_of), ref_of(clinic, visit_id)
    clinic.cancel(visit_id)
    clinic.work()
    took_place(clinic, days=0, visit=ref)
    again(clinic)
    assert clinic.visit(visit_id).status == "cancelled"
    assert shown(client_of) == before + 1


def test_a_visit_of_somebody_else_is_nobodys_here(clinic):
    """Another patient's ref under this record: it is shown, and the other's visit stays as it is."""
    other = known(clinic, "boris")
    has_begun(clinic, other)
    known(clinic)
    took_place(clinic, days=0, visit=ref_of(clinic, other))
    again(clinic)
    assert clinic.visit(other, "boris").status == "booked"
    assert {row.appointment_id for row in rows()} == {None}


def test_read_twice_it_is_the_same(clinic):
    took_place(clinic)
    known(clinic)
    clinic.tend()
    before = [(row.pk, row.start, row.role_id) for row in rows()]
    again(clinic)
    assert [(row.pk, row.start, row.role_id) for row in rows()] == before


def test_killed_after_the_claim_it_is_read_when_the_lease_is_over(clinic):
    took_place(clinic)
    known(clinic)
    with acting(system("test")) as trail:
        from portal.mis.services import past

        (claimed,) = past.claim_pasts(
            actor=trail.actor, organization_id=clinic.organization.pk, most=10, lease=timedelta(seconds=60)
        )
    clinic.tend()
    assert rows() == []
    clinic.sql("UPDATE mis_pastlook SET next_at = now() WHERE id = %s", claimed.pk)
    clinic.tend()
    assert len(rows()) == 1


def test_what_vanishes_there_vanishes_here_and_what_changes_changes(clinic, client_of):
    gone, moved = took_place(clinic), took_place(clinic, days=50)
    known(clinic)
    clinic.tend()
    before = shown(client_of)
    changed(clinic, gone, status="entered-in-error")
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=51)
    changed(clinic, moved, period={"start": start.isoformat()})
    again(clinic)
    assert shown(client_of) == before - 1
    assert rows()[0].start == start


def test_what_is_older_than_is_asked_for_stays(clinic):
    """Nobody says that it is gone there: only newer ones are asked for."""
    took_place(clinic)
    known(clinic)
    clinic.tend()
    old = rows()[0]
    older = "start - interval '2000 days', \"end\" = NULL, digest = 'an older one'"
    clinic.sql(f"UPDATE scheduling_encounter SET start = {older} WHERE id = %s", old.pk)
    again(clinic)
    assert len(rows()) == 2
    assert rows()[0].pk == old.pk


def test_no_further_back_than_the_clinic_wants(clinic):
    took_place(clinic, days=clinic.mapping.history_days + 1)
    took_place(clinic, days=clinic.mapping.history_days - 1)
    known(clinic)
    clinic.tend()
    assert len(rows()) == 1


def test_of_a_record_that_is_not_surely_theirs_any_more_nothing_stays(clinic, client_of):
    from portal.mis.services import patients

    took_place(clinic)
    known(clinic)
    clinic.tend()
    with acting(system("test")) as trail:
        system_door("test", [uid("anna")])
        patients.forget_ref(actor=trail.actor, organization_id=clinic.organization.pk, patient_id=uid("anna"))
    clinic.tend()
    assert (rows(), shown(client_of), PastLook.objects.count()) == ([], 0, 0)


def test_down_it_comes_later(clinic, client_of):
    took_place(clinic)
    known(clinic)
    clinic.double.control("down", down=True)
    clinic.tend()
    clinic.tend()
    assert rows() == []
    clinic.double.control("down", down=False)
    clinic.rested()
    clinic.tend()
    again(clinic)
    assert shown(client_of) == 1


def test_refused_once_it_is_asked_for_again(clinic):
    took_place(clinic)
    known(clinic)
    with acting(system("test")) as trail:
        from portal.mis.services import past

        (row,) = past.claim_pasts(
            actor=trail.actor, organization_id=clinic.organization.pk, most=10, lease=timedelta(seconds=60)
        )
    clinic.double.order("error:503", on="search")
    jobs_past._read_one(clinic.line, row)
    ((attempts, is_later),) = clinic.sql("SELECT attempts, next_at > now() FROM mis_pastlook")
    assert (attempts, is_later, rows()) == (1, True, [])
    clinic.rested()
    again(clinic)
    assert len(rows()) == 1
    assert clinic.sql("SELECT attempts FROM mis_pastlook") == [(0,)]


def test_a_system_that_tells_of_no_visits_is_not_asked(clinic, monkeypatch):
    has = clinic.line.mis.capabilities() - {Capability.VISITS}
    monkeypatch.setattr(clinic.line.mis, "capabilities", lambda: has)
    known(clinic)
    clinic.tend()
    assert rows() == []


def test_not_more_than_a_few_at_a_time(clinic):
    clinic.sql(
        "INSERT INTO mis_pastlook (id, organization_id, link_id, next_at, attempts)"
        " SELECT gen_random_uuid(), %s, gen_random_uuid(), now(), 0 FROM generate_series(1, 25)",
        clinic.organization.pk,
    )
    took = [jobs_past.read_due(clinic.organization.pk, clinic.line) for _ in range(4)]
    assert took == [10, 10, 5, 0]


def test_after_a_read_it_is_read_at_night(clinic):
    known(clinic)
    clinic.tend()
    (row,) = PastLook.objects.all()
    local = row.next_at.astimezone(clinic.mapping.zone)
    assert row.next_at > datetime.now(UTC)
    assert 1 <= local.hour < 5


def test_links_of_before_are_read_from_the_next_night_on(clinic, monkeypatch):
    took_place(clinic)
    known(clinic)
    clinic.tend()
    clinic.sql("DELETE FROM mis_pastlook")
    clinic.sql("DELETE FROM scheduling_encounter")
    monkeypatch.setattr(jobs.mappings, "slugs", lambda: ["shore"])
    jobs.open_pasts()
    jobs.open_pasts()
    clinic.tend()
    assert len(rows()) == 1


def test_the_desk_sees_it_and_another_clinic_does_not(clinic, client_of):
    took_place(clinic)
    visit_id = known(clinic)
    clinic.tend()
    page = client_of("rita").get(f"/desk/visits/{visit_id}/").content.decode()
    assert page.count("Из собственной системы клиники") == 1
    assert client_of("foma").get(f"/desk/visits/{visit_id}/").status_code == 404


def test_whoever_saw_it_stands_on_the_trail(clinic, client_of):
    took_place(clinic)
    known(clinic)
    clinic.tend()
    expected = {row.pk for row in rows()}
    clinic.sql("SELECT 1")
    before = clinic.sql("SELECT count(*) FROM guard.audit_entity WHERE resource = 'Encounter'")[0][0]
    client_of("anna").get("/me/visits/")
    seen = clinic.sql(
        "SELECT e.resource_ids FROM guard.audit_entity e JOIN guard.audit_event v ON v.xid = e.xid"
        " WHERE e.resource = 'Encounter' AND v.patient_id = %s AND v.purpose = 'visits'",
        uid("anna"),
    )
    assert [set(ids) for (ids,) in seen] == [expected]
    assert clinic.sql("SELECT count(*) FROM guard.audit_entity WHERE resource = 'Encounter'")[0][0] == before + 1


@pytest.mark.parametrize("path", ["/me/visits/", "/desk/visits/{}/"])
def test_more_of_it_costs_no_more_statements(clinic, client_of, path):
    visit_id = known(clinic)
    clinic.tend()
    client = client_of("anna" if path.startswith("/me") else "rita")
    path = path.format(visit_id)

    def cost():
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    few = cost()
    for n, role in enumerate([*clinic.roles, *clinic.roles]):
        took_place(clinic, days=30 + n, doctor=role)
    again(clinic)
    assert len(rows()) == 6
    assert cost() == few


def test_a_doctor_nobody_knows_here_is_the_clinics(clinic, client_of):
    took_place(clinic)
    known(clinic)
    clinic.tend()
    clinic.sql("UPDATE scheduling_encounter SET role_id = NULL")
    page = client_of("anna").get("/me/visits/").content.decode()
    assert page.count(OWN_SYSTEM) == 1
    assert "Клиника shore. На приёме в клинике" in page
