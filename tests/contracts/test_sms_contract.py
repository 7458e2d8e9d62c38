"""What every SmsSender keeps, on the fake and on the SMSC adapter that talks to the gateway's double."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from uuid import UUID, uuid4

import pytest

from portal.adapters.sms.smsc import SmscSender
from portal.kernel.ports import PortFailure
from portal.notifications.ports import DeliveryState, FakeSms, SmsSender
from tests.contracts.processes import Double

PHONE = "+79123456789"
TEXT = "Код 123456. Никому не сообщайте."
KEY = UUID("11111111-2222-4333-8444-555555555555")


@dataclass
class Rig:
    """A sender and a look at what reached the other side: (phone, text), oldest first."""

    sender: SmsSender
    double: Double | None

    def sent(self) -> list[tuple[str, str]]:
        if self.double is None:
            return [(message.to, message.text) for message in self.sender.sent]
        return [(message["phone"], message["text"]) for message in reversed(self.double.messages())]


@pytest.fixture(params=["fake", "smsc"])
def rig(request) -> Rig:
    if request.param == "fake":
        return Rig(FakeSms(), None)
    double = request.getfixturevalue("smsc_double")
    return Rig(smsc(double.url), double)


@cache
def smsc(url: str) -> SmscSender:
    return SmscSender(url=url, login="demo", password="demo", sender="DEMOCLINIC")


def test_a_message_is_accepted_once_with_its_reference_parts_and_cost(rig):
    accepted = rig.sender.send(PHONE, TEXT, key=KEY, sequence=41)
    assert (accepted.provider_ref, accepted.segments) == ("41", 1)
    assert isinstance(accepted.cost, Decimal)
    assert rig.sent() == [(PHONE, TEXT)]


def test_cyrillic_emoji_and_new_lines_arrive_intact(rig):
    text = "Ёжик, «съешь» ещё № 5 — 10:30\n😀 & + % = ; ё"
    rig.sender.send(PHONE, text, key=KEY, sequence=1)
    assert rig.sent() == [(PHONE, text)]


def test_a_long_text_tells_its_parts(rig):
    assert rig.sender.send(PHONE, "я" * 135, key=KEY, sequence=1).segments == 3


def test_a_repeat_with_the_same_key_is_not_sent_twice(rig):
    first = rig.sender.send(PHONE, TEXT, key=KEY, sequence=7)
    again = rig.sender.send(PHONE, TEXT, key=KEY, sequence=7)
    assert again.provider_ref == first.provider_ref
    assert again.segments == first.segments
    assert rig.sent() == [(PHONE, TEXT)]


def test_another_message_with_the_same_text_is_sent(rig):
    rig.sender.send(PHONE, TEXT, key=KEY, sequence=1)
    rig.sender.send(PHONE, TEXT, key=uuid4(), sequence=2)
    assert rig.sent() == [(PHONE, TEXT)] * 2


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
    assert rig.sender.send(PHONE, TEXT, key=KEY, sequence=sequence).provider_ref == str(sequence)


def test_an_empty_text_is_refused(rig):
    with pytest.raises(PortFailure, match="empty-text"):
        rig.sender.send(PHONE, "", key=KEY, sequence=1)
    assert rig.sent() == []


def test_a_sent_message_can_be_asked_about_by_its_reference(rig):
    accepted = rig.sender.send(PHONE, TEXT, key=KEY, sequence=12)
    for ref in (12, accepted.provider_ref):
        assert rig.sender.status(ref, PHONE).state in (DeliveryState.SENT, DeliveryState.DELIVERED)


def test_an_unknown_message_is_unknown(rig):
    rig.sender.send(PHONE, TEXT, key=KEY, sequence=12)
    assert rig.sender.status(13, PHONE).state is DeliveryState.UNKNOWN
    assert rig.sender.status(12, "+79000000000").state is DeliveryState.UNKNOWN


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
