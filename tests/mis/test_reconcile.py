"""Both sides are compared: every kind of difference arises, is healed or shown, and a bad export cancels nothing."""

import csv
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import translation

from portal.mis import exchanging, jobs
from portal.mis.models import Drift
from portal.mis.ports import VisitStatus
from portal.scheduling.models import Occupancy
from tests.cast import uid
from tests.mis.conftest import clinic_with
from tests.mis.test_front_desk import copied

PAGE, CSV = "/manage/mis/", "/manage/mis/drift.csv"


def reconcile(clinic):
    return exchanging.reconcile(clinic.organization)


def kinds(clinic):
    return [kind for (kind,) in clinic.sql("SELECT kind FROM mis_drift WHERE settled_at IS NULL ORDER BY kind")]


def deaf(clinic):
    """No list tells what has changed there up to now."""
    later = datetime.now(UTC) + timedelta(hours=1)
    clinic.sql("UPDATE mis_exchange SET cursor = %s", later.isoformat())


def table(client):
    return list(csv.DictReader(client.get(CSV).content.decode().splitlines()))


def live(clinic, visit_id):
    return [one["id"] for one in clinic.there() if str(visit_id) in str(one["identifier"])]


def in_the_way(clinic, role, start):
    """Something of the portal's own stands there: no visit can be brought to this time."""
    clinic.sql(
        'INSERT INTO scheduling_occupancy (id, practitioner_id, role_id, start, "end", kind, owner, mode, is_extended)'
        " VALUES (gen_random_uuid(), %s, %s, %s, %s, 'block', %s, '', false)",
        role.practitioner_id, role.pk, start, start + timedelta(minutes=30), uuid4(),
    )  # fmt: skip


# Healed ------------------------------------------------------------------------------------------------------------


def test_two_sides_that_agree_differ_in_nothing(clinic, client_of):
    clinic.stands()
    assert (reconcile(clinic), kinds(clinic)) == (0, [])
    assert table(client_of("rita")) == []
    assert "У портала и системы всё совпадает" in client_of("rita").get(PAGE).content.decode()


def test_what_was_never_written_down_there_is_written_down(clinic):
    visit_id, ref = clinic.stands()
    clinic.desk("delete", appointment=ref)
    clinic.sql("DELETE FROM mis_visitref")
    assert (reconcile(clinic), kinds(clinic)) == (0, [])
    assert len(live(clinic, visit_id)) == 1 and clinic.visit_ref(visit_id) != ref
    assert clinic.visit(visit_id).status == "booked"


def test_a_visit_that_nobody_told_of_appears(clinic):
    record = clinic.known_there("zoya")
    made = clinic.desk("book", patient=record, slot=clinic.free_slot(clinic.roles[1], n=3)["id"])
    deaf(clinic)
    clinic.tend()
    assert clinic.sql("SELECT 1 FROM mis_visitref WHERE ref = %s", made["id"]) == []
    assert (reconcile(clinic), kinds(clinic)) == (0, [])
    ((visit_id,),) = clinic.sql("SELECT appointment_id FROM mis_visitref WHERE ref = %s", made["id"])
    assert clinic.visit(visit_id, "zoya").status == "booked"


@pytest.mark.parametrize("act", ["move", "cancel"])
def test_a_change_that_nobody_told_of_is_followed(clinic, act):
    visit_id, ref = clinic.stands()
    old = clinic.visit(visit_id).start
    clinic.desk(act, appointment=ref)
    deaf(clinic)
    clinic.tend()
    assert (clinic.visit(visit_id).start, clinic.visit(visit_id).status) == (old, "booked")
    assert (reconcile(clinic), kinds(clinic)) == (0, [])
    assert clinic.news(visit_id) == ["booked", {"move": "clinic-moved", "cancel": "clinic-cancelled"}[act]]


def test_what_is_written_down_twice_stands_once_and_the_right_one(clinic):
    visit_id, ref = clinic.stands()
    start = clinic.visit(visit_id).start
    copied(clinic, ref, clinic.free_slot(clinic.roles[0], n=4))
    assert (reconcile(clinic), kinds(clinic)) == (0, [])
    assert live(clinic, visit_id) == [ref]
    clinic.tend()
    assert (clinic.visit(visit_id).status, clinic.visit(visit_id).start) == ("booked", start)


def test_two_copies_of_a_visit_whose_own_was_deleted_become_one(clinic):
    visit_id, ref = clinic.stands()
    copies = {copied(clinic, ref, clinic.free_slot(clinic.roles[0], n=n))["id"] for n in (4, 6)}
    clinic.desk("delete", appointment=ref)
    deaf(clinic)
    reconcile(clinic)
    reconcile(clinic)
    clinic.settle()
    assert len(live(clinic, visit_id)) == 1 and set(live(clinic, visit_id)) <= copies
    assert kinds(clinic) == []
    (there,) = clinic.there(id=live(clinic, visit_id)[0])
    assert clinic.visit(visit_id).status == "booked" and str(visit_id) in str(there["identifier"])


# Shown -------------------------------------------------------------------------------------------------------------


def shown(clinic, client_of, kind):
    """The one difference, on the page and in the table, which name nobody."""
    assert kinds(clinic) == [kind]
    (row,) = table(client_of("rita"))
    assert row["kind"] == kind
    page = client_of("rita").get(PAGE).content.decode()
    with translation.override("ru"):
        label = str(Drift.Kind(kind).label)
    assert label[1:] in page and page.count("drift.csv") == 1
    for name in ("Annaова", "Zoyaова", "+7999"):
        assert name not in str(row) + page
    assert table(client_of("foma")) == []
    return row


def test_a_visit_that_cannot_be_taken_over_is_shown_until_it_can(clinic, client_of):
    record = clinic.known_there("zoya")
    role, slot = clinic.roles[1], clinic.free_slot(clinic.roles[1], n=3)
    in_the_way(clinic, role, slot["at"])
    made = clinic.desk("book", patient=record, slot=slot["id"])
    assert reconcile(clinic) == 1
    row = shown(clinic, client_of, "missing-here")
    assert (row["there"], row["doctor"]) == (made["id"], str(role.pk))
    reconcile(clinic)
    assert table(client_of("rita"))[0]["times"] == "2"
    clinic.sql("DELETE FROM scheduling_occupancy WHERE kind = 'block'")
    assert (reconcile(clinic), kinds(clinic)) == (0, [])


def test_a_move_that_cannot_be_followed_is_shown_and_the_visit_stays(clinic, client_of):
    visit_id, ref = clinic.stands()
    old, slot = clinic.visit(visit_id).start, clinic.free_slot(clinic.roles[0], n=4)
    in_the_way(clinic, clinic.roles[0], slot["at"])
    clinic.desk("move", appointment=ref, slot=slot["id"])
    assert reconcile(clinic) == 1
    assert UUID(shown(clinic, client_of, "moved")["appointment"]) == visit_id
    assert clinic.visit(visit_id).start == old
    assert Occupancy.objects.filter(owner=visit_id).count() == 1


def test_a_visit_that_is_not_to_be_had_there_any_more_is_shown(clinic, client_of):
    visit_id, ref = clinic.stands()
    (slot,) = clinic.resource("Appointment", ref)["slot"]
    clinic.desk("delete", appointment=ref)
    clinic.sql("DELETE FROM mis_visitref")
    clinic.desk("book", slot=slot["reference"].removeprefix("Slot/"))  # for somebody else
    assert reconcile(clinic) == 0  # what waits for a person is told of there
    assert clinic.sql("SELECT state, code FROM mis_outgoing") == [("dead", "time-taken")]
    page = client_of("rita").get(PAGE).content.decode()
    assert f"/desk/visits/{visit_id}" in page
    assert clinic.visit(visit_id).status == "booked"


def test_a_visit_under_another_patients_name_is_shown_and_changes_nothing(clinic, client_of):
    visit_id, ref = clinic.stands()
    known = clinic.known_there("zoya")
    body = clinic.resource("Appointment", ref)
    clinic.sql("DELETE FROM mis_visitref WHERE appointment_id = %s", visit_id)
    clinic.desk("delete", appointment=ref)
    others = [{**one, "actor": {"reference": f"Patient/{known}"}} if "Patient/" in str(one) else one
              for one in body["participant"]]  # fmt: skip
    made = clinic.create({**{k: v for k, v in body.items() if k not in ("id", "meta")}, "participant": others})
    clinic.tend()
    assert UUID(shown(clinic, client_of, "patient")["appointment"]) == visit_id
    reconcile(clinic)
    assert "patient" in kinds(clinic)
    assert clinic.visit(visit_id).status == "booked"
    assert uid("zoya") not in [row[0] for row in clinic.sql(
        "SELECT patient_id FROM scheduling_appointment WHERE id = %s", visit_id)]  # fmt: skip
    clinic.desk("cancel", appointment=made["id"])


def test_a_state_that_nobody_has_mapped_is_shown_until_it_is_another(double, token, sql, db, client_of):
    with clinic_with(double, token, sql, statuses={"arrived": VisitStatus.UNDEFINED}) as clinic:
        visit_id, ref = clinic.stands()
        clinic.desk("arrive", appointment=ref)
        clinic.tend()
        assert reconcile(clinic) == 1
        assert UUID(shown(clinic, client_of, "undefined")["appointment"]) == visit_id
        clinic.desk("noshow", appointment=ref)
        deaf(clinic)
        assert (reconcile(clinic), kinds(clinic)) == (0, [])
        assert clinic.visit(visit_id).status == "noshow"


def test_a_time_that_is_taken_there_in_the_same_moment_is_a_phantom_for_one_night(clinic, client_of, monkeypatch):
    role, slot = clinic.roles[0], clinic.free_slot(clinic.roles[0])
    read = exchanging.read_all_times

    def and_then_somebody_rings(*args):
        count = read(*args)
        clinic.desk("book", slot=slot["id"])
        return count

    monkeypatch.setattr(exchanging, "read_all_times", and_then_somebody_rings)
    assert reconcile(clinic) == 1
    assert shown(clinic, client_of, "phantom")["doctor"] == str(role.pk)
    monkeypatch.undo()
    assert (reconcile(clinic), kinds(clinic)) == (0, [])
    assert clinic.free(role) != slot["at"]


# Figures -----------------------------------------------------------------------------------------------------------


def test_how_many_differences_stand_is_told_for_every_kind(clinic, caplog):
    _visit_id, ref = clinic.stands()
    slot = clinic.free_slot(clinic.roles[0], n=4)
    in_the_way(clinic, clinic.roles[0], slot["at"])
    clinic.desk("move", appointment=ref, slot=slot["id"])
    with caplog.at_level(logging.INFO, logger="portal.mis"):
        reconcile(clinic)
    told = {one.kind: one.count for one in caplog.records if one.message == "mis_drift_open"}
    assert told == {kind: int(kind == "moved") for kind in Drift.Kind.values}
    assert {one.clinic for one in caplog.records if one.message == "mis_drift_open"} == {"shore"}


# A bad export ------------------------------------------------------------------------------------------------------


def test_many_visits_missing_at_once_are_an_alarm_and_none_is_cancelled(clinic, client_of):
    free = {}
    for n in range(200):
        start = clinic.free(n=n)
        free.setdefault(start.date(), start)
        if len(free) == exchanging.FEW + 1:
            break
    visits = [clinic.stands("zoya", start=start) for start in free.values()]
    bodies = [clinic.resource("Appointment", ref) for _id, ref in visits]
    for _visit_id, ref in visits:
        clinic.desk("delete", appointment=ref)
    assert reconcile(clinic) == len(visits)
    assert {clinic.visit(visit_id, "zoya").status for visit_id, _ref in visits} == {"booked"}
    assert set(kinds(clinic)) == {"missing-there"}
    assert "many visits are not in the MIS any more" in client_of("alla").get(PAGE).content.decode()
    ((down,),) = clinic.sql("SELECT down_since FROM scheduling_misline")
    assert down is None  # the line is up: whoever books now is not put off
    clinic.tend()
    assert "many visits are not" in client_of("alla").get(PAGE).content.decode()
    for body in bodies:  # the next export is whole again
        clinic.create({name: value for name, value in body.items() if name not in ("id", "meta", "slot")})
    clinic.tend()
    assert (reconcile(clinic), kinds(clinic)) == (0, [])
    assert "many visits are not" not in client_of("alla").get(PAGE).content.decode()
    assert {clinic.visit(visit_id, "zoya").status for visit_id, _ref in visits} == {"booked"}


# Times that are refused --------------------------------------------------------------------------------------------


def refused(clinic, start):
    visit_id = clinic.book("zoya", start=start)
    clinic.double.order("error:409", on="transaction", times=3)  # a lock that never opens
    clinic.work()
    return clinic.visit(visit_id, "zoya").status


def test_a_time_that_is_free_there_and_never_to_be_had_closes_itself_for_a_day(clinic):
    start = clinic.free()
    for n in range(clinic.mapping.closes_after):
        assert clinic.free() == start, n
        assert refused(clinic, start) == "cancelled"
    clinic.tend()
    assert clinic.free() != start
    clinic.sql("UPDATE mis_refusedtime SET last_at = last_at - interval '23 hours'")
    jobs.tidy()
    clinic.tend()
    assert clinic.free() != start
    clinic.sql("UPDATE mis_refusedtime SET last_at = last_at - interval '2 hours'")
    jobs.tidy()
    clinic.tend()
    assert clinic.free() == start
    visit_id, _ref = clinic.stands("zoya", start=start)
    assert clinic.visit(visit_id, "zoya").start == start


def test_a_hold_that_has_run_out_does_not_keep_a_time_open_that_is_taken_there(clinic):
    role, slot = clinic.roles[0], clinic.free_slot(clinic.roles[0], n=2)
    clinic.hold(slot["at"], role)
    clinic.desk("book", slot=slot["id"])
    clinic.tend()
    clinic.tend()
    assert Occupancy.objects.filter(kind="hold", role=role).exists()
    assert slot["at"] not in [clinic.free(role, n=n) for n in range(5)]


def test_a_visit_that_took_place_before_its_hour_is_no_difference(clinic):
    _visit_id, ref = clinic.stands()
    clinic.desk("fulfil", appointment=ref)
    clinic.tend()
    assert exchanging.reconcile(clinic.organization) == 0
