"""The embedded PostgreSQL: starts, joins, restarts, and says plainly what is broken."""

from __future__ import annotations

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from portal.runway import embedded
from portal.runway.embedded import Cluster
from portal.runway.errors import ClusterFailed, DamagedCluster, NoSpace


def ask(cluster: Cluster, question: str) -> str:
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        row = connection.execute(question).fetchone()
        return str(row[0]) if row else ""


def do(cluster: Cluster, statement: str) -> None:
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(statement)


def postmaster(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().splitlines()[0])


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/cwd").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_starts_and_knows_russian_letters(cluster: Cluster) -> None:
    cluster.start()
    assert ask(cluster, "SELECT lower('ИВАНОВ')") == "иванов"
    assert ask(cluster, "SELECT current_setting('listen_addresses')") == ""
    assert ask(cluster, "SELECT current_setting('server_encoding')") == "UTF8"


def test_data_is_there_after_a_restart(cluster: Cluster) -> None:
    cluster.start()
    do(cluster, "CREATE TABLE kept AS SELECT 42 AS answer")
    cluster.stop()
    assert not cluster.is_running
    cluster.start()
    assert ask(cluster, "SELECT answer FROM kept") == "42"


def test_starting_twice_joins_the_running_server(cluster: Cluster) -> None:
    cluster.start()
    first = postmaster(cluster)
    Cluster(cluster.home, durable=False).start()
    assert postmaster(cluster) == first


def test_many_who_start_at_once_get_one_server(cluster: Cluster) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Cluster(cluster.home, durable=False).start(), range(4)))
    assert ask(cluster, "SELECT 1") == "1"


def test_stopping_what_does_not_run_is_no_error(cluster: Cluster) -> None:
    cluster.stop()
    assert not cluster.is_running


def test_two_clusters_side_by_side_do_not_see_each_other(cluster: Cluster) -> None:
    other = Cluster(cluster.home / "other", durable=False)
    try:
        cluster.start()
        other.start()
        do(cluster, "CREATE TABLE only_here ()")
        assert ask(other, "SELECT to_regclass('only_here') IS NULL") == "True"
        assert cluster.socket_dir != other.socket_dir
    finally:
        other.stop()


def test_after_a_killed_postmaster_the_data_is_recovered(home: Path) -> None:
    cluster = Cluster(home, durable=True)
    try:
        cluster.start()
        do(cluster, "CREATE TABLE kept AS SELECT 42 AS answer")
        kill(postmaster(cluster))
        cluster.start()
        assert ask(cluster, "SELECT answer FROM kept") == "42"
    finally:
        cluster.stop()


def test_a_pid_that_another_program_got_meanwhile_does_not_block_the_start(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster.data}\n0\n5432\n\n\n")
    assert not cluster.is_running
    cluster.start()
    assert ask(cluster, "SELECT 1") == "1"


def test_a_server_whose_socket_is_gone_is_started_again(cluster: Cluster) -> None:
    cluster.start()
    shutil.rmtree(cluster.socket_dir)
    cluster.start()
    assert ask(cluster, "SELECT 1") == "1"


def test_a_missing_version_file_names_the_folder_and_the_way_out(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    (cluster.data / "PG_VERSION").unlink()
    with pytest.raises(DamagedCluster, match="PG_VERSION is missing") as caught:
        cluster.start()
    assert one_line(caught.value) and f"mv {cluster.data}" in str(caught.value)


def test_another_version_is_named(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    (cluster.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(DamagedCluster, match="belongs to PostgreSQL 14"):
        cluster.start()


def test_a_lost_control_file_is_told_in_the_words_of_the_log(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    (cluster.data / "global" / "pg_control").unlink()
    with pytest.raises(DamagedCluster, match="pg_control") as caught:
        cluster.start()
    assert one_line(caught.value) and str(cluster.data) in str(caught.value)


def test_a_full_disk_is_told_before_anything_is_made(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "NEEDED_BYTES", 2**60)
    with pytest.raises(NoSpace, match="MB free") as caught:
        cluster.start()
    assert one_line(caught.value) and not cluster.data.exists()


def test_a_disk_that_fills_up_meanwhile_is_told(cluster: Cluster) -> None:
    with pytest.raises(NoSpace, match="full"):
        cluster._refuse_full_disk("FATAL: could not write to file: No space left on device")


def test_a_half_made_data_folder_is_made_again(cluster: Cluster) -> None:
    fresh = cluster.data.with_name("postgres.new")
    fresh.mkdir(parents=True)
    (fresh / "PG_VERSION").write_text("18\n")
    cluster.start()
    assert not fresh.exists() and ask(cluster, "SELECT 1") == "1"


def test_the_socket_folder_is_closed_to_others(cluster: Cluster) -> None:
    cluster.start()
    assert cluster.socket_dir.stat().st_mode & 0o077 == 0


def test_somebody_elses_socket_folder_is_not_used(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    trap = cluster.home / "trap"
    trap.mkdir()
    link = cluster.home / "link"
    link.symlink_to(trap)
    monkeypatch.setattr(Cluster, "_new_socket_dir", lambda _: link)
    with pytest.raises(ClusterFailed, match="belongs to somebody else"):
        cluster.start()


def test_what_clients_send_stays_out_of_the_log(cluster: Cluster) -> None:
    cluster.start()
    with (
        psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as connection,
        pytest.raises(psycopg.Error),
    ):
        connection.execute("SELECT %s::int", ["Canary-Иванова"])
    with pytest.raises(psycopg.Error):
        do(cluster, "SELECT 'Canary-Иванова'::uuid")
    assert "Canary" not in cluster.log.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to lend the data to another account")
def test_as_root_a_closed_home_moves_the_data_and_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(embedded, "ELSEWHERE", home / "elsewhere")
    said: list[str] = []
    cluster = Cluster(closed / "portal", durable=False, say=said.append)
    try:
        cluster.start()
        assert ask(cluster, "SELECT 1") == "1"
        assert len(said) == 1 and str(home / "elsewhere") in said[0]
        assert (closed / "portal" / "postgres").is_symlink()
        do(cluster, "CREATE TABLE of_the_first_home ()")
        cluster.stop()
        shutil.rmtree(closed / "portal")
        cluster.start()
        assert ask(cluster, "SELECT to_regclass('of_the_first_home') IS NULL") == "True"
    finally:
        cluster.stop()


def one_line(error: Exception) -> bool:
    return "\n" not in str(error)
