"""`portal mis check|sync|drift`: a clinic's exchange with its own system, from the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click

from portal.runway import environment
from portal.runway.errors import RunwayError
from portal.runway.starting import start_django


@click.group()
def mis() -> None:
    """The exchange with a clinic's own system (MIS). ORGANIZATION is the clinic's slug."""


@mis.command("check")
@click.argument("organization")
def mis_check(organization: str) -> None:
    """Check the mapping file against the portal and against the system itself. Writes nothing."""
    with environment.ready_database():
        _start()
        from portal.runway import exchange

        if not exchange.check(organization, click.echo):
            sys.exit(1)


@mis.command("sync")
@click.argument("organization")
@click.option("--accept-loss", is_flag=True, help="Archive doctors that are missing there, however many.")
def mis_sync(organization: str, accept_loss: bool) -> None:
    """Read the directory and all times now."""
    with environment.ready_database():
        _start()
        from portal.runway import exchange
        from portal.runway.progress import bar

        with _plain_mis_errors():
            exchange.sync(organization, click.echo, accepts_loss=accept_loss, wrap=bar)


@mis.command("drift")
@click.argument("organization")
@click.option("--csv", "out", type=click.File("w"), help="Write the differences into this file instead (- is here).")
def mis_drift(organization: str, out: Any) -> None:
    """Compare everything ahead, follow what differs, print what differs still."""
    with environment.ready_database():
        _start()
        from portal.runway import exchange

        with _plain_mis_errors():
            count = exchange.drift(organization, partial(click.echo, err=out is not None), out)
    sys.exit(1 if count else 0)


def _start() -> None:
    """Whoever presses here reads what is printed; each call's log line is for a worker's log."""
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    start_django()


@contextmanager
def _plain_mis_errors() -> Iterator[None]:
    """What the other system says, in one sentence."""
    from portal.kernel.ports import PortError

    try:
        yield
    except PortError as error:
        raise RunwayError(f"The clinic's system: {error}.") from None
