"""What every ChatSender keeps, on the fake and on the MAX adapter that talks to the messenger's double."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from uuid import UUID, uuid4

import pytest

from portal.adapters.chat.max import MaxSender
from portal.kernel.ports import PortFailure
from portal.notifications.ports_chat import MAX_TEXT, ChatEventKind, ChatOff, ChatSender, FakeChat
from tests.contracts.processes import Double

CHAT = "182182182"
TEXT = "Есть новое сообщение в кабинете"
KEY = UUID("11111111-2222-4333-8444-555555555555")
SECRET = "hook-secret_1"
BINDING = "k3ZpQ7-_w8Xv2Lm9"


@dataclass
class Rig:
    """A sender and a look at what reached the other side: (chat, text), oldest first."""

    sender: ChatSender
    double: Double | None

    def sent(self) -> list[tuple[str, str]]:
        if self.double is None:
            return [(message.chat_id, message.text) for message in self.sender.sent]
        return [(str(message["chat_id"]), message["text"]) for message in reversed(self.double.messages())]

    def stop(self, chat_id: str) -> None:
        if self.double is None:
            self.sender.blocked.add(chat_id)
        else:
            self.double.control("stop", chat_id=int(chat_id))

    def update(self, kind: str, chat_id: object, binding: object = None) -> bytes:
        """The body of a webhook's call in this messenger's own words."""
        if self.double is None:
            return f"{kind} {chat_id} {binding or ''}".encode()
        if kind == "says":
            place = {"chat_id": chat_id, "chat_type": "dialog", "user_id": 1}
            said = {"recipient": place, "body": {"mid": "mid.1", "seq": 1, "text": binding}}
            return json.dumps({"update_type": "message_created", "timestamp": 1, "message": said}).encode()
        names = {"started": "bot_started", "stopped": "bot_stopped"}
        told = {"update_type": names.get(kind, kind), "timestamp": 1, "chat_id": chat_id, "user": {"user_id": 2}}
        return json.dumps(told if binding is None else {**told, "payload": binding}).encode()


@pytest.fixture(params=["fake", "max"])
def rig(request) -> Rig:
    if request.param == "fake":
        return Rig(FakeChat(secret=SECRET), None)
    double = request.getfixturevalue("max_double")
    return Rig(build(double.url), double)


@cache
def build(url: str) -> MaxSender:
    return MaxSender(url=url, token="demo", hook_secret=SECRET, bot_name="demo_bot")


def refusal(rig: Rig, chat_id: str, text: str = TEXT) -> PortFailure:
    with pytest.raises(PortFailure) as refused:
        rig.sender.send(chat_id, text, key=KEY)
    assert rig.sent() == []
    return refused.value


def test_a_message_is_accepted_with_its_reference(rig):
    accepted = rig.sender.send(CHAT, TEXT, key=KEY)
    assert accepted.provider_ref
    assert (accepted.segments, accepted.cost) == (1, None)
    assert rig.sent() == [(CHAT, TEXT)]


def test_two_messages_have_two_references(rig):
    first, second = (rig.sender.send(CHAT, TEXT, key=uuid4()).provider_ref for _ in range(2))
    assert first != second


def test_cyrillic_emoji_and_new_lines_arrive_intact(rig):
    text = 'Ёжик, «съешь» ещё № 5 — 10:30\n😀 & <b>*x*</b> \\ " ё'
    rig.sender.send(CHAT, text, key=KEY)
    assert rig.sent() == [(CHAT, text)]


@pytest.mark.parametrize("chat_id", ["", "0", "-", "1.5", "12a", "1 2", "1\n", "+1", "1&chat_id=2", "٣", "1" * 20])
def test_a_malformed_dialog_is_refused_for_good(rig, chat_id):
    failure = refusal(rig, chat_id)
    assert (failure.code, failure.permanent) == ("bad-chat", True)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_refused(rig, text):
    assert refusal(rig, CHAT, text).code == "empty-text"


def test_the_longest_text_is_taken_and_one_character_more_is_not(rig):
    assert refusal(rig, CHAT, "я" * (MAX_TEXT + 1)).code == "too-long"
    rig.sender.send(CHAT, "я" * MAX_TEXT, key=KEY)
    assert rig.sent() == [(CHAT, "я" * MAX_TEXT)]


def test_a_person_who_stopped_the_bot_gets_nothing_more(rig):
    rig.stop(CHAT)
    failure = refusal(rig, CHAT)
    assert (failure.code, failure.permanent, failure.stops_provider) == ("blocked", True, False)


def test_a_refusal_tells_neither_dialog_nor_text(rig):
    rig.stop(CHAT)
    failure = refusal(rig, CHAT)
    told = f"{failure!r} {failure} {failure.detail}"
    assert CHAT not in told
    assert "сообщение" not in told


def test_threads_share_one_sender(rig):
    if rig.double is not None:
        for number in range(1, 21):
            rig.double.control("press", chat_id=number)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: rig.sender.send(str(n), TEXT, key=uuid4()), range(1, 21)))
    assert sorted(int(chat) for chat, _ in rig.sent()) == list(range(1, 21))


# The webhook ---------------------------------------------------------------------------------------------------


def test_a_person_who_followed_a_link_brings_its_token(rig):
    event = rig.sender.parse_update(rig.update("started", 182182182, BINDING), SECRET)
    assert (event.kind, event.chat_id, event.binding) == (ChatEventKind.STARTED, CHAT, BINDING)


@pytest.mark.parametrize("binding", [None, "", "short", "x" * 65, "ключ" * 5, "a/b" * 6])
def test_a_start_without_a_token_of_ours_binds_nothing(rig, binding):
    event = rig.sender.parse_update(rig.update("started", 182182182, binding), SECRET)
    assert (event.kind, event.chat_id, event.binding) == (ChatEventKind.STARTED, CHAT, "")


def test_a_person_who_stops_the_bot_is_told_of(rig):
    event = rig.sender.parse_update(rig.update("stopped", 182182182), SECRET)
    assert (event.kind, event.chat_id, event.binding) == (ChatEventKind.STOPPED, CHAT, "")


@pytest.mark.parametrize(
    ("text", "kind"),
    [("стоп", ChatEventKind.STOPPED), ("Stop", ChatEventKind.STOPPED), ("стоп кран", ChatEventKind.OTHER)],
)
def test_a_person_who_writes_stop_has_stopped(rig, text, kind):
    assert rig.sender.parse_update(rig.update("says", 182182182, text), SECRET).kind is kind


@pytest.mark.parametrize("kind", ["message_created", "bot_added", "dialog_muted", ""])
def test_anything_else_is_something_else(rig, kind):
    assert rig.sender.parse_update(rig.update(kind, 182182182), SECRET).kind is ChatEventKind.OTHER


@pytest.mark.parametrize("chat_id", ["x", 0, "", "1e3"])
def test_an_event_of_no_dialog_is_something_else(rig, chat_id):
    assert rig.sender.parse_update(rig.update("stopped", chat_id), SECRET).kind is ChatEventKind.OTHER


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"update_type":[1]}']
)
def test_what_is_not_understood_is_something_else(rig, body):
    assert rig.sender.parse_update(body, SECRET).kind is ChatEventKind.OTHER


@pytest.mark.parametrize("secret", ["", "hook-secret_2", SECRET + " ", SECRET.upper(), "секрет", SECRET[:-1]])
def test_without_our_secret_nothing_is_believed(rig, secret):
    assert rig.sender.parse_update(rig.update("started", 182182182, BINDING), secret) is None


# Links ---------------------------------------------------------------------------------------------------------


def test_a_link_carries_its_token(rig):
    assert rig.sender.start_link(BINDING).endswith(f"?start={BINDING}")


@pytest.mark.parametrize("binding", ["", "short", "x" * 65, "a" * 16 + "&b", "a" * 16 + "\n"])
def test_a_token_that_a_link_would_not_carry_is_a_bug(rig, binding):
    with pytest.raises(ValueError, match="binding token"):
        rig.sender.start_link(binding)


def test_while_it_is_off_nothing_is_sent_and_nobody_believed():
    sender = ChatOff.from_settings(None)
    with pytest.raises(PortFailure) as refused:
        sender.send(CHAT, TEXT, key=KEY)
    assert (refused.value.code, refused.value.stops_provider) == ("not-configured", True)
    assert sender.parse_update(b"{}", "") is None
    assert sender.start_link(BINDING) == ""
    assert sender.keep_hook("https://portal.example/hooks/max/") is False


def test_an_address_is_kept_once(rig):
    url = "http://127.0.0.1:1/hooks/max/"
    assert [rig.sender.keep_hook(url) for _ in range(3)] == [True, False, False]
