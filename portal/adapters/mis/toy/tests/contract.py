"""The toy in three zones: east and west of Moscow, where its midnight is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path

from portal.mis.mapping import Mapping
from portal.mis.ports import Capability, Person
from tests.contracts.mis.world import Shape, World
from tests.contracts.processes import Double, running

NINA = Person(
    family_name="Тихая",
    given_name="Нина",
    middle_name="Юрьевна",
    birth_date=date(1970, 5, 6),
    sex="female",
    phones=("+79160000001",),
    snils="11223344595",
)
WRITES = ("/people/add", "/visits/add", "/visits/drop")


def mapping_of(process: Double, folder: Path, zone: str) -> Mapping:
    (folder / "key").write_text("demo\n")
    return Mapping.model_validate({"vendor": "toy", "url": process.url, "timezone": zone, "token_file": folder / "key"})


@contextmanager
def toy(folder: Path, *, zone: str) -> Iterator[World]:
    with running("portal.adapters.mis.toy.tests.toy_system", f"--zone={zone}", sockets=("--fd",)) as process:
        yield World(
            mapping=mapping_of(process, folder, zone),
            has=frozenset({Capability.PATIENTS}),
            doctor_ref="7",
            patient="1",
            person=NINA,
            stranger="2",
            is_write=lambda _method, path: path.endswith(WRITES),
        )


SHAPES = [
    Shape("kamchatka", partial(toy, zone="Asia/Kamchatka")),
    Shape("kaliningrad", partial(toy, zone="Europe/Kaliningrad")),
]
