"""The staff's hand on schedules: pages, day sheets, conflicts, the nightly job."""

from datetime import timedelta

import pytest

from portal.scheduling import jobs as scheduling_jobs
from portal.scheduling import selectors
from portal.scheduling.models import BookingPolicy, DaySheet, Occupancy, Rule, RuleException, ScheduleHorizon
from portal.scheduling.tests.test_hold_times import stage
from tests.cast import at, uid

VERA = uid("role-vera")
PAGE = f"/manage/schedules/{VERA}/"


def today():
    return selectors.today_in("Europe/Moscow")


def day(offset):
    return (today() + timedelta(days=offset)).isoformat()


def add(client, **values):
    data = {f"exception-{name}": value for name, value in ({"step_minutes": "20"} | values).items()}
    return client.post(f"{PAGE}exceptions/", data)


def free(offset):
    choice = selectors.choices(selectors.Filters(practitioner="vera"))[0]
    from portal.scheduling.selectors_sql import free_slots

    slots = free_slots([choice.wanted("in-person")], mode="in-person")
    return [s.start for s in slots if s.start.date() == today() + timedelta(days=offset)]


def test_a_vacation_closes_the_days_at_once(client_of):
    assert free(5)
    assert add(client_of("alla"), kind="vacation", first_day=day(4), last_day=day(6)).status_code == 302
    assert not free(5) and free(7)


def test_removing_it_opens_them_again(client_of):
    client = client_of("rita")
    add(client, kind="sick", first_day=day(5))
    exception = RuleException.objects.get()
    client.post(f"{PAGE}exceptions/{exception.pk}/remove/")
    assert free(5)


def test_closed_hours_do_not_shift_the_times_after_them(client_of):
    add(client_of("alla"), kind="blocked", first_day=day(5), start="10:10", end="10:50")
    starts = [s.astimezone(at(0).tzinfo) for s in free(5)]
    assert at(10).time() not in {s.time() for s in starts}
    assert {s.minute for s in starts} == {0, 30}


def test_extra_hours_open_a_closed_day(client_of):
    client = client_of("alla")
    stage(lambda: Rule.objects.filter(role_id=VERA).delete())
    add(client, kind="extra", first_day=day(5), start="12:00", end="14:00", modes="in-person")
    assert len(free(5)) == 5, "30 minutes each, begun every 20"


def test_a_visit_in_a_vacation_stays_and_is_shown(client_of):
    client = client_of("rita")
    before = Occupancy.objects.filter(kind="booked").count()
    add(client, kind="vacation", first_day=day(7), last_day=day(12))
    assert Occupancy.objects.filter(kind="booked").count() == before
    text = client.get(PAGE).content.decode()
    assert "2 визита вне часов приёма" in text and str(uid("visit-anna")) in text
    assert ">2<" in client.get("/manage/schedules/").content.decode()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "vacation", "first_day": "2027-02-31"}, "Такого дня нет"),
        ({"kind": "vacation", "first_day": "2027-02-10", "last_day": "2027-02-01"}, "Последний день раньше первого"),
        ({"kind": "blocked", "first_day": "2027-02-10", "start": "12:00"}, "оба времени"),
        ({"kind": "blocked", "first_day": "2027-02-10", "start": "12:00", "end": "11:00"}, "Конец раньше начала"),
        ({"kind": "extra", "first_day": "2027-02-10"}, "нужны начало и конец"),
        ({"kind": "party", "first_day": "2027-02-10"}, "error"),
    ],
)
def test_a_mistake_is_said_at_the_field_and_nothing_is_written(client_of, values, said):
    response = add(client_of("alla"), **values)
    assert response.status_code == 422 and said in response.content.decode()
    assert not RuleException.objects.exists()


def test_weekly_hours_are_added_and_removed(client_of):
    client = client_of("alla")
    values = {"weekday": "0", "weeks": "odd", "start": "18:00", "end": "0:00", "step_minutes": "30", "modes": "video"}
    data = {f"rule-{name}": value for name, value in (values | {"valid_from": day(0)}).items()}
    assert client.post(f"{PAGE}rules/", data).status_code == 302
    rule = Rule.objects.get(role_id=VERA, weeks="odd")
    evenings = DaySheet.objects.filter(role_id=VERA, modes=["video"])
    assert evenings and all(sheet.date.isocalendar().week % 2 for sheet in evenings)
    client.post(f"{PAGE}rules/{rule.pk}/remove/")
    assert not DaySheet.objects.filter(role_id=VERA, modes=["video"]).exists()


def test_another_clinics_staff_change_nothing(client_of):
    rule = Rule.objects.filter(role_id=VERA).first()
    assert client_of("foma").post(f"{PAGE}rules/{rule.pk}/remove/").status_code == 404
    assert Rule.objects.filter(pk=rule.pk).exists()


def test_the_rules_of_booking_hold_from_the_next_press(client_of):
    values = {"horizon_days": "2", "publish_at": "00:00", "lead_minutes": "0", "cancel_minutes": "90"}
    assert client_of("alla").post("/manage/booking/", values).status_code == 302
    policy = BookingPolicy.objects.get()
    assert (policy.horizon_days, policy.cancel_minutes, policy.is_one_a_day) == (2, 90, False)
    assert free(1) and not free(4)
    again = client_of("alla").post("/manage/booking/", values | {"horizon_days": "400"})
    assert again.status_code == 422 and BookingPolicy.objects.get().horizon_days == 2


def test_the_job_writes_the_days_that_come_into_sight_and_no_others(db):
    ahead = today() + selectors.WRITTEN_AHEAD
    last = ScheduleHorizon.objects.get(role_id=VERA).written_to
    assert last < ahead
    before = set(DaySheet.objects.filter(role_id=VERA).values_list("pk", flat=True))
    scheduling_jobs.extend()
    assert ScheduleHorizon.objects.get(role_id=VERA).written_to == ahead
    assert before <= set(DaySheet.objects.filter(role_id=VERA).values_list("pk", flat=True))
    count = DaySheet.objects.count()
    scheduling_jobs.extend()
    assert DaySheet.objects.count() == count


def test_the_job_is_called_by_the_clock():
    from procrastinate.contrib.django import app

    assert any(task.task.name == "scheduling.jobs.extend" for task in app.periodic_registry.periodic_tasks.values())
