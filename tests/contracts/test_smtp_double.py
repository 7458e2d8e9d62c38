"""The mail server's double itself: it refuses what servers refuse, and its pages show what was sent."""

import signal
import smtplib
import socket
import time

import pytest

from tests.contracts.processes import http, running_smtp

LETTER = b"From: a@b.ru\r\nTo: anna@example.org\r\nSubject: =?utf-8?b?0JrQvtC0?=\r\n\r\nCode 123456\r\n"


@pytest.fixture
def server(smtp_double):
    with smtplib.SMTP("127.0.0.1", smtp_double.port, "client.test", timeout=20) as connection:
        connection.ehlo()
        yield connection


def dialogue(double, data: bytes) -> bytes:
    """What a raw client hears until the server hangs up or says goodbye."""
    with socket.create_connection(double.address, timeout=20) as client:
        heard = client.recv(1000)
        client.sendall(b"EHLO client.test\r\n")
        while not heard.endswith(b"250 HELP\r\n"):
            heard += client.recv(1000)
        client.sendall(data)
        heard = b""
        while piece := client.recv(1000):
            heard += piece
        return heard


def test_it_offers_what_modern_servers_offer(server):
    assert all(server.has_extn(name) for name in ("size", "8bitmime", "smtputf8"))
    assert server.esmtp_features["size"] == str(10 * 1024 * 1024)
    assert not server.has_extn("starttls")


def test_a_letter_is_taken(server, smtp_double):
    server.sendmail("a@b.ru", ["anna@example.org"], LETTER)
    (mail,) = smtp_double.messages()
    assert (mail["to"], mail["subject"], mail["text"].strip()) == ("anna@example.org", "Код", "Code 123456")


def test_each_recipient_gets_one(server, smtp_double):
    server.sendmail("a@b.ru", ["anna@example.org", "boris@example.org"], LETTER)
    assert {mail["to"] for mail in smtp_double.messages()} == {"anna@example.org", "boris@example.org"}
    assert [mail["to"] for mail in smtp_double.messages(to="BORIS")] == ["boris@example.org"]


@pytest.mark.parametrize(
    "to", ["anna@localhost", "anna@example", "anna@exam_ple..org", "anna@127.0.0.1", "@example.org"]
)
def test_a_recipient_without_a_proper_domain_is_refused(server, to):
    server.mail("a@b.ru")
    assert server.rcpt(to)[0] in (550, 553)


def test_a_message_over_the_limit_is_refused_by_its_announced_size(server):
    assert server.mail("a@b.ru", [f"SIZE={11 * 1024 * 1024}"])[0] == 552


def test_a_message_over_the_limit_is_refused_when_it_came_unannounced(server, smtp_double):
    server.mail("a@b.ru")
    server.rcpt("anna@example.org")
    assert server.data(LETTER + b"a" * 998 + (b"\r\n" + b"a" * 998) * 10_600)[0] == 552
    assert smtp_double.messages() == []


@pytest.mark.parametrize("command", ["XYZZY", "GET / HTTP/1.1", "AUTH PLAIN AGEAYg==", "STARTTLS"])
def test_a_command_it_does_not_know_is_refused(server, command):
    assert server.docmd(command)[0] in (454, 500, 501, 502, 504)


@pytest.mark.parametrize("command", ["RCPT TO:<anna@example.org>", "DATA"])
def test_commands_out_of_order_are_refused(server, command):
    assert server.docmd(command)[0] == 503


@pytest.mark.parametrize(
    "data",
    [
        b"MAIL FROM:<a@b.ru>\nRCPT TO:<anna@example.org>\r\n",
        b"MAIL FROM:<a@b.ru>\rRCPT TO:<anna@example.org>\r\n",
        b"MAIL FROM:<a@b.ru>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\nSubject: a\r\n\r\none\n.\nMAIL FROM:<b@c.ru>\r\n",
        b"MAIL FROM:<a@b.ru>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\nSubject: a\r\n\r\none\r.\r\n.\r\n",
    ],
)
def test_a_bare_line_end_is_refused_and_nothing_is_taken(smtp_double, data):
    heard = dialogue(smtp_double, data)
    assert heard.splitlines()[-1].startswith(b"521 5.5.2")
    assert smtp_double.messages() == []


def test_a_line_end_split_over_packets_is_no_bare_one(smtp_double):
    with socket.create_connection(smtp_double.address, timeout=20) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.recv(1000)
        client.sendall(b"EHLO client.test\r")
        client.sendall(b"\n")
        assert client.recv(1000).startswith(b"250-")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_leaves_at_once_with_a_connection_open(number):
    with running_smtp() as double, socket.create_connection(double.address, timeout=20) as client:
        client.recv(100)
        started = time.monotonic()
        double.process.send_signal(number)
        assert double.process.wait(10) == 0
        assert time.monotonic() - started < 2


# The pages -----------------------------------------------------------------------------------------------------

HTML_LETTER = (
    b"From: Clinic <a@b.ru>\r\nTo: anna@example.org\r\nSubject: <b>visit</b>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/plain\r\n\r\nhttps://portal.test/m/abc <script>alert(1)</script>\r\n"
    b"--x\r\nContent-Type: text/html\r\n\r\n<script>alert(2)</script><p>hello</p>\r\n--x--\r\n"
)


@pytest.fixture
def number(server, smtp_double) -> int:
    server.sendmail("a@b.ru", ["anna@example.org"], HTML_LETTER)
    return smtp_double.messages()[0]["number"]


def test_the_list_shows_letters_and_the_last_code(server, smtp_double):
    server.sendmail("a@b.ru", ["anna@example.org"], LETTER)
    page = smtp_double.page().text
    assert "<output>123456</output>" in page
    assert "Отправленные письма" in page
    assert smtp_double.page().headers["refresh"] == "5"
    assert "Sent e-mail" in smtp_double.page("/?lang=en").text


def test_a_letter_has_a_page_with_its_headers_and_text(number, smtp_double):
    page = smtp_double.page(f"/m/{number}").text
    assert "&lt;b&gt;visit&lt;/b&gt;" in page
    assert '<a href="https://portal.test/m/abc" rel="noreferrer">' in page
    assert "Clinic &lt;a@b.ru&gt;" in page
    assert "<script" not in page


def test_its_html_is_shown_in_a_frame_that_can_do_nothing(number, smtp_double):
    assert f'<iframe sandbox title="Оформленный вид" src="/m/{number}/html">' in smtp_double.page(f"/m/{number}").text
    frame = smtp_double.page(f"/m/{number}/html")
    policy = frame.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox;" in policy
    assert "script-src" not in policy
    assert "<p>hello</p>" in frame.text


@pytest.mark.parametrize("path", ["/m/999999", "/m/999999/html", "/m/x", "/m/1/raw", "/moon"])
def test_a_letter_that_is_not_there_is_not_found(smtp_double, path):
    assert smtp_double.page(path).status_code == 404


def test_a_letter_nobody_can_read_does_not_break_the_pages(server, smtp_double):
    raw = b"Subject: =?utf-9?q?x?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe\r\n"
    server.sendmail("a@b.ru", ["anna@example.org"], raw)
    number = smtp_double.messages()[0]["number"]
    assert smtp_double.page().status_code == 200
    assert smtp_double.page(f"/m/{number}").status_code == 200


def test_a_foreign_name_that_points_here_sees_nothing(number, smtp_double):
    for path in ("/", f"/m/{number}", f"/m/{number}/html", "/messages.json"):
        assert smtp_double.page(path, Host="evil.test").status_code == 421


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"mode": "reply"},
        {"mode": "reply:200"},
        {"mode": "reply:4"},
        {"mode": "drop:1"},
        {"mode": "x"},
        {"on": "data"},
    ],
)
def test_an_order_it_does_not_know_is_refused(smtp_double, order):
    answer = http.post(f"{smtp_double.url}/control/", json=order)
    assert answer.status_code == 400
