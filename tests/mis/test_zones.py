"""A clinic far from the server, a MIS that writes its wall clock: the same instant on both sides, on the right day."""

import time as clock
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from types import SimpleNamespace
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from portal.adapters.mis.toy.system import System
from portal.adapters.mis.toy.tests.toy_system import FORM, Refused, Toy
from portal.adapters.mis.toy.wire import Wire, _by_error
from portal.kernel.access import acting
from portal.kernel.actor import system
from portal.mis import exchanging, jobs_times, line
from portal.mis.carry import bring
from portal.mis.mapping import Mapping
from portal.mis.models import Look
from portal.mis.ports import RuleViolation, Wanted
from portal.mis.services import looks
from portal.people.models import Organization
from portal.runway import exchange as runway
from portal.scheduling.models import DaySheet
from tests.mis.conftest import Clinic

HALF = timedelta(minutes=30)


class Diary(Toy):
    """The toy's diary with a grid of its own: every half an hour of the day and of the night, as `first` says."""

    first = time(0, 20)

    def grid(self, asked):
        day = datetime.combine(date.fromisoformat(asked["day"]), self.first)
        return {"rows": [self._row(day + HALF * n) for n in range(48)]}


class WallClock(Wire):
    """Naive local times in and out, without a network in between."""

    def __init__(self, diary):
        super().__init__(url="http://127.0.0.1:9", key="demo", zone=diary.zone, read=1, write=1)
        self.diary = diary

    def _call(self, what, asked, *, is_write):
        try:
            with self.diary.lock:
                return getattr(self.diary, what.replace("/", "_"))(asked)
        except Refused as refused:
            raise _by_error(refused.args[0], is_write) from None


def world(sql, zone, *, branch="", diary=Toy):
    """Clinic «Shore» at `branch` with a diary that lives in `zone`."""
    branch = branch or zone
    sql("UPDATE people_location SET zone = %s WHERE slug = 'shore-place'", branch)
    values = {
        "vendor": "toy",
        "url": "http://127.0.0.1:9",
        "timezone": zone,
        "branches": {"Ночная, 1": "shore-place"},
        "specialties": {"Терапевт": "therapist"},
        "timeouts": {"unknown": 1},
    }
    mapping, kept = Mapping.model_validate(values), diary(ZoneInfo(zone))
    mis = System(WallClock(kept), mapping)
    made = line.Line(mis, mapping)
    clinic = Clinic(SimpleNamespace(), mapping, Organization.objects.get(slug="shore"), made, sql)
    return SimpleNamespace(clinic=clinic, diary=kept, mis=mis, mapping=mapping, zone=ZoneInfo(branch))


@pytest.fixture
def opened(db, sql):
    """Opens such a clinic; its line ends with the test."""
    ends = []

    def run(zone, **more):
        made = world(sql, zone, **more)
        manager = line.override_line("shore", made.mis, made.mapping)
        made.clinic.line = manager.__enter__()
        ends.append(manager)
        made.clinic.sync()
        return made

    yield run
    for manager in ends:
        manager.__exit__(None, None, None)


@pytest.fixture(params=["UTC", "America/New_York"], autouse=True)
def server(request, monkeypatch):
    """Whatever the clock of the server says."""
    monkeypatch.setenv("TZ", request.param)
    clock.tzset()
    yield request.param
    monkeypatch.undo()
    clock.tzset()


ZONES = ["Asia/Kamchatka", "Europe/Kaliningrad", "Europe/Berlin"]


def starts(made, at):
    """Free times of the only doctor at this wall clock of the branch, some days ahead."""
    role = made.clinic.roles[0]
    now = datetime.now(made.zone)
    from portal.mis.selectors import free_here

    found = [start for start, _end in free_here(role, now + timedelta(days=2), now + timedelta(days=20))]
    return [start for start in found if start.astimezone(made.zone).time() == at]


def written(made):
    """What stands in the diary, in its own words."""
    return [(row["start"], row["end"]) for row in made.diary.visits.values() if row["state"] != "X"]


def wall(at, zone):
    return at.astimezone(zone).strftime(FORM)


# Through the whole exchange ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("at", [time(15, 0), time(23, 30), time(0, 0), time(0, 30)])
def test_a_time_is_the_same_instant_on_both_sides(opened, zone, at):
    made = opened(zone)
    start = starts(made, at)[3]
    visit_id = made.clinic.book("zoya", start=start)
    made.clinic.settle()
    visit = made.clinic.visit(visit_id, "zoya")
    assert (visit.status, visit.start) == ("booked", start)
    assert visit.local_date == start.astimezone(made.zone).date()
    assert written(made) == [(wall(start, made.zone), wall(start + HALF, made.zone))]
    made.clinic.cancel(visit_id, "zoya")
    made.clinic.settle()
    assert written(made) == []


@pytest.mark.parametrize("zone", ZONES)
def test_what_the_desk_writes_at_midnight_stands_here_at_midnight(opened, zone):
    made = opened(zone)
    known, midnight = starts(made, time(16, 0))[0], starts(made, time(0, 0))[2]
    made.clinic.book("zoya", start=known)
    made.clinic.settle()
    (mine,) = made.diary.visits.values()
    end = wall(midnight + HALF, made.zone)
    asked = {"doctor": 7, "person": mine["person"], "start": wall(midnight, made.zone), "end": end, "service": 31}
    number = made.diary.visits_add(asked)["id"]
    made.clinic.tend()
    rows = made.clinic.sql("SELECT appointment_id FROM mis_visitref WHERE ref = %s", str(number))
    visit = made.clinic.visit(rows[0][0], "zoya")
    assert (visit.start, visit.end) == (midnight, midnight + HALF)
    assert visit.local_date == midnight.astimezone(made.zone).date()


def test_the_branchs_calendar_counts_where_the_system_lives_in_another_zone(opened):
    made = opened("Asia/Omsk", branch="Asia/Kamchatka")
    omsk = ZoneInfo("Asia/Omsk")
    start = starts(made, time(0, 0))[2]  # midnight of the branch, six in the evening there
    assert start.astimezone(omsk).time() == time(18, 0)
    visit_id = made.clinic.book("zoya", start=start)
    made.clinic.settle()
    visit = made.clinic.visit(visit_id, "zoya")
    assert (visit.status, visit.start, visit.local_date) == ("booked", start, start.astimezone(made.zone).date())
    assert written(made) == [(wall(start, omsk), wall(start + HALF, omsk))]
    sheets_are_right(made)
    wrong = [one.what for one in runway._of_ours(made.clinic.organization, made.mapping) if not one.is_good]
    assert wrong == ["time zone of our branches"]  # and the administrator is asked about it


# Day sheets --------------------------------------------------------------------------------------------------------


def sheets(made):
    return list(DaySheet.objects.filter(role=made.clinic.roles[0]).order_by("start"))


def sheets_are_right(made):
    """Every sheet is of the day it begins on, and no moment stands on two."""
    rows = sheets(made)
    assert rows and all(row.date == row.start.astimezone(made.zone).date() for row in rows)
    assert all(one.end <= other.start for one, other in pairwise(rows))


def offered(made):
    """Every start on every sheet."""
    steps = ((row.start, row.end, timedelta(minutes=row.step_minutes)) for row in sheets(made))
    return Counter(start + step * n for start, end, step in steps for n in range(int((end - start) / step)))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("band", Look.Band.values)
def test_the_last_visit_of_the_last_day_of_a_band_is_offered_once(opened, zone, band):
    made = opened(zone, diary=Diary)
    sheets_are_right(made)
    role = made.clinic.roles[0]
    _first, last = jobs_times.days_of(band, made.mapping, made.zone)
    late = datetime.combine(last, time(23, 50), made.zone)
    assert offered(made)[late] == 1
    (sheet,) = [row for row in sheets(made) if row.start <= late < row.end]
    assert sheet.date == last
    assert max(offered(made).values()) == 1
    jobs_times.read_times(made.clinic.line, role, last, last)
    assert offered(made)[late] == 1


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("diary", [Toy, Diary])
def test_one_day_read_alone_changes_no_other_day(opened, zone, diary):
    made = opened(zone, diary=diary)
    role, before = made.clinic.roles[0], offered(made)
    first, _last = jobs_times.days_of(Look.Band.WEEK, made.mapping, made.zone)
    for n in range(4):
        day = first + timedelta(days=n)
        assert jobs_times.read_times(made.clinic.line, role, day, day) == 0  # nothing to write: it stands there
    assert offered(made) == before
    sheets_are_right(made)


# The clocks change -------------------------------------------------------------------------------------------------

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = date(2027, 3, 28), date(2027, 10, 31)
HOUR = timedelta(hours=1)


def midnight(day):
    return datetime.combine(day, time(), BERLIN)


def of_day(made, day):
    role = made.clinic.roles[0]
    jobs_times.read_times(made.clinic.line, role, day, day)
    rows = [row for row in sheets(made) if row.date == day]
    found = [row.start + HALF * n for row in rows for n in range(int((row.end - row.start) / HALF))]
    return sorted(found)


def bare(made):
    """The same without a hurdle of the grid: times on the hour and the half."""
    made.diary.first = time(0, 0)
    return made


def test_the_hour_that_is_left_out_is_not_offered(opened):
    made = bare(opened("Europe/Berlin", diary=Diary))
    found = of_day(made, SPRING)
    walls = [one.astimezone(BERLIN).time() for one in found]
    assert len(found) == len(set(found)) == 46
    assert time(2, 0) not in walls and time(2, 30) not in walls
    assert walls[3:5] == [time(1, 30), time(3, 0)]
    assert found[-1] - found[0] == timedelta(hours=22, minutes=30)


def test_what_is_taken_right_after_the_gap_is_not_offered_because_the_gap_is_free(opened):
    made = bare(opened("Europe/Berlin", diary=Diary))
    day = SPRING.isoformat()
    made.diary.visits_add({"doctor": 7, "person": 1, "start": f"{day} 03:00", "end": f"{day} 03:30", "service": 31})
    assert datetime.combine(SPRING, time(3, 0), BERLIN) not in of_day(made, SPRING)


def test_the_hour_that_comes_twice_is_offered_once_and_it_is_the_first(opened):
    made = bare(opened("Europe/Berlin", diary=Diary))
    found = of_day(made, AUTUMN)
    assert len(found) == len(set(found)) == 48
    first = datetime.combine(AUTUMN, time(2, 30), BERLIN).astimezone(UTC)
    assert first in found and first + HOUR not in found


def wanted(start, n=1):
    return Wanted(key=uuid4(), doctor_ref="7", patient_ref="1", start=start, end=start + HALF * n, service_ref="31")


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(
    ("start", "said"),
    [
        (midnight(SPRING) + timedelta(hours=1, minutes=30), "01:30"),
        (midnight(SPRING) + timedelta(hours=3), "03:00"),
        (midnight(AUTUMN) + timedelta(hours=1, minutes=30), "01:30"),
        (midnight(AUTUMN) + timedelta(hours=2), "02:00"),
        (midnight(AUTUMN) + timedelta(hours=2, minutes=30), "02:30"),
        (midnight(AUTUMN) + timedelta(hours=3), "03:00"),
    ],
    ids=["before the gap", "after the gap", "before the fold", "in the fold", "to its end", "after the fold"],
)
def test_a_visit_around_the_change_is_brought_across_as_it_was_meant(opened, start, said, n):
    made = bare(opened("Europe/Berlin", diary=Diary))
    start = start.astimezone(UTC)
    asked = wanted(start, n)
    is_torn = n == 2 and (start.astimezone(BERLIN).date(), said) in [(SPRING, "01:30"), (AUTUMN, "02:30")]
    word = bring(made.clinic.line, asked, "", is_unsure=False, writing=lambda: None)
    if is_torn and word.refused:  # an hour of ours that is none of its clock: not written at all
        assert written(made) == []
        return
    assert word.visit is not None and not word.refused
    assert (word.visit.start, word.visit.end) == (asked.start, asked.end)
    assert [text.split()[1] for text, _end in written(made)] == [said]


def test_the_second_of_the_hour_that_comes_twice_cannot_be_written_and_is_refused(opened):
    made = bare(opened("Europe/Berlin", diary=Diary))
    second = datetime.combine(AUTUMN, time(2, 30), BERLIN).astimezone(UTC) + HOUR
    assert second.astimezone(BERLIN).fold == 1
    try:
        word = bring(made.clinic.line, wanted(second), "", is_unsure=False, writing=lambda: None)
    except RuleViolation:
        word = SimpleNamespace(refused=True)
    assert word.refused and written(made) == []


def test_looks_begin_on_the_branchs_day(opened):
    made = opened("Asia/Kamchatka", diary=Diary)
    with acting(system("test")) as trail:
        looks.open_looks(actor=trail.actor, organization_id=made.clinic.organization.pk)
    today = datetime.now(made.zone).date()
    assert jobs_times.days_of(Look.Band.NEAR, made.mapping, made.zone) == (today, today + timedelta(days=1))
    assert sheets(made)[0].date == today
    assert exchanging.reconcile(made.clinic.organization) == 0  # the window ends in the middle of a day of work
