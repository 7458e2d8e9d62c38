"""Which database, keys and folder a command works with, as environment variables for it and its children.

With DATABASE_URL set, everything comes from the environment. Without it, commands use the embedded database of
PORTAL_HOME and the keys beside it.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from portal.runway.bootstrap import bootstrap
from portal.runway.embedded import Cluster
from portal.runway.errors import RunwayError, WrongUsage

ROOT = Path(__file__).resolve().parent.parent.parent
DATABASE = "portal"


class KeysMissing(RunwayError):
    """The database outlived the keys that its contents are encrypted with."""


def value_of(name: str) -> str:
    """A setting as given in the environment, before it is checked (portal.settings checks them all)."""
    path = os.environ.get(f"{name}_FILE")
    if path and Path(path).is_file():
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(name, "")


def portal_home() -> Path:
    return Path(value_of("PORTAL_HOME") or ".portal").resolve()


def has_own_database() -> bool:
    """True when the operator named a database; half of the answer is a mistake worth stopping for."""
    given = {name: bool(value_of(name)) for name in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    if given["DATABASE_OWNER_URL"] and not given["DATABASE_URL"]:
        raise WrongUsage("DATABASE_URL: expected too, because DATABASE_OWNER_URL is set.")
    return given["DATABASE_URL"]


def database_environment(cluster: Cluster) -> dict[str, str]:
    return {
        "PORTAL_HOME": str(cluster.home),
        "DATABASE_URL": cluster.url("app", DATABASE),
        "DATABASE_OWNER_URL": cluster.url("owner", DATABASE),
    }


def key_environment(home: Path) -> dict[str, str]:
    """Names of the key files, made once with mode 0600; keys given in the environment win."""
    keys = home / "keys"
    environment = {}
    if not value_of("SECRET_KEY"):
        environment["SECRET_KEY_FILE"] = str(_once(keys / "secret_key", lambda: secrets.token_urlsafe(64)))
    if not value_of("KEK_URI"):
        if not (keys / "kek.json").exists() and Cluster(home).has_data():
            raise KeysMissing(
                f"{keys / 'kek.json'} is missing, and the data in {home} cannot be read without it: "
                f"put the file back, or begin afresh with another PORTAL_HOME."
            )
        environment["KEK_URI"] = f"file://{_once(keys / 'kek.json', _new_kek)}"
    return environment


def practice_environment(home: Path) -> dict[str, str]:
    """For the demo's push service and messenger: names of the files of their keys, made once like the others."""
    keys = home / "keys"
    return {
        "VAPID_PRIVATE_KEY_FILE": str(_once(keys / "vapid_private_key", _new_vapid_key)),
        "MAX_HOOK_SECRET_FILE": str(_once(keys / "max_hook_secret", lambda: secrets.token_urlsafe(32))),
    }


def mis_token_file(home: Path) -> Path:
    """What the demo clinic's own system asks of whoever calls it, made once like the other keys."""
    return _once(home / "keys" / "mis_token", lambda: secrets.token_urlsafe(32))


@contextmanager
def ready_database() -> Iterator[None]:
    """For one command: the settings' database, or the embedded one, started just for it if it does not run."""
    if has_own_database():
        yield
        return
    cluster = Cluster(portal_home())
    keys = key_environment(cluster.home)
    was_running = cluster.is_running
    cluster.start()
    try:
        bootstrap(cluster.url("postgres", "postgres"), DATABASE)
        os.environ.update({"DEMO": os.environ.get("DEMO", "true"), **keys, **database_environment(cluster)})
        yield
    finally:
        if not was_running:
            cluster.stop()


def _once(path: Path, make: Callable[[], str]) -> Path:
    """The file with its first content, whichever process comes first."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(make())
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()
    return path


def _new_kek() -> str:
    import tink
    from tink import aead, json_proto_keyset_format, secret_key_access

    aead.register()
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    return str(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))


def _new_vapid_key() -> str:
    from cryptography.hazmat.primitives.asymmetric import ec

    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")
