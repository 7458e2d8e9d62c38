"""Make `.venv` fit for `make`: packages from the lock file, the `portal` launcher, front-end assets, translations.

Run by any python3 with nothing but its standard library:  python3 scripts/bootstrap.py demo|dev
The second run finds a stamp and is done at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
LOG = CACHE / "bootstrap.log"
STAMP = VENV / "installed.txt"
NEEDED_BYTES = 1500 * 1024 * 1024
OLDEST_NODE = 18
SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
NO_NETWORK = (
    "name resolution",
    "dns error",
    "error sending request",
    "Failed to establish a new connection",
    "Network is unreachable",
    "No matching distribution found",
    "Connection refused",
    "timed out",
    "EAI_AGAIN",
    "ENOTFOUND",
    "ECONNREFUSED",
)


class Trouble(Exception):
    """One line that tells what is wrong and what to do."""


def main() -> int:
    profile = sys.argv[1] if len(sys.argv) > 1 else "demo"
    if profile not in ("demo", "dev"):
        print("usage: bootstrap.py [demo|dev]", file=sys.stderr)
        return 2
    try:
        _find_python()
        CACHE.mkdir(exist_ok=True)
        with (CACHE / "bootstrap.lock").open("w") as lock:  # two `make` in one checkout take turns
            fcntl.flock(lock, fcntl.LOCK_EX)
            install(profile)
            build()
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"{error.filename or ROOT}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def _find_python() -> None:
    """A machine's python3 may be old while a newer one lies beside it."""
    if sys.version_info >= OLDEST:
        return
    for name in ("python3.13", "python3.12", "python3.11"):
        newer = shutil.which(name)
        if newer:
            os.execv(newer, [newer, *sys.argv])  # noqa: S606
    raise Trouble(
        f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}. "
        f"Name another one: make PYTHON=/path/to/python3.11 up"
    )


# Packages ------------------------------------------------------------------------------------------------------


def install(profile: str) -> None:
    """Bring `.venv` to exactly what the lock file says; `dev` holds all of `demo`."""
    wanted = {name: f"{name} {_digest(_lock(name))}" for name in {profile, "dev"}}
    if _venv_works() and STAMP.exists() and STAMP.read_text() in wanted.values():
        return
    free = shutil.disk_usage(ROOT).free
    if free < NEEDED_BYTES:
        raise Trouble(f"{free // 2**20} MB are free on this disk; {NEEDED_BYTES // 2**20} MB are needed to install.")
    if not _venv_works():
        _make_venv()
    STAMP.unlink(missing_ok=True)
    if not _sync_with_uv(_lock(profile)):
        _pip("Python packages", "install", "--require-hashes", "-r", str(_lock(profile)))
    _write_launcher()
    STAMP.write_text(wanted[profile])


def _lock(profile: str) -> Path:
    return ROOT / "requirements" / f"{profile}.lock.txt"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _venv_works() -> bool:
    python = VENV / "bin" / "python"
    if not python.exists():
        return False
    check = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    return subprocess.run([python, "-c", check], stderr=subprocess.DEVNULL, check=False).returncode == 0


def _make_venv() -> None:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise Trouble(
            "This Python cannot make virtual environments. Install the missing part: sudo apt install python3-venv"
        ) from None
    shutil.rmtree(VENV, ignore_errors=True)
    run("Python environment", [sys.executable, "-m", "venv", str(VENV)])


def _sync_with_uv(lock: Path) -> bool:
    """The quick way (seconds instead of a minute); False when uv is not to be had here."""
    tool = CACHE / f"uv-{_digest(_lock('uv'))[:12]}"
    if not (tool / "bin" / "uv").exists():
        fresh = tool.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        if not _pip("Installer", "install", "--require-hashes", "-r", str(_lock("uv")), "-t", str(fresh), must=False):
            return False
        fresh.rename(tool)
    command = [str(tool / "bin" / "uv"), "pip", "sync", "--require-hashes", "--no-progress", str(lock)]
    return run("Python packages", command, environment=_uv_environment(), must=False)


def _uv_environment() -> dict[str, str]:
    """What pip was told about this network holds for uv too; the usual cache makes the next clone quick."""
    home = os.environ.get("HOME", "")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path(home, ".cache"), "uv")
    told = {
        "SSL_CERT_FILE": os.environ.get("PIP_CERT")
        or (SYSTEM_CERTIFICATES if Path(SYSTEM_CERTIFICATES).exists() else ""),
        "UV_DEFAULT_INDEX": os.environ.get("PIP_INDEX_URL", ""),
        "UV_INDEX": os.environ.get("PIP_EXTRA_INDEX_URL", ""),
        "UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", ""),
        "UV_CACHE_DIR": str(cache if home and os.access(home, os.W_OK) else CACHE / "uv"),
    }
    return {name: value for name, value in told.items() if value} | os.environ | {"VIRTUAL_ENV": str(VENV)}


def _pip(what: str, *arguments: str, must: bool = True) -> bool:
    command = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    return run(what, command, must=must)


def _write_launcher() -> None:
    """`.venv/bin/portal`, and the checkout on the path of this environment."""
    site = next((VENV / "lib").glob("python3.*/site-packages"))
    (site / "medical-portal.pth").write_text(f"{ROOT}\n")
    launcher = VENV / "bin" / "portal"
    launcher.write_text(f"#!/bin/sh\nexec '{VENV}/bin/python' -m portal.cli \"$@\"\n")
    launcher.chmod(0o755)


# Front end -----------------------------------------------------------------------------------------------------


def build() -> None:
    """Assets and translations. Both scripts know themselves what to do; unchanged files do not even start them."""
    web = [ROOT / "package.json", ROOT / "package-lock.json", *_files(ROOT / "portal" / "web", apart_from="built")]
    words = [*ROOT.glob("portal/locale/*/*/*.po")]
    _build("Front-end assets", "assets.py", [], web, [ROOT / "portal/web/static/built/.stamp"])
    _build("Translations", "messages.py", ["compile"], words, [path.with_suffix(".mo") for path in words])


def _build(what: str, script: str, arguments: list[str], sources: list[Path], results: list[Path]) -> None:
    path, mark = ROOT / "scripts" / script, CACHE / f"{script}.done"
    if not path.exists() or _is_fresh(mark, [path, STAMP, *sources], results):
        return
    begun = time.time()
    run(
        what,
        [str(VENV / "bin" / "python"), str(path), *arguments],
        environment={**os.environ, "PATH": _path_with_node()},
    )
    mark.touch()
    os.utime(mark, (begun, begun))


def _is_fresh(mark: Path, sources: list[Path], results: list[Path]) -> bool:
    if not mark.exists() or not all(result.exists() for result in results):
        return False
    return all(source.stat().st_mtime < mark.stat().st_mtime for source in sources if source.exists())


def _files(folder: Path, apart_from: str) -> list[Path]:
    return [path for path in folder.rglob("*") if apart_from not in path.parts and "__pycache__" not in path.parts]


def _path_with_node() -> str:
    path = os.environ.get("PATH", os.defpath)
    node = shutil.which("node")
    if node and shutil.which("npm"):
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        if version.startswith("v") and int(version[1:].split(".")[0]) >= OLDEST_NODE:
            return path
    return f"{VENV / 'bin'}{os.pathsep}{path}"


# Running -------------------------------------------------------------------------------------------------------


def run(what: str, command: list[str], environment: dict[str, str] | None = None, must: bool = True) -> bool:
    """Run with the output in a log; a step over two seconds shows that it lives. True when it succeeded."""
    started = time.monotonic()
    with LOG.open("a+") as log:
        begin = log.seek(0, os.SEEK_END)
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _wait(process, what, started)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        log.seek(begin)
        output = log.read()
    if process.returncode and must:
        raise Trouble(_reason(what, output))
    return process.returncode == 0


def _wait(process: subprocess.Popen[bytes], what: str, started: float) -> None:
    """On a terminal the seconds tick; in a log there is one line."""
    is_terminal = sys.stdout.isatty()
    while process.poll() is None:
        try:
            process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            if is_terminal and time.monotonic() - started > 2:
                print(f"\r{what} … {time.monotonic() - started:.0f} s", end="", flush=True)
    seconds = time.monotonic() - started
    if seconds > 2:
        result = "done" if process.returncode == 0 else "failed"
        print(f"{chr(13) if is_terminal else ''}{what}: {result} in {seconds:.0f} s   ", flush=True)


def _reason(what: str, output: str) -> str:
    if "No space left on device" in output or "ENOSPC" in output:
        return f"{what}: the disk is full. Free {NEEDED_BYTES // 2**20} MB and run again."
    if any(sign in output for sign in NO_NETWORK):
        return f"{what}: the package registry does not answer. Check the network and run again. Details: {LOG}"
    lines = [line for line in output.splitlines() if line.strip()] or ["no reason given"]
    return f"{what} failed: {lines[-1].strip()} Details: {LOG}"


if __name__ == "__main__":
    sys.exit(main())
