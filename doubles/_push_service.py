"""A push service and the browsers that subscribed at it: what it takes, what it refuses, what a browser could read.

Written from RFC 8030 (push), 8291 (encryption) and 8292 (VAPID), in memory only. Real services cannot read a body;
this one holds the browsers' keys too, so it can show what they would.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message as Headers
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEPT = 1000  # messages
LONGEST_BODY = 4096  # RFC 8030, 7.2: the least a service must take
LONGEST_TOKEN = 24 * 3600  # seconds; RFC 8292, 2
LONGEST_TTL = 28 * 86400
OVERHEAD = 16 + 1  # the tag and the delimiter
CURVE = ec.SECP256R1()
VAPID = re.compile(r"vapid\s+(?=.*\bt=([\w.-]+))(?=.*\bk=([\w-]+=*)).*", re.ASCII | re.IGNORECASE)
TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
TTL = re.compile(r"[0-9]{1,10}")


class Refusal(Exception):
    """An HTTP status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class Subscription:
    """One browser: its private key, its secret, and the application key it was made for ("" for any)."""

    token: str
    for_key: str
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(CURVE))
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    is_gone: bool = False

    @property
    def point(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def shown(self, origin: str) -> dict[str, Any]:
        """What `PushSubscription.toJSON()` gives a page."""
        keys = {"p256dh": encoded(self.point), "auth": encoded(self.secret)}
        return {"endpoint": f"{origin}/push/{self.token}", "expirationTime": None, "keys": keys}


@dataclass
class Message:
    token: str
    topic: str
    ttl: int
    text: str | None  # None: the browser could not read it
    size: int
    subject: str
    time: datetime
    repeats: int = 0
    is_shown: bool = False

    def is_kept(self, now: float) -> bool:
        return now < self.time.timestamp() + self.ttl


@dataclass
class Service:
    """All subscriptions and messages. `offset` puts its clock forward."""

    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    offset: float = 0.0
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> float:
        return time.time() + self.offset

    def subscribe(self, for_key: str) -> Subscription:
        """Raises ValueError unless the application key is a point of P-256, or ""."""
        if for_key:
            ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decoded(for_key))
        made = Subscription(secrets.token_urlsafe(24), for_key.rstrip("="))
        with self.lock:
            self.subscriptions[made.token] = made
        return made

    def unsubscribe(self, token: str) -> None:
        self.subscriptions[token].is_gone = True

    def take(self, token: str, headers: Headers, body: bytes, origin: str) -> Message:
        """Check a message as RFC 8030 and 8292 say and keep it; a topic takes the place of its waiting message."""
        subscription = self._known(token)
        subject = self._sender(headers.get("Authorization", ""), subscription, origin)
        ttl, topic = _told(headers, body)
        message = Message(token, topic, ttl, _read(subscription, body), len(body), subject, self._clock())
        with self.lock:
            self._replace(message)
        return message

    def listed(self, token: str = "") -> list[Message]:
        """Newest first."""
        with self.lock:
            return [message for message in reversed(self.messages) if token in ("", message.token)]

    def show(self, token: str, topic: str) -> str:
        """The browser fetches its message and shows it; what the message says of itself. Raises KeyError."""
        for message in self.listed(token):
            if message.topic == topic and message.text is not None:
                message.is_shown = True
                return str(json.loads(message.text)["id"])
        raise KeyError(topic)

    def forget(self) -> None:
        with self.lock:
            self.messages.clear()
            self.subscriptions.clear()
            self.offset, self.requests = 0.0, 0

    def _clock(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def _known(self, token: str) -> Subscription:
        subscription = self.subscriptions.get(token)
        if subscription is None:
            raise Refusal(404, "no such subscription")
        if subscription.is_gone:
            raise Refusal(410, "the subscription has ended")
        return subscription

    def _replace(self, message: Message) -> None:
        """RFC 8030, 5.4. A message waits until its time is over, or until somebody shows it."""
        same = [
            old for old in self.messages if message.topic and (old.token, old.topic) == (message.token, message.topic)
        ]
        for old in same:
            if old.is_kept(self.now()) and not old.is_shown:
                message.repeats = old.repeats + 1
                self.messages.remove(old)
        self.messages.append(message)
        del self.messages[:-KEPT]

    def _sender(self, authorization: str, subscription: Subscription, origin: str) -> str:
        """The `sub` of a valid VAPID token. Raises Refusal 401 without one, 403 for one that does not hold."""
        found = VAPID.fullmatch(authorization.strip())
        if found is None:
            raise Refusal(401, "a vapid token is expected")
        token, key = found.groups()
        claims = _verified(token, key)
        if subscription.for_key and subscription.for_key != key.rstrip("="):
            raise Refusal(403, "the subscription was made for another key")
        if claims.get("aud") != origin:
            raise Refusal(403, f"aud: expected {origin}")
        if not _is_number(claims.get("exp")) or not 0 < claims["exp"] - self.now() <= LONGEST_TOKEN:
            raise Refusal(403, "exp: expected a time within 24 hours")
        subject = str(claims.get("sub", ""))
        if not subject.startswith(("mailto:", "https:")):
            raise Refusal(403, "sub: expected mailto: or https:")
        return subject


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _verified(token: str, key: str) -> dict[str, Any]:
    """The claims of an ES256 token signed with `key`."""
    try:
        head, claims, signature = token.split(".")
        raw = decoded(signature)
        if json.loads(decoded(head)).get("alg") != "ES256" or len(raw) != 64:
            raise Refusal(403, "ES256 is expected")
        pair = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decoded(key))
        public.verify(pair, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
        found = json.loads(decoded(claims))
    except (ValueError, AttributeError, InvalidSignature):
        raise Refusal(403, "the token does not hold") from None
    return found if isinstance(found, dict) else {}


def _told(headers: Headers, body: bytes) -> tuple[int, str]:
    """TTL and Topic of a request that is well formed. Raises Refusal 400 or 413."""
    if len(body) > LONGEST_BODY:
        raise Refusal(413, f"more than {LONGEST_BODY} bytes")
    if not TTL.fullmatch(headers.get("TTL", "")):
        raise Refusal(400, "TTL is expected")
    topic = headers.get("Topic", "")
    if topic and not TOPIC.fullmatch(topic):
        raise Refusal(400, "Topic: expected 1 to 32 characters of base64url")
    if headers.get("Content-Encoding", "").lower() != "aes128gcm" or not _is_record(body):
        raise Refusal(400, "an aes128gcm body is expected")
    return min(int(headers["TTL"]), LONGEST_TTL), topic


def _is_record(body: bytes) -> bool:
    """Salt, record size, a whole point, and something after it."""
    return len(body) > 86 + OVERHEAD and int.from_bytes(body[16:20], "big") > OVERHEAD and body[20:22] == b"\x41\x04"


def _read(subscription: Subscription, body: bytes) -> str | None:
    """What the browser makes of the body, None when it throws it away (RFC 8291, 3 and 4)."""
    salt, point, record = body[:16], body[21:86], body[86:]
    try:
        sender = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point)
        shared = subscription.private.exchange(ec.ECDH(), sender)
        info = b"WebPush: info\0" + subscription.point + point
        base = _hkdf(shared, subscription.secret, info, 32)
        key = _hkdf(base, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _hkdf(base, salt, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        return padded[:-1].decode("utf-8") if padded.endswith(b"\2") else None
    except (ValueError, InvalidTag):
        return None


def _hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    bare = text.rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
