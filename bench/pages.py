"""Pages that anyone may open, and the empty one that shows the server's own cost."""

from __future__ import annotations

from bench.load import requests_per_second
from bench.world import World, report

CLIENTS, SECONDS = 4, 4


def measure_large(world: World) -> None:
    """The pages that look at everyone: home counts the nearest time of each specialty, the list of each doctor."""
    _measure(
        world, {"large_home": "/", "large_results": "/doctors/", "large_results_one": "/doctors/?specialty=therapist"}
    )


def measure(world: World) -> None:
    slug = world.ask("SELECT slug FROM people_practitioner ORDER BY slug LIMIT 1")[0][0]
    paths = {
        "health": "/health/live",
        "home": "/",
        "results": "/doctors/?specialty=therapist",
        "doctor": f"/doctors/{slug}/",
        "sign_in": "/sign-in/",
    }
    _measure(world, paths)


def _measure(world: World, paths: dict[str, str]) -> None:
    for name, path in paths.items():
        load = requests_per_second(world.port, path, clients=CLIENTS, seconds=SECONDS)
        report(f"page_{name}", load.per_second, "requests/s")
        report(f"page_{name}_median", load.median_ms, "ms")
        report(f"page_{name}_p95", load.slow_ms, "ms")
