"""The demo clinic's own system: where `portal up` finds it, written into the clinic's mapping file.

Written once. Later only the two lines that say so are kept right, so whatever the operator changes stays.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

SLUG = "bereg"
KEPT = "# kept right by `make up`; without this remark the line is yours"
TEXT = f"""\
# The exchange of the demo clinic with its own system. docs/howto/connect-a-mis.md explains every key.
vendor: fhir_r4
url: ""  {KEPT}
token_file: ""  {KEPT}
timezone: Europe/Moscow
when_down: request
branches:
  Речная, 12: rechnaya
  Садовая, 5: sadovaya
specialties:
  Эндокринолог: endocrinologist
  Офтальмолог: ophthalmologist
  Уролог: urologist
fresh:
  changes: 2
"""


def keep_mapping(folder: Path, *, url: str, token_file: Path) -> Path:
    """The mapping of the demo clinic, leading to this address with this token. Nothing else of it is touched."""
    path = folder / f"{SLUG}.yaml"
    text = path.read_text(encoding="utf-8") if path.exists() else TEXT
    for name, value in (("url", url), ("token_file", str(token_file))):
        line = f"{name}: {json.dumps(value, ensure_ascii=False)}  {KEPT}"
        text = re.sub(rf"^{name}:.*  {re.escape(KEPT)}$", lambda _, line=line: line, text, flags=re.MULTILINE)  # type: ignore[misc]
    _write(path, text)
    return path


def _write(path: Path, text: str) -> None:
    """In one step: the worker may be reading it."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
