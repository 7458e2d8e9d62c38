"""Every kind of FHIR server the adapter is for, started for the contract suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from functools import partial
from pathlib import Path

from portal.mis.mapping import Mapping
from portal.mis.ports import Capability, Person
from tests.contracts.mis.world import Shape, World
from tests.contracts.processes import http, running_fhir
from tests.peers import clinic, servers

PLAIN = frozenset({Capability.CHANGES, Capability.KEYS, Capability.PATIENTS, Capability.VISITS})
WHOLE = PLAIN | {Capability.ATOMIC, Capability.MOVE}
ANNA = Person(
    family_name="Белова",
    given_name="Анна",
    middle_name="Игоревна",
    birth_date=date(1961, 3, 12),
    sex="female",
    phones=("+79990000001",),
    snils="12312312384",
)
TOKEN = {"Authorization": "Bearer demo"}


def is_write(method: str, path: str) -> bool:
    return method in ("POST", "PUT", "PATCH", "DELETE") and "_search" not in path


def mapping_of(url: str, folder: Path | None) -> Mapping:
    values = {"vendor": "fhir_r4", "url": url, "timezone": "Europe/Moscow", "fresh": {"overlap": 60}}
    if folder:
        (folder / "token").write_text("demo\n")
        values["token_file"] = folder / "token"
    return Mapping.model_validate(values)


@contextmanager
def double(folder: Path, *options: str, has: frozenset[Capability]) -> Iterator[World]:
    with running_fhir(*options) as process:
        base = f"{process.url}/fhir"
        roles, patients = ids_of(base, "PractitionerRole"), ids_of(base, "Patient")
        yield World(mapping_of(base, folder), has, roles[0], patients[0], ANNA, patients[3], is_write)


def ids_of(base: str, kind: str) -> list[str]:
    answer = http.get(f"{base}/{kind}", headers=TOKEN).raise_for_status().json()
    return [entry["resource"]["id"] for entry in answer["entry"]]


@contextmanager
def peer(server: Callable[[], AbstractContextManager[str]], has: frozenset[Capability]) -> Iterator[World]:
    with server() as url:
        there = clinic.seed(url)
        family, given, middle, sex = clinic.PATIENTS[0]
        snils = there.snils[0]
        person = Person(family, given, middle, date(1950, 1, 3), sex, (f"+7916{snils[:7]}",), snils)
        yield World(mapping_of(url, None), has, there.roles[0], there.patients[0], person, there.patients[1], is_write)


SHAPES = [
    Shape("operations", lambda folder: double(folder, "--operations", has=WHOLE | {Capability.HOLD})),
    Shape("transactions", lambda folder: double(folder, has=WHOLE)),
    Shape("plain", lambda folder: double(folder, "--plain", has=PLAIN)),
    Shape("medplum", lambda _folder: peer(servers.medplum, PLAIN), is_peer=True),
    Shape("medplum-atomic", lambda _folder: peer(partial(servers.medplum, atomic=True), WHOLE), is_peer=True),
    Shape("hapi", lambda _folder: peer(servers.hapi, WHOLE), is_peer=True),
]
