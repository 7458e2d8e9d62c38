"""`portal up`: the whole portal on one machine, in the foreground, from nothing to `ready:` and back to nothing."""

from __future__ import annotations

import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from portal.demo import front_desk
from portal.runway import children, environment, versions
from portal.runway.bootstrap import bootstrap
from portal.runway.children import Child, Make
from portal.runway.embedded import Cluster
from portal.runway.errors import PortTaken, RunwayError

PYTHON = sys.executable
PATIENCE, DATABASE_PATIENCE = 4.0, 3
READY_WITHIN = 120.0


class Stopped(Exception):
    """Leave the steps and stop everything."""


class CannotStart(RunwayError):
    """A step or a child failed; its log says more."""


class Up:
    """One run of the portal; `run` returns the exit code."""

    def __init__(self, home: Path, port: int, say: Callable[[str], None]) -> None:
        self.home, self.port, self.say = home, port, say
        self.cluster = Cluster(home, say=say)
        self.children: list[Child] = []
        self.environment: dict[str, str] = {}
        self.sockets: list[socket.socket] = []
        self._asked_to_stop = False
        self._make = Make.above_us()
        self._step: subprocess.Popen[bytes] | None = None
        self._accounts: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self._note_signal)
        try:
            self._prepare()
            self._start_pages()
            self._wait_until_ready()
            self._start("worker", [PYTHON, "-m", "portal.cli", "worker"])
            self._announce()
            while True:
                self._tend()
        except Stopped:
            return 0
        finally:
            self._stop()

    # Steps -----------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        self._lock_home()
        children.end_leftovers(self.home)
        self._reserve_port()
        self.environment = self._base_environment()
        self._start_database()
        self._bind_sockets()
        self._accounts = self._spawn("demo-accounts", output=subprocess.PIPE)
        static = self._collect_static()
        self._bring_up_to_date()
        if static:
            self._finish(static, "collect-static")
            self._static_stamp().write_text(versions.static_version())

    def _lock_home(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True, mode=0o711)
        lock = (self.home / "up.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise CannotStart(
                f"{self.home} is in use by another `portal up` (process {lock.read().strip() or '?'}). "
                f"Stop that one, or choose another folder: PORTAL_HOME=.portal2 PORT={self.port + 10} make up"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _reserve_port(self) -> None:
        """Bound here alone, then shared: the web server may join, a second copy of the portal may not."""
        reserved = _new_socket()
        self.sockets.append(reserved)
        try:
            reserved.bind(("127.0.0.1", self.port))
        except PermissionError:
            raise PortTaken(f"Port {self.port} needs root. Choose one above 1023: PORT=8000 make up") from None
        except OSError:
            raise PortTaken(
                f"Port {self.port} is taken by another program. Choose another: PORT={self.port + 10} make up"
            ) from None
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

    def _base_environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **environment.key_environment(self.home),
            **environment.practice_environment(self.home),
            "PORTAL_HOME": str(self.home),
            "PORT": str(self.port),
            "DEMO": "true",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "PYTHONUNBUFFERED": "1",
            children.MARK: str(self.home),
        }

    def _start_database(self) -> None:
        if environment.has_own_database():
            self.say("Database      the one DATABASE_URL names")
            return
        is_new = not self.cluster.has_data()
        self.say(f"Database      PostgreSQL in {self.cluster.data}{', new' if is_new else ''}")
        self.cluster.start()
        bootstrap(self.cluster.url("postgres", "postgres"), environment.DATABASE)
        self.environment |= environment.database_environment(self.cluster)
        self._leave_if_asked()

    def _bind_sockets(self) -> None:
        """Live and the doubles get sockets that are already ours, so two copies never race for a port."""
        self.sockets += [_bound(self.port + offset) for offset in range(1, 8)]
        live, sms, mail_page, mail, push, messenger, desk = (item.getsockname()[1] for item in self.sockets[1:])
        self.environment |= {
            "LIVE_PORT": str(live),
            "SMSC_URL": f"http://127.0.0.1:{sms}",
            "SMTP_URL": f"smtp://127.0.0.1:{mail}",
            "SMSC_LOGIN": "demo",
            "SMSC_PASSWORD": "demo",
            "SMSC_SENDER": "DEMOCLINIC",
            "MAIL_FROM": "portal@clinic.example",
            "PUSH_VENDOR": "webpush",
            "VAPID_SUBJECT": "mailto:portal@clinic.example",
            "PUSH_EXTRA_HOSTS": f"http://127.0.0.1:{push}",
            "CHAT_VENDOR": "max",
            "MAX_URL": f"http://127.0.0.1:{messenger}",
            "MAX_LINK_URL": f"http://127.0.0.1:{messenger}",
            "MAX_TOKEN": "demo",
            "MAX_BOT_NAME": "demo_bot",
        }
        self.mail_page = f"http://127.0.0.1:{mail_page}"
        self.front_desk = f"http://127.0.0.1:{desk}"
        if not environment.value_of("MIS_FOLDER"):
            token = environment.mis_token_file(self.home)
            front_desk.keep_mapping(self.home / "mis", url=f"{self.front_desk}/fhir", token_file=token)

    def _collect_static(self) -> subprocess.Popen[bytes] | None:
        """Runs beside the migrations; nothing to do while no source file has changed."""
        stamp = self._static_stamp()
        if (self.home / "static").is_dir() and stamp.exists() and stamp.read_text() == versions.static_version():
            return None
        self.say("Static files  collecting")
        return self._spawn("collect-static")

    def _bring_up_to_date(self) -> None:
        """Migrations and demo data; nothing to do while neither code nor database has changed."""
        superuser_url = "" if environment.has_own_database() else self.cluster.url("postgres", "postgres")
        version = versions.code_version()
        if superuser_url and versions.prepared_version(superuser_url) == version:
            return
        self._run_step("migrate", "Bringing the database up to date")
        self._run_step("seed", "Looking after the demo data")
        if superuser_url:
            versions.note_prepared(superuser_url, version)

    def _run_step(self, command: str, what: str) -> None:
        self.say(what)
        self._finish(self._spawn(command), command)

    def _spawn(self, command: str, output: int | None = None) -> subprocess.Popen[bytes]:
        return children.spawn([PYTHON, "-m", "portal.cli", command], self.environment, environment.ROOT, output=output)

    def _finish(self, process: subprocess.Popen[bytes], command: str) -> None:
        self._step = process
        while process.poll() is None:
            self._leave_if_asked()
            time.sleep(0.02)
        self._step = None
        if process.returncode:
            raise CannotStart(f"`portal {command}` failed; the lines above and {self.home / 'log'} tell why.")

    # Children --------------------------------------------------------------------------------------------------

    def _start_pages(self) -> None:
        """What a visitor needs comes first; the worker waits until the pages are there."""
        live = self.sockets[1]
        self._start("web", [PYTHON, "-m", "portal.runway.web", str(self.port)])
        self._start("live", _live_command(live), live)
        self._start_doubles()

    def _start_doubles(self) -> None:
        """Where messages go in the demo, and the clinic's own system.

        Two answer: a browser that shows a message, a person who writes to the bot.
        """
        sms, mail_page, mail, push, messenger, desk = self.sockets[2:]
        here = f"http://127.0.0.1:{self.port}"
        mail_fds = ["--smtp-fd", str(mail.fileno()), "--http-fd", str(mail_page.fileno())]
        hook = ["--hook", f"{here}/hooks/max/", "--secret-file", self.environment["MAX_HOOK_SECRET_FILE"]]
        self._start_double("smsc", sms)
        self._start("smtp", [PYTHON, "-m", "doubles.smtp", *mail_fds], mail, mail_page)
        self._start_double("push", push, "--shown", f"{here}/push/shown/")
        self._start_double("max", messenger, *hook)
        kept = ["--file", str(self.home / "mis.sqlite"), "--token-file", str(environment.mis_token_file(self.home))]
        self._start_double("fhir", desk, *kept)

    def _start_double(self, name: str, place: socket.socket, *options: str) -> None:
        self._start(name, [PYTHON, "-m", f"doubles.{name}", "--fd", str(place.fileno()), *options], place)

    def _start(self, name: str, command: list[str], *sockets: socket.socket) -> None:
        fds = tuple(item.fileno() for item in sockets)
        log = self.home / "log" / f"{name}.log"
        child = Child(name, command, self.environment, log, environment.ROOT, fds)
        self.children.append(child)
        child.start()

    def _tend(self) -> None:
        self._leave_if_asked()
        for child in self.children:
            sentence = child.tend()
            if child.is_hopeless:
                raise CannotStart(_hopeless(child))
            if sentence:
                self.say(sentence)
        time.sleep(0.1)

    def _wait_until_ready(self) -> None:
        self.say("Starting      pages, live updates, worker, doubles of other systems")
        deadline = time.monotonic() + READY_WITHIN
        while not self._is_ready():
            self._tend()
            if time.monotonic() > deadline:
                web = next(child for child in self.children if child.name == "web")
                raise CannotStart(f"The portal did not become ready in {READY_WITHIN:.0f} s. See {web.log}.")

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _announce(self) -> None:
        address = f"http://127.0.0.1:{self.port}"
        self.say(f"\nThe portal runs at {address}\n")
        for line in self._account_lines():
            self.say(f"  {line}")
        self.say(f"\n  Sent SMS are at {self.environment['SMSC_URL']}, sent e-mail at {self.mail_page}")
        pages = self.environment["PUSH_EXTRA_HOSTS"], self.environment["MAX_URL"]
        self.say(f"  Browsers' notifications are at {pages[0]}, the messenger MAX at {pages[1]}")
        self.say(f"  The clinic's own system (front desk) is at {self.front_desk}")
        self.say("  Ctrl-C stops everything; the data stays.\n")
        self.say(f"ready: {address}")

    def _account_lines(self) -> list[str]:
        """Who may sign in to the demo; asked for while the pages were starting."""
        if self._accounts is None or self._accounts.stdout is None:
            return []
        self._finish(self._accounts, "demo-accounts")
        return self._accounts.stdout.read().decode().splitlines()

    # The end ---------------------------------------------------------------------------------------------------

    def _note_signal(self, number: int, frame: object) -> None:
        self._asked_to_stop = True

    def _leave_if_asked(self) -> None:
        if self._asked_to_stop or (self._make and self._make.wants_to_leave()):
            self.say("\nStopping …")
            raise Stopped

    def _stop(self) -> None:
        """Children first, together; the database last. Also after an error half way."""
        running = [child.process for child in self.children if child.process] + ([self._step] if self._step else [])
        children.stop_all(running, PATIENCE)
        for item in self.sockets:
            item.close()
        if self._lock is None:
            return
        children.end_leftovers(self.home)
        if not environment.has_own_database():
            self.cluster.stop(within=DATABASE_PATIENCE)
        self._lock.close()

    def _static_stamp(self) -> Path:
        return self.home / "static.stamp"


def _live_command(listening: socket.socket) -> list[str]:
    options = ["--fd", str(listening.fileno()), "--timeout-graceful-shutdown", "3", "--log-level", "warning"]
    return [PYTHON, "-m", "uvicorn", *options, "--no-access-log", "portal.live:application"]


def _new_socket() -> socket.socket:
    item = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return item


def _bound(preferred: int) -> socket.socket:
    """A listening socket on the preferred port, or on any free one."""
    item = _new_socket()
    try:
        item.bind(("127.0.0.1", preferred))
    except (OSError, OverflowError):
        item.bind(("127.0.0.1", 0))
    item.listen(128)
    return item


def _hopeless(child: Child) -> str:
    tail = "\n".join(f"  {line}" for line in child.last_lines())
    return f"{child.name} stops again and again; everything is stopped. The end of {child.log}:\n{tail}"
