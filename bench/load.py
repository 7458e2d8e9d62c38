"""A small HTTP load: a few processes with kept connections to this machine, for a few seconds."""

from __future__ import annotations

import http.client
import multiprocessing
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    per_second: float
    median_ms: float
    slow_ms: float  # 95 of 100 are faster
    bytes: int


def requests_per_second(port: int, path: str, *, clients: int, seconds: float) -> Load:
    """Every answer must be 200."""
    _ask(http.client.HTTPConnection("127.0.0.1", port), path)
    with multiprocessing.get_context("fork").Pool(clients) as pool:
        parts = pool.starmap(_client, [(port, path, seconds)] * clients)
    times = sorted(time for part, _ in parts for time in part)
    return Load(
        len(times) / seconds,
        times[len(times) // 2] * 1000,
        times[int(len(times) * 0.95)] * 1000,
        parts[0][1],
    )


def _client(port: int, path: str, seconds: float) -> tuple[list[float], int]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times, size, end = [], 0, time.monotonic() + seconds
    while (begin := time.monotonic()) < end:
        size = _ask(connection, path)
        times.append(time.monotonic() - begin)
    connection.close()
    return times, size


def _ask(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path, headers={"Accept-Language": "ru"})
    answer = connection.getresponse()
    size = len(answer.read())
    if answer.status != 200:
        raise SystemExit(f"{path} answered {answer.status}.")
    return size
