"""The command line says plainly what it needs, and its exit codes can be relied upon."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.runway.embedded import Cluster

Portal = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    "command",
    ["", "up", "migrate", "seed", "db", "db bootstrap", "db-url", "check", "audit", "audit show", "doubles", "bench"],
)
def test_every_command_explains_itself(portal: Portal, command: str) -> None:
    result = portal(*command.split(), "--help")
    assert result.returncode == 0 and "Usage:" in result.stdout and "Traceback" not in result.stderr


def test_an_unknown_command_is_wrong_usage(portal: Portal) -> None:
    assert portal("seal").returncode == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "99999"),
        ("DEMO", "perhaps"),
        ("DATABASE_URL", "mysql://app@h/p"),
        ("SMTP_URL", "h:25"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(portal: Portal, name: str, value: str) -> None:
    result = portal("up", **{name: value})
    assert result.returncode == 2
    assert result.stderr.startswith(f"{name}: expected ") and result.stderr.count("\n") == 1


def test_a_setting_may_come_from_a_file(portal: Portal, home: Path) -> None:
    file = home / "url"
    file.write_text("postgresql://app@db.example/portal\n")
    result = portal("db-url", DATABASE_URL_FILE=str(file))
    assert result.stdout == "postgresql://app@db.example/portal\n"


def test_a_wrong_value_in_a_file_is_named_like_any_other(portal: Portal, home: Path) -> None:
    file = home / "port"
    file.write_text("eighty\n")
    result = portal("up", PORT_FILE=str(file))
    assert result.returncode == 2 and result.stderr.startswith("PORT: expected ")


def test_a_secret_file_that_cannot_be_read_is_named(portal: Portal, home: Path) -> None:
    result = portal("up", SECRET_KEY_FILE=str(home / "nowhere"))
    assert result.returncode != 0 and "SECRET_KEY_FILE: cannot read" in result.stderr
    assert "Traceback" not in result.stderr


def test_half_of_the_database_settings_is_a_mistake(portal: Portal) -> None:
    result = portal("db-url", DATABASE_OWNER_URL="postgresql://owner@db.example/portal")
    assert result.returncode == 2 and result.stderr.startswith("DATABASE_URL: expected")


def test_a_taken_port_gives_one_line(portal: Portal, home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = portal("up", PORT=str(port))
    assert result.returncode == 1
    assert result.stderr == (f"Port {port} is taken by another program. Choose another: PORT={port + 10} make up\n")
    assert not (home / "postgres").exists()


def test_a_damaged_data_folder_gives_one_line(portal: Portal, home: Path, free_port: int) -> None:
    (home / "postgres").mkdir()
    (home / "postgres" / "base").mkdir()
    (home / "keys").mkdir()
    (home / "keys" / "kek.json").write_text("{}")
    result = portal("up", PORT=str(free_port))
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert "is damaged: PG_VERSION is missing" in result.stderr


def test_data_without_its_keys_is_not_started(portal: Portal, home: Path, free_port: int) -> None:
    (home / "postgres" / "base").mkdir(parents=True)
    result = portal("up", PORT=str(free_port))
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert "kek.json is missing" in result.stderr and not (home / "keys" / "kek.json").exists()


def test_an_unknown_figure_is_wrong_usage(portal: Portal) -> None:
    assert portal("bench", "happiness").returncode == 2


def test_no_address_of_a_database_that_does_not_run(portal: Portal) -> None:
    result = portal("db-url")
    assert result.returncode == 1 and "make up" in result.stderr


def test_the_embedded_database_is_prepared_and_stopped_again(portal: Portal, home: Path) -> None:
    for _ in range(2):
        result = portal("db", "bootstrap")
        assert result.returncode == 0, result.stderr
    assert not Cluster(home).is_running


def test_a_folder_may_have_any_name(portal: Portal, home: Path) -> None:
    result = portal("db", "bootstrap", PORTAL_HOME=str(home / "a b" / "дом'х"))
    assert result.returncode == 0, result.stderr


def test_the_address_leads_to_the_database(portal: Portal, home: Path) -> None:
    cluster = Cluster(home)
    assert portal("db", "bootstrap").returncode == 0
    cluster.start()
    try:
        url = portal("db-url", "--role", "owner").stdout.strip()
        psql = [str(cluster.bin() / "psql"), "-X", "-At", "-d", url, "-c", "SELECT current_user"]
        assert subprocess.run(psql, capture_output=True, text=True, check=True).stdout == "owner\n"
    finally:
        cluster.stop()


def test_keys_are_made_once_and_only_for_us(portal: Portal, home: Path) -> None:
    portal("db", "bootstrap")
    keys = {path.name: path.read_bytes() for path in (home / "keys").iterdir()}
    portal("db", "bootstrap")
    assert keys == {path.name: path.read_bytes() for path in (home / "keys").iterdir()}
    assert set(keys) == {"secret_key", "kek.json"} and len(keys["secret_key"]) >= 50
    assert {oct(path.stat().st_mode & 0o777) for path in (home / "keys").iterdir()} == {"0o600"}


def test_the_sql_for_an_administrator_needs_no_database(portal: Portal, home: Path) -> None:
    result = portal("db", "bootstrap", "--print-sql")
    assert result.returncode == 0 and "CREATE DATABASE" in result.stdout and "\\password app" in result.stdout
    assert not (home / "postgres").exists()


def test_another_server_needs_its_superuser(portal: Portal) -> None:
    result = portal("db", "bootstrap", DATABASE_URL="postgresql://app@db.example/portal")
    assert result.returncode == 2 and "--superuser-url" in result.stderr


def test_a_home_that_cannot_be_written_gives_one_line(portal: Portal) -> None:
    result = portal("db", "bootstrap", PORTAL_HOME="/proc/portal")
    assert result.returncode == 1 and result.stderr.count("\n") == 1
