"""What every EmailSender keeps, on the fake and on the SMTP adapter that talks to the mail server's double."""

import socketserver
import threading
import time
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from portal.adapters.email.smtp import SmtpSender
from portal.kernel.ports import PortFailure
from portal.notifications.ports import EmailSender, FakeEmail
from tests.contracts.processes import Double

TO = "anna@example.org"
KEY = UUID("11111111-2222-4333-8444-555555555555")
TEXT = "Ждём вас во вторник, 24 ноября, в 10:30.\nАдрес: ул. Ленина, 5."
HTML = "<p>Ждём вас во вторник, <b>24 ноября</b></p>"
CALENDAR = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Запись\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


@dataclass
class Rig:
    """A sender and a look at what reached the other side, oldest first."""

    sender: EmailSender
    double: Double | None

    def sent(self) -> list[dict]:
        if self.double is not None:
            return list(reversed(self.double.messages()))
        return [
            {
                "to": mail.to,
                "subject": mail.subject,
                "text": mail.text,
                "html": mail.html,
                "calendar": (mail.calendar or b"").decode(),
                "headers": mail.headers,
                "message_id": mail.message_id,
            }
            for mail in self.sender.sent
        ]


@pytest.fixture(params=["fake", "smtp"])
def rig(request) -> Rig:
    if request.param == "fake":
        return Rig(FakeEmail(), None)
    double = request.getfixturevalue("smtp_double")
    return Rig(SmtpSender(url=f"smtp://127.0.0.1:{double.port}", mail_from="Клиника <clinic@portal.test>"), double)


def same_lines(a: str, b: str) -> bool:
    return a.strip().splitlines() == b.strip().splitlines()


def test_a_message_arrives_with_its_subject_and_both_texts_intact(rig):
    accepted = rig.sender.send(TO, "Запись подтверждена", TEXT, HTML, key=KEY)
    (mail,) = rig.sent()
    assert (mail["to"], mail["subject"]) == (TO, "Запись подтверждена")
    assert same_lines(mail["text"], TEXT)
    assert same_lines(mail["html"], HTML)
    assert (accepted.provider_ref, accepted.segments) == (mail["message_id"], 1)


def test_a_text_alone_is_enough(rig):
    rig.sender.send(TO, "Запись", TEXT, key=KEY)
    assert rig.sent()[0]["html"] == ""


def test_a_long_cyrillic_subject_arrives_whole(rig):
    subject = "Напоминание о записи " * 12 + "№ 5 — «завтра»"
    rig.sender.send(TO, subject, TEXT, key=KEY)
    assert rig.sent()[0]["subject"] == subject


def test_a_repeat_carries_the_same_message_id(rig):
    first = rig.sender.send(TO, "Запись", TEXT, key=KEY)
    again = rig.sender.send(TO, "Запись", TEXT, key=KEY)
    assert first.provider_ref == again.provider_ref
    assert len({mail["message_id"] for mail in rig.sent()}) == 1


def test_another_message_has_another_message_id(rig):
    assert (
        rig.sender.send(TO, "Запись", TEXT, key=KEY).provider_ref
        != rig.sender.send(TO, "Запись", TEXT, key=uuid4()).provider_ref
    )


def test_further_headers_travel(rig):
    rig.sender.send(TO, "Запись", TEXT, key=KEY, headers={"In-Reply-To": "<a@portal.test>", "X-Kind": "booked"})
    headers = rig.sent()[0]["headers"]
    assert (headers["In-Reply-To"], headers["X-Kind"]) == ("<a@portal.test>", "booked")


def test_a_calendar_travels(rig):
    rig.sender.send(TO, "Запись", TEXT, HTML, key=KEY, calendar=CALENDAR.encode())
    assert same_lines(rig.sent()[0]["calendar"], CALENDAR)


BREAKS = ["\r\n", "\n", "\r", "\x00", "\x0b", "\x85", "\u2028"]


@pytest.mark.parametrize("line_break", BREAKS)
def test_a_subject_cannot_start_a_header(rig, line_break):
    with pytest.raises(PortFailure) as refused:
        rig.sender.send(TO, f"Запись{line_break}Bcc: boris@example.org", TEXT, key=KEY)
    assert (refused.value.permanent, refused.value.code) == (True, "bad-header")
    assert rig.sent() == []


@pytest.mark.parametrize("line_break", BREAKS)
def test_a_header_value_cannot_start_a_header(rig, line_break):
    with pytest.raises(PortFailure, match="bad-header"):
        rig.sender.send(TO, "Запись", TEXT, key=KEY, headers={"X-Kind": f"a{line_break}Bcc: boris@example.org"})
    assert rig.sent() == []


@pytest.mark.parametrize(
    "name", ["Bcc: x\r\nX-Kind", "X Kind", "", "X-Kind:", "Ключ", "Bcc", "to", "FROM", "Message-ID"]
)
def test_a_header_name_must_be_plain_and_free_to_set(rig, name):
    with pytest.raises(PortFailure, match="bad-header"):
        rig.sender.send(TO, "Запись", TEXT, key=KEY, headers={name: "value"})
    assert rig.sent() == []


@pytest.mark.parametrize(
    "to",
    [
        "",
        "anna",
        "anna@localhost",
        "anna@example.org, boris@example.org",
        "anna@example.org\r\nBcc: boris@example.org",
        "anna@example.org\n",
        "Anna <anna@example.org>",
        "anna@@example.org",
        "@example.org",
        "anna@example",
        "anna@.org",
        "anna @example.org",
        "a" * 65 + "@example.org",
        "anna@" + "a." * 130 + "org",
    ],
)
def test_the_address_is_exactly_one(rig, to):
    with pytest.raises(PortFailure) as refused:
        rig.sender.send(to, "Запись", TEXT, key=KEY)
    assert (refused.value.permanent, refused.value.code) == (True, "bad-address")
    assert "anna" not in f"{refused.value!r}"
    assert rig.sent() == []


@pytest.mark.parametrize("to", ["anna.k+portal@example.org", "o'brien@sub.example.co", "1@xn--80ak6aa92e.com"])
def test_usual_addresses_pass(rig, to):
    rig.sender.send(to, "Запись", TEXT, key=KEY)
    assert rig.sent()[0]["to"] == to


@pytest.fixture
def tarpit():
    """A server that answers every line a moment before its client would give up."""
    stop = threading.Event()

    class Slow(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 slow\r\n")
            for line in self.rfile:
                if stop.wait(0.3):
                    return
                self.wfile.write(b"354 go on\r\n" if line.startswith(b"data") else b"250 yes\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Slow) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        stop.set()
        server.shutdown()


def test_a_server_that_answers_each_command_late_does_not_keep_us_longer_than_a_lease(tarpit):
    sender = SmtpSender(url=f"smtp://127.0.0.1:{tarpit}", mail_from="clinic@portal.test", timeout=5, whole=0.5)
    began = time.monotonic()
    with pytest.raises(PortFailure) as failure:
        sender.send(TO, "Запись", TEXT, key=KEY)
    assert failure.value.code == "unreachable" and failure.value.stops_provider
    assert time.monotonic() - began < 5
