"""Find a Chromium for the tests, or install one, and write its path into `.cache/chromium-path`.

In this order: CHROMIUM, one on the PATH, Debian's (as root), the one that npm carries. Beside it, where Debian has it,
Chromium without windows, into `.cache/chromium-shell-path`: it shows the same pages for a third of the time. Standard
library only.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.bootstrap import CACHE, VENV, Trouble, run  # noqa: E402

ANSWER = CACHE / "chromium-path"
SHELL_ANSWER, SHELL = CACHE / "chromium-shell-path", "chromium-headless-shell"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ROOT / "requirements" / "chromium"


def main() -> int:
    try:
        CACHE.mkdir(exist_ok=True)
        if not _known():
            ANSWER.write_text(str(_find() or _from_debian("chromium") or _from_npm()))
        if not SHELL_ANSWER.exists() or not _works(SHELL_ANSWER.read_text()):
            shell = shutil.which(SHELL) or (_from_debian(SHELL) if _is_debians() else None)
            SHELL_ANSWER.write_text(shell or ANSWER.read_text())
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


def _known() -> bool:
    return not os.environ.get("CHROMIUM") and ANSWER.exists() and _works(ANSWER.read_text().strip())


def _find() -> str | None:
    named = os.environ.get("CHROMIUM")
    if named and not _works(named):
        raise Trouble(f"CHROMIUM: expected the path of a Chromium that starts, not {named}.")
    return named or next((path for path in map(shutil.which, NAMES) if path and _works(path)), None)


def _works(path: str) -> bool:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and ("Chrom" in answer.stdout)


def _is_debians() -> bool:
    """Does the browser found come from a package? Then the one without windows fits it."""
    return Path(ANSWER.read_text()).name == "chromium" and shutil.which("dpkg") is not None


def _from_debian(package: str) -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", package]
    is_there = run("Package lists", ["apt-get", "update"], environment=quiet, must=False) and run(
        f"{package} from Debian", install, environment=quiet, must=False
    )
    path = shutil.which(package) if is_there else None
    return path if path and _works(path) else None


def _from_npm() -> Path:
    """The package holds a packed browser and the libraries it needs; a launcher gives it both."""
    place = CACHE / "chromium"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGES / name, place)
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # The package unpacks its libraries only where it believes to be on its usual host.
    environment = {**os.environ, "PATH": path, "TMPDIR": str(place), "AWS_EXECUTION_ENV": "24.x"}
    run("Chromium from npm", [str(VENV / "bin/npm"), "ci", "--ignore-scripts", "--prefix", str(place)], environment)
    module = (place / "node_modules/@sparticuz/chromium/build/index.js").as_uri()
    unpack = f"await (await import({module!r})).default.executablePath()"
    run("Unpacking Chromium", [str(VENV / "bin/node"), "--input-type=module", "-e", unpack], environment)
    (place / "fonts.conf").write_text(
        f'<?xml version="1.0"?><fontconfig><dir>/usr/share/fonts</dir><dir>{place}/fonts</dir>'
        f"<cachedir>{place}/fonts-cache</cachedir></fontconfig>"
    )
    launcher = place / "launch"
    launcher.write_text(
        "#!/bin/sh\n"
        f"export FONTCONFIG_FILE={shlex.quote(str(place / 'fonts.conf'))}\n"
        f"export LD_LIBRARY_PATH=${{LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}}{shlex.quote(str(place / 'al2023/lib'))}\n"
        f'exec {shlex.quote(str(place / "chromium"))} --no-zygote "$@"\n'
    )
    launcher.chmod(0o755)
    if not _works(str(launcher)):
        raise Trouble("The browser from npm does not start here: install chromium and run again.")
    return launcher


if __name__ == "__main__":
    sys.exit(main())
