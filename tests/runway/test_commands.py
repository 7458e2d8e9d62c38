"""Commands of an operator, on a home that was started once and stopped: each starts the database just for itself."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from portal.runway.embedded import Cluster

Portal = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def operated(prepared: Path, home: Path, portal: Portal) -> Iterator[Portal]:
    """`portal …` on a copy of the prepared home, whose database runs meanwhile."""
    subprocess.run(["cp", "-a", f"{prepared}/.", str(home)], check=True)
    cluster = Cluster(home)
    cluster.start()
    yield portal
    cluster.stop()


def a_patient(home: Path) -> str:
    with psycopg.connect(Cluster(home).url("postgres", "portal")) as connection:
        row = connection.execute("SELECT patient_id FROM kernel_patientkeyset LIMIT 1").fetchone()
    return str(row[0]) if row else ""


def test_migrate_and_seed_do_nothing_the_second_time(operated: Portal, home: Path) -> None:
    assert operated("migrate").stdout.endswith("The database is up to date.\n")
    assert operated("seed").stdout == "The demo clinic is there already.\n"
    assert Cluster(home).is_running


def test_looking_at_the_trail_is_itself_on_the_trail(operated: Portal, home: Path) -> None:
    patient = a_patient(home)
    first = operated("audit", "show", "--patient", patient)
    second = operated("audit", "show", "--patient", patient)
    assert first.returncode == second.returncode == 0, first.stderr
    assert "Patient.register" in first.stdout
    assert second.stdout.count("AuditEvent.show") == first.stdout.count("AuditEvent.show") + 1


def test_a_patient_id_that_is_none_is_wrong_usage(portal: Portal) -> None:
    assert portal("audit", "show", "--patient", "Anna").returncode == 2


def test_a_demo_is_not_fit_for_patients(operated: Portal) -> None:
    result = operated("check", "--deploy")
    assert result.returncode == 1 and "demo accounts exist" in result.stderr and "Traceback" not in result.stderr
    assert operated("check").returncode == 0


def test_staff_are_invited_once(operated: Portal) -> None:
    invite = ("staff", "add", "--email", "new@clinic.example", "--name", "Нина Новая", "--role")
    assert operated(*invite, "doctor").returncode == 2
    assert operated(*invite, "registrar", "--organization", "nowhere").returncode == 2
    assert operated(*invite, "registrar").returncode == 0
    again = operated(*invite, "registrar")
    assert again.returncode == 1 and again.stderr.count("\n") == 1


def test_an_address_that_is_none_is_told_in_english(operated: Portal) -> None:
    result = operated("staff", "add", "--email", "bad", "--name", "N", "--role", "registrar")
    assert result.returncode == 1 and result.stderr.startswith("This is neither a phone nor an e-mail")


def test_the_second_factor_of_a_demo_account(portal: Portal) -> None:
    known = portal("staff", "code", "vera@bereg.example")
    assert known.returncode == 0 and known.stdout.strip().isdigit() and len(known.stdout.strip()) == 6
    unknown = portal("staff", "code", "nobody@bereg.example")
    assert unknown.returncode == 2 and "vera@bereg.example" in unknown.stderr


def test_a_database_that_does_not_answer_gives_one_line(portal: Portal, home: Path) -> None:
    url = f"postgresql://app@/portal?host={home}"
    result = portal("migrate", DATABASE_URL=url, DATABASE_OWNER_URL=url)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("The database does not answer")
