"""Whose word counts: a doctor is handed to the portal and back, and no visit is lost on the way."""

from __future__ import annotations

from conftest import actor_named
from portal.kernel.access import acting
from portal.mis.services import masters


def hand(clinic, role, master):
    with acting(actor_named("alla")) as trail:
        masters.set_master(actor=trail.actor, role_id=role.pk, master=master)
    for _ in range(3):
        clinic.work()
        clinic.tend()


def live(clinic, visit_id):
    return [one for one in clinic.there() if str(visit_id) in str(one["identifier"])]


def test_a_visit_stands_here_when_its_doctor_is_the_portals_and_there_again_when_not(clinic):
    role = clinic.roles[0]
    visit_id = clinic.book("anna", role=role)
    clinic.work()
    hand(clinic, role, "portal")
    assert (clinic.visit(visit_id).status, live(clinic, visit_id)) == ("booked", [])
    hand(clinic, role, "mis")
    assert clinic.visit(visit_id).status == "booked"
    assert [one["status"] for one in live(clinic, visit_id)] == ["booked"]
    assert clinic.sql("SELECT 1 FROM mis_outgoing") == []


def test_what_the_desk_does_after_that_is_followed(clinic):
    role = clinic.roles[0]
    visit_id = clinic.book("anna", role=role)
    clinic.work()
    hand(clinic, role, "portal")
    hand(clinic, role, "mis")
    clinic.desk("cancel", appointment=live(clinic, visit_id)[0]["id"])
    clinic.tend()
    assert clinic.visit(visit_id).status == "cancelled"
