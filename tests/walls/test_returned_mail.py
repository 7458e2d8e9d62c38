"""From a real mail server's refusal to a real mailbox and back, with a reader that is killed -9 in between."""

import base64
import os
import signal
import subprocess
import sys

import psycopg
import pytest

from portal.adapters.email.imap import ImapReturns
from portal.adapters.email.smtp import SmtpSender
from portal.kernel.ports import override_port
from portal.notifications import jobs_mail, routes
from portal.notifications.ports import FakeSms
from portal.notifications.tests import reports
from portal.notifications.tests.conftest import tell
from portal.scheduling.tests.conftest import book
from tests.cast import EMAILS, uid
from tests.contracts.processes import ROOT, running_imap, running_smtp

LOGIN = {"login": "clinic", "password": "quiet"}
STATES = "SELECT channel, state, error FROM notifications_message WHERE kind = 'booked' ORDER BY channel"
OFF = "SELECT count(*) FROM people_returningmail WHERE off_since IS NOT NULL"
DIES = """
import os, signal
import django; django.setup()
from portal.adapters.email.imap import ImapReturns
from portal.notifications import jobs_mail
ImapReturns.done = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
jobs_mail.read_returned_mail()
"""


@pytest.fixture
def sql(database_url):
    def run(statement):
        with psycopg.connect(database_url("postgres")) as direct:
            return direct.execute(statement).fetchall()

    return run


def test_a_reader_killed_before_it_marks_the_report_loses_nothing(as_actor, database_url, sql):
    routes.forget()
    with running_smtp() as server, running_imap("--login=clinic", "--password=quiet") as mailbox:
        sender = SmtpSender(url=f"smtp://127.0.0.1:{server.port}", mail_from="Клиника <clinic@portal.test>")
        with override_port("sms", FakeSms()), override_port("email", sender):
            with as_actor("anna") as trail:
                visit = book(trail)
            tell({"appointment_id": visit.pk, "patient_id": uid("anna"), "recipient_id": uid("anna")})
        (mail,) = server.messages()
        assert mail["to"] == EMAILS["anna"] and mail["dsn"]["ENVID"] in mail["message_id"]
        for report in (reports.from_a_person(mail["message_id"]), reports.postfix(mail["message_id"])):
            mailbox.control("deliver", raw=base64.b64encode(report).decode())
        url = f"imap://127.0.0.1:{mailbox.port}"
        killed = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", DIES], check=False, cwd=ROOT, env=environment(url, database_url)
        )
        assert killed.returncode == -signal.SIGKILL
        after = [("email", "failed", "no-mailbox"), ("sms", "accepted", "")]
        assert sql(STATES) == after and sql(OFF) == [(1,)]
        assert [one["seen"] for one in mailbox.messages()] == [False, False]
        with override_port("bounces", ImapReturns(url=url, **LOGIN)):
            jobs_mail.read_returned_mail()
        assert [one["seen"] for one in mailbox.messages()] == [False, True], "a person's answer is left for people"
        assert sql(STATES) == after and sql(OFF) == [(1,)]


def environment(url, database_url):
    settings = {
        "BOUNCES_VENDOR": "imap",
        "IMAP_URL": url,
        "IMAP_LOGIN": LOGIN["login"],
        "IMAP_PASSWORD": LOGIN["password"],
    }
    return os.environ | settings | {"DATABASE_URL": database_url("app")}
