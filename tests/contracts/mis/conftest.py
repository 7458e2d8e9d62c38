"""The worlds of the contract suite: every shape of every adapter, each started once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from portal.adapters.mis.fhir_r4.tests.contract import ANNA, WHOLE, ids_of, is_write, mapping_of
from portal.mis.ports import Mis
from tests.contracts.mis.between import Between, between
from tests.contracts.mis.world import Shape, World, shapes
from tests.contracts.processes import Double, closed_port, running_fhir


def _params() -> list[object]:
    return [pytest.param(one, id=one.name, marks=[pytest.mark.peer] if one.is_peer else []) for one in shapes()]


@pytest.fixture(scope="session")
def _started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ExitStack, dict[str, World]]]:
    """A server outlives its turn: another file asks for it again."""
    with ExitStack() as stack:
        yield stack, {}


@pytest.fixture(params=_params(), scope="module")
def world(request, _started, tmp_path_factory: pytest.TempPathFactory) -> World:
    stack, known = _started
    shape: Shape = request.param
    if shape.name not in known:
        known[shape.name] = stack.enter_context(shape.start(tmp_path_factory.mktemp("world")))
    return known[shape.name]


@pytest.fixture
def mis(world: World) -> Mis:
    return world.mis


@pytest.fixture
def wire(world: World) -> Iterator[Between]:
    with between(world.mapping.url) as made:
        yield made


@pytest.fixture
def shaky(world: World, wire: Between) -> Mis:
    """The same MIS through something that can spoil requests. What it is has been asked already."""
    made = world.another(url=wire.url)
    made.directory()
    made.capabilities()
    return made


@pytest.fixture
def closed(world: World) -> str:
    """The address of this MIS on a port where nobody listens."""
    return urlsplit(world.mapping.url)._replace(netloc=f"127.0.0.1:{closed_port()}").geturl()


# The FHIR adapter alone: its double with its orders at hand -----------------------------------------------------


@pytest.fixture(scope="module")
def _clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Double, World]]:
    with running_fhir() as process:
        base = f"{process.url}/fhir"
        ids = {kind: ids_of(base, kind) for kind in ("PractitionerRole", "Patient")}
        mapping = mapping_of(base, tmp_path_factory.mktemp("traps"))
        yield (
            process,
            World(mapping, WHOLE, ids["PractitionerRole"][0], ids["Patient"][0], ANNA, ids["Patient"][3], is_write),
        )


@pytest.fixture
def double(_clinic: tuple[Double, World]) -> Iterator[Double]:
    """The server itself. Orders that were not used up are forgotten."""
    yield _clinic[0]
    _clinic[0].control("reset")


@pytest.fixture
def here(double: Double, _clinic: tuple[Double, World]) -> World:
    """The server as a world of the suite, on its first day."""
    return replace(_clinic[1], seen=set())


@pytest.fixture
def road(here: World) -> Iterator[Between]:
    with between(here.mapping.url) as made:
        yield made
