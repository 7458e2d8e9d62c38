"""Loaded before Django: one real PostgreSQL for the run, migrated as `owner` into templates that tests clone.

`portal_empty` is migrated and empty; `portal_cast` holds the fixed cast (tests/cast.py). Every test gets a database as
the template is (tests/clones.py), so nothing depends on order. The application always connects as `app`.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg
    import pytest

ROOT = Path(__file__).resolve().parent.parent
READY = "PORTAL_TEST_HOME"
HEAVY = {"e2e", "runway", "live", "peers"}

# Hundreds of processes start in a run: what one has compiled the next one reads, whatever the machine prefers.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def start() -> None:
    """In the first process of a run; workers of xdist inherit its environment."""
    from portal.runway.bootstrap import bootstrap
    from portal.runway.embedded import Cluster

    home = Path(tempfile.mkdtemp(prefix="portal-run-", dir=_roomy_memory()))
    home.chmod(0o755)
    cluster = Cluster(home, durable=False)
    cluster.start()
    atexit.register(_stop, cluster, home, os.getpid())
    os.environ.update(
        {
            READY: str(home),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "PORTAL_HOME": str(home),
            "SECRET_KEY": "only for tests, only for tests, only for tests, only for tests",
            "KEK_URI": (home / "kek.json").as_uri(),
            "PUBLIC_URL": "http://testserver",
            "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
            "SMSC_URL": "http://127.0.0.1:9",
            "SMSC_LOGIN": "demo",
            "SMSC_PASSWORD": "demo",
            "SMSC_SENDER": "DEMOCLINIC",
            "SMTP_URL": "smtp://127.0.0.1:9",
            "MAIL_FROM": "clinic@portal.example",
            "LOG_LEVEL": "WARNING",
        }
    )
    _write_kek(home / "kek.json")
    subprocess.run([sys.executable, "scripts/messages.py", "compile"], cwd=ROOT, check=True)
    superuser = cluster.url("postgres", "postgres")
    _template(cluster.url, superuser, "portal_empty", bootstrap, "from tests import cast; cast.migrate()")
    _template(
        cluster.url, superuser, "portal_cast", bootstrap, "from tests import cast; cast.make()", base="portal_empty"
    )
    point_at(cluster.url("app", "portal_empty"))


def _roomy_memory() -> str | None:
    """Clones are copies of files: in memory they take 50 ms, on a busy disk over a second."""
    memory = Path("/dev/shm")  # noqa: S108
    has_room = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 * 2**30
    return str(memory) if has_room else None


def _template(url, superuser, name, bootstrap, code, base=None) -> None:  # type: ignore[no-untyped-def]
    """Make a template database by running `code` in a process of its own, as owner for migrations."""
    if base:
        execute(superuser, f"CREATE DATABASE {name} TEMPLATE {base} STRATEGY file_copy")
    bootstrap(superuser, name)
    role = "app" if base else "owner"
    environment = os.environ | {"DATABASE_URL": url(role, name), "DATABASE_OWNER_URL": url("owner", name)}
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, env=environment, check=True)


def execute(superuser: str, statement: str) -> None:
    """On one connection for the whole process: opening one costs a third of what a clone costs."""
    _direct(superuser).execute(statement.encode())


@cache
def _direct(superuser: str) -> psycopg.Connection:
    import psycopg

    return psycopg.connect(superuser, autocommit=True)


def point_at(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    os.environ["DATABASE_OWNER_URL"] = url.replace("//app@", "//owner@")


def _write_kek(path: Path) -> None:
    import tink
    from tink import aead, json_proto_keyset_format, secret_key_access

    aead.register()
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    path.write_text(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN), encoding="utf-8")


def _stop(cluster, home: Path, pid: int) -> None:  # type: ignore[no-untyped-def]
    if os.getpid() == pid:
        cluster.stop()
        shutil.rmtree(cluster.socket_dir, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def is_heavy(module: Path) -> bool:
    """Browsers, servers, clusters: what may still be at work when the test is over."""
    return not HEAVY.isdisjoint(module.parts)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules that start browsers and servers are spread among those that do not: never all of them at one time."""
    modules = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    heavy = [tests for tests in modules if is_heavy(tests[0].path)]
    light = [tests for tests in modules if not is_heavy(tests[0].path)]
    every = len(light) / (len(heavy) or 1)
    order = [(n, tests) for n, tests in enumerate(light)] + [(n * every, tests) for n, tests in enumerate(heavy)]
    items[:] = [item for _, tests in sorted(order, key=lambda place: place[0]) for item in tests]


def pytest_collection_finish() -> None:
    """What is loaded now stays for the whole run: the collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


if READY not in os.environ:
    start()
