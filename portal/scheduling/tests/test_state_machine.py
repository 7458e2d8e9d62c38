"""Everyone books, moves, cancels and changes hours in any order; after each step the database is what the model says.

`booking_model.py` foretells success or the very refusal. Nothing here runs a worker or waits: time passes because
deadlines are set back.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from conftest import actor_named
from portal.kernel.access import acting
from portal.kernel.errors import Forbidden, NotFound, PortalError
from portal.scheduling import services
from portal.scheduling.models import Rule
from portal.scheduling.selectors import Filters, choices, conflicts, today_in
from portal.scheduling.selectors_sql import free_slots, nearest_slots
from portal.scheduling.services import Ask as Press
from portal.scheduling.services import Holder, Terms
from portal.scheduling.tests.booking_model import DOCTORS, FAR, ZONE, Ask, Model, Taken, Visit
from portal.scheduling.tests.conftest import press
from tests.cast import at, uid
from tests.clones import address, clone

DAYS = (7, 8)
MODES = ("in-person", "video")
PEOPLE = ("anna", "mila", "boris", "zoya")
KINDS = ("scheduling_occupancy", "scheduling_resourceuse", "scheduling_appointment", "scheduling_daysheet",
         "scheduling_rule", "scheduling_ruleexception", "scheduling_schedulehorizon", "people_careteam",
         "people_patientatorganization", "procrastinate_jobs", "guard.audit_event")  # fmt: skip
DIGEST = " UNION ALL ".join(f"SELECT '{t}', count(*), sum(hashtext(t::text)::bigint) FROM {t} t" for t in KINDS)
OVERLAPS = " UNION ALL ".join(
    f'SELECT a.id FROM {table} a JOIN {table} b ON a.{who} = b.{who} AND a.id < b.id AND a.start < b."end"'
    f' AND b.start < a."end" WHERE {standing}'
    for table, who, standing in (
        ("scheduling_occupancy", "practitioner_id", "true"),
        ("scheduling_resourceuse", "resource_id", "true"),
        ("scheduling_appointment", "patient_id", "'cancelled' NOT IN (a.status, b.status)"),
    )
)
NAMES = {uid(name): name for name in (*DOCTORS, *PEOPLE, "room-200", "room-201", "room-202", "scanner-1", "scanner-2")}
ROLES = {uid(f"role-{name}"): name for name in DOCTORS}

browsers = st.integers(0, 3)
doctors, modes = st.sampled_from(DOCTORS), st.sampled_from(MODES)
bookers = st.sampled_from(["own", "own", "own", "anna", "boris", "zoya", "rita", "rita"])
pressers = st.sampled_from(["visitor", "anna", "boris", "rita"])
minutes = st.sampled_from([480, 495, 540, 570, 585, 600, 615, 630, 660, 960, 990, 1020, 1040, 1080, 1100])
times = st.builds(lambda day, n: at(n // 60, n % 60, days=day), st.sampled_from(DAYS), minutes)
asks = st.builds(Ask, doctors, modes, times)
holders = st.sampled_from([None, None, ("boris", 2), ("net", 3)])
backs = st.sampled_from([1, 1, 1, 1, 2])
which = st.integers(0, 30)

HOURS = (
    (time(9), time(10)),
    (time(9, 30), time(10, 30)),
    (time(8), time(9, 30)),
    (time(16), time(18)),
    (time(17), time(0)),
    (time(10), time(0)),
    (time(18), time(20)),
)


def account(patient):
    """Who signs in for a patient."""
    return "anna" if patient == "mila" else patient


class Booking(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.clone = clone("portal_cast")
        self.name = self.clone.__enter__()
        self.direct = psycopg.connect(address(self.name, "postgres"), autocommit=True)
        self.actors = {who: actor_named(who) for who in ("anna", "boris", "zoya", "rita", "alla", "foma")}
        self.actors["visitor"] = actor_named("visitor")
        self.owners = [uid(f"browser-{n}") for n in range(4)]
        self.batches = {owner: [uid("none"), uid("none")] for owner in self.owners}
        self.today = today_in(ZONE)
        self.days = [self.today + timedelta(days=n) for n in DAYS]
        self._share_things()
        rules = {name: list(Rule.objects.filter(role_id=uid(f"role-{name}"))) for name in DOCTORS}
        self.model = Model(self.today, rules)
        for patient, doctor, hour in (("anna", "vera", 16), ("mila", "vera", 15), ("boris", "dina", 14)):
            self._of_the_cast(patient, doctor, at(hour, days=9))
        self.before = self.digest()

    def _share_things(self):
        sql = self.direct.execute
        for name in ("scanner-1", "scanner-2"):
            sql(
                "INSERT INTO people_resource (id, location_id, kind, code, name, is_active)"
                " VALUES (%s, %s, 'device', 'scanner', %s, true)",
                [uid(name), uid("place-shore"), name],
            )
        sql("UPDATE people_healthcareservice SET devices = '{scanner}'")
        sql("UPDATE people_healthcareservice SET buffer_minutes = 10 WHERE slug = 'cardiologist-first'")
        sql("UPDATE people_serviceoffer SET own_minutes = 45 WHERE role_id = %s", [uid("role-dina")])
        sql("UPDATE people_practitionerrole SET room_id = %s WHERE id = %s", [uid("room-200"), uid("role-gleb")])
        sql(
            "INSERT INTO scheduling_bookingpolicy (id, organization_id, lead_minutes, horizon_days, publish_at,"
            " cancel_minutes, is_one_a_day) VALUES (gen_random_uuid(), %s, 30, 56, '00:00', 0, true)",
            [uid("shore")],
        )
        sql("UPDATE scheduling_daysheet SET room_id = %s WHERE role_id = %s", [uid("room-200"), uid("role-gleb")])

    def _of_the_cast(self, patient, doctor, start):
        pk = uid(f"visit-{patient}")
        end = start + timedelta(minutes=30)
        self.model.taken.append(Taken(doctor, "in-person", start, end, frozenset(), pk, left=None, pk=pk))
        self.model.visits[pk] = Visit(patient, doctor, "in-person", start, pk, room="cast")

    def teardown(self):
        self.direct.close()
        self.clone.__exit__(None, None, None)

    # --- acting

    def digest(self):
        return self.direct.execute(DIGEST).fetchall()

    def attempt(self, who, run, **values):
        """What it gave, or the class of the refusal; a refusal leaves nothing behind."""
        try:
            with acting(self.actors[who]) as trail:
                return run(actor=trail.actor, **values)
        except PortalError as refused:
            assert self.digest() == self.before, f"{type(refused).__name__} left something behind"
            return type(refused)

    def hold(self, who, owner, wanted, replaces=None, holder=None):
        """One ask by `hold_time`, several by `hold_times`. What was held, or None."""
        limit = Holder(holder[0].encode(), holder[1]) if holder else None
        foretold = self.model.hold(
            owner, wanted, is_staff=who == "rita", replaces=replaces, holder=limit and (limit.digest, limit.most)
        )
        pressed = [press(*ask[::2], mode=ask.mode) for ask in wanted]
        if len(wanted) == 1:
            got = self.attempt(who, services.hold_time, owner=owner, **pressed[0], replaces=replaces, holder=limit)
            got = got if isinstance(got, type) else [got]
        else:
            got = self.attempt(
                who, services.hold_times, owner=owner, asks=[Press(**one) for one in pressed], holder=limit
            )
        if isinstance(foretold, type):
            assert got is foretold, (got, foretold)
            return None
        assert isinstance(got, list), got
        self.model.keep(foretold, [held.pk for held in got])
        self.batches[owner].append(got[0].pk)
        return got

    def offered(self, n, doctor, mode):
        free = self.model.free(doctor, mode, self.days)
        return Ask(doctor, mode, free[n % len(free)]) if free else None

    def visit(self, n):
        return sorted(self.model.visits.values(), key=lambda v: (v.start, v.doctor, v.patient, v.status, v.version))[
            n % len(self.model.visits)
        ]

    def some_hold(self, n, back, k):
        """(browser, batch): mostly of a live hold, sometimes of one that may be over."""
        live = sorted((t.start, t.doctor, t.owner, t.batch) for t in self.model.taken if t.left is not None)
        if live and k % 4:
            return live[k % len(live)][2:]
        return self.owners[n], self.batches[self.owners[n]][-back]

    # --- pressing

    @rule(who=pressers, n=browsers, ask=asks, holder=holders)
    def press_a_time(self, who, n, ask, holder):
        self.hold(who, self.owners[n], [ask], holder=holder)

    @rule(n=browsers, doctor=doctors, mode=modes, k=which)
    def press_what_is_offered(self, n, doctor, mode, k):
        if ask := self.offered(k, doctor, mode):
            assert self.hold("visitor", self.owners[n], [ask]), "what is offered can be had"

    @rule(who=pressers, n=browsers, doctor=st.sampled_from(["", "", *DOCTORS]), mode=modes, k=which)
    def press_when_somebody_is_taken(self, who, n, doctor, mode, k):
        taken = sorted((t.start, t.doctor) for t in self.model.taken)
        start, same = taken[k % len(taken)] if taken else (at(10), "vera")
        self.hold(who, self.owners[n], [Ask(doctor or same, mode, start)])

    @rule(who=pressers, n=browsers, wanted=st.lists(asks, min_size=2, max_size=3), holder=holders)
    def press_together(self, who, n, wanted, holder):
        self.hold(who, self.owners[n], wanted, holder=holder)

    @rule(
        patient=st.sampled_from(PEOPLE),
        n=browsers,
        wanted=st.lists(st.tuples(doctors, modes, which), min_size=2, max_size=3),
    )
    def press_together_and_book(self, patient, n, wanted):
        found = [ask for doctor, mode, k in wanted if (ask := self.offered(k, doctor, mode))]
        if len(found) > 1 and (held := self.hold("visitor", self.owners[n], found)):
            self.before = self.digest()
            self.book_batch(account(patient), patient, self.owners[n], held[0].pk)

    @rule(n=browsers, back=backs)
    def extend(self, n, back):
        owner = self.owners[n]
        batch = self.batches[owner][-back]
        foretold = self.model.extend(owner, batch)
        got = self.attempt("visitor", services.extend_hold, owner=owner, batch=batch)
        assert got is foretold or (foretold is None and not isinstance(got, type))

    @rule(n=browsers)
    def release(self, n):
        self.attempt("visitor", services.release_hold, owner=self.owners[n])
        self.model.release(self.owners[n])

    @rule()
    def six_minutes_pass(self):
        self.direct.execute(
            "UPDATE scheduling_occupancy SET expires_at = expires_at - interval '6 minutes' WHERE kind = 'hold'"
        )
        self.model.wait(6)

    # --- booking

    @rule(
        who=bookers,
        patient=st.sampled_from(PEOPLE),
        n=browsers,
        back=backs,
        k=which,
        reason=st.sampled_from(["", "asked"]),
    )
    def book(self, who, patient, n, back, k, reason):
        owner, batch = self.some_hold(n, back, k)
        self.book_batch(account(patient) if who == "own" else who, patient, owner, batch, reason)

    def book_batch(self, who, patient, owner, batch, reason=""):
        foretold = self.model.book(who, patient, owner, batch, reason)
        common = {"patient_id": uid(patient), "owner": owner, "terms": Terms(same_day_reason=reason)}
        if not isinstance(foretold, type) and len(foretold) == 1:
            got = self.attempt(who, services.book_appointment, hold_id=batch, **common)
        else:
            got = self.attempt(who, services.book_together, batch=batch, **common)
        if isinstance(foretold, type):
            assert got is foretold, (got, foretold)
        else:
            assert not isinstance(got, type), got

    @rule(who=st.sampled_from(["anna", "boris", "rita"]), n=browsers, doctor=doctors, mode=modes, k=which)
    def press_and_book(self, who, n, doctor, mode, k):
        if (ask := self.offered(k, doctor, mode)) and (held := self.hold(who, self.owners[n], [ask])):
            self.before = self.digest()
            self.book_batch(who, "anna" if who == "rita" else who, self.owners[n], held[0].pk)

    @rule(who=bookers, n=browsers, ask=asks, v=which, k=which, is_offered=st.booleans())
    def press_and_move(self, who, n, ask, v, k, is_offered):
        visit, owner = self.visit(v), self.owners[n]
        who = account(visit.patient) if who == "own" else who
        ask = (is_offered and self.offered(k, visit.doctor, ask.mode)) or ask
        presser = "visitor" if who == "zoya" else who
        if held := self.hold(presser, owner, [ask], replaces=visit.pk):
            self.before = self.digest()
            self.move_to(who, visit.pk, owner, held[0].pk)

    @rule(who=bookers, n=browsers, v=which, back=backs, k=which)
    def move(self, who, n, v, back, k):
        owner, batch = self.some_hold(n, back, k)
        visit = self.visit(v)
        self.move_to(account(visit.patient) if who == "own" else who, visit.pk, owner, batch)

    @rule(n=browsers, doctor=doctors, mode=modes, v=which, k=which)
    def press_to_move_later(self, n, doctor, mode, v, k):
        if ask := self.offered(k, doctor, mode):
            self.hold("visitor", self.owners[n], [ask], replaces=self.visit(v).pk)

    def move_to(self, who, pk, owner, batch):
        foretold = self.model.move(who, pk, owner, batch)
        got = self.attempt(who, services.move_appointment, appointment_id=pk, hold_id=batch, owner=owner)
        if isinstance(foretold, type):
            assert got is foretold, (got, foretold)
        else:
            assert not isinstance(got, type), got

    @rule(who=bookers, v=which)
    def cancel(self, who, v):
        visit = self.visit(v)
        who, pk = account(visit.patient) if who == "own" else who, visit.pk
        foretold = self.model.cancel_visit(who, pk)
        got = self.attempt(who, services.cancel_appointment, appointment_id=pk)
        assert got is foretold or (got.status, got.version) == (foretold.status, foretold.version)

    # --- the clinic

    @rule(
        lead=st.sampled_from([30, 30, 30, 30, FAR]),
        horizon=st.sampled_from([56, 56, 56, 7]),
        cancel=st.sampled_from([0, 0, 0, FAR + 1]),
        is_one_a_day=st.booleans(),
    )
    def change_the_policy(self, lead, horizon, cancel, is_one_a_day):
        self.direct.execute(
            "UPDATE scheduling_bookingpolicy SET lead_minutes = %s, horizon_days = %s, cancel_minutes = %s,"
            " is_one_a_day = %s",
            [lead, horizon, cancel, is_one_a_day],
        )
        self.model.lead, self.model.horizon, self.model.cancel = lead, horizon, cancel
        self.model.is_one_a_day = is_one_a_day

    @rule(
        doctor=doctors,
        kind=st.sampled_from(["vacation", "sick", "blocked", "extra"]),
        hours=st.sampled_from(HOURS),
        day=st.sampled_from(DAYS),
        length=st.sampled_from([0, 0, 1, 2]),
        mode=st.sampled_from([["video"], ["in-person", "video"]]),
    )
    def add_an_exception(self, doctor, kind, hours, day, length, mode):
        first = self.today + timedelta(days=day)
        start, end = (None, None) if kind in ("vacation", "sick") else hours
        added = self.attempt(
            "alla",
            services.add_exception,
            role_id=uid(f"role-{doctor}"),
            kind=kind,
            first_day=first,
            last_day=first + timedelta(days=length),
            start=start,
            end=end,
            modes=mode,
        )
        self.model.exceptions[doctor].append(added)
        self.model.opened.clear()

    @precondition(lambda self: any(self.model.exceptions.values()))
    @rule(k=which)
    def remove_an_exception(self, k):
        every = [(name, one) for name in DOCTORS for one in self.model.exceptions[name]]
        name, one = every[k % len(every)]
        assert self.attempt("alla", services.remove_exception, exception_id=one.pk) is None
        self.model.exceptions[name].remove(one)
        self.model.opened.clear()

    @rule(
        doctor=doctors,
        day=st.sampled_from(DAYS),
        hours=st.sampled_from(HOURS[2:]),
        step=st.sampled_from([15, 20, 30]),
        weeks=st.sampled_from(["every", "every", "odd", "even"]),
    )
    def add_a_rule(self, doctor, day, hours, step, weeks):
        added = self.attempt(
            "alla",
            services.add_rule,
            role_id=uid(f"role-{doctor}"),
            weekday=(self.today + timedelta(days=day)).weekday(),
            start=hours[0],
            end=hours[1],
            step_minutes=step,
            modes=["in-person", "video"],
            valid_from=self.today,
            weeks=weeks,
        )
        self.model.rules[doctor].append(added)
        self.model.opened.clear()

    @rule(doctor=doctors, day=st.sampled_from((*DAYS, 9)))
    def remove_a_rule(self, doctor, day):
        weekday = (self.today + timedelta(days=day)).weekday()
        every = sorted(
            (r for r in self.model.rules[doctor] if r.weekday == weekday), key=lambda r: (r.start, r.step_minutes)
        )
        if every:
            assert self.attempt("alla", services.remove_rule, rule_id=every[0].pk) is None
            self.model.rules[doctor].remove(every[0])
            self.model.opened.clear()

    @rule(who=st.sampled_from([*[("", None)] * 8, ("foma", NotFound), ("boris", Forbidden), ("visitor", Forbidden)]))
    def strangers_change_no_hours(self, who):
        if who[0]:
            removed = {"rule_id": Rule.objects.filter(role_id=uid("role-gleb")).first().pk}
            assert self.attempt(who[0], services.remove_rule, **removed) is who[1]

    # --- after every step

    @invariant()
    def nobody_and_nothing_is_in_two_places(self):
        assert self.direct.execute(OVERLAPS).fetchall() == []

    @invariant()
    def the_database_holds_what_the_model_holds(self):
        self.before = self.digest()
        taken = self.direct.execute(
            "SELECT o.id, o.practitioner_id, o.mode, o.start, o.\"end\", o.kind = 'hold', o.owner, o.batch, o.replaces,"
            " o.holder, o.is_extended, array(SELECT resource_id FROM scheduling_resourceuse u WHERE u.occupancy_id ="
            ' o.id AND u.start = o.start AND u."end" = o."end") FROM scheduling_occupancy o'
            " WHERE o.kind <> 'hold' OR o.expires_at > clock_timestamp()"
        ).fetchall()
        found = {(r[0], NAMES[r[1]], *r[2:11], frozenset(NAMES[x] for x in r[11])) for r in taken}
        assert len(found) == len(taken)
        assert found == {
            (*key(t), t.left is not None, t.owner, t.batch, t.replaces, t.holder, t.is_extended, t.things)
            for t in self.model.taken
        }

    @invariant()
    def visits_and_messages_are_those_of_the_model(self):
        visits = self.direct.execute(
            'SELECT id, patient_id, practitioner_id, mode, start, "end", status, version, same_day, room_id'
            " FROM scheduling_appointment"
        ).fetchall()
        found = {(r[0], NAMES[r[1]], NAMES[r[2]], *r[3:9], NAMES.get(r[9])) for r in visits}
        assert found == {
            (v.pk, v.patient, *key(v)[1:], v.status, v.version, v.same_day, None if v.room == "cast" else v.room)
            for v in self.model.visits.values()
        }
        jobs = "SELECT task_name, args->>'appointment_id' FROM procrastinate_jobs ORDER BY id"
        assert sorted(self.direct.execute(jobs).fetchall()) == sorted(
            (f"notifications.jobs.tell_{verb}", str(pk)) for verb, pk in self.model.jobs
        )

    @invariant()
    def free_times_are_those_of_the_model(self):
        zone = ZoneInfo(ZONE)
        since = datetime.combine(self.days[0], time(0), tzinfo=zone)
        until = datetime.combine(self.days[-1] + timedelta(days=1), time(0), tzinfo=zone)
        found = choices(Filters())
        assert {ROLES[choice.role.pk] for choice in found} == set(DOCTORS)
        for mode in MODES:
            wanted = [choice.wanted(mode).between(since, until) for choice in found]
            expected = {name: self.model.free(name, mode, self.days) for name in DOCTORS}
            free = [(ROLES[slot.role_id], slot.start) for slot in free_slots(wanted, mode=mode)]
            assert sorted(free) == sorted((name, start) for name in DOCTORS for start in expected[name])
            nearest = {ROLES[slot.role_id]: slot.start for slot in nearest_slots(wanted, mode=mode)}
            assert nearest == {name: starts[0] for name, starts in expected.items() if starts}

    @invariant()
    def visits_outside_the_hours_stay_and_are_shown(self):
        since = datetime.combine(self.today, time(0), tzinfo=ZoneInfo(ZONE))
        assert {row.owner for row in conflicts(list(ROLES), since=since)} == self.model.conflicts()


def key(one):
    return one.pk, one.doctor, one.mode, one.start, one.end


FEW = settings(
    max_examples=6,
    stateful_step_count=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
MANY = settings(FEW, max_examples=140, stateful_step_count=40, derandomize=False, phases=[Phase.generate, Phase.shrink])


def test_the_database_does_what_the_model_says(django_db_blocker):
    with django_db_blocker.unblock():
        run_state_machine_as_test(Booking, settings=FEW)


@pytest.mark.soak
def test_the_database_does_what_the_model_says_for_long(django_db_blocker):
    with django_db_blocker.unblock():
        run_state_machine_as_test(Booking, settings=MANY)
