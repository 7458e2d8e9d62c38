"""Many at once on one time: exactly one wins, by the database's constraint, whoever asks and however."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import httpx
import psycopg
import pytest
from django.conf import settings
from django.db import connections

from conftest import actor_named
from portal.kernel.access import acting
from portal.scheduling import services
from portal.scheduling.errors import SlotTaken
from portal.scheduling.models import Occupancy
from portal.scheduling.tests.conftest import chip, press
from tests.cast import at, uid
from tests.servers import pages

THREADS = 20


def count(database_url, table, where="true"):
    with psycopg.connect(database_url("postgres")) as direct:
        return direct.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]


def one_attempt(n):
    """Hold and book the same time as one of the patients; what came of it."""
    name = ("anna", "boris", "zoya")[n % 3]
    owner = uuid4()
    try:
        with acting(actor_named(name)) as trail:
            held = services.hold_time(actor=trail.actor, owner=owner, **press())
        with acting(actor_named(name)) as trail:
            services.book_appointment(actor=trail.actor, patient_id=uid(name), hold_id=held.pk, owner=owner)
        return "booked"
    except SlotTaken:
        return "taken"


def race(attempts):
    """20 threads, each with a connection of its own that it keeps to the end."""
    opened = []
    with ThreadPoolExecutor(THREADS, initializer=lambda: opened.append(connections["default"])) as pool:
        came_of_it = Counter(pool.map(one_attempt, range(attempts)))
    for connection in opened:
        connection.inc_thread_sharing()
        connection.close()
    return came_of_it


def test_200_attempts_from_20_threads_book_once(db, database_url):
    before = count(database_url, "scheduling_appointment")
    assert race(200) == {"booked": 1, "taken": 199}
    assert count(database_url, "scheduling_appointment") == before + 1
    assert count(database_url, "scheduling_occupancy", f"start = '{at(10).isoformat()}'") == 1


@pytest.mark.soak
def test_20000_attempts_from_20_threads_book_once(db, database_url):
    assert race(20_000) == {"booked": 1, "taken": 19_999}


def test_one_patient_books_two_doctors_at_once_and_is_in_one_place(db, database_url):
    def attempt(doctor):
        owner = uuid4()
        try:
            with acting(actor_named("boris")) as trail:
                held = services.hold_time(actor=trail.actor, owner=owner, **press(doctor))
            with acting(actor_named("boris")) as trail:
                services.book_appointment(actor=trail.actor, patient_id=uid("boris"), hold_id=held.pk, owner=owner)
            return "booked"
        except Exception as problem:
            return type(problem).__name__
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, ["vera", "gleb"])) == ["PatientBusy", "booked"]
    overlapping = f"patient_id = '{uid('boris')}' AND start = '{at(10).isoformat()}'"
    assert count(database_url, "scheduling_appointment", overlapping) == 1


def test_the_role_app_is_refused_by_the_constraint(db, database_url):
    """Straight SQL, past all our code."""
    row = (
        'INSERT INTO scheduling_occupancy (id, practitioner_id, role_id, mode, start, "end", kind, owner, is_extended)'
        " VALUES (gen_random_uuid(), %s, %s, '', %s, %s, 'booked', gen_random_uuid(), false)"
    )
    start = at(10)
    with psycopg.connect(database_url("app"), autocommit=True) as app:
        app.execute(row, [uid("vera"), uid("role-vera"), start, start + timedelta(minutes=30)])
        for shift in (0, 1, 29, -29):
            moved = start + timedelta(minutes=shift)
            with pytest.raises(psycopg.errors.ExclusionViolation):
                app.execute(row, [uid("vera"), uid("role-vera"), moved, moved + timedelta(minutes=30)])
        app.execute(row, [uid("vera"), uid("role-vera"), start + timedelta(minutes=30), start + timedelta(minutes=60)])


def browse(address, cookie):
    """One browser presses the time and, when it is theirs, books it. The statuses it met, and the last page."""
    with httpx.Client(base_url=address, cookies=cookie, timeout=60) as client:
        headers = {"Referer": address}
        held = client.post("/book/hold/", data=chip(), headers=headers)
        if held.status_code != 302:
            return (held.status_code,), held.text
        check = client.get(held.headers["Location"])
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', check.text)[1]
        data = {"patient": str(uid(cookie["who"])), "csrfmiddlewaretoken": token}
        done = client.post(f"{held.headers['Location']}confirm/", data=data, headers=headers)
        return (held.status_code, done.status_code), done.headers.get("Location", "")


def test_50_browsers_press_one_time(client_of, database_url, tmp_path):
    cookies = []
    for n in range(50):
        who = ("anna", "boris", "zoya")[n % 3]
        session = client_of(who).cookies[settings.SESSION_COOKIE_NAME].value
        cookies.append({settings.SESSION_COOKIE_NAME: session, "who": who})
    environment = {"DATABASE_URL": database_url("app")}
    with pages(environment, tmp_path / "pages.log") as (address, _), ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda cookie: browse(address, cookie), cookies))
    assert Counter(statuses for statuses, _ in answers) == {(302, 302): 1, (409,): 49}
    won = next(text for statuses, text in answers if statuses == (302, 302))
    assert won.startswith("/me/visits/")
    for statuses, text in answers:
        if statuses == (409,):
            assert text.count('class="time"') == 3, "the loser is offered the nearest three"
    assert Occupancy.objects.filter(start=at(10), kind="booked").count() == 1


def test_one_button_pressed_eight_times_at_once_leads_to_one_visit(client_of, database_url, tmp_path):
    """A slow network and an impatient thumb: nobody who has booked is told that the time is lost."""
    session = client_of("boris").cookies[settings.SESSION_COOKIE_NAME].value
    cookies = {settings.SESSION_COOKIE_NAME: session}
    with (
        pages({"DATABASE_URL": database_url("app")}, tmp_path / "pages.log") as (address, _),
        httpx.Client(base_url=address, cookies=cookies, headers={"Referer": address}, timeout=60) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        check = client.post("/book/hold/", data=chip()).headers["Location"]
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(check).text)[1]
        data = {"patient": str(uid("boris")), "csrfmiddlewaretoken": token}
        presses = [pool.submit(client.post, f"{check}confirm/", data=data) for _ in range(8)]
        answers = [press.result() for press in presses]
    assert [answer.status_code for answer in answers] == [302] * 8
    assert len({answer.headers["Location"].partition("?")[0] for answer in answers}) == 1
