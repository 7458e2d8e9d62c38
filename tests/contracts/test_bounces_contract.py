"""What every mailbox of returned mail keeps, on the fake and on the IMAP adapter; and what only IMAP does."""

import base64
import logging
from dataclasses import dataclass

import pytest

from portal.adapters.email.imap import ImapReturns, _is_report
from portal.kernel.ports import PortFailure
from portal.notifications.ports_mail import FakeReturns, ReturnsBox, ReturnsOff
from portal.notifications.tests import reports
from tests.contracts.processes import Double, certificate, closed_port, running_imap

REF = "<11111111-2222-4333-8444-555555555555@portal.example>"
REPORT = reports.postfix(REF)
LOGIN, PASSWORD = "clinic box", 'p"a\\ss word'


@dataclass
class Rig:
    box: ReturnsBox
    double: Double | None

    def deliver(self, raw: bytes) -> None:
        if self.double is None:
            self.box.mails.append(raw)
        else:
            self.double.control("deliver", raw=base64.b64encode(raw).decode())

    def seen(self) -> list[bool]:
        if self.double is None:
            return [n in self.box.seen for n in range(len(self.box.mails))]
        return [mail["seen"] for mail in self.double.messages()]


def imap(double: Double, **more) -> ImapReturns:
    given = {"url": f"imap://127.0.0.1:{double.port}", "login": LOGIN, "password": PASSWORD, **more}
    return ImapReturns(**given)


@pytest.fixture(params=["fake", "imap"])
def rig(request) -> Rig:
    if request.param == "fake":
        return Rig(FakeReturns(), None)
    double = request.getfixturevalue("imap_double")
    return Rig(imap(double), double)


def test_a_report_waits_as_it_came_until_it_is_done(rig):
    rig.deliver(REPORT)
    (report,) = rig.box.waiting(10)
    assert report.raw == REPORT
    assert [one.ref for one in rig.box.waiting(10)] == [report.ref], "reading alone settles nothing"
    assert rig.seen() == [False]
    rig.box.done([report.ref])
    assert rig.box.waiting(10) == [] and rig.seen() == [True]


def test_done_twice_and_done_with_nothing_changes_nothing(rig):
    rig.deliver(REPORT)
    (report,) = rig.box.waiting(10)
    rig.box.done([])
    rig.box.done([report.ref, report.ref])
    rig.box.done([report.ref])
    assert rig.seen() == [True]


def test_the_oldest_come_first_and_no_more_than_asked_for(rig):
    for n in range(5):
        rig.deliver(REPORT.replace(b"Subject: Und", f"Subject: {n} Und".encode()))
    first = rig.box.waiting(3)
    assert [one.raw.split(b"Subject: ")[1][:1] for one in first] == [b"0", b"1", b"2"]
    rig.box.done([one.ref for one in first])
    assert [one.raw.split(b"Subject: ")[1][:1] for one in rig.box.waiting(3)] == [b"3", b"4"]


def test_switched_off_it_is_empty():
    assert ReturnsOff.from_settings(None).waiting(10) == []
    ReturnsOff().done(["1"])


# IMAP alone ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [reports.on_holiday, reports.from_a_person, reports.read_receipt, reports.complaint])
def test_what_people_write_stays_unread(imap_double, write):
    rig = Rig(imap(imap_double), imap_double)
    rig.deliver(write(REF))
    rig.deliver(REPORT)
    (report,) = rig.box.waiting(10)
    rig.box.done([report.ref])
    assert rig.seen() == [False, True]
    assert rig.box.waiting(10) == []


def test_what_is_no_report_is_looked_at_once(imap_double, monkeypatch):
    from portal.adapters.email import imap as module

    box, asked = imap(imap_double), []
    kinds = module._kinds
    monkeypatch.setattr(module, "_kinds", lambda connection, uids: asked.append(uids) or kinds(connection, uids))
    rig = Rig(box, imap_double)
    for _ in range(3):
        rig.deliver(reports.from_a_person(REF))
    box.waiting(10)
    box.waiting(10)
    rig.deliver(reports.from_a_person(REF))
    box.waiting(10)
    assert [len(uids) for uids in asked] == [3, 1]


@pytest.mark.parametrize("kind", ["x*=a; x*0=b", f"x*{'1' * 5000}=a"])
def test_a_type_that_cannot_be_read_is_no_report(kind):
    """Asked of the adapter alone: the double does not take such mail."""
    assert _is_report(f"Content-Type: multipart/report; {kind}".encode()) is False


def test_a_long_type_is_read_in_part(imap_double):
    rig = Rig(imap(imap_double), imap_double)
    rig.deliver(b'Content-Type: multipart/report; x="' + b";" * 100_000 + b"\r\n\r\nx\r\n")
    rig.deliver(REPORT)
    assert REPORT in [one.raw for one in rig.box.waiting(10)]


def test_mail_without_a_type_or_a_body_is_no_report(imap_double):
    rig = Rig(imap(imap_double), imap_double)
    for raw in (b"", b"\r\n", b"Subject: x\r\n\r\n", b"Content-Type: ;;;\r\n\r\n", b"\xff\xfe\r\n\r\n"):
        rig.deliver(raw)
    assert rig.box.waiting(10) == []


def test_a_report_is_read_as_far_as_its_first_quarter_megabyte(imap_double):
    rig = Rig(imap(imap_double), imap_double)
    rig.deliver(reports.huge(REF))
    (report,) = rig.box.waiting(10)
    assert len(report.raw) == 256 * 1024


def test_after_the_mailbox_was_made_anew_old_references_mark_nothing(imap_double):
    rig = Rig(imap(imap_double), imap_double)
    rig.deliver(REPORT)
    (old,) = rig.box.waiting(10)
    imap_double.control("reset")
    rig.deliver(REPORT)
    (new,) = rig.box.waiting(10)
    if new.ref != old.ref:
        rig.box.done([old.ref])
        assert rig.seen() == [False]
    rig.box.done(["nonsense", "1-1,2", "x-1"])
    assert rig.seen() == [False]


@pytest.mark.parametrize("wrong", [{"login": "other"}, {"password": "wrong"}])
def test_a_wrong_login_is_told(imap_double, wrong):
    with pytest.raises(PortFailure) as refused:
        imap(imap_double, **wrong).waiting(1)
    assert (refused.value.code, refused.value.stops_provider, refused.value.permanent) == ("wrong-login", True, False)


def test_a_folder_that_is_not_there_is_told(imap_double):
    with pytest.raises(PortFailure, match="no-folder"):
        imap(imap_double, folder="Reports").waiting(1)


def test_a_server_that_is_away_is_told():
    with pytest.raises(PortFailure, match="unreachable"):
        ImapReturns(url=f"imap://127.0.0.1:{closed_port()}", login="a", password="b").waiting(1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": ""},
        {"url": "http://127.0.0.1:1"},
        {"url": "imap://127.0.0.1:many"},
        {"login": ""},
        {"password": ""},
        {"login": 'a"\r\nb'},
        {"password": "пароль"},
        {"folder": "a\nb"},
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_sent(wrong):
    given = {"url": "imap://127.0.0.1:1", "login": "a", "password": "b", **wrong}
    with pytest.raises(PortFailure, match="not-configured"):
        ImapReturns(**given).waiting(1)


def test_to_another_host_a_password_never_goes_without_tls(imap_double):
    with pytest.raises(PortFailure, match="no-tls"):
        imap(imap_double, url=f"imap://127.1:{imap_double.port}").waiting(1)  # same place, not known to be


@pytest.mark.parametrize("scheme", ["imap", "imaps"])
def test_tls_is_used_and_the_certificate_looked_at(tmp_path, scheme):
    cert, key, trust = certificate(tmp_path)
    wrapped = ["--tls-wrapped"] if scheme == "imaps" else []
    with running_imap(f"--tls-cert={cert}", f"--tls-key={key}", *wrapped) as double:
        given = {"url": f"{scheme}://127.0.0.1:{double.port}", "login": "demo", "password": "demo"}
        double.control("deliver", raw=base64.b64encode(REPORT).decode())
        assert len(ImapReturns(**given, tls=trust).waiting(1)) == 1
        with pytest.raises(PortFailure, match="tls-failed"):
            ImapReturns(**given).waiting(1)


def test_nothing_personal_is_logged_or_told(imap_double, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    rig = Rig(imap(imap_double), imap_double)
    rig.deliver(REPORT)
    rig.box.waiting(1)
    with pytest.raises(PortFailure) as refused:
        imap(imap_double, password="wrong").waiting(1)
    captured = capfd.readouterr()
    for place in (caplog.text, repr(refused.value), captured.out, captured.err):
        assert "anna" not in place and PASSWORD not in place and LOGIN not in place
