"""The SMTP adapter against the mail server's double: refusals, silence, TLS, sign-in, the shape of a message."""

import logging
from uuid import UUID

import pytest

from portal.adapters.email.smtp import SmtpSender
from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports_mail import Fault, MailboxRefused
from tests.contracts.processes import Double, certificate, closed_port, running_smtp

TO = "anna@example.org"
KEY = UUID("11111111-2222-4333-8444-555555555555")
TEXT = "Код 987654 для входа."
HTML = "<p>Код <b>987654</b> для входа.</p>"
CALENDAR = b"BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nEND:VCALENDAR\r\n"
IMPATIENT = 2.5  # seconds; only where an answer never comes


def make(double: Double, *, scheme="smtp", user="", host="127.0.0.1", **more) -> SmtpSender:
    at = f"{user}@" if user else ""
    given = {"mail_from": "Клиника <clinic@portal.test>", **more}
    return SmtpSender(url=f"{scheme}://{at}{host}:{double.port}", **given)


@pytest.fixture
def sender(smtp_double) -> SmtpSender:
    return make(smtp_double)


def send(sender: SmtpSender, to: str = TO, text: str = TEXT, **more):
    return sender.send(to, "Код для входа", text, key=KEY, **more)


def refusal(sender: SmtpSender, **more) -> PortFailure:
    with pytest.raises(PortFailure) as refused:
        send(sender, **more)
    return refused.value


# Refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(("code", "permanent"), [(421, False), (451, False), (452, False), (550, True), (554, True)])
def test_the_first_digit_decides(sender, smtp_double, command, code, permanent):
    smtp_double.order(f"reply:{code}", on=command)
    failure = refusal(sender)
    assert (failure.code, failure.permanent) == (f"smtp-{code}", permanent)
    assert smtp_double.messages() == []


def test_after_a_temporary_refusal_the_same_call_works(sender, smtp_double):
    smtp_double.order("reply:451", times=2)
    refusal(sender)
    refusal(sender)
    send(sender)
    assert len(smtp_double.messages()) == 1


def test_a_message_over_ten_megabytes_is_refused_for_good(sender, smtp_double):
    failure = refusal(sender, text="я" * 4_000_000)
    assert (failure.code, failure.permanent, failure.stops_provider) == ("smtp-552", True, False)


def test_a_server_that_is_away_is_a_temporary_failure():
    sender = SmtpSender(url=f"smtp://127.0.0.1:{closed_port()}", mail_from="clinic@portal.test")
    failure = refusal(sender)
    assert (failure.code, failure.permanent, failure.stops_provider) == ("unreachable", False, True)


def test_a_server_that_hangs_up_early_is_a_temporary_failure(sender, smtp_double):
    smtp_double.order("drop", on="rcpt")
    failure = refusal(sender)
    assert (failure.code, failure.permanent) == ("unreachable", False)


@pytest.mark.parametrize(
    ("url", "mail_from"),
    [
        ("", "clinic@portal.test"),
        ("smtp://", "clinic@portal.test"),
        ("http://127.0.0.1", "clinic@portal.test"),
        ("smtp://127.0.0.1:many", "clinic@portal.test"),
        ("smtp://127.0.0.1", ""),
        ("smtp://127.0.0.1", "clinic"),
        ("smtp://127.0.0.1", "Cli\x00nic <clinic@portal.test>"),
        ("smtp://clinic:%D0%BF@127.0.0.1", "clinic@portal.test"),
        ("smtp://127.0.0.1", "клиника@portal.test"),
    ],
)
def test_a_wrong_setting_is_told_at_the_first_send(url, mail_from):
    failure = refusal(SmtpSender(url=url, mail_from=mail_from))
    assert (failure.code, failure.stops_provider, failure.permanent) == ("not-configured", True, False)


@pytest.mark.parametrize(
    ("answer", "on", "is_about_it"),
    [
        ("550", "rcpt", Fault.UNCLEAR),
        ("550 5.4.1", "rcpt", Fault.UNCLEAR),
        ("550 5.1.1", "rcpt", True),
        ("550 5.2.1", "rcpt", True),
        ("552", "rcpt", Fault.UNCLEAR),
        ("553 5.1.3", "rcpt", True),
        ("556", "rcpt", True),
        ("556 5.1.10", "rcpt", True),
        ("550 5.1.1", "data", True),
        ("552 5.2.2", "data", True),
        ("554", "rcpt", False),
        ("550 5.7.1", "rcpt", False),
        ("550 5.1.8", "rcpt", False),
        ("554 5.7.26", "data", False),
        ("550", "data", False),
        ("552 5.3.4", "data", False),
        ("550", "mail", False),
        ("552 5.2.2", "mail", False),
        ("550 5.1.1", "mail", False),
        ("554 5.2.252", "data", False),
        ("451 4.2.2", "rcpt", False),
        ("535 5.1.1", "rcpt", False),
    ],
)
def test_a_refusal_of_the_mailbox_is_told_from_one_of_the_message(sender, smtp_double, answer, on, is_about_it):
    smtp_double.order(f"reply:{answer}", on=on)
    failure = refusal(sender)
    assert failure.code == f"smtp-{answer[:3]}"
    assert isinstance(failure, MailboxRefused) == bool(is_about_it)
    if is_about_it:
        assert failure.fault is (Fault.ADDRESS if is_about_it is True else is_about_it)
    assert failure.permanent or not is_about_it


# Unknown outcomes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("silence", ["timeout", "lost"])
def test_silence_after_the_text_is_unknown(smtp_double, silence):
    smtp_double.order(silence)
    with pytest.raises(PortUnknown):
        send(make(smtp_double, timeout=IMPATIENT))
    assert len(smtp_double.messages()) == 1


def test_a_resend_after_unknown_is_recognisable(sender, smtp_double):
    smtp_double.order("lost")
    with pytest.raises(PortUnknown):
        send(sender)
    send(sender)
    first, second = smtp_double.messages()
    assert first["message_id"] == second["message_id"] == f"<{KEY}@portal.test>"
    assert first["headers"]["X-Entity-Ref-ID"] == str(KEY)


# TLS and sign-in -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def guarded(identity):
    """A server that offers STARTTLS and wants a password."""
    cert, key, _ = identity
    with running_smtp(f"--tls-cert={cert}", f"--tls-key={key}", "--login=clinic", "--password=p@ss/wo rd") as double:
        yield double


@pytest.fixture(scope="module")
def open_password():
    """A server that wants a password and offers no TLS."""
    with running_smtp("--login=clinic", "--password=secret") as double:
        yield double


PASSWORD = "p%40ss%2Fwo%20rd"


def test_without_starttls_the_message_goes_in_the_clear(sender, smtp_double):
    send(sender)
    assert not smtp_double.messages()[0]["encrypted"]


def test_starttls_is_used_when_offered_and_the_password_sent_inside(guarded, identity):
    guarded.control("reset")
    send(make(guarded, user=f"clinic:{PASSWORD}", tls=identity[2]))
    (mail,) = guarded.messages()
    assert (mail["encrypted"], mail["signed_in"]) == (True, True)


def test_a_certificate_nobody_vouches_for_is_refused_and_nothing_goes_in_the_clear(guarded):
    guarded.control("reset")
    failure = refusal(make(guarded, user=f"clinic:{PASSWORD}"))
    assert (failure.code, failure.permanent, failure.stops_provider) == ("tls-failed", False, True)
    assert guarded.messages() == []


def test_a_wrong_password_stops_the_provider(guarded, identity):
    failure = refusal(make(guarded, user="clinic:wrong", tls=identity[2]))
    assert (failure.code, failure.permanent, failure.stops_provider) == ("smtp-535", False, True)


def test_a_server_that_wants_a_password_refuses_without(guarded, identity):
    failure = refusal(make(guarded, tls=identity[2]))
    assert (failure.code, failure.permanent, failure.stops_provider) == ("smtp-530", False, True)


def test_to_this_machine_a_password_may_go_without_tls(open_password):
    open_password.control("reset")
    send(make(open_password, user="clinic:secret"))
    assert open_password.messages()[0]["signed_in"]


def test_to_another_host_a_password_never_goes_without_tls(open_password):
    open_password.control("reset")
    failure = refusal(make(open_password, user="clinic:secret", host="127.1"))  # same place, not known to be
    assert (failure.code, failure.permanent) == ("no-tls", False)
    assert open_password.messages() == []


def test_smtps_is_encrypted_from_the_first_byte(identity):
    cert, key, trust = identity
    with running_smtp(f"--tls-cert={cert}", f"--tls-key={key}", "--tls-wrapped") as double:
        send(make(double, scheme="smtps", tls=trust))
        assert double.messages()[0]["encrypted"]
        assert refusal(make(double, scheme="smtps")).code == "tls-failed"


# The message ---------------------------------------------------------------------------------------------------


def test_the_parts_are_alternatives_and_the_calendar_is_also_a_file(sender, smtp_double):
    send(sender, html=HTML, calendar=CALENDAR)
    (mail,) = smtp_double.messages()
    assert mail["structure"] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "text/calendar",
    ]
    assert mail["files"] == ["invite.ics"]


def test_text_and_html_alone_are_one_alternative(sender, smtp_double):
    send(sender, html=HTML)
    assert smtp_double.messages()[0]["structure"] == ["multipart/alternative", "text/plain", "text/html"]


def test_it_says_that_a_machine_wrote_it_and_says_each_thing_once(sender, smtp_double):
    send(sender, html=HTML)
    (mail,) = smtp_double.messages()
    assert mail["headers"]["Auto-Submitted"] == "auto-generated"
    assert mail["headers"]["From"] == "Клиника <clinic@portal.test>"
    assert mail["from"] == "clinic@portal.test"
    assert len(mail["header_names"]) == len(set(mail["header_names"]))


def test_a_report_will_carry_our_id_and_no_text(sender, smtp_double):
    send(sender, to="anna+a=b@example.org")
    assert smtp_double.messages()[0]["dsn"] == {
        "RET": "HDRS",
        "ENVID": str(KEY),
        "NOTIFY": "FAILURE,DELAY",
        "ORCPT": "rfc822;anna+2Ba+3Db@example.org",
    }


def test_a_server_without_dsn_is_not_asked_for_it():
    with running_smtp("--no-dsn") as double:
        send(make(double))
        assert double.messages()[0]["dsn"] == {}


def test_reports_go_to_the_address_set_for_them_and_the_sender_stays(smtp_double):
    send(make(smtp_double, mail_return="bounces@portal.test"))
    (mail,) = smtp_double.messages()
    assert (mail["from"], mail["headers"]["From"]) == ("bounces@portal.test", "Клиника <clinic@portal.test>")
    assert mail["message_id"] == f"<{KEY}@portal.test>"


@pytest.mark.parametrize("wrong", ["bounces", "a@b.ru\r\nRCPT TO:<boris@example.org>", "a b@c.ru", "почта@c.ru"])
def test_a_wrong_address_for_reports_is_told_at_the_first_send(smtp_double, wrong):
    failure = refusal(make(smtp_double, mail_return=wrong))
    assert failure.code == "not-configured" and smtp_double.messages() == []


def test_every_line_is_short_and_ascii_so_that_no_relay_rewrites_it(sender, smtp_double):
    ref = f"<{KEY}@{'long-' * 40}clinic.example.ru>"
    send(sender, html=HTML * 500, text="я" * 20_000, calendar=CALENDAR, headers={"In-Reply-To": ref, "References": ref})
    raw = smtp_double.messages()[0]["raw"]
    assert raw.isascii() and max(map(len, raw.split("\r\n"))) <= 998
    assert smtp_double.messages()[0]["headers"]["References"] == ref


@pytest.mark.parametrize("name", ["In-Reply-To", "References"])
def test_a_thread_cannot_start_a_header(sender, smtp_double, name):
    failure = refusal(sender, headers={name: "<a@b>\r\nBcc: boris@example.org"})
    assert failure.code == "bad-header" and smtp_double.messages() == []


def test_leading_dots_and_odd_line_ends_survive(sender, smtp_double):
    text = ".\n..\n.начало\n\nконец.\n"
    send(sender, text=text)
    assert smtp_double.messages()[0]["text"].splitlines() == text.splitlines()


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\r\nb", "a" * 5000])
def test_no_text_breaks_the_protocol(sender, smtp_double, text):
    send(sender, text=text)
    assert smtp_double.messages()[0]["text"].split() == text.split()


def test_a_cyrillic_local_part_goes_by_smtputf8(sender, smtp_double):
    send(sender, to="анна@example.org")
    assert smtp_double.messages()[0]["to"] == "анна@example.org"


def test_a_cyrillic_domain_goes_in_its_ascii_form(sender, smtp_double):
    send(sender, to="anna@клиника.рф")
    assert smtp_double.messages()[0]["to"] == "anna@xn--80apagcdp.xn--p1ai"


def test_nothing_personal_is_logged_or_told(sender, smtp_double, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    smtp_double.order("reply:550", on="rcpt")
    told = repr(refusal(sender))
    send(sender)
    captured = capfd.readouterr()
    for place in (caplog.text, told, captured.out, captured.err):
        assert "anna" not in place
        assert "987654" not in place


def test_from_settings_takes_what_is_set():
    class Portal:
        smtp_url, mail_from = f"smtp://127.0.0.1:{closed_port()}", "clinic@portal.test"
        mail_return, dkim_selector, dkim_key = "", "", ""

    assert refusal(SmtpSender.from_settings(Portal)).code == "unreachable"
