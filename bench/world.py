"""A portal of its own for the measurements, made and thrown away: the demo, or the large clinic."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from portal.runway.bootstrap import bootstrap
from portal.runway.embedded import Cluster
from portal.runway.environment import DATABASE, ROOT, database_environment, key_environment

WITHOUT_LIMIT = {"LOOKS_PER_TEN_MINUTES": "1000000000"}  # a load of one network is what limits are against
FEW_TIMES = "portal_few"  # the same clinic with a hundredth of its future times
SEED = """
import os, signal, sys, django
django.setup()
from functools import partial
from portal.demo.large import Size, run
from portal.runway.children import tie_to_parent
from portal.runway.progress import bar
run(Size({}), progress=bar, in_worker=partial(tie_to_parent, os.getpid(), signal.SIGKILL))
"""
SIZES = {
    "large": ("", "patients=2000, doctors=5, past_days=100"),
    "small": ("patients=5000, doctors=50, past_days=10", "patients=200, doctors=5, past_days=10"),
}


def report(name: str, value: float, unit: str) -> None:
    print(f"bench {name} {value:.4g} {unit}" if value < 1000 else f"bench {name} {value:.0f} {unit}", flush=True)


def tell(line: str) -> None:
    print(f"… {line}", file=sys.stderr, flush=True)


def load_average() -> float:
    return os.getloadavg()[0]


class World:
    """Started on entering: `port` answers, `url` leads to its database."""

    def __init__(self, home: Path | None = None) -> None:
        self.keep = home is not None
        self.home = home or Path(tempfile.mkdtemp(prefix="portal-bench-"))
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o711)
        self.cluster = Cluster(self.home)
        self.port = _free_ports()
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> World:
        self.figures = {"start_new": self._start()}
        self.settings = {**key_environment(self.home), **database_environment(self.cluster)}
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self.cluster.stop()
        if not self.keep:
            shutil.rmtree(self.home, ignore_errors=True)

    def _start(self) -> float:
        """Seconds until the line `ready:`."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", "up"],
            env=kept | {"PORTAL_HOME": str(self.home), "PORT": str(self.port)} | WITHOUT_LIMIT,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for line in self.process.stdout or []:
            if line.startswith("ready:"):
                return time.monotonic() - begin
        raise SystemExit("The portal did not start; see the lines above.")

    def _stop(self) -> float:
        begin = time.monotonic()
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
        self.process = None
        return time.monotonic() - begin

    @property
    def gateway(self) -> str:
        """The double of the SMS gateway."""
        return f"http://127.0.0.1:{self.port + 2}"

    def measure_start(self) -> None:
        """New, with migrations and demo data; then stopped; then again."""
        report("start_new", self.figures["start_new"], "s")
        report("stop", self._stop(), "s")
        report("start_again", self._start(), "s")

    def url(self, role: str, database: str = DATABASE) -> str:
        return self.cluster.url(role, database)

    def ask(self, question: str, *parameters: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url("postgres")) as connection:
            return connection.execute(question, parameters or None).fetchall()  # type: ignore[arg-type]

    def environment(self, role: str = "app", database: str = DATABASE) -> dict[str, str]:
        """For a process of the portal that works with this database."""
        named = {"DATABASE_URL": self.url(role, database), "DATABASE_OWNER_URL": self.url("owner", database)}
        return os.environ | self.settings | named | {"DJANGO_SETTINGS_MODULE": "portal.settings", "LOG_LEVEL": "ERROR"}

    def python(self, code: str, *arguments: object, role: str = "app", database: str = DATABASE) -> str:
        """The last line a program of the portal prints."""
        command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
        result = subprocess.run(
            command, env=self.environment(role, database), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
        )
        return result.stdout.rstrip().rpartition("\n")[2]

    def pgbench(self, scripts: list[str], *options: str) -> float:
        """Transactions a second of these scripts, prepared, as the role `app`."""
        paths = [self.home / f"pgbench{n}.sql" for n in range(len(scripts))]
        for path, script in zip(paths, scripts, strict=True):
            path.write_text(script)
        socket_dir = parse_qs(urlsplit(self.url("app")).query)["host"][0]
        files = [word for path in paths for word in ("-f", str(path))]
        command = [str(self.cluster.bin() / "pgbench"), "-n", "-M", "prepared", *files, *options]
        result = subprocess.run(
            [*command, "-h", socket_dir, "-U", "app", DATABASE], capture_output=True, text=True, check=False
        )
        found = re.search(r"tps = ([\d.]+)", result.stdout)
        if result.returncode or not found:
            raise SystemExit(f"pgbench failed: {result.stderr.strip()[-800:]}")
        return float(found[1])


class LargeWorld(World):
    """With the large clinic (BENCH_SIZE=small: 5,000 patients, 90,000 times). BENCH_HOME keeps it for the next time."""

    def __init__(self) -> None:
        kept = os.environ.get("BENCH_HOME")
        super().__init__(Path(kept).resolve() if kept else None)
        self.size = os.environ.get("BENCH_SIZE", "large")
        if self.size not in SIZES:
            raise SystemExit(f"BENCH_SIZE: expected {' or '.join(SIZES)}.")

    def __enter__(self) -> World:
        self.settings = key_environment(self.home)
        self.cluster.start()
        self.settings |= database_environment(self.cluster)
        begin = time.monotonic()
        for name, size in zip((DATABASE, FEW_TIMES), SIZES[self.size], strict=True):
            bootstrap(self.url("postgres", "postgres"), name)
            self._run("-m", "portal.cli", "migrate", database=name)
            self._run("-W", "ignore", "-c", SEED.format(size), database=name)
        report("seed", time.monotonic() - begin, "s")
        self._start()
        return self

    def _run(self, *arguments: str, database: str) -> None:
        """What it prints is for people: the figures have standard output for themselves."""
        environment = self.environment("owner", database)
        subprocess.run([sys.executable, *arguments], env=environment, cwd=ROOT, stdout=sys.stderr, check=True)


def _free_ports() -> int:
    """A port whose seven neighbours, which `portal up` takes too, are free."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 65000 and all(_is_free(port + offset) for offset in range(8)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
