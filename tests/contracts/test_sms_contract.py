"""What every SmsSender keeps, on the fake and on each adapter that talks to its gateway's double.

Senders that make our number known to the gateway promise more than those that cannot: `numbered` are the first,
`unnumbered` the second, `rig` is each of both.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from uuid import UUID, uuid4

import pytest

from portal.adapters.sms.exolve import ExolveSender
from portal.adapters.sms.smsc import SmscSender
from portal.adapters.sms.smsru import SmsRuSender
from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports import DeliveryState, FakeSms, SmsSender
from tests.contracts.processes import Double

PHONE = "+79123456789"
TEXT = "Код 123456. Никому не сообщайте."
KEY = UUID("11111111-2222-4333-8444-555555555555")


@dataclass
class Rig:
    """A sender and a look at what reached the other side: (phone, text), oldest first."""

    name: str
    sender: SmsSender
    double: Double | None

    def sent(self) -> list[tuple[str, str]]:
        if self.double is None:
            return [(message.to, message.text) for message in self.sender.sent]
        return [(message["phone"], message["text"]) for message in reversed(self.double.messages())]


NUMBERED = ("fake", "smsc")
UNNUMBERED = ("smsru", "exolve")
# A reference that the gateway could have given, but has not.
STRANGERS = {"fake": "13", "smsc": "13", "smsru": "202648-9999999", "exolve": "439166538239999999"}


@pytest.fixture(params=NUMBERED)
def numbered(request) -> Rig:
    return rig_of(request.param, request)


@pytest.fixture(params=UNNUMBERED)
def unnumbered(request) -> Rig:
    return rig_of(request.param, request)


@pytest.fixture(params=NUMBERED + UNNUMBERED)
def rig(request) -> Rig:
    return rig_of(request.param, request)


def rig_of(name: str, request) -> Rig:
    if name == "fake":
        return Rig(name, FakeSms(), None)
    double = request.getfixturevalue(f"{name}_double")
    return Rig(name, {"smsc": smsc, "smsru": smsru, "exolve": exolve}[name](double.url), double)


@cache
def smsc(url: str) -> SmscSender:
    return SmscSender(url=url, login="demo", password="demo", sender="DEMOCLINIC")


@cache
def smsru(url: str) -> SmsRuSender:
    return SmsRuSender(url=url, api_id="demo", sender="DEMOCLINIC")


@cache
def exolve(url: str) -> ExolveSender:
    return ExolveSender(url=url, key="demo", sender="DEMOCLINIC")


def test_each_sender_says_whether_our_number_is_known(rig):
    assert rig.sender.knows_our_number == (rig.name in NUMBERED)


def test_a_message_is_accepted_once_with_its_reference_and_parts(rig):
    accepted = rig.sender.send(PHONE, TEXT, key=KEY, sequence=41)
    assert accepted.segments == 1
    assert accepted.provider_ref
    assert accepted.cost is None or isinstance(accepted.cost, Decimal)
    assert rig.sent() == [(PHONE, TEXT)]


def test_the_reference_is_our_number_where_it_is_known(numbered):
    assert numbered.sender.send(PHONE, TEXT, key=KEY, sequence=41).provider_ref == "41"


def test_two_messages_never_have_one_reference(rig):
    refs = {rig.sender.send(PHONE, f"{TEXT} {n}", key=uuid4(), sequence=n).provider_ref for n in (1, 2, 3)}
    assert len(refs) == 3


def test_cyrillic_emoji_and_new_lines_arrive_intact(rig):
    text = "Ёжик, «съешь» ещё № 5 — 10:30\n😀 & + % = ; ё"
    rig.sender.send(PHONE, text, key=KEY, sequence=1)
    assert rig.sent() == [(PHONE, text)]


def test_a_long_text_tells_its_parts(rig):
    assert rig.sender.send(PHONE, "я" * 135, key=KEY, sequence=1).segments == 3


def test_a_repeat_with_the_same_key_is_not_sent_twice(numbered):
    first = numbered.sender.send(PHONE, TEXT, key=KEY, sequence=7)
    again = numbered.sender.send(PHONE, TEXT, key=KEY, sequence=7)
    assert again.provider_ref == first.provider_ref
    assert again.segments == first.segments
    assert numbered.sent() == [(PHONE, TEXT)]


def test_a_repeat_that_nobody_recognises_is_another_message_or_unknown_but_never_the_first(unnumbered):
    refs = [unnumbered.sender.send(PHONE, TEXT, key=KEY, sequence=7).provider_ref]
    try:
        refs.append(unnumbered.sender.send(PHONE, TEXT, key=KEY, sequence=7).provider_ref)
    except PortUnknown as unknown:
        assert unknown.code == "repeated"
    assert len(set(refs)) == len(refs) == len(unnumbered.sent())


def test_another_message_with_the_same_text_is_sent(numbered):
    numbered.sender.send(PHONE, TEXT, key=KEY, sequence=1)
    numbered.sender.send(PHONE, TEXT, key=uuid4(), sequence=2)
    assert numbered.sent() == [(PHONE, TEXT)] * 2


def test_an_equal_text_to_another_number_is_sent(rig):
    rig.sender.send(PHONE, TEXT, key=KEY, sequence=1)
    rig.sender.send("+79990000000", TEXT, key=uuid4(), sequence=2)
    assert rig.sent() == [(PHONE, TEXT), ("+79990000000", TEXT)]


@pytest.mark.parametrize(
    "to",
    [
        "",
        "89123456789",
        "79123456789",
        "+7912345678a",
        "+7 912 345-67-89",
        "+",
        "+0123456789",
        "+7123",
        "+" + "7" * 16,
    ],
)
def test_a_malformed_number_is_refused_for_good(rig, to):
    with pytest.raises(PortFailure) as refused:
        rig.sender.send(to, TEXT, key=KEY, sequence=1)
    assert (refused.value.permanent, refused.value.code) == (True, "bad-phone")
    assert rig.sent() == []


@pytest.mark.parametrize("to", [f"{PHONE},+79999999999", f"{PHONE};+79999999999", f"{PHONE}\n", "+７9123456789"])
def test_a_number_cannot_smuggle_another(rig, to):
    with pytest.raises(PortFailure, match="bad-phone"):
        rig.sender.send(to, TEXT, key=KEY, sequence=1)
    assert rig.sent() == []


@pytest.mark.parametrize("sequence", [0, -1, 2**31])
def test_a_sequence_out_of_range_is_refused(rig, sequence):
    with pytest.raises(PortFailure, match="bad-sequence"):
        rig.sender.send(PHONE, TEXT, key=KEY, sequence=sequence)
    assert rig.sent() == []


@pytest.mark.parametrize("sequence", [1, 2**31 - 1])
def test_the_ends_of_the_range_are_taken(rig, sequence):
    rig.sender.send(PHONE, TEXT, key=KEY, sequence=sequence)
    assert rig.sent() == [(PHONE, TEXT)]


def test_an_empty_text_is_refused(rig):
    with pytest.raises(PortFailure, match="empty-text"):
        rig.sender.send(PHONE, "", key=KEY, sequence=1)
    assert rig.sent() == []


def test_a_sent_message_can_be_asked_about_by_its_reference(rig):
    accepted = rig.sender.send(PHONE, TEXT, key=KEY, sequence=12)
    assert rig.sender.status(accepted.provider_ref, PHONE).state in (DeliveryState.SENT, DeliveryState.DELIVERED)


def test_a_sent_message_can_be_asked_about_by_our_number_where_it_is_known(numbered):
    numbered.sender.send(PHONE, TEXT, key=KEY, sequence=12)
    assert numbered.sender.status(12, PHONE).state in (DeliveryState.SENT, DeliveryState.DELIVERED)


def test_our_number_is_no_reference_where_it_is_not_known(unnumbered):
    unnumbered.sender.send(PHONE, TEXT, key=KEY, sequence=12)
    with pytest.raises(PortFailure, match="bad-sequence"):
        unnumbered.sender.status(12, PHONE)


def test_an_unknown_message_is_unknown(rig):
    rig.sender.send(PHONE, TEXT, key=KEY, sequence=12)
    assert rig.sender.status(STRANGERS[rig.name], PHONE).state is DeliveryState.UNKNOWN


def test_our_number_belongs_to_one_phone(numbered):
    numbered.sender.send(PHONE, TEXT, key=KEY, sequence=12)
    assert numbered.sender.status(12, "+79000000000").state is DeliveryState.UNKNOWN


@pytest.mark.parametrize("ref", ["", "abc", "1,2", 0])
def test_a_malformed_reference_is_refused(rig, ref):
    with pytest.raises(PortFailure, match="bad-sequence"):
        rig.sender.status(ref, PHONE)


def test_threads_share_one_sender(rig):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: rig.sender.send(PHONE, f"{TEXT} {n}", key=uuid4(), sequence=n), range(1, 41)))
    assert sorted(text for _, text in rig.sent()) == sorted(f"{TEXT} {n}" for n in range(1, 41))


def test_a_refusal_tells_neither_number_nor_text(rig):
    with pytest.raises(PortFailure) as refused:
        rig.sender.send("+7912345678901234", TEXT, key=KEY, sequence=1)
    told = f"{refused.value!r} {refused.value} {refused.value.detail}"
    assert "7912" not in told
    assert "Код" not in told


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"\xff\xfe", b"[[[", b"[" * 100_000, b"null", b"data=1&id=", b"{}", b"id=x&id=-1"]
)
def test_a_callback_that_is_not_understood_speaks_of_nothing(rig, body):
    assert rig.sender.mentioned(body) == []
