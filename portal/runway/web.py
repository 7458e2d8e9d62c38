"""The pages' server: `python -m portal.runway.web 8000`. Imports the portal once, then forks its workers."""

from __future__ import annotations

import importlib
import os
import signal
import sys

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from portal.runway.children import tie_to_parent

WORKERS = 2
THREADS = 4


def serve(port: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    importlib.import_module("portal.wsgi")  # before the fork: two workers start in the time of one
    importlib.import_module("portal.urls")
    _no_open_connections()
    master = os.getpid()
    os.register_at_fork(after_in_child=lambda: tie_to_parent(master, signal.SIGKILL))
    Granian(
        "portal.wsgi:application",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=WORKERS,
        blocking_threads=THREADS,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        respawn_interval=0.1,
        workers_kill_timeout=3,
    ).serve()


def _no_open_connections() -> None:
    """A connection shared by two workers would mix up their answers."""
    from django.db import connections

    connections.close_all()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
