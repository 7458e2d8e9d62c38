"""Where the clinic's own system sends messages itself, the portal keeps silent about those, and about those alone."""

from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import ValidationError

from conftest import actor_named
from portal.kernel.access import acting
from portal.notifications.kinds import KINDS
from portal.people.models import PractitionerRole, ServiceOffer
from portal.scheduling import services
from portal.scheduling.services.hold import Ask
from tests.cast import at, uid
from tests.mis.conftest import clinic_with, mapping_of

THEIRS = ["booked", "moved", "cancelled", "clinic-moved", "clinic-cancelled", "reminder-day", "reminder-hours"]
REMINDERS = {"reminder-day", "reminder-hours"}


@pytest.fixture
def silent(double, token, sql, db):
    """The clinic's system tells everything that it can know of."""
    with clinic_with(double, token, sql, tells=THEIRS) as made:
        yield made


def messages(clinic):
    return clinic.sql("SELECT count(*) FROM notifications_message")[0][0]


def test_without_a_word_in_the_mapping_the_portal_tells_everything(clinic):
    visit_id, _ref = clinic.stands()
    assert {"booked", *REMINDERS} == set(clinic.told(visit_id))


def test_what_the_system_tells_itself_is_not_told_by_the_portal(silent):
    visit_id, ref = silent.stands()
    assert silent.told(visit_id) == []
    silent.move(visit_id, silent.free(n=3))
    silent.settle()
    silent.desk("move", appointment=ref)
    silent.tend()
    silent.cancel(visit_id)
    silent.settle()
    assert silent.visit(visit_id).status == "cancelled"
    assert silent.told(visit_id) == [] and messages(silent) == 0


def test_what_the_front_desk_cancels_is_not_told_twice_either(silent):
    visit_id, ref = silent.stands()
    silent.desk("cancel", appointment=ref)
    silent.tend()
    assert silent.visit(visit_id).status == "cancelled"
    assert silent.told(visit_id) == []


@pytest.mark.parametrize("told", THEIRS)
def test_each_kind_is_silent_for_itself_alone(double, token, sql, db, told):
    with clinic_with(double, token, sql, tells=[told]) as clinic:
        visit_id, ref = clinic.stands()
        clinic.told(visit_id)
        clinic.move(visit_id, clinic.free(n=3))
        clinic.settle()
        clinic.told(visit_id)
        clinic.desk("move", appointment=ref)
        clinic.tend()
        clinic.told(visit_id)
        clinic.desk("cancel", appointment=ref)
        clinic.tend()
        expected = {"booked", "moved", "clinic-moved", "clinic-cancelled", *REMINDERS} - {told}
        assert set(clinic.told(visit_id)) == expected


# What the portal alone knows ---------------------------------------------------------------------------------------


def test_a_refused_visit_is_told_by_the_portal(silent):
    slot = silent.free_slot(silent.roles[0])
    visit_id = silent.book(start=slot["at"])
    silent.desk("book", slot=slot["id"])
    silent.work()
    assert silent.news(visit_id) == ["refused"]


def test_a_refused_move_is_told_by_the_portal(silent):
    visit_id, _ref = silent.stands()
    slot = silent.free_slot(silent.roles[0], n=3)
    silent.move(visit_id, slot["at"])
    silent.desk("book", slot=slot["id"])
    silent.work()
    assert silent.news(visit_id) == ["move-refused"]


def test_a_request_is_told_by_the_portal_and_its_confirmation_by_the_system(silent):
    silent.double.control("down", down=True)
    for _ in range(2):
        silent.tend()
    visit_id = silent.book()
    silent.work()
    assert silent.news(visit_id) == ["requested"]
    silent.double.control("down", down=False)
    silent.tend()
    silent.settle()
    assert silent.visit(visit_id).status == "booked"
    assert silent.news(visit_id) == ["requested"]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(THEIRS)))
def test_a_mapping_that_gives_away_what_the_portal_alone_knows_is_wrong(token, kind):
    with pytest.raises(ValidationError, match=f"no system can tell {kind}"):
        mapping_of("http://127.0.0.1:9/fhir", token, tells=[kind])


# Whom it does not concern ------------------------------------------------------------------------------------------


def test_a_doctor_of_the_portals_own_in_the_same_clinic_is_told_of_by_the_portal(silent):
    vera = PractitionerRole.objects.get(pk=uid("role-vera"))
    visit_id = silent.book("boris", role=vera, start=at(10, days=5))
    assert {"booked", *REMINDERS} == set(silent.told(visit_id))


def test_what_another_clinics_system_tells_silences_nobody_here(clinic):
    clinic.sql(
        "INSERT INTO scheduling_misline (id, organization_id, when_down, tells)"
        " VALUES (gen_random_uuid(), %s, 'request', %s)",
        uid("far"), THEIRS,
    )  # fmt: skip
    visit_id, _ref = clinic.stands()
    assert {"booked", *REMINDERS} == set(clinic.told(visit_id))


def test_reminders_that_were_planned_are_silent_when_the_clinic_says_so_later(double, token, sql, db):
    with clinic_with(double, token, sql) as clinic:
        visit_id, _ref = clinic.stands()
        clinic.told(visit_id)
    with clinic_with(double, token, sql, tells=THEIRS) as clinic:
        sql("UPDATE notifications_message SET due_at = now(), next_at = now() WHERE kind LIKE 'reminder%%'")
        assert clinic.sent() == []
        reminders = sql("SELECT DISTINCT state, error FROM notifications_message WHERE kind LIKE 'reminder%%'")
        assert reminders == [("skipped", "told-elsewhere")]


@pytest.mark.parametrize("tells", [[], ["booked"]])
def test_visits_booked_together_are_told_of_or_not(double, token, sql, db, tells):
    with clinic_with(double, token, sql, tells=tells) as clinic:
        role, owner = clinic.roles[0], uuid4()
        offer = ServiceOffer.objects.filter(role=role).order_by("service__position", "pk")[0]
        starts = [clinic.free(role), clinic.free(role, after=timedelta(days=6))]
        asks = [Ask(role.pk, offer.service_id, "in-person", start) for start in starts]
        with acting(actor_named("anna")) as trail:
            held = services.hold_times(actor=trail.actor, owner=owner, asks=asks)
        with acting(actor_named("anna")) as trail:
            visits = services.book_together(actor=trail.actor, patient_id=uid("anna"), batch=held[0].batch, owner=owner)
        clinic.work()
        told = [clinic.news(visit.pk) for visit in visits]
        assert [clinic.visit(visit.pk).status for visit in visits] == ["booked", "booked"]
        assert told == ([["booked"], ["booked"]] if not tells else [[], []])
