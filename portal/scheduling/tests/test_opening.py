"""When a day is open: in every zone, on every edge, and as the day sheets on the database."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.scheduling import services
from portal.scheduling.models import DaySheet, Rule, RuleException, ScheduleHorizon
from portal.scheduling.opening import SHORTEST, openings
from portal.scheduling.selectors import WRITTEN_AHEAD, today_in
from portal.scheduling.tests.wall_clock import MINUTE, Open, closed_minutes, expected, sources, walked
from tests.cast import uid

RUSSIAN = (
    "Europe/Kaliningrad",
    "Europe/Moscow",
    "Europe/Samara",
    "Asia/Yekaterinburg",
    "Asia/Omsk",
    "Asia/Krasnoyarsk",
    "Asia/Irkutsk",
    "Asia/Yakutsk",
    "Asia/Vladivostok",
    "Asia/Magadan",
    "Asia/Kamchatka",
)
CHANGING = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tehran", "Pacific/Apia")
ZONES = RUSSIAN + CHANGING
SKIPPED = date(2011, 12, 30)  # in Apia there was no such day
FIRST, LAST = date(2005, 1, 1), date(2035, 12, 31)
LONG_YEARS = (2009, 2015, 2020, 2026, 2032)  # of 53 weeks

quick = settings(max_examples=120, deadline=None, derandomize=True, database=None)


@cache
def changes(zone):
    """Days on or next to which the clock of `zone` was changed, and days around the ends of long years."""
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days)]
    offsets = [datetime.combine(day, time(12), tzinfo=ZoneInfo(zone)).utcoffset() for day in days]
    found = {d for n, day in enumerate(days[1:], 1) if offsets[n] != offsets[n - 1] for d in (days[n - 1], day)}
    found |= {date(year, 12, 21) + timedelta(days=n) for year in LONG_YEARS for n in range(28)}
    return sorted(found | ({SKIPPED} if zone == "Pacific/Apia" else set()))


MINUTES = st.one_of(
    st.integers(0, 24 * 12 - 1).map(lambda n: n * 5),
    st.integers(0, 24 * 60 - 1),
    st.integers(0, 28).map(lambda n: n * 15),  # the night, when clocks change
    st.sampled_from([0, 0, 60, 120, 150, 180, 1410, 1439]),
)


def wall(minutes):
    return time(minutes // 60, minutes % 60)


@st.composite
def hours(draw):
    """A start and a later end; 0:00 as an end is the midnight after."""
    start, end = draw(MINUTES), draw(MINUTES)
    if end and end <= start:
        start, end = end, start
    return wall(start), wall(end if end != start else 0)


@st.composite
def weekly(draw, day):
    start, end = draw(hours())
    since = draw(st.sampled_from([-400, -7, -1, 0, 0, 1]))
    until = draw(st.sampled_from([None, None, -1, 0, 1, 400]))
    return Rule(
        id=draw(st.uuids()),
        weekday=draw(st.sampled_from([day.weekday()] * 5 + [(day.weekday() + 1) % 7])),
        weeks=draw(st.sampled_from(["every", "every", "odd", "even"])),
        start=start,
        end=end,
        step_minutes=draw(st.sampled_from([5, 7, 15, 20, 30, 60])),
        modes=draw(st.sampled_from([["in-person"], ["video"], ["in-person", "video"]])),
        room_id=draw(st.sampled_from([None, UUID(int=9)])),
        valid_from=day + timedelta(days=since),
        valid_to=None if until is None else day + timedelta(days=max(since, until)),
    )


@st.composite
def unusual(draw, day, kinds=("vacation", "sick", "blocked", "blocked", "extra", "extra")):
    kind = draw(st.sampled_from(kinds))
    is_whole = kind != "extra" and draw(st.integers(0, 9)) == 0
    start, end = (None, None) if is_whole else draw(hours())
    first = draw(st.sampled_from([-30, -1, 0, 0, 0, 1]))
    return RuleException(
        id=draw(st.uuids()),
        kind=kind,
        first_day=day + timedelta(days=first),
        last_day=day + timedelta(days=first + draw(st.sampled_from([0, 0, 1, 40]))),
        start=start,
        end=end,
        step_minutes=draw(st.sampled_from([10, 20, 45])),
        modes=["video"],
    )


@st.composite
def cases(draw, zones=ZONES):
    """(day, zone, rules, exceptions), often where something is strange."""
    zone = draw(st.sampled_from(zones))
    day = draw(st.one_of(st.sampled_from(changes(zone)), st.dates(FIRST, LAST)))
    rules = draw(st.lists(weekly(day), min_size=1, max_size=4))
    return day, zone, rules, draw(st.lists(unusual(day), max_size=4))


def run(case, *, exceptions=None, room_id=None):
    day, zone, rules, every = case
    return openings(day, ZoneInfo(zone), rules, every if exceptions is None else exceptions, room_id)


def starts(opened):
    """(when, whose grid) of every time that may begin in `opened`."""
    return {
        (t, one.anchor, one.step_minutes)
        for one in opened
        for t in (one.start + n * MINUTE for n in range(int((one.end - one.start) / MINUTE)))
        if (t - one.anchor) % timedelta(minutes=one.step_minutes) == timedelta(0)
    }


def always(day, weeks="every"):
    """Open all day, on that day's weekday."""
    return Rule(
        id=UUID(int=day.weekday()),
        weekday=day.weekday(),
        weeks=weeks,
        start=time(0),
        end=time(0),
        step_minutes=30,
        modes=["video"],
        valid_from=date(1990, 1, 1),
    )


def blocked(day, start, end):
    return RuleException(id=UUID(int=1), kind="blocked", first_day=day, last_day=day, start=start, end=end)


SPRING = date(2026, 3, 29)  # in Berlin 2:00 becomes 3:00
IN_THE_GAP = (SPRING, "Europe/Berlin", [always(SPRING)], [blocked(SPRING, time(2, 30), time(3))])
NO_SUCH_DAY = (SKIPPED, "Pacific/Apia", [always(SKIPPED)], [])


@quick
@given(cases(RUSSIAN))
def test_in_russia_every_open_minute_is_covered_and_no_other(case):
    day, zone, rules, exceptions = case
    assert [Open(*fields(o)) for o in run(case, room_id=7)] == expected(day, zone, rules, exceptions, 7)


@quick
@given(cases(CHANGING))
@example(IN_THE_GAP)
@example(NO_SUCH_DAY)
def test_where_clocks_change_every_open_minute_is_covered_and_no_other(case):
    day, zone, rules, exceptions = case
    assert [Open(*fields(o)) for o in run(case, room_id=7)] == expected(day, zone, rules, exceptions, 7)


def fields(one):
    return one.start, one.end, one.anchor, one.step_minutes, one.modes, one.room_id


@quick
@given(cases())
@example(IN_THE_GAP)
def test_intervals_are_ordered_do_not_overlap_and_are_not_too_short(case):
    opened = run(case)
    assert all(one.end - one.start >= SHORTEST for one in opened)
    assert all(a.end <= b.start for a, b in pairwise(opened))


@quick
@given(cases())
@example(NO_SUCH_DAY)
def test_intervals_lie_inside_the_local_day(case):
    day, zone, *_ = case
    for one in run(case):
        assert one.start.astimezone(ZoneInfo(zone)).date() == day
        assert (one.end - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() == day


@quick
@given(cases())
@example(IN_THE_GAP)
def test_no_closed_instant_is_open_and_intervals_are_half_open(case):
    day, zone, _, exceptions = case
    walk, opened = walked(day, zone), run(case)
    closed = {walk.minutes[n] for n in closed_minutes(walk, exceptions)}
    assert not [t for t in closed for one in opened if one.start <= t < one.end]
    for one in opened:  # a closed minute may follow or precede at once
        assert one.start not in closed and one.end - MINUTE not in closed


@quick
@given(cases())
@example(IN_THE_GAP)
def test_what_is_left_after_closing_begins_at_the_same_times_as_before(case):
    day, zone, _, exceptions = case
    walk = walked(day, zone)
    extra = [e for e in exceptions if e.kind == "extra"]
    closed = {walk.minutes[n] for n in closed_minutes(walk, exceptions)}
    whole, left = starts(run(case, exceptions=extra)), starts(run(case))
    assert left <= whole
    for lost in whole - left:  # closed, or in a rest too short to be kept
        near = {lost[0] + n * MINUTE for n in range(-4, 5)}
        grid = {one for one in run(case, exceptions=extra) if one.start <= lost[0] < one.end}
        edges = {t for one in grid for t in (one.start - MINUTE, one.end)}
        assert lost[0] in closed or near & (closed | edges)


@quick
@given(cases())
def test_each_interval_belongs_to_one_rule_that_applies_or_to_extra_hours(case):
    day, zone, rules, exceptions = case
    walk = walked(day, zone)
    for one in run(case):
        owners = [s for s in sources(day, rules, exceptions) if (s.step_minutes, tuple(s.modes)) == fields(one)[3:5]]
        spans = [walk.span(s.start, s.end) for s in owners]
        inside = [span for span in spans if len(span) and walk.minutes[span[0]] == one.anchor]
        assert any(one.end <= walk.minutes[span[-1]] + MINUTE for span in inside)


@quick
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_rules_and_closings_does_not_matter(case, shuffled):
    day, zone, rules, exceptions = case
    before, mixed = run(case), list(rules)
    shuffled.shuffle(mixed)
    closing = [e for e in exceptions if e.kind != "extra"]
    shuffled.shuffle(closing)
    assert run((day, zone, mixed, [e for e in exceptions if e.kind == "extra"] + closing)) == before


@quick
@given(cases())
def test_the_same_closing_twice_closes_no_more(case):
    day, zone, rules, exceptions = case
    twice = exceptions + [e for e in exceptions if e.kind != "extra"]
    assert run((day, zone, rules, twice)) == run(case)


@pytest.mark.parametrize("zone", ZONES)
def test_days_follow_each_other_without_gap_or_overlap_whatever_clocks_do(zone):
    rules = [always(date(2026, 1, 5) + timedelta(days=n)) for n in range(7)]
    for change in changes(zone):
        days = [change + timedelta(days=n) for n in range(-1, 3)]
        opened = [one for day in days for one in openings(day, ZoneInfo(zone), rules, [])]
        assert all(a.end == b.start for a, b in pairwise(opened)), f"{zone} around {change}"
        assert len(opened) == 4 - (zone == "Pacific/Apia" and SKIPPED in days)


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Tehran", date(2022, 3, 22), 23),  # from midnight to 1:00
        ("Asia/Tehran", date(2022, 9, 21), 25),  # back at the last midnight
        ("Europe/Moscow", date(2011, 3, 27), 23),
        ("Europe/Moscow", date(2014, 10, 26), 25),
        ("Europe/Moscow", date(2026, 10, 25), 24),
        ("Pacific/Apia", date(2011, 12, 29), 24),
        ("Pacific/Apia", date(2011, 12, 31), 24),
    ],
)
def test_a_whole_day_is_as_long_as_the_day_was(zone, day, length):
    (one,) = openings(day, ZoneInfo(zone), [always(day)], [])
    assert one.end - one.start == timedelta(hours=length)


@pytest.mark.parametrize(("start", "end"), [(time(0), time(0)), (time(9), time(17)), (time(23, 30), time(0))])
def test_a_day_that_never_was_has_no_hours(start, end):
    rule = always(SKIPPED)
    rule.start, rule.end = start, end
    assert openings(SKIPPED, ZoneInfo("Pacific/Apia"), [rule], []) == []


def test_hours_closed_inside_the_skipped_hour_close_nothing():
    assert run(IN_THE_GAP) == run(IN_THE_GAP, exceptions=[])


@pytest.mark.parametrize("year", LONG_YEARS)
def test_after_a_53rd_week_two_odd_weeks_follow_each_other(year):
    monday = date.fromisocalendar(year, 52, 1)
    days = [monday + timedelta(weeks=n) for n in range(4)]  # weeks 52, 53, 1, 2
    for weeks, open_days in (("odd", [False, True, True, False]), ("even", [True, False, False, True])):
        rules = [always(monday, weeks)]
        assert [bool(openings(day, ZoneInfo("Asia/Omsk"), rules, [])) for day in days] == open_days


def test_a_rule_holds_on_its_first_and_on_its_last_day():
    rule = always(date(2026, 3, 2))
    rule.valid_from, rule.valid_to = date(2026, 3, 9), date(2026, 3, 23)
    mondays = [date(2026, 3, 2) + timedelta(weeks=n) for n in range(5)]
    found = [bool(openings(day, ZoneInfo("Asia/Magadan"), [rule], [])) for day in mondays]
    assert found == [False, True, True, True, False]


# --- the day sheets on the database

ZONE = "Europe/Moscow"


def today():
    return today_in(ZONE)


def sheets(**where):
    columns = ("role_id", "date", "start", "end", "anchor", "step_minutes", "modes", "room_id")
    rows = DaySheet.objects.filter(**where).order_by("role_id", "start").values_list(*columns)
    return [(*row[:6], tuple(row[6]), row[7]) for row in rows]


def model(first, last, name="vera"):
    """The sheets of a doctor of the cast as the minute-by-minute model has them."""
    role = uid(f"role-{name}")
    rules, unusual_days = Rule.objects.filter(role_id=role), RuleException.objects.filter(role_id=role)
    room = uid({"vera": "room-200", "gleb": "room-201"}[name])
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [
        (role, day, *one[:4], tuple(one[4]), one[5])
        for day in days
        for one in expected(day, ZONE, rules, unusual_days, room)
    ]


def write(as_actor, first, last, name="vera"):
    with as_actor("job") as trail:
        return services.write_sheets(actor=trail.actor, role_ids=[uid(f"role-{name}")], first=first, last=last)


def disturb(as_actor, rng, changes_made):
    """Random rules and exceptions of Vera, by the clinic's administrator."""
    for _ in range(changes_made):
        start = rng.randrange(0, 23 * 4) * 15
        end = rng.choice([0, min(start + rng.randrange(1, 40) * 15, 24 * 60 - 1)])
        between = {"start": wall(start), "end": wall(end)}
        first = today() + timedelta(days=rng.randrange(-10, 40))
        last = first + timedelta(days=rng.choice([0, 0, 3, 14]))
        kind = rng.choice(["rule", "vacation", "sick", "blocked", "blocked", "extra", "extra"])
        with as_actor("alla") as trail:
            common = {"actor": trail.actor, "role_id": uid("role-vera")}
            if kind == "rule":
                services.add_rule(
                    **common,
                    **between,
                    weekday=rng.randrange(7),
                    weeks=rng.choice(["every", "odd", "even"]),
                    step_minutes=rng.choice([15, 20, 45]),
                    modes=["video"],
                    valid_from=first,
                    valid_to=rng.choice([None, last]),
                )
            else:
                span = {} if kind in ("vacation", "sick") and rng.random() < 0.5 else between
                services.add_exception(**common, **span, kind=kind, first_day=first, last_day=last, modes=["video"])


@pytest.mark.parametrize("seed", range(4))
def test_sheets_on_the_database_are_what_the_minutes_say(as_actor, seed):
    disturb(as_actor, random.Random(seed), 8)
    ahead = today() + WRITTEN_AHEAD
    assert sheets(role_id=uid("role-vera"), date__gte=today()) == model(today(), ahead)


@pytest.mark.parametrize("seed", range(2))
def test_writing_twice_gives_the_same(as_actor, seed):
    disturb(as_actor, random.Random(seed), 6)
    first, last = today() - timedelta(days=10), today() + timedelta(days=60)
    count = write(as_actor, first, last)
    once = sheets()
    assert write(as_actor, first, last) == count
    assert sheets() == once


@pytest.mark.parametrize("seed", range(2))
def test_writing_day_by_day_in_any_order_equals_writing_all_at_once(as_actor, seed):
    rng = random.Random(seed)
    disturb(as_actor, rng, 6)
    days = [today() + timedelta(days=n) for n in range(25)]
    write(as_actor, days[0], days[-1])
    at_once = sheets()
    rng.shuffle(days)
    for day in days:
        write(as_actor, day, day)
    assert sheets() == at_once


def test_the_nightly_job_day_by_day_writes_what_one_writing_would_have(as_actor, database_url):
    roles = [uid("role-vera"), uid("role-gleb")]
    last = today() + WRITTEN_AHEAD
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        for behind in (20, 9, 1, 0):  # the horizon as it was so many nights ago
            limit = last - timedelta(days=behind)
            direct.execute("DELETE FROM scheduling_daysheet WHERE date > %s", [limit])
            direct.execute("UPDATE scheduling_schedulehorizon SET written_to = least(written_to, %s)", [limit])
            with as_actor("job") as trail:
                services.extend_sheets(actor=trail.actor, role_ids=roles)
            for role in roles:
                assert ScheduleHorizon.objects.get(role_id=role).written_to == last
    assert sheets(role_id=roles[0]) == model(today(), last)
    assert sheets(role_id=roles[1]) == model(today(), last, "gleb")


def test_the_nightly_job_run_again_writes_nothing(as_actor):
    with as_actor("job") as trail:
        assert services.extend_sheets(actor=trail.actor, role_ids=[uid("role-vera")]) > 0
    before = sheets()
    with as_actor("job") as trail:
        assert services.extend_sheets(actor=trail.actor, role_ids=[uid("role-vera")]) == 0
    assert sheets() == before


def test_a_doctor_who_was_not_written_for_long_gets_no_sheets_of_the_past(as_actor, database_url):
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        direct.execute("DELETE FROM scheduling_daysheet")
        direct.execute("UPDATE scheduling_schedulehorizon SET written_to = current_date - 30")
    with as_actor("job") as trail:
        services.extend_sheets(actor=trail.actor, role_ids=[uid("role-vera")])
    assert sheets() == model(today(), today() + WRITTEN_AHEAD)


def changes_of_vera():
    """(name, what the administrator does) – each touches the past, today and the future alike."""
    around = {"first_day": today() - timedelta(days=20), "last_day": today() + timedelta(days=20)}
    daily = {"start": time(18), "end": time(20), "step_minutes": 20, "modes": ["video"], "valid_from": date(2020, 1, 1)}
    role = {"role_id": uid("role-vera")}
    week = around | {"last_day": today() + timedelta(days=5)}
    yield lambda actor: services.add_exception(actor=actor, kind="vacation", **role, **week)
    yield lambda actor: services.add_exception(
        actor=actor, kind="blocked", start=time(9), end=time(12), **role, **around
    )
    yield lambda actor: services.add_exception(
        actor=actor, kind="extra", start=time(20), end=time(0), modes=["video"], **role, **around
    )
    yield lambda actor: services.add_rule(actor=actor, weekday=(today() - timedelta(days=1)).weekday(), **role, **daily)
    yield lambda actor: services.remove_rule(actor=actor, rule_id=Rule.objects.filter(**role)[0].pk)
    yield lambda actor: services.remove_exception(actor=actor, exception_id=RuleException.objects.filter(**role)[0].pk)


def test_every_change_rewrites_from_today_on_and_leaves_the_past_and_other_doctors_alone(as_actor):
    write(as_actor, today() - timedelta(days=30), today())
    past = sheets(date__lt=today(), role_id=uid("role-vera"))
    others = sheets(role_id__in=[uid("role-gleb"), uid("role-dina")])
    assert len(past) == 30
    for change in changes_of_vera():
        before = sheets(date__gte=today(), role_id=uid("role-vera"))
        with as_actor("alla") as trail:
            change(trail.actor)
        after = sheets(date__gte=today(), role_id=uid("role-vera"))
        assert after != before
        assert after == model(today(), today() + WRITTEN_AHEAD)
        assert sheets(date__lt=today(), role_id=uid("role-vera")) == past
        assert sheets(role_id__in=[uid("role-gleb"), uid("role-dina")]) == others


def test_instants_are_kept_in_utc():
    (one,) = openings(SPRING, ZoneInfo("Europe/Berlin"), [always(SPRING)], [])
    assert one.start.tzinfo is UTC and one.end.tzinfo is UTC
