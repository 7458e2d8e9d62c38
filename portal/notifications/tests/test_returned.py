"""Reading reports of mail servers: every layout tells the same; what is no report tells nothing; nothing raises."""

import time
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.notifications.ports_mail import STATUS, Fault, fault_of
from portal.notifications.returned import read_report
from portal.notifications.tests import reports
from portal.notifications.tests.reports import ANNA

KEY = UUID("11111111-2222-4333-8444-555555555555")
REF = f"<{KEY}@portal.example>"


def only(raw: bytes):
    """(status, fault) of Anna's address in a report about our message."""
    returned = read_report(raw)
    assert returned and set(returned.names()) == {KEY}
    (told,) = [one for one in returned.told if ANNA in one.addresses]
    return told.status, told.fault


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (reports.postfix, ("5.1.1", Fault.ADDRESS)),
        (reports.postfix_delay, ("4.4.1", Fault.FOR_NOW)),
        (reports.exim, ("5.1.1", Fault.ADDRESS)),
        (reports.yandex, ("5.1.1", Fault.ADDRESS)),
        (reports.mailru, ("5.2.2", Fault.ADDRESS)),
        (reports.exchange, ("5.4.1", Fault.UNCLEAR)),
        (reports.in_utf8, ("5.1.1", Fault.ADDRESS)),
        (reports.in_base64, ("5.1.1", Fault.ADDRESS)),
        (reports.unseparated, ("5.1.1", Fault.ADDRESS)),
        (reports.to_two, ("5.1.1", Fault.ADDRESS)),
        (reports.huge, ("5.1.1", Fault.ADDRESS)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_layout_is_read(write, expected):
    assert only(write(REF)) == expected


def test_lines_that_end_in_lf_alone_are_read():
    assert only(reports.postfix(REF).replace(b"\r\n", b"\n")) == ("5.1.1", Fault.ADDRESS)


def test_the_envelopes_id_names_the_message_too():
    returned = read_report(reports.with_envelope_id(str(KEY)))
    assert returned.names() == {KEY: set()}


def test_the_first_quarter_of_a_megabyte_is_enough():
    assert only(reports.huge(REF)[: 256 * 1024]) == ("5.1.1", Fault.ADDRESS)


def test_the_thread_of_a_message_names_no_other_message():
    """Exim copies the returned message's References into the report, its own id last."""
    before = "<99999999-2222-4333-8444-555555555555@portal.example>"
    whole = reports.exim(REF).replace(b"References: ", f"References: {before} ".encode())
    assert set(read_report(whole).names()) == {KEY}
    cut = whole[: whole.index(b"Content-Description: Undelivered Message")].replace(b"In-Reply-To", b"X-Was")
    assert set(read_report(cut).names()) == {KEY}


@pytest.mark.parametrize("kind", ["x*=a; x*0=b", f"x*{'1' * 5000}=a", 'x="' + ";" * 200_000])
def test_a_type_that_cannot_be_read_is_none(kind):
    whole = reports.postfix(REF).replace(b"report-type=delivery-status", kind.encode())
    assert read_report(whole) is None


@pytest.mark.parametrize("block", ["X: a\x0bY: b", "X: a\x1cY: b", "X: a\x0cY: b"])
def test_a_line_that_ends_for_one_and_goes_on_for_another_is_no_failure(block):
    """`email` splits such a header when it is written, not when it is read, and then refuses its own work."""
    assert read_report(reports.postfix(REF).replace(b"Action: failed", f"{block}\r\nAction: failed".encode())) is None


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_hostile_type_inside_another_part_is_none(end):
    long = f'Content-Type: multipart/x; "{end}' + f" {';' * 90}{end}" * 2000
    began = time.process_time()
    read_report(reports.postfix(REF).replace(b"Content-Type: message/delivery-status", long.encode()))
    assert time.process_time() - began < 5


def test_without_the_returned_part_nothing_names_a_message():
    whole = reports.postfix(REF)
    cut = whole[: whole.index(b"Content-Type: text/rfc822-headers")]
    returned = read_report(cut)
    assert returned and returned.names() == {}


@pytest.mark.parametrize("name", [b"Message-ID:", b"message-id :", b"MESSAGE-ID:\r\n\t"])
def test_the_id_of_the_returned_message_may_be_written_in_any_way(name):
    assert only(reports.postfix(REF).replace(b"Message-ID:", name.replace(b" :", b":"))) == ("5.1.1", Fault.ADDRESS)


@pytest.mark.parametrize(
    "write",
    [
        reports.receipt,
        reports.read_receipt,
        reports.complaint,
        reports.on_holiday,
        reports.from_a_person,
        reports.forwarded,
        lambda ref: reports.receipt(ref, "relayed"),
        lambda ref: reports.receipt(ref, "expanded"),
        lambda ref: b"",
        lambda ref: ref.encode(),
    ],
    ids=["delivered", "read", "complaint", "holiday", "person", "forwarded", "relayed", "expanded", "empty", "words"],
)
def test_what_is_no_report_tells_nothing(write):
    assert read_report(write(REF)) is None


@pytest.mark.parametrize("ref", ["<reply@portal.example>", "11111111-2222-4333-8444-555555555555", "", "<a b@c>"])
def test_an_id_that_none_of_ours_looks_like_names_nothing(ref):
    returned = read_report(reports.postfix(ref))
    assert returned and returned.names() == {}


@pytest.mark.parametrize(
    ("code", "says", "expected"),
    [
        ("5.0.0", "550 5.7.1 Message rejected as spam", "5.7.1"),
        ("5.0.0", "550-5.2.1 The account is\n disabled", "5.2.1"),
        ("5.0.0", "550 no such user", "5.0.0"),
        ("5.1.1", "550 5.7.1 blocked", "5.1.1"),
        ("", "550 User unknown", "5.0.0"),
        ("", "452 4.2.2 full", "4.2.2"),
        ("", "connect to mx[5.45.207.1]: refused", ""),
        ("5.0.0", "421 4.4.2 connection lost", "5.0.0"),
        ("nonsense", "", ""),
        ("5.1.1 (bad destination mailbox address)", "", "5.1.1"),
    ],
)
def test_a_general_status_gives_way_to_what_the_other_server_said(code, says, expected):
    returned = read_report(reports.postfix(REF, code=code, says=says))
    assert returned.told[0].status == expected


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("5.0.0", Fault.UNCLEAR),
        ("5.1.0", Fault.UNCLEAR),
        ("5.2.0", Fault.UNCLEAR),
        ("5.2.252", Fault.UNCLEAR),
        ("5.4.1", Fault.UNCLEAR),
        ("5.4.6", Fault.OTHER),
        ("5.4.14", Fault.OTHER),
        ("5.1.1", Fault.ADDRESS),
        ("5.1.2", Fault.ADDRESS),
        ("5.2.1", Fault.ADDRESS),
        ("5.2.2", Fault.ADDRESS),
        ("5.4.4", Fault.ADDRESS),
        ("5.1.7", Fault.OTHER),
        ("5.1.8", Fault.OTHER),
        ("5.2.3", Fault.OTHER),
        ("5.3.4", Fault.OTHER),
        ("5.4.7", Fault.OTHER),
        ("5.5.0", Fault.OTHER),
        ("5.6.1", Fault.OTHER),
        ("5.7.1", Fault.OTHER),
        ("5.7.26", Fault.OTHER),
        ("4.2.2", Fault.FOR_NOW),
        ("4.7.1", Fault.FOR_NOW),
        ("2.1.5", Fault.OTHER),
        ("", Fault.OTHER),
        ("5.1", Fault.OTHER),
        ("5.1.1.1", Fault.OTHER),
    ],
)
def test_whose_fault_it_is(status, fault):
    """A refusal of our server, our text or our name switches nobody's address off: it would be everybody's at once."""
    assert fault_of(status) is fault


def test_a_block_that_says_neither_what_nor_why_says_nothing():
    raw = reports.postfix(REF, action="", code="", says="")
    assert read_report(raw) is None


def test_an_address_that_carries_a_line_of_its_own_stays_one_address():
    returned = read_report(reports.postfix(REF, to='anna@example.ru\n boris@example.ru"'))
    assert all("\n" not in address for one in returned.told for address in one.addresses)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_nothing_that_comes_raises(data):
    """Reports with bytes dropped, doubled and changed anywhere."""
    writers = [reports.postfix, reports.exim, reports.mailru, reports.in_base64, reports.in_utf8, reports.yandex]
    raw = bytearray(data.draw(st.sampled_from(writers))(REF))
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=20))
    returned = read_report(bytes(raw))
    for one in returned.told if returned else ():
        assert one.status == "" or STATUS.fullmatch(one.status)


@given(st.binary(max_size=2000))
def test_noise_tells_nothing(raw):
    assert read_report(raw) is None
