"""PostgreSQL restarts: visitors are asked to come again, in the form they understand, and then everything works."""

from urllib.parse import urlencode

import httpx
import psycopg

from portal.scheduling.tests.test_times import address as times
from tests.servers import pages


def test_while_the_database_is_away_pages_say_so_and_then_work_again(database_url, tmp_path):
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        name, sockets = direct.execute(
            "SELECT current_database(), current_setting('unix_socket_directories')"
        ).fetchone()
        door = tmp_path / "door"
        door.symlink_to(sockets)
        url = f"postgresql://app@/{name}?{urlencode({'host': door})}"
        with (
            pages({"DATABASE_URL": url}, tmp_path / "pages.log") as (address, _),
            httpx.Client(base_url=address) as client,
        ):
            assert client.get("/").status_code == 200
            door.unlink()
            direct.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            for path in ("/", "/doctors/", "/sign-in/"):
                page = client.get(path)
                assert page.status_code == 503 and page.headers["Retry-After"] == "30", path
                assert "Портал перезапускается" in page.text
            answer = client.get(times(), headers={"Accept": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (503, "Unavailable")
            door.symlink_to(sockets)
            assert [client.get(path).status_code for path in ("/", times())] == [200, 200]
