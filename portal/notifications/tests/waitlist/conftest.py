"""Somebody waits, a time is freed, it is offered: fixtures."""

from datetime import timedelta
from uuid import UUID

import pytest

from portal.notifications import jobs, jobs_waitlist
from portal.scheduling import services
from portal.scheduling.services import Wish
from tests.cast import at, next_weekday, uid

DAY = next_weekday(9)
FREED = at(16, days=9)  # Anna's visit to Vera: the only time of that day that can become free


def wish(doctor="vera", **values):
    specialty = "cardiologist" if doctor == "dina" else "therapist"
    given = {"first_day": DAY, "last_day": DAY, "practitioner_id": uid(doctor) if doctor else None}
    return Wish(organization_id=uid("shore"), specialty_id=uid(specialty), **(given | values))


@pytest.fixture(autouse=True)
def full(db, no_night, sql):
    """Vera's and Gleb's day has no free time."""
    for doctor, hours in {"vera": [(9, 15), (15.5, 16), (16.5, 17)], "gleb": [(9, 17)]}.items():
        for first, last in hours:
            sql(
                'INSERT INTO scheduling_occupancy (id, practitioner_id, role_id, mode, start, "end", kind, owner,'
                " is_extended) VALUES (gen_random_uuid(), %s, %s, '', %s, %s, 'block', gen_random_uuid(), false)",
                uid(doctor),
                uid(f"role-{doctor}"),
                at(0, days=9) + timedelta(hours=first),
                at(0, days=9) + timedelta(hours=last),
            )


@pytest.fixture
def waits(as_actor):
    def run(who, patient=None, **values):
        with as_actor(who) as trail:
            return services.join(actor=trail.actor, patient_id=uid(patient or who), wish=wish(**values)).pk

    return run


@pytest.fixture
def frees(as_actor):
    """Anna cancels."""

    def run(visit="visit-anna", who="anna"):
        with as_actor(who) as trail:
            services.cancel_appointment(actor=trail.actor, appointment_id=uid(visit))

    return run


@pytest.fixture
def offers(sql):
    """(patient, state) of all offers, as they were made."""
    names = {uid(name): name for name in ("anna", "boris", "zoya", "mila")}
    rows = (
        "SELECT patient_id, state FROM scheduling_waitlistoffer WHERE state <> 'passed' AND entry_id <> %s"
        " ORDER BY created_at"
    )
    return lambda: [(names[patient], state) for patient, state in sql(rows, uid("wait-anna"))]


@pytest.fixture
def offer_of(sql):
    return lambda who: sql(
        "SELECT id FROM scheduling_waitlistoffer WHERE patient_id = %s AND state <> 'passed'"
        " ORDER BY created_at DESC LIMIT 1",
        uid(who),
    )[0][0]


@pytest.fixture
def over(sql):
    """The time to answer has passed."""

    def run():
        sql("UPDATE scheduling_waitlistoffer SET expires_at = now() - interval '1 s' WHERE state = 'open'")
        sql("UPDATE scheduling_occupancy SET expires_at = now() - interval '1 s' WHERE kind = 'hold'")
        jobs_waitlist.fill()

    return run


@pytest.fixture
def answers(as_actor):
    def run(who, offer_id, what="accept"):
        with as_actor(who) as trail:
            act = services.accept_offer if what == "accept" else services.decline_offer
            return act(actor=trail.actor, offer_id=offer_id)

    return run


def state(sql, entry):
    return sql("SELECT state FROM scheduling_waitlistentry WHERE id = %s", entry)[0][0]


def told(gateways, sql):
    """Run the offers' jobs from the queue as the worker would."""
    for (args,) in sql(
        "SELECT args FROM procrastinate_jobs WHERE task_name LIKE '%%tell_offer' AND status = 'todo' ORDER BY id"
    ):
        jobs.tell_offer(**{name: UUID(value) for name, value in args.items()})
    return gateways.sms.sent
