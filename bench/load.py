"""A small HTTP load: a few processes with kept connections to this machine, for a few seconds.

Requests are ready-made bytes and answers are only measured, so that the client takes little of the processors it
shares with the portal.
"""

from __future__ import annotations

import multiprocessing
import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Load:
    per_second: float
    median_ms: float
    slow_ms: float  # 95 of 100 are faster
    bytes: int


def requests_per_second(port: int, paths: str | Sequence[str], *, clients: int, seconds: float) -> Load:
    """Every answer must be 200. The paths are asked for in turns."""
    paths = [paths] if isinstance(paths, str) else list(paths)
    _client(port, paths, 0.2)
    with multiprocessing.get_context("fork").Pool(clients) as pool:
        parts = pool.starmap(_client, [(port, paths[n:] + paths[:n], seconds) for n in range(clients)])
    times = sorted(time for part, _ in parts for time in part)
    return Load(
        len(times) / seconds,
        times[len(times) // 2] * 1000,
        times[int(len(times) * 0.95)] * 1000,
        parts[0][1],
    )


def _client(port: int, paths: list[str], seconds: float) -> tuple[list[float], int]:
    requests = cycle([_request(path) for path in paths])
    times, size, end = [], 0, time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(60)  # a portal that does not answer is an error, not a wait
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (begin := time.monotonic()) < end:
            connection.sendall(next(requests))
            size = _answer(connection)
            times.append(time.monotonic() - begin)
    return times, size


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Language: ru\r\n\r\n".encode()


def _answer(connection: socket.socket) -> int:
    """Size of the body."""
    data = connection.recv(65536)
    while (head := data.find(b"\r\n\r\n")) < 0:
        data += connection.recv(65536)
    length = LENGTH.search(data, 0, head + 2)
    if not data.startswith(b"HTTP/1.1 200 ") or not length:
        raise SystemExit(f"An answer that is none: {data[:200]!r}")
    size = int(length[1])
    missing = head + 4 + size - len(data)
    while missing > 0:
        missing -= len(connection.recv(min(missing, 65536)))
    return size
