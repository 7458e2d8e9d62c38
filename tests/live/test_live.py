"""The live process: who is told what, who is refused, and how it comes back and leaves."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.live.process import PUBLIC, Live, own_database, running_live, until

DOCTOR = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with own_database() as database, running_live(database) as process:
        yield process


def test_a_change_is_told_to_the_streams_of_that_practitioner_only(live):
    mine, other, third = uuid4(), uuid4(), uuid4()
    streams = [live.open(mine), live.open(mine), live.open(other)]
    live.notify(mine)
    live.notify(third)
    live.notify(other)
    assert [stream.next() for stream in streams] == [("", "changed")] * 3
    live.notify(mine)
    assert streams[0].next() == ("", "changed")
    for stream in streams:
        stream.close()


def test_a_hundred_pages_hear_one_change(live):
    doctor = uuid4()
    with ThreadPoolExecutor(20) as pool:
        streams = list(pool.map(lambda _: live.open(doctor), range(100)))
    live.notify(doctor)
    assert {stream.next() for stream in streams} == {("", "changed")}
    for stream in streams:
        stream.close()


@pytest.mark.parametrize("payload", ["", "nonsense", "a" * 5000, "Анна", "{}"])
def test_a_strange_payload_disturbs_nobody(live, payload):
    doctor = uuid4()
    stream = live.open(doctor)
    live.notify(payload)
    live.notify(doctor)
    assert stream.next() == ("", "changed")
    stream.close()


def test_another_channel_is_not_heard(live):
    doctor = uuid4()
    stream = live.open(doctor)
    live.notify("00000000-0000-4000-8000-000000000000", channel="other")
    live.notify(doctor)
    assert stream.next() == ("", "changed")
    stream.close()


def test_a_browser_that_comes_back_is_told_to_ask_again(live):
    stream = live.open(uuid4(), **{"Last-Event-ID": "1"})
    assert stream.next() == ("resync", "resync")
    stream.close()


def test_the_stream_says_what_it_is(live):
    stream = live.open(DOCTOR)
    headers = dict(stream.response.getheaders())
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"
    assert "access-control-allow-origin" not in headers
    stream.close()


def test_the_portals_own_pages_may_read_it(live):
    stream = live.open(DOCTOR, Origin=PUBLIC)
    headers = dict(stream.response.getheaders())
    assert headers["access-control-allow-origin"] == PUBLIC
    assert headers["vary"] == "origin"
    assert "access-control-allow-credentials" not in headers
    stream.close()


@pytest.mark.parametrize(
    "origin",
    ["https://evil.test", "null", f"{PUBLIC}.evil.test", PUBLIC.upper(), f"{PUBLIC}/", "http://portal.test", ""],
)
def test_pages_of_other_sites_are_refused(live, origin):
    answer = live.get(f"/live/slots/{DOCTOR}", Origin=origin)
    assert answer.status == 403
    assert answer.getheader("access-control-allow-origin") is None


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/live/slots/",
        "/live/slots/1",
        f"/live/slots/{DOCTOR}/",
        f"/live/slots/{DOCTOR}0",
        f"/live/slots/{DOCTOR[:-1]}g",
        f"/live/slots/{DOCTOR}%0A",
        f"//live/slots/{DOCTOR}",
        "/health",
        "/live/chat/1",
    ],
)
def test_anything_else_is_not_found(live, path):
    assert live.get(path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", [f"/live/slots/{DOCTOR}", "/health/live"])
def test_only_get(live, method, path):
    answer = live.get(path, method)
    assert (answer.status, answer.getheader("allow")) == (405, "GET")


def test_it_says_that_it_lives_and_is_ready(live):
    assert live.get("/health/live").status == 200
    assert live.get("/health/ready").status == 200


def test_after_a_lost_connection_everybody_asks_again_and_hears_again(live):
    doctor = uuid4()
    streams = [live.open(doctor), live.open(uuid4())]
    live.cut_listener()
    assert [stream.next() for stream in streams] == [("resync", "resync")] * 2
    until(live.is_ready)
    live.notify(doctor)
    assert streams[0].next() == ("", "changed")
    for stream in streams:
        stream.close()


def test_a_page_that_left_is_forgotten_and_logged_without_its_query(live):
    doctor = uuid4()
    connection = live.open(f"{doctor}?token=secret&name=Anna")
    connection.close()

    def ended() -> list[dict]:
        return [line for line in live.log() if line.get("practitioner") == str(doctor)]

    until(ended)
    assert (ended()[0]["why"], ended()[0]["message"]) == ("left", "stream ended")
    assert "secret" not in str(live.log())
    assert "Anna" not in str(live.log())


def test_every_line_of_the_log_is_json_without_errors(live):
    assert {line["level"] for line in live.log()} <= {"INFO", "WARNING"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_leaves_at_once_with_streams_open_and_ends_them_properly(number):
    with own_database() as database, running_live(database) as process:
        streams = [process.open(uuid4()) for _ in range(20)]
        process.process.send_signal(number)
        assert all(stream.is_ended() for stream in streams)
        process.process.wait(10)
        # the server says ERROR when its graceful timeout of three seconds runs out on an open stream
        assert "ERROR" not in {line["level"] for line in process.log()}


def test_without_a_database_it_lives_and_is_not_ready_until_it_comes():
    with own_database() as database, running_live(database) as process:
        doctor = uuid4()
        stream = process.open(doctor)
        superuser = database.replace("//app@", "//postgres@")
        import psycopg

        name = database.rpartition("/live_")[2].partition("?")[0]
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE live_{name} CONNECTION LIMIT 0")
            process.cut_listener()
            until(lambda: process.get("/health/ready").status == 503)
            assert process.get("/health/live").status == 200
            connection.execute(f"ALTER DATABASE live_{name} CONNECTION LIMIT -1")
        until(process.is_ready)
        assert stream.next() == ("resync", "resync")
        process.notify(doctor)
        assert stream.next() == ("", "changed")
        stream.close()


def test_a_hold_taken_in_the_portal_reaches_the_pages_after_its_commit(db, database_url, as_actor):
    from portal.people.models import ServiceOffer
    from portal.scheduling.models import DaySheet
    from portal.scheduling.services.hold import hold_time

    with running_live(database_url("app")) as process:
        with as_actor("visitor") as trail:
            sheet = DaySheet.objects.filter(start__date__gt="2000-01-01").select_related("role").order_by("-start")[0]
            offer = ServiceOffer.objects.filter(role=sheet.role).select_related("service")[0]
            stream = process.open(sheet.role.practitioner_id)
            hold_time(
                actor=trail.actor,
                owner=uuid4(),
                role_id=sheet.role_id,
                service_id=offer.service_id,
                mode=next(mode for mode in sheet.modes if mode in offer.service.modes),
                start=sheet.start,
            )
        assert stream.next() == ("", "changed")
        stream.close()
