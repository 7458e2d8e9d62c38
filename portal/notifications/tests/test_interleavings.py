"""Bookings, moves, cancels, late jobs and workers in any order: no message carries an old time."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from uuid import uuid4

import pytest

from portal.kernel.ports import override_port
from portal.notifications import jobs
from portal.notifications.ports import FakeEmail, FakeSms
from portal.scheduling import services
from portal.scheduling.errors import OneADay, PatientBusy, SlotTaken
from portal.scheduling.tests.conftest import book, press
from tests.cast import ZONE, at


class Watching(FakeSms):
    """Looks the visit up at the very moment of sending: is the time told the time that is?"""

    def __init__(self, sql):
        super().__init__()
        self.sql, self.wrong, self.kinds = sql, [], Counter()

    def send(self, to, text, *, key, sequence):
        ((kind, start, status),) = self.sql(
            "SELECT m.kind, a.start, a.status FROM notifications_message m"
            " JOIN scheduling_appointment a ON a.id = m.subject_id WHERE m.id = %s",
            key,
        )
        local = start.astimezone(ZONE)
        if (f"{local:%d.%m} в {local:%H:%M}" not in text) or (kind.endswith("cancelled") != (status == "cancelled")):
            self.wrong.append((kind, status, text))
        self.kinds[kind] += 1
        return super().send(to, text, key=key, sequence=sequence)


class World:
    """Visits of Anna, the jobs that were caused and have not run, and reminders that time brings near."""

    def __init__(self, as_actor, sql, seed):
        self.as_actor, self.sql, self.random = as_actor, sql, random.Random(seed)
        self.visits, self.used = [], Counter()

    def step(self):
        moves = [
            self.book,
            self.move,
            self.move,
            self.cancel,
            self.run_a_job,
            self.run_a_job,
            self.time_passes,
            self.deliver,
        ]
        chosen = self.random.choice(moves)
        chosen()
        self.used[chosen.__name__] += 1

    def _free(self) -> datetime:
        return at(self.random.randint(9, 15), self.random.choice((0, 30)), days=self.random.randint(5, 20))

    def book(self):
        try:
            with self.as_actor("anna") as trail:
                self.visits.append(book(trail, "anna", start=self._free()).pk)
        except (SlotTaken, PatientBusy, OneADay):
            pass

    def move(self):
        if not self.visits:
            return
        owner, visit, who = uuid4(), self.random.choice(self.visits), self.random.choice(("anna", "rita"))
        try:
            with self.as_actor(who) as trail:
                held = services.hold_time(actor=trail.actor, owner=owner, replaces=visit, **press(start=self._free()))
            with self.as_actor(who) as trail:
                services.move_appointment(actor=trail.actor, appointment_id=visit, hold_id=held.pk, owner=owner)
        except (SlotTaken, PatientBusy, OneADay):
            pass

    def cancel(self):
        if len(self.visits) > 2:
            visit = self.visits.pop(self.random.randrange(len(self.visits)))
            with self.as_actor(self.random.choice(("anna", "rita"))) as trail:
                services.cancel_appointment(actor=trail.actor, appointment_id=visit)

    def run_a_job(self):
        """Any of the jobs caused, out of order; some run twice."""
        caused = "SELECT id, task_name, args FROM procrastinate_jobs WHERE starts_with(task_name, %s) ORDER BY id"
        rows = self.sql(caused, "notifications.jobs.tell_")
        if rows:
            key, name, args = self.random.choice(rows)
            from procrastinate.contrib.django import app

            app.tasks[name].func(**args)
            if self.random.random() < 0.8:
                self.sql("DELETE FROM procrastinate_jobs WHERE id = %s", key)

    def time_passes(self):
        """Some of what is planned becomes due."""
        self.sql(
            "UPDATE notifications_message SET next_at = now(), due_at = now() WHERE next_at IS NOT NULL"
            " AND get_byte(decode(md5(id::text), 'hex'), 0) < %s",
            self.random.randint(0, 255),
        )

    def deliver(self):
        jobs.deliver()


def run(as_actor, sql, steps, seed):
    sms = Watching(sql)
    with override_port("sms", sms), override_port("email", FakeEmail()):
        world = World(as_actor, sql, seed)
        for _ in range(steps):
            world.step()
        world.deliver()
    assert sms.wrong == []
    return sms, world


@pytest.mark.parametrize("seed", [1, 2])
def test_no_message_carries_an_old_time(as_actor, sql, no_night, seed):
    sms, world = run(as_actor, sql, 200, seed)
    assert sum(sms.kinds.values()) > 20 and world.used["move"] > 10


@pytest.mark.soak
def test_no_message_carries_an_old_time_after_10000_moves_and_cancels(as_actor, sql, no_night):
    sms, world = run(as_actor, sql, 30_000, 7)
    assert world.used["move"] + world.used["cancel"] > 10_000
    assert {"reminder-day", "reminder-hours", "clinic-cancelled"} <= set(sms.kinds)
