"""The `portal` command. Exit codes: 0 done, 1 it failed, 2 wrong usage or a wrong setting."""

from __future__ import annotations

import errno
import getpass
import os
import signal
import subprocess
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from portal.runway import environment
from portal.runway.bootstrap import bootstrap as make_roles
from portal.runway.bootstrap import printed_sql
from portal.runway.children import tie_to_parent
from portal.runway.embedded import Cluster
from portal.runway.errors import RunwayError, WrongUsage
from portal.runway.exchange_commands import mis
from portal.runway.starting import start_django


class PlainErrors(click.Group):
    """Every known failure is one sentence on stderr and an exit code, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RunwayError as error:
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)
        except OSError as error:
            click.echo(_about_file(error), err=True)
            ctx.exit(1)
        except Exception as error:
            sentence = _sentence(error)
            if sentence is None:
                raise
            click.echo(sentence, err=True)
            ctx.exit(1)


def _about_file(error: OSError) -> str:
    place = error.filename or environment.portal_home()
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk that holds {place} is full: free some space and start again."
    return f"{place}: {error.strerror or error}."


def _sentence(error: Exception) -> str | None:
    """What the portal's own errors and a database that is away say in one line; None for a bug."""
    if "django" not in sys.modules:
        return None
    from django.core.exceptions import ValidationError
    from django.db import OperationalError
    from django.utils.translation import override

    from portal.kernel.errors import CryptoError, PortalError

    with override("en"):
        if isinstance(error, PortalError):
            return str(error.text)
        if isinstance(error, ValidationError):
            return " ".join(error.messages)
    if isinstance(error, CryptoError):
        return f"{error}."
    if isinstance(error, OperationalError):
        return f"The database does not answer: {str(error).strip().splitlines()[0]}"
    return None


@click.group(cls=PlainErrors, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Medical Portal: start it, look after its database, look at its audit trail.

    Settings come from the environment: each variable X, or X_FILE, the path of a file that holds the value. Without
    DATABASE_URL every command works with the embedded database of PORTAL_HOME (by default ./.portal).
    """


main.add_command(mis)


# The whole portal ----------------------------------------------------------------------------------------------


@main.command()
def up() -> None:
    """Run the whole portal on this machine until Ctrl-C.

    Starts the embedded database, brings it up to date, fills in the demo once, then runs the pages, live updates, the
    worker and the message doubles. PORT chooses the port, PORTAL_HOME the folder.
    """
    from portal.runway.up import Up
    from portal.settings import portal as settings

    sys.exit(Up(environment.portal_home(), settings.port, say=_say).run())


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


# The database --------------------------------------------------------------------------------------------------


@main.command()
def migrate() -> None:
    """Bring the database up to date, as the role `owner`."""
    with environment.ready_database():
        start_django("owner")
        from portal.runway.migrating import migrate as run

        count = run()
    click.echo(f"Applied {count} migrations." if count else "The database is up to date.")


@main.command()
@click.option(
    "--size",
    type=click.Choice(["demo", "large"]),
    default="demo",
    show_default=True,
    help="`demo` is believable and quick; `large`, for measurements, takes minutes and goes on when broken off.",
)
def seed(size: str) -> None:
    """Fill in the demo clinic, its doctors and patients, once.

    A large one is written by the role `owner`, into a database without a clinic.
    """
    with environment.ready_database():
        start_django("owner" if size == "large" else "app")
        from portal.demo import seed as demo
        from portal.runway.progress import bar

        is_new = demo.run(size=size, progress=bar, in_worker=partial(tie_to_parent, os.getpid(), signal.SIGKILL))
    click.echo(f"The {size} clinic is filled in." if is_new else f"The {size} clinic is there already.")


@main.group()
def db() -> None:
    """Prepare a database server."""


@db.command("bootstrap")
@click.option("--superuser-url", help="postgresql://postgres@host/postgres; the embedded database knows its own.")
@click.option("--database", default=environment.DATABASE, show_default=True, help="Name of the portal's database.")
@click.option("--print-sql", is_flag=True, help="Print what a database administrator runs once in psql.")
def db_bootstrap(superuser_url: str | None, database: str, print_sql: bool) -> None:
    """Make the database, its roles and rights. Running it again changes nothing."""
    if print_sql:
        click.echo(printed_sql(database))
    elif superuser_url:
        make_roles(superuser_url, database)
        click.echo(f"The database {database} and its roles are ready.")
    elif environment.has_own_database():
        raise WrongUsage("--superuser-url: expected, because DATABASE_URL names a server that is not the embedded one.")
    else:
        with environment.ready_database():
            click.echo("The embedded database and its roles are ready.")


@main.command("db-url")
@click.option("--role", type=click.Choice(["app", "owner"]), default="app", show_default=True)
def db_url(role: str) -> None:
    """Print the address of the database, for psql and the like."""
    if environment.has_own_database():
        name = "DATABASE_URL" if role == "app" else "DATABASE_OWNER_URL"
        if not environment.value_of(name):
            raise WrongUsage(f"{name}: expected, because DATABASE_URL is set.")
        click.echo(environment.value_of(name))
        return
    cluster = Cluster(environment.portal_home())
    if not cluster.is_running:
        raise RunwayError(f"The embedded database of {cluster.home} does not run. Start it: make up")
    click.echo(cluster.url(role, environment.DATABASE))


# Looking -------------------------------------------------------------------------------------------------------


@main.command()
@click.option(
    "--deploy", is_flag=True, help="Also what must hold before patients come: TLS, secrets, no demo accounts."
)
def check(deploy: bool) -> None:
    """Check settings, models and the database."""
    with environment.ready_database():
        start_django()
        from django.core.management import call_command
        from django.core.management.base import SystemCheckError

        try:
            call_command("check", deploy=deploy, databases=["default"], fail_level="WARNING" if deploy else "ERROR")
        except SystemCheckError as error:
            raise RunwayError(str(error)) from None


@main.group()
def audit() -> None:
    """Who saw what."""


@audit.command("show")
@click.option("--patient", "patient_id", type=click.UUID, required=True, help="The patient's id.")
def audit_show(patient_id: UUID) -> None:
    """Print the audit trail of one patient. Looking is itself written to the trail."""
    with environment.ready_database():
        start_django("owner")
        from portal.kernel import audit as trail

        rows = trail.show(patient_id, _operator())
    _print_table(rows)


def _operator() -> str:
    """Who typed the command: behind sudo, the person and not root."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def _print_table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        click.echo("Nothing is written about this patient.")
        return
    columns = [name for name in rows[0] if any(row[name] not in (None, "") for row in rows)]
    table = [columns, *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return "" if value is None else str(value)


# Staff ---------------------------------------------------------------------------------------------------------


@main.group()
def staff() -> None:
    """Those who work at the clinic."""


@staff.command("add")
@click.option("--email", required=True, help="The invitation goes there.")
@click.option("--name", required=True, help="As colleagues and patients should read it.")
@click.option("--role", type=click.Choice(["doctor", "registrar", "privacy-officer", "clinic-admin"]), required=True)
@click.option("--organization", help="Slug of the clinic; not needed while there is only one.")
@click.option("--department", default="", help="Slug of the department; doctors of one see each other's patients.")
@click.option("--doctor", help="Slug of the doctor in the directory to whom this account belongs.")
def staff_add(email: str, name: str, role: str, organization: str | None, department: str, doctor: str | None) -> None:
    """Invite somebody: an e-mail with a link to set a password and a second factor."""
    with environment.ready_database():
        start_django()
        from portal.runway.staffing import invite

        invite(email=email, name=name, role=role, organization=organization, department=department, doctor=doctor)
    click.echo(f"An invitation is on its way to {email}.")


@staff.command("code")
@click.argument("email")
def staff_code(email: str) -> None:
    """Print the six digits of the second factor of a demo account."""
    start_django()
    from portal.demo import accounts

    known = {member.email: member for member in accounts.STAFF}
    if email not in known:
        raise WrongUsage(f"There is no demo account {email}. There are: {', '.join(known)}")
    click.echo(accounts.code_now(known[email]))


# For developers and demos --------------------------------------------------------------------------------------


@main.group()
def doubles() -> None:
    """Run a stand-in for an outside service.

    It speaks the real service's protocol and refuses what the service refuses.
    """


def _double(name: str, what: str) -> None:
    @doubles.command(name, help=what, context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("options", nargs=-1, type=click.UNPROCESSED)
    def run(options: tuple[str, ...]) -> None:
        sys.exit(subprocess.call([sys.executable, "-m", f"doubles.{name}", *options], cwd=environment.ROOT))


_double("smsc", "An SMS gateway with the protocol of SMSC.ru and a page of what was sent.")
_double("smsru", "An SMS gateway with the protocol of SMS.ru and a page of what was sent.")
_double("exolve", "An SMS gateway with the protocol of MTS Exolve and a page of what was sent.")
_double("smtp", "A mail server and a page of what was sent.")
_double("push", "A push service of browsers and a page of what they would read.")
_double("fhir", "A clinic's MIS that speaks FHIR R4 and its front desk.")
_double("max", "The bot API of the MAX messenger and a page of its dialogs.")


@main.command()
@click.argument("names", nargs=-1)
def bench(names: tuple[str, ...]) -> None:
    """Measure this machine: prints one line a figure, `bench <name> <value> <unit>`."""
    sys.exit(subprocess.call([sys.executable, "-m", "bench", *names], cwd=environment.ROOT))


# Parts of `up` -------------------------------------------------------------------------------------------------


@main.command(hidden=True)
def worker() -> None:
    """Run the jobs until told to stop."""
    with environment.ready_database():
        start_django()
        from portal.kernel.jobs import work

        work()


@main.command("collect-static", hidden=True)
def collect_static() -> None:
    """Put the style sheets, scripts and pictures where the pages serve them from."""
    start_django()
    from django.conf import settings
    from django.core.management import call_command

    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0)


@main.command("demo-accounts", hidden=True)
def demo_accounts() -> None:
    """Print who may sign in to the demo."""
    start_django()
    from portal.demo import accounts

    click.echo("\n".join(accounts.lines()))


if __name__ == "__main__":
    main(prog_name="portal")
