"""A bot of the MAX messenger and the dialogs people have with it: what it takes, what it refuses, what it tells.

Written from dev.max.ru/docs-api, the schema of the vendor's own client, and public code where these are silent: that
a person who stopped the bot is 403 `chat.denied`. The codes of 400, 404 and 429 are invented: none was found.
"""

from __future__ import annotations

import hmac
import http.client
import ipaddress
import json
import re
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

KEPT = 1000  # messages
LONGEST = 4000  # characters
LONGEST_PAYLOAD = 128  # characters; a longer one is not passed on
PER_DIALOG, PER_BOT = 2, 30  # messages a second
HOOK_SECONDS = 30.0
SECRET = re.compile(r"[A-Za-z0-9_-]{5,256}")


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Message:
    mid: str
    chat_id: int
    text: str
    time: datetime


@dataclass
class Dialog:
    chat_id: int
    is_stopped: bool = False
    sent: deque[float] = field(default_factory=lambda: deque(maxlen=PER_DIALOG))


@dataclass
class Hook:
    """Where updates go; the double calls this machine only. `kinds`: of which kinds, () for all."""

    url: str = ""
    secret: str = ""
    kinds: tuple[str, ...] = ()

    @classmethod
    def checked(cls, url: str, secret: str, kinds: tuple[str, ...] = ()) -> Hook:
        """Raises ValueError for an address of another machine, or a secret that the messenger does not take."""
        parts = urlsplit(url)
        try:
            is_near = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
        except ValueError:
            is_near = False
        if not is_near or parts.scheme != "http":
            raise ValueError("url: the double calls http on this machine only")
        if secret and not SECRET.fullmatch(secret):
            raise ValueError("secret: expected 5 to 256 of A-Z, a-z, 0-9, - and _")
        return cls(url, secret, kinds)

    def call(self, update: dict[str, Any]) -> int:
        """The status of the answer, 0 when there is none or nobody to call."""
        if not self.url or (self.kinds and update["update_type"] not in self.kinds):
            return 0
        parts = urlsplit(self.url)
        headers = {"Content-Type": "application/json", **({"X-Max-Bot-Api-Secret": self.secret} if self.secret else {})}
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=HOOK_SECONDS)
        try:
            connection.request("POST", target, json.dumps(update).encode(), headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


@dataclass
class Bot:
    """`offset` puts its clock forward."""

    token: str
    name: str
    hook: Hook = field(default_factory=Hook)
    dialogs: dict[int, Dialog] = field(default_factory=dict)
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=KEPT))
    updates: list[dict[str, Any]] = field(default_factory=list)
    sent: deque[float] = field(default_factory=lambda: deque(maxlen=PER_BOT))
    offset: float = 0.0
    requests: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def now(self) -> float:
        return time.time() + self.offset

    def check(self, authorization: str, in_address: str) -> None:
        """Raises Refusal 401 `verify.token` unless the header is the token itself and the address holds none."""
        if in_address:
            raise Refusal(401, "verify.token", "Passing access_token in query is not supported")
        if not hmac.compare_digest(authorization.encode(), self.token.encode()):
            raise Refusal(401, "verify.token", "Invalid access_token")

    def send(self, chat_id: str, text: object) -> Message:
        if not isinstance(text, str) or not text or len(text) > LONGEST:
            raise Refusal(400, "proto.payload", f"text: expected 1 to {LONGEST} characters")
        with self.lock:
            dialog = self._open(chat_id)
            self._count(dialog)
            message = Message(f"mid.{secrets.token_hex(16)}", dialog.chat_id, text, self._clock())
            self.messages.append(message)
        return message

    def press(self, chat_id: int, payload: str = "") -> dict[str, Any]:
        """The person presses "start", having followed a link with this payload or none."""
        with self.lock:
            self.dialogs.setdefault(chat_id, Dialog(chat_id)).is_stopped = False
        is_passed = 0 < len(payload) <= LONGEST_PAYLOAD
        return self._tell("bot_started", chat_id, **({"payload": payload} if is_passed else {}))

    def stop(self, chat_id: int, event: str = "bot_stopped") -> dict[str, Any]:
        """The person stops or blocks the bot, or deletes the dialog. Raises KeyError for an unknown one."""
        self.dialogs[chat_id].is_stopped = True
        return self._tell(event, chat_id)

    def say(self, chat_id: int, text: str, chat_type: str = "dialog") -> dict[str, Any]:
        """The person writes to the bot. Raises KeyError for an unknown dialog."""
        dialog = self.dialogs[chat_id]
        told = {
            "recipient": {"chat_id": dialog.chat_id, "chat_type": chat_type, "user_id": 1},
            "timestamp": int(self.now() * 1000),
            "body": {"mid": f"mid.{secrets.token_hex(16)}", "seq": 1, "text": text},
            "sender": {"user_id": abs(chat_id) + 1, "first_name": "Иван", "is_bot": False},
        }
        return self._call({"update_type": "message_created", "timestamp": int(self.now() * 1000), "message": told})

    def repeat(self) -> int:
        """The messenger did not see our 200 and calls again. Raises IndexError when nothing was told yet."""
        return self.hook.call(self.updates[-1])

    def listed(self, chat_id: str = "") -> list[Message]:
        """Newest first."""
        with self.lock:
            return [message for message in reversed(self.messages) if chat_id in ("", str(message.chat_id))]

    def forget(self) -> None:
        with self.lock:
            self.dialogs.clear()
            self.messages.clear()
            self.updates.clear()
            self.sent.clear()
            self.offset, self.requests = 0.0, 0

    def me(self) -> dict[str, Any]:
        return {"user_id": 1, "first_name": self.name, "username": self.name, "is_bot": True}

    def _tell(self, event: str, chat_id: int, **more: str) -> dict[str, Any]:
        """One update to the webhook, in the words of the vendor's examples, and what was answered."""
        user = {"user_id": abs(chat_id) + 1, "first_name": "Иван", "last_name": "Иванов", "is_bot": False}
        told = {"update_type": event, "timestamp": int(self.now() * 1000), "chat_id": chat_id, "user": user}
        return self._call({**told, "user_locale": "ru", **more})

    def _call(self, update: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            self.updates.append(update)
            del self.updates[:-KEPT]
        return {"update": update, "status": self.hook.call(update)}

    def _clock(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def _open(self, chat_id: str) -> Dialog:
        dialog = self.dialogs.get(int(chat_id)) if re.fullmatch(r"-?[0-9]{1,19}", chat_id) else None
        if dialog is None:
            raise Refusal(404, "chat.not.found", "Chat is not found")
        if dialog.is_stopped:
            raise Refusal(403, "chat.denied", f"Key: error.dialog.suspended, args: [{dialog.chat_id},].")
        return dialog

    def _count(self, dialog: Dialog) -> None:
        now = self.now()
        for times in (dialog.sent, self.sent):
            if len(times) == times.maxlen and now - times[0] < 1:
                raise Refusal(429, "too.many.requests", "Too many requests")
        dialog.sent.append(now)
        self.sent.append(now)
