"""Django's migrations with a progress bar, one runner at a time."""

from __future__ import annotations

from typing import Any

import click
from django.core.management import call_command
from django.core.management.commands.migrate import Command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from portal.runway.progress import WIDTH

LOCK = 0x6D696772617465  # an advisory lock of the database: two deployments at once take turns


class Quiet(Command):
    """The stock command that counts on a bar instead of printing a line per migration."""

    def __init__(self, shown: Any) -> None:
        super().__init__()
        self._shown = shown

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        if action == "apply_success":
            self._shown.update(1)


def migrate() -> int:
    """Apply what is missing; returns how many migrations that was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            with click.progressbar(length=len(plan) or 1, label="Migrations".ljust(WIDTH)) as shown:
                call_command(Quiet(shown), interactive=False, verbosity=0)
                shown.update(0 if plan else 1)
            return len(plan)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
