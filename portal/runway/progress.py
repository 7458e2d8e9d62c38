"""Progress bars for whatever takes longer than two seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

WIDTH = 14


def bar(items: Iterable[Any], label: str) -> Iterator[Any]:
    """Hand the items on and show how many are done: `for doctor in bar(doctors, "Schedules"): …`."""
    with click.progressbar(items, label=label.ljust(WIDTH)) as shown:
        yield from shown
