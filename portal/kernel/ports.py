"""Outside door: `port("sms").send(…)`. The vendor is chosen in settings, the adapter is found by a dotted path.

`PORT_ADAPTERS` (settings) maps port → vendor → dotted path of an adapter class. The class has
`from_settings(portal) -> adapter`, where `portal` is `portal.settings.portal`; the vendor's name is the setting
`<PORT>_VENDOR`. An adapter is built on first use, once per process, and must be safe to use from several threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from portal import settings as typed


class PortError(Exception):
    """Base of what a port may raise. Carries no personal data: it ends in logs and in the delivery's row."""


class PortFailure(PortError):
    """The other side refused, or was not reached before anything was handed over: nothing happened there.

    permanent       this message will never be taken; False: repeating the same call may help later
    code            short and stable, lower case, for counting and for tests: `bad-phone`, `unreachable`, `smtp-550`
    detail          a sentence for the operator, without names, numbers, addresses or texts
    stops_provider  the account or the provider is at fault, not the message (never permanent): every message will
                    meet the same, so the operator must be told and other channels used meanwhile
    """

    def __init__(self, *, permanent: bool, code: str, detail: str = "", stops_provider: bool = False) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.permanent = permanent
        self.code = code
        self.detail = detail
        self.stops_provider = stops_provider


class PortUnknown(PortError):
    """The request was written and no usable answer came: it may have taken effect. Ask before repeating."""

    def __init__(self, *, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


_lock = threading.Lock()
_built: dict[str, tuple[str, Any, Any]] = {}
_overrides: dict[str, list[Any]] = {}


def port(name: str) -> Any:
    """The adapter of port `name` (`"sms"`, `"email"`), chosen by settings, or the object put there by a test.

    Raises ImproperlyConfigured when there is no such port or its vendor has no adapter.
    """
    with _lock:
        if stack := _overrides.get(name):
            return stack[-1]
        path = _adapter_path(name)
        known = _built.get(name)
        if known is None or known[0] != path or known[1] is not typed.portal:
            known = (path, typed.portal, import_string(path).from_settings(typed.portal))
            _built[name] = known
        return known[2]


def _adapter_path(name: str) -> str:
    vendors: dict[str, str] | None = settings.PORT_ADAPTERS.get(name)
    if vendors is None:
        raise ImproperlyConfigured(f"there is no port {name!r} in PORT_ADAPTERS")
    vendor = getattr(typed.portal, f"{name}_vendor", None)
    if vendor not in vendors:
        raise ImproperlyConfigured(f"{name.upper()}_VENDOR: expected one of {', '.join(sorted(vendors))}")
    return vendors[vendor]


def forget_adapters() -> None:
    """Build adapters anew on next use (after a change of settings in place, or a fork)."""
    with _lock:
        _built.clear()


@contextmanager
def override_port(name: str, obj: Any) -> Iterator[Any]:
    """For tests: `port(name)` answers `obj` in every thread until the block ends. May be nested."""
    with _lock:
        _overrides.setdefault(name, []).append(obj)
    try:
        yield obj
    finally:
        with _lock:
            _overrides[name].remove(obj)
