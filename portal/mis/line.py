"""The line to a clinic's MIS: every call goes through here. Breaker, a limit of calls at once, a log without persons.

line = line_of(organization)
slots = line.call(line.mis.get_slots, ref, since, until)
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

from portal.kernel.breaker import Breaker
from portal.kernel.ports import PortFailure, PortUnknown
from portal.mis import mapping as mappings
from portal.mis.mapping import Mapping, WrongMapping
from portal.mis.ports import Changed, Mis, MisBroken, MisBusy, MisFailure, MisUnknown

P = ParamSpec("P")
R = TypeVar("R")
logger = logging.getLogger(__name__)
WRITES = {"book", "move", "cancel", "create_patient", "hold_slot"}
REST = 5.0  # seconds the breaker stays open: changes are asked for again and again, so a return is noticed at once


class Line:
    """One clinic's system as this process reaches it. Thread-safe."""

    def __init__(self, mis: Mis, mapping: Mapping) -> None:
        self.mis, self.mapping = mis, mapping
        self._breaker = Breaker(REST)
        self._places = threading.BoundedSemaphore(mapping.calls_at_once)

    def call(self, operation: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """One call. Only errors of `ports.py` leave it: a fault of an adapter's own is MisBroken or MisUnknown."""
        name = operation.__name__
        if self._breaker.is_open():
            raise MisBusy("resting", "left alone for a few seconds after failures in a row")
        began = time.monotonic()
        if not self._places.acquire(timeout=self.mapping.timeouts.read):
            raise MisBusy("too-many-calls", "all calls this system may get at once are under way")
        try:
            result = operation(*args, **kwargs)
        except (PortFailure, PortUnknown) as error:
            self._note(name, began, error)
            raise
        except Exception as fault:  # an adapter's own mistake: a write may have left
            logger.error("mis adapter broke", extra={"operation": name}, exc_info=fault)
            raise (MisUnknown("fault") if name in WRITES else MisBroken("fault")) from None
        finally:
            self._places.release()
        self._note(name, began, None)
        return result

    def _note(self, name: str, began: float, error: PortFailure | PortUnknown | None) -> None:
        """What was asked, how long it took, how it ended. Never of whom."""
        is_well = isinstance(error, Changed | None) or (isinstance(error, MisFailure) and error.permanent)
        (self._breaker.worked if is_well else self._breaker.failed)()
        how = error.code if error else "done"
        logger.info("mis", extra={"operation": name, "ms": round((time.monotonic() - began) * 1000), "how": how})


_lock = threading.Lock()
_lines: dict[str, tuple[Mapping, Line]] = {}
_overrides: dict[str, Line] = {}


def line_of(slug: str) -> Line:
    """The line of the organization with this slug. LookupError without a mapping, WrongMapping with a wrong one."""
    with _lock:
        if slug in _overrides:
            return _overrides[slug]
        mapping = mappings.load(slug)
        known = _lines.get(slug)
        if known is None or known[0] != mapping:  # the file has changed: from now on as it says
            known = (mapping, Line(build(mapping), mapping))
            _lines[slug] = known
        return known[1]


def build(mapping: Mapping) -> Mis:
    """The adapter that the mapping names: `portal/adapters/mis/<vendor>` has `System.from_mapping(mapping)`."""
    try:
        module = import_module(f"portal.adapters.mis.{mapping.vendor}")
    except ModuleNotFoundError:
        raise WrongMapping([f"vendor: there is no adapter {mapping.vendor!r}"]) from None
    try:
        mis: Mis = module.System.from_mapping(mapping)
    except OSError as error:
        raise WrongMapping([f"a secret cannot be read: {error.strerror}"]) from None
    return mis


def has_line(slug: str) -> bool:
    """Is there a mapping, right or wrong, of this organization?"""
    return slug in _overrides or slug in mappings.slugs()


@contextmanager
def override_line(slug: str, mis: Any, mapping: Mapping) -> Iterator[Line]:
    """For tests: this organization's line leads to `mis`, in every thread, until the block ends."""
    line = Line(mis, mapping)
    with _lock:
        _overrides[slug] = line
    try:
        yield line
    finally:
        with _lock:
            _overrides.pop(slug, None)
