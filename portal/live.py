"""Live slot changes: the small ASGI process that holds what must stay open (`uvicorn portal.live:application`).

    GET /live/slots/<practitioner id>   Server-Sent Events
    GET /health/live, /health/ready     200; ready only while the process hears the database

A transaction that changes a practitioner's time says `NOTIFY slots, '<practitioner id>'`. One connection per process
listens and wakes the streams of that practitioner with `data: changed`; the page then asks for the slots again. An
event carries no content, so a stream needs no queue: what is pending is at most one event. After a lost connection
everybody gets `event: resync`. A page without this process polls.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import resource
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from types import FrameType
from typing import Any
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo

from portal import settings
from portal.kernel import logs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CHANNEL = "slots"
MAX_STREAMS = 2000
OPEN_FILES = 8192
# seconds
HEARTBEAT = 15.0
WRITE_TIMEOUT = 10.0
MAX_AGE = 900.0
PING = 20.0
PING_TIMEOUT = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
RETRY_AFTER = 30
RECONNECT_MS = 3000

STREAM_PATH = re.compile(r"/live/slots/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
CHANGED, RESYNC = b"data: changed\n\n", b"event: resync\ndata: resync\n\n"
# The id makes a browser that comes back say so (Last-Event-ID): it may have missed something meanwhile.
GREETING = f"retry: {RECONNECT_MS}\nid: 1\n\n".encode()
BEAT = b":\n\n"

logger = logging.getLogger("portal.live")


class TooManyStreams(Exception):  # the house names errors by what happened
    """This process holds as many streams as it may."""


class Stream:
    """One open page. `pending` is the next event, None when there is nothing to say."""

    def __init__(self, practitioner: UUID) -> None:
        self.practitioner = practitioner
        self.is_over = False
        self._pending: bytes | None = None
        self._wake = asyncio.Event()

    def tell(self, event: bytes) -> None:
        """The next event; a resync is not replaced by a mere change."""
        if self._pending != RESYNC:
            self._pending = event
        self._wake.set()

    def end(self) -> None:
        self.is_over = True
        self._wake.set()

    async def next(self, patience: float) -> bytes | None:
        """The next event, the heartbeat after `patience` seconds of silence, None when the stream is over."""
        try:
            await asyncio.wait_for(self._wake.wait(), patience)
        except TimeoutError:
            return BEAT
        self._wake.clear()
        event, self._pending = self._pending, None
        return None if self.is_over else event or BEAT


class Hub:
    """The streams of this process and the one connection that feeds them."""

    def __init__(self, conninfo: str) -> None:
        self.is_listening = False
        self.is_closing = False
        self.count = 0
        self._conninfo = conninfo
        self._streams: defaultdict[UUID, set[Stream]] = defaultdict(set)

    def open(self, practitioner: UUID) -> Stream:
        """Raises TooManyStreams."""
        if self.count >= MAX_STREAMS or self.is_closing:
            raise TooManyStreams
        stream = Stream(practitioner)
        self._streams[practitioner].add(stream)
        self.count += 1
        return stream

    def close(self, stream: Stream) -> None:
        streams = self._streams[stream.practitioner]
        streams.discard(stream)
        if not streams:
            del self._streams[stream.practitioner]
        self.count -= 1

    def publish(self, payload: str) -> None:
        """Wake the streams of the practitioner named by a notification; anything else is ignored."""
        try:
            practitioner = UUID(payload)
        except ValueError:
            return
        for stream in self._streams.get(practitioner, ()):
            stream.tell(CHANGED)

    def resync(self) -> None:
        for streams in self._streams.values():
            for stream in streams:
                stream.tell(RESYNC)

    def shut(self) -> None:
        """End every stream; browsers come back to the next process by themselves."""
        self.is_closing = True
        for streams in self._streams.values():
            for stream in streams:
                stream.end()

    async def listen(self) -> None:
        """Listen for ever; after a loss try again, first soon, then every few seconds."""
        pause = FIRST_PAUSE
        while True:
            started = time.monotonic()
            try:
                await self._listen_once()
            except (psycopg.Error, OSError, TimeoutError) as error:
                logger.warning("not listening", extra={"reason": type(error).__name__})
            finally:
                self.is_listening = False
            pause = FIRST_PAUSE if time.monotonic() - started > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - so that processes do not march in step

    async def _listen_once(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self.is_listening = True
            self.resync()
            logger.info("listening", extra={"streams": self.count})
            while True:
                async for notice in connection.notifies(timeout=PING):
                    self.publish(notice.payload)
                # a connection that died without a word is only noticed by asking
                await asyncio.wait_for(connection.execute("SELECT 1"), PING_TIMEOUT)


def database() -> str:
    """How to reach the database as the run-time role, from Django's own entry."""
    entry = settings.DATABASES["default"]
    return make_conninfo(
        dbname=entry["NAME"],
        user=entry["USER"],
        password=entry["PASSWORD"] or None,
        host=entry["HOST"] or None,
        port=entry["PORT"] or None,
        connect_timeout=5,
        fallback_application_name="portal live",
    )


class Application:
    """The ASGI callable. Streams end when the process is told to go, so no grace period has to run out."""

    def __init__(self, hub: Hub, allowed_origin: str) -> None:
        self.hub = hub
        self.allowed_origin = allowed_origin.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        _prepare_process(self.hub)
        listener = asyncio.create_task(self.hub.listen())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.hub.shut()
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, headers = scope["path"], dict(scope["headers"])
        found = STREAM_PATH.fullmatch(path)
        origin = headers.get(b"origin")
        if not found and path not in ("/health/live", "/health/ready"):
            await _answer(send, 404, b"not found")
        elif scope["method"] != "GET":
            await _answer(send, 405, b"only GET", (b"allow", b"GET"))
        elif path == "/health/live":
            await _answer(send, 200, b"ok")
        elif not found:
            is_ready = self.hub.is_listening and not self.hub.is_closing
            await _answer(send, 200 if is_ready else 503, b"ok" if is_ready else b"not listening")
        elif origin not in (None, self.allowed_origin):
            await _answer(send, 403, b"not from this site", (b"vary", b"origin"))
        else:
            await self._stream(UUID(found.group(1)), headers, receive, send)

    async def _stream(self, practitioner: UUID, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        try:
            stream = self.hub.open(practitioner)
        except TooManyStreams:
            await _answer(send, 503, b"too many streams", (b"retry-after", str(RETRY_AFTER).encode()))
            return
        started = time.monotonic()
        watcher = asyncio.create_task(_until_gone(receive, stream))
        why = "left"
        try:
            if b"last-event-id" in headers:
                stream.tell(RESYNC)
            await send({"type": "http.response.start", "status": 200, "headers": self._stream_headers(headers)})
            why = await self._feed(stream, send, until=started + MAX_AGE)
        finally:
            self.hub.close(stream)
            watcher.cancel()
            seconds = round(time.monotonic() - started, 1)
            logger.info("stream ended", extra={"practitioner": str(practitioner), "seconds": seconds, "why": why})

    async def _feed(self, stream: Stream, send: Send, *, until: float) -> str:
        """Write events until the page leaves, the time is up or the client is too slow. Returns why it ended."""
        chunk: bytes | None = GREETING
        while chunk is not None and time.monotonic() < until:
            try:
                await asyncio.wait_for(
                    send({"type": "http.response.body", "body": chunk, "more_body": True}), WRITE_TIMEOUT
                )
            except TimeoutError:
                return "slow"
            chunk = await stream.next(min(HEARTBEAT, max(0.01, until - time.monotonic())))
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return "closing" if self.hub.is_closing else "left" if stream.is_over else "age"

    def _stream_headers(self, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        answer = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
            (b"x-content-type-options", b"nosniff"),
            (b"vary", b"origin"),
        ]
        if b"origin" in headers:
            answer.append((b"access-control-allow-origin", self.allowed_origin))
        return answer


async def _until_gone(receive: Receive, stream: Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()


async def _answer(send: Send, status: int, body: bytes, *more: tuple[bytes, bytes]) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _replace_server_logs() -> None:
    """Our format instead of the server's, and no access log: it has query strings."""
    logs.configure(settings.LOGGING)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True


def _prepare_process(hub: Hub) -> None:
    """Enough open files, and a quick end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard) if hard > 0 else OPEN_FILES, hard))
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            _shut_at(number, hub)


def _shut_at(number: signal.Signals, hub: Hub) -> None:
    """The server only tells us after its grace period, so hear the signal first and pass it on."""
    loop = asyncio.get_running_loop()
    previous = signal.getsignal(number)

    def shut(signum: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(hub.shut)
        if callable(previous):
            previous(signum, frame)

    signal.signal(number, shut)


if logging.getLogger("uvicorn").handlers:  # the server sets its logs up before it loads us; a test does not
    _replace_server_logs()
application = Application(Hub(database()), settings.PUBLIC_URL)
