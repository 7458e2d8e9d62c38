"""Streams without a server: limits, slow clients, heartbeats, age."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal import live
from portal.live import BEAT, CHANGED, GREETING, RESYNC, Application, Hub, Stream, TooManyStreams

DOCTOR = UUID("11111111-2222-4333-8444-555555555555")


def run(scene: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: a browser test in the same process leaves an event loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, scene).result()


class Page:
    """A client that reads everything, or nothing at all when it `is_stuck`."""

    def __init__(self, *, is_stuck: bool = False) -> None:
        self.sent: list[dict] = []
        self.is_stuck = is_stuck
        self.gone = asyncio.Event()

    async def receive(self) -> dict:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict) -> None:
        if self.is_stuck and message["type"] == "http.response.body":
            await asyncio.Event().wait()
        self.sent.append(message)

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def chunks(self) -> list[bytes]:
        return [message["body"] for message in self.sent[1:]]


def scope(path: str = f"/live/slots/{DOCTOR}", **headers: str) -> dict:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "GET", "path": path, "headers": pairs}


def application() -> Application:
    return Application(Hub("unused"), "https://portal.test")


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_changes_are_written_as_they_come_and_the_stream_is_forgotten():
    async def play() -> None:
        app, page = application(), Page()
        task = asyncio.create_task(app(scope(), page.receive, page.send))
        await settle()
        for _ in range(3):
            app.hub.publish(str(DOCTOR))
            await settle()
        page.gone.set()
        await task
        assert page.chunks == [GREETING, CHANGED, CHANGED, CHANGED, b""]
        assert (app.hub.count, len(app.hub._streams)) == (0, 0)

    run(play())


def test_many_changes_at_once_are_one_event():
    async def play() -> None:
        app, page = application(), Page()
        task = asyncio.create_task(app(scope(), page.receive, page.send))
        await settle()
        for _ in range(1000):
            app.hub.publish(str(DOCTOR))
        await settle()
        page.gone.set()
        await task
        assert page.chunks == [GREETING, CHANGED, b""]

    run(play())


def test_a_resync_is_not_lost_behind_a_change():
    async def play() -> None:
        stream = Stream(DOCTOR)
        stream.tell(RESYNC)
        stream.tell(CHANGED)
        assert await stream.next(1) == RESYNC

    run(play())


def test_silence_is_filled_with_heartbeats(monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT", 0.01)

    async def play() -> None:
        app, page = application(), Page()
        task = asyncio.create_task(app(scope(), page.receive, page.send))
        while page.chunks.count(BEAT) < 3:
            await asyncio.sleep(0.005)
        page.gone.set()
        await task

    run(asyncio.wait_for(play(), 20))


def test_a_client_that_does_not_read_is_dropped(monkeypatch):
    monkeypatch.setattr(live, "WRITE_TIMEOUT", 0.05)

    async def play() -> None:
        app, page = application(), Page(is_stuck=True)
        await app(scope(), page.receive, page.send)
        assert app.hub.count == 0
        assert page.chunks == []

    run(asyncio.wait_for(play(), 20))


def test_an_old_stream_is_ended_so_that_the_browser_opens_another(monkeypatch):
    monkeypatch.setattr(live, "MAX_AGE", 0.05)

    async def play() -> None:
        app, page = application(), Page()
        await app(scope(), page.receive, page.send)
        assert page.chunks[-1] == b""
        assert page.sent[-1]["more_body"] is False

    run(asyncio.wait_for(play(), 20))


def test_beyond_the_limit_streams_are_refused_with_a_time_to_come_back(monkeypatch):
    monkeypatch.setattr(live, "MAX_STREAMS", 2)

    async def play() -> None:
        app, page = application(), Page()
        first, second = app.hub.open(DOCTOR), app.hub.open(uuid4())
        await app(scope(), page.receive, page.send)
        assert page.status == 503
        assert (b"retry-after", b"30") in page.sent[0]["headers"]
        app.hub.close(first)
        assert app.hub.open(DOCTOR)
        app.hub.close(second)

    run(play())


def test_after_the_word_to_go_nothing_new_is_opened():
    async def play() -> None:
        hub = Hub("unused")
        stream = hub.open(DOCTOR)
        hub.shut()
        assert await stream.next(1) is None
        with pytest.raises(TooManyStreams):
            hub.open(DOCTOR)

    run(play())


def test_a_stream_that_fails_half_way_is_forgotten():
    async def play() -> None:
        app, page = application(), Page()

        async def broken(message: dict) -> None:
            raise OSError

        with pytest.raises(OSError):
            await app(scope(), page.receive, broken)
        assert app.hub.count == 0

    run(play())


def test_a_websocket_is_turned_away():
    async def play() -> None:
        said: list[dict] = []

        async def receive() -> dict:
            return {"type": "websocket.connect"}

        async def send(message: dict) -> None:
            said.append(message)

        await application()({"type": "websocket", "path": "/"}, receive, send)
        assert said == [{"type": "websocket.close", "code": 1008}]

    run(play())
