"""Progress bars for whatever takes longer than two seconds."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import click


class Bars:
    """Called as `bars("Patients", done, total)`: one bar after another, each with its own label."""

    def __init__(self) -> None:
        self._label = ""
        self._bar: Any = None

    def __call__(self, label: str, done: int, total: int) -> None:
        if label != self._label:
            self._finish()
            self._label = label
            self._bar = click.progressbar(length=max(total, 1), label=label.ljust(24))
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos)

    def __enter__(self) -> Bars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._finish()

    def _finish(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
