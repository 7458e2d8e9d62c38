"""Several visits in one go: a course at the same hour, services in a row."""

import re
from datetime import timedelta
from itertools import pairwise, product
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.people.models import HealthcareService
from portal.scheduling import services
from portal.scheduling.errors import OneADay, PatientBusy
from portal.scheduling.models import Occupancy
from portal.scheduling.selectors.together import LONGEST_PAUSE, Step, _chain
from portal.scheduling.services import Ask, Terms
from portal.scheduling.tests.conftest import book, chip, press
from portal.scheduling.tests.test_hold_times import asks, stage
from tests.cast import at, uid


def book_all(as_actor, wanted, who="anna", patient="anna", terms=None):
    owner = uuid4()
    with as_actor(who) as trail:
        held = services.hold_times(actor=trail.actor, owner=owner, asks=wanted)
        return services.book_together(
            actor=trail.actor, patient_id=uid(patient), batch=held[0].pk, owner=owner, terms=terms
        )


def test_services_in_a_row_are_booked_as_one(as_actor, jobs):
    visits = book_all(as_actor, asks(("vera", 10), ("dina", 11)))
    assert [v.start for v in visits] == [at(10), at(11)]
    assert len({v.batch for v in visits}) == 1
    assert len([task for task, _ in jobs() if task == "notifications.jobs.tell_booked"]) == 2


def test_one_visit_that_cannot_be_takes_all_with_it(as_actor):
    with as_actor("anna") as trail:
        book(trail, "anna", doctor="dina", start=at(11))
    with pytest.raises((PatientBusy, OneADay)):
        book_all(as_actor, asks(("vera", 10), ("gleb", 11)))
    assert not Occupancy.objects.filter(start=at(10)).exists()


def test_two_services_of_one_specialty_on_one_day_are_fine_together(as_actor):
    visits = book_all(as_actor, asks(("vera", 10), ("gleb", 11)))
    assert [v.same_day for v in visits] == ["", "together"]


def test_one_a_day_holds_across_bookings_and_staff_may_override_with_a_reason(as_actor):
    with as_actor("anna") as trail:
        book(trail, "anna")
    with pytest.raises(OneADay), as_actor("anna") as trail:
        book(trail, "anna", doctor="gleb", start=at(12))
    owner = uuid4()
    with as_actor("rita") as trail:
        held = services.hold_time(actor=trail.actor, owner=owner, **press("gleb", at(12)))
        visit = services.book_appointment(
            actor=trail.actor,
            patient_id=uid("anna"),
            hold_id=held.pk,
            owner=owner,
            terms=Terms(same_day_reason="second opinion"),
        )
        assert (visit.same_day, visit.same_day_reason) == ("staff", "second opinion")


def test_a_patient_cannot_give_a_reason_in_the_staffs_place(as_actor):
    with as_actor("anna") as trail:
        book(trail, "anna")
    with pytest.raises(OneADay):
        book_all(as_actor, asks(("gleb", 12)), terms=Terms(same_day_reason="let me"))


def test_a_course_is_proposed_at_the_same_hour_and_booked_whole(client_of):
    stage(lambda: HealthcareService.objects.filter(slug="therapist-first").update(course_visits=6))
    client = client_of("anna")
    held = client.post("/book/hold/", chip(start=at(10, days=3)))["Location"]
    page = client.get(f"{held}course/?visits=3&every=7").content.decode()
    times = re.findall(r'name="time" value="([^"]+)"', page)
    assert [t.split("|")[3] for t in times] == [at(10, days=3 + 7 * n).isoformat() for n in range(3)]
    held = client.post("/book/together/", {"time": times})["Location"]
    assert "3 приёма одной записью" in client.get(held).content.decode()
    done = client.post(f"{held}confirm/", {"patient": uid("anna")})
    page = client.get(done["Location"]).content.decode()
    assert page.count('class="ticket__time"') == 3
    assert Occupancy.objects.filter(kind="booked", role_id=uid("role-vera"), owner__in=_batch()).count() == 3


def _batch():
    return Occupancy.objects.filter(batch__isnull=False).values_list("owner", flat=True)


def test_a_turn_that_is_taken_moves_to_the_nearest_time(client_of, as_actor):
    stage(lambda: HealthcareService.objects.filter(slug="therapist-first").update(course_visits=6))
    with as_actor("boris") as trail:
        book(trail, "boris", start=at(10, days=12))
    client = client_of("anna")
    held = client.post("/book/hold/", chip(start=at(10, days=5)))["Location"]
    page = client.get(f"{held}course/?visits=2&every=7").content.decode()
    second = re.findall(r'name="time" value="([^"]+)"', page)[1].split("|")[3]
    half_an_hour = timedelta(minutes=30)
    assert second in ((at(10, days=12) + half_an_hour).isoformat(), (at(10, days=12) - half_an_hour).isoformat())


def test_a_service_without_courses_has_no_such_page(client_of):
    client = client_of("anna")
    held = client.post("/book/hold/", chip())["Location"]
    assert client.get(f"{held}course/").status_code == 422


def test_services_on_one_day_follow_one_another(client_of):
    page = client_of().get("/services/together/?service=therapist-first&service=cardiologist-first").content.decode()
    first = re.findall(r'name="time" value="([^"]+)"', page)[:2]
    starts = [value.split("|")[3] for value in first]
    assert len(first) == 2 and starts[0] < starts[1]
    assert client_of().post("/book/together/", {"time": first}).status_code == 302


@pytest.mark.parametrize("time", ["", "a|b|c|d", "x" * 500, f"{uid('role-vera')}|{uid('therapist-first')}|in-person"])
def test_a_malformed_press_is_refused(client_of, time):
    assert client_of().post("/book/together/", {"time": [time]}).status_code == 422


def test_more_than_ten_at_once_are_refused(as_actor, client_of):
    time = f"{uid('role-vera')}|{uid('therapist-first')}|in-person|{at(10).isoformat()}"
    assert client_of().post("/book/together/", {"time": [time] * 11}).status_code == 422
    assert isinstance(Ask(uid("a"), uid("b"), "video", at(10)), Ask)


def test_after_a_refusal_the_page_still_knows_who_is_who(client_of, as_actor):
    """The doors that the refused command had opened are closed with it, and open again for the page."""
    with as_actor("anna") as trail:
        book(trail, "anna", doctor="dina", start=at(10))
    client = client_of("anna")
    held = client.post("/book/hold/", chip(start=at(10)))["Location"]
    response = client.post(f"{held}confirm/", {"patient": uid("anna"), "comment": "кашель"})
    text = response.content.decode()
    assert response.status_code == 422 and "уже есть визит в это время" in text
    assert "Anna Annaова" in text and "Mila Milaова" in text and "кашель" in text


NOON = at(12)
AFTER = LONGEST_PAUSE // timedelta(minutes=1)
SERVICES = ("blood", "scan", "visit")


def step(service, start, minutes=20):
    offer = SimpleNamespace(service_id=service, minutes=minutes, service=SimpleNamespace(buffer_minutes=0))
    return Step(SimpleNamespace(offer=offer), NOON + timedelta(minutes=start), "in-person")


def follows(chain):
    pauses = [(later.start - earlier.end) // timedelta(minutes=1) for earlier, later in pairwise(chain)]
    return all(0 <= pause <= AFTER for pause in pauses)


def test_an_early_time_that_leads_nowhere_is_passed_over():
    """The first scan after the blood test leaves too long a pause before the visit; the second does not."""
    day = [step("blood", 0), step("scan", 20), step("scan", 60), step("visit", 115)]
    assert [s.start for s in _chain(day, SERVICES)] == [day[0].start, day[2].start, day[3].start]


@given(st.lists(st.tuples(st.sampled_from(SERVICES), st.integers(0, 60).map(lambda n: n * 5)), max_size=12))
def test_a_chain_is_found_exactly_when_there_is_one(times):
    day = [step(service, start) for service, start in sorted(times, key=lambda time: time[1])]
    by_service = [[s for s in day if s.choice.offer.service_id == service] for service in SERVICES]
    possible = [chain for chain in product(*by_service) if follows(chain)]
    found = _chain(day, SERVICES)
    assert bool(found) == bool(possible)
    if found:
        assert follows(found) and found[0].start == min(chain[0].start for chain in possible)
