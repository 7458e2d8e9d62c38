"""What notifications ask of a messenger's bot: one sender, what its webhook says, and a small fake for tests.

A bot cannot write first. A person binds a dialog to an account by following a link with a one-time token and
pressing "start"; the token comes back in the webhook together with the dialog's id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, Self
from uuid import UUID

from portal.kernel.ports import PortFailure
from portal.notifications.ports import Accepted
from portal.notifications.stop_words import STOP_WORDS

CHAT_ID = re.compile(r"-?[1-9][0-9]{0,18}")
BINDING = re.compile(r"[A-Za-z0-9_-]{16,64}")  # what fits a link's `start` in Telegram (64) and in MAX (128)
MAX_TEXT = 4000  # characters, counted as code points: the vendor does not say how it counts


class ChatEventKind(StrEnum):
    STARTED = "started"  # the person pressed "start": messages may be sent
    STOPPED = "stopped"  # stopped or blocked the bot, deleted the dialog, or wrote "stop": nothing more is to come
    OTHER = "other"  # anything else, also what is not understood: to be answered 200 and forgotten


@dataclass(frozen=True, slots=True)
class ChatEvent:
    """`binding`: the one-time token of the link that was followed, "" without one. Names are left unread."""

    kind: ChatEventKind
    chat_id: str = ""
    binding: str = ""


class ChatSender(Protocol):
    def send(self, chat_id: str, text: str, *, key: UUID) -> Accepted:
        """Send one plain text to one dialog. `provider_ref` is the messenger's id of the message.

        key  the message's id; messengers have no field for it, so after PortUnknown a repeat may be read twice

        Raises PortFailure, permanent: `blocked` and `no-chat` (another channel now; only `STOPPED` ends a binding: the
        messenger may answer so to everybody while it holds the bot back), `bad-chat`, `empty-text`, `too-long`,
        `bad-request`; for a while: `too-often`. Raises PortUnknown.
        """

    def parse_update(self, body: bytes, secret_header: str) -> ChatEvent | None:
        """What a call of our webhook says; None unless it carries our secret, compared in constant time.

        The same event may come more than once: the caller's use of a binding token is to be harmless twice.
        """

    def start_link(self, binding: str) -> str:
        """Where a person follows to bind a dialog; "" while the messenger is off or the bot has no name."""

    def keep_hook(self, url: str) -> bool:
        """Have the messenger call this address of ours; True when it did not any more, or not yet.

        A messenger forgets an address that does not answer for long, so this is to be asked again and again.
        Raises PortFailure, PortUnknown.
        """


def is_stop(text: str) -> bool:
    """Has a person written that nothing more is to come?"""
    return text.strip().strip(".!").casefold() in STOP_WORDS


def require_chat_text(chat_id: str, text: str) -> None:
    """Raises PortFailure `bad-chat`, `empty-text`, `too-long`."""
    if not CHAT_ID.fullmatch(chat_id):
        raise PortFailure(permanent=True, code="bad-chat", detail="not the id of a dialog")
    if not text.strip():
        raise PortFailure(permanent=True, code="empty-text")
    if len(text) > MAX_TEXT:
        raise PortFailure(permanent=True, code="too-long", detail=f"more than {MAX_TEXT} characters")


def require_binding(binding: str) -> None:
    """Raises ValueError unless it is 16 to 64 letters, digits, - and _."""
    if not BINDING.fullmatch(binding):
        raise ValueError("a binding token is 16 to 64 letters, digits, - and _")


class ChatOff:
    """CHAT_VENDOR is empty: nothing is sent, no webhook is believed."""

    @classmethod
    def from_settings(cls, _portal: object) -> Self:
        return cls()

    def send(self, chat_id: str, text: str, *, key: UUID) -> Accepted:
        raise PortFailure(permanent=False, code="not-configured", detail="CHAT_VENDOR is off", stops_provider=True)

    def parse_update(self, body: bytes, secret_header: str) -> ChatEvent | None:
        return None

    def start_link(self, binding: str) -> str:
        return ""

    def keep_hook(self, url: str) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class SentChat:
    chat_id: str
    text: str
    key: UUID


@dataclass
class FakeChat:
    """A ChatSender in memory. Put exceptions into `fail_with` to have the next sends raise them.

    blocked  dialogs that refuse messages; `secret` is the webhook's; an update's body is `started <chat> <binding>`,
             `stopped <chat>`, `says <chat> <text>` or anything else
    hook     where updates go; tests put "" there when the messenger is to forget it
    """

    sent: list[SentChat] = field(default_factory=list)
    fail_with: list[Exception] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    secret: str = "fake-secret"  # noqa: S105 - there is nothing to protect
    hook: str = ""

    def send(self, chat_id: str, text: str, *, key: UUID) -> Accepted:
        require_chat_text(chat_id, text)
        if self.fail_with:
            raise self.fail_with.pop(0)
        if chat_id in self.blocked:
            raise PortFailure(permanent=True, code="blocked")
        self.sent.append(SentChat(chat_id, text, key))
        return Accepted(f"fake.{len(self.sent)}", 1)

    def parse_update(self, body: bytes, secret_header: str) -> ChatEvent | None:
        if secret_header != self.secret:
            return None
        kind, *rest = [*body.decode(errors="replace").split(maxsplit=2), ""]
        if kind == "says" and is_stop("".join(rest[1:])):
            kind = ChatEventKind.STOPPED
        if kind not in (ChatEventKind.STARTED, ChatEventKind.STOPPED) or not CHAT_ID.fullmatch(rest[0]):
            return ChatEvent(ChatEventKind.OTHER)
        binding = rest[1] if kind == ChatEventKind.STARTED and BINDING.fullmatch(rest[1]) else ""
        return ChatEvent(ChatEventKind(kind), rest[0], binding)

    def start_link(self, binding: str) -> str:
        require_binding(binding)
        return f"https://chat.invalid/bot?start={binding}"

    def keep_hook(self, url: str) -> bool:
        if self.fail_with:
            raise self.fail_with.pop(0)
        was, self.hook = self.hook, url
        return was != url
