"""The mapping file of the demo clinic's own system: written once, kept right, and the operator's as soon as changed."""

from __future__ import annotations

from pathlib import Path

import yaml

from portal.demo.front_desk import KEPT, keep_mapping
from portal.mis.mapping import Mapping

URL, OTHER = "http://127.0.0.1:8007/fhir", "http://127.0.0.1:8107/fhir"


def keep(folder: Path, url: str = URL) -> Path:
    return keep_mapping(folder, url=url, token_file=folder / "a: token")


def read(path: Path) -> Mapping:
    return Mapping.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_a_fresh_mapping_leads_to_the_double(tmp_path: Path) -> None:
    mapping = read(keep(tmp_path / "mis"))
    assert (mapping.url, mapping.token_file) == (URL, tmp_path / "mis" / "a: token")
    assert mapping.fresh.changes == 2 and set(mapping.branches.values()) == {"rechnaya", "sadovaya"}


def test_the_same_again_does_not_touch_the_file(tmp_path: Path) -> None:
    before = keep(tmp_path).stat()
    after = keep(tmp_path).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_another_port_is_followed_and_what_the_operator_changed_stays(tmp_path: Path) -> None:
    path = keep(tmp_path)
    path.write_text(path.read_text().replace("when_down: request", "when_down: later  # as we agreed"))
    keep(tmp_path, OTHER)
    assert read(path).url == OTHER
    assert "when_down: later  # as we agreed" in path.read_text()


def test_an_address_of_the_operators_own_is_never_touched(tmp_path: Path) -> None:
    path = keep(tmp_path)
    own = "\n".join(line.partition("  #")[0] for line in path.read_text().splitlines())
    path.write_text(own)
    keep(tmp_path, OTHER)
    assert path.read_text() == own and KEPT not in own


def test_nothing_half_written_is_taken_for_a_mapping(tmp_path: Path) -> None:
    keep(tmp_path)
    keep(tmp_path, OTHER)
    assert [path.name for path in tmp_path.iterdir()] == ["bereg.yaml"]
