"""Web push to the browsers' push services: one POST to the subscription's address.

Sources: RFC 8030 (the request, TTL, Topic, statuses), RFC 8291 and 8188 (the body, `aes128gcm`), RFC 8292 (VAPID);
autopush's list of errors (mozilla-services.github.io/autopush-rs/errors.html). What matters here:
- a service keeps nothing without TTL, and a token must expire within 24 hours: ours asks for 12, clocks differ;
- Topic, our own id, lets a repeat take the place of the message that waits there. That all four services keep to
  this part of RFC 8030 (5.4) is not checked live; where one does not, the page's tag still shows one message;
- the services cannot read the body; it is made for one browser with a key used once;
- `pywebpush` follows redirects and waits without end unless told otherwise, so only its `py-vapid` is used, and the
  body is written here with `cryptography`, tested with the example of RFC 8291.
"""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Self
from uuid import UUID

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02, VapidException
from py_vapid.utils import b64urlencode

from portal.kernel.ports import PortFailure, PortUnknown
from portal.notifications.ports import Accepted
from portal.notifications.ports_push import (
    PushBusy,
    PushSubscription,
    require_endpoint,
    require_message,
    require_subscription,
)

if TYPE_CHECKING:
    from portal.settings import Settings

TIMEOUT = httpx.Timeout(connect=3.0, write=5.0, read=10.0, pool=3.0)  # seconds
TOKEN_SECONDS = 12 * 3600
LONGEST_WAIT = 86400  # seconds
RECORD = 4096
SUBJECT = re.compile(r"mailto:[^@\s]+@[^@\s]+")

# HTTP status → our code, what it means. All about this one subscription or message, see ports_push
REFUSALS: dict[int, tuple[str, str]] = {
    400: ("bad-request", "the push service did not understand the request"),
    401: ("wrong-key", "the push service does not take our key for this subscription"),
    403: ("wrong-key", "the push service does not take our key for this subscription"),
    404: ("gone", "the subscription is not known there"),
    410: ("gone", "the subscription has ended"),
    413: ("too-big", "the push service does not take so many bytes"),
}
# 406 is how Windows' service says "too many": from memory, not found in a public source.
LATER = frozenset({406, 408, 429})

# Raised before the first byte of the request is written: nothing can have happened.
NOT_WRITTEN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class WebPushSender:
    """A PushSender. `private_key`: P-256, 32 bytes in base64url, or PEM (PKCS8). Thread-safe."""

    def __init__(
        self, *, private_key: str, subject: str, extra_hosts: str = "", timeout: httpx.Timeout | float = TIMEOUT
    ) -> None:
        self._private_key = private_key
        self._subject = subject
        self._extra_hosts = extra_hosts
        # No proxy may see the addresses; a redirect could lead anywhere inside our network.
        self._client = httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False)

    @classmethod
    def from_settings(cls, portal: Settings) -> Self:
        return cls(
            private_key=portal.vapid_private_key,
            subject=portal.vapid_subject,
            extra_hosts=portal.push_extra_hosts,
        )

    def send(self, subscription: PushSubscription, payload: bytes, *, key: UUID, ttl: int) -> Accepted:
        """See PushSender.send. A repeat is harmless, so every 5xx is PushBusy even if the message was taken."""
        vapid = self._require_account()
        require_message(payload, ttl)
        point, secret = require_subscription(subscription, extra=self._extra_hosts)
        origin = require_endpoint(subscription.endpoint, extra=self._extra_hosts)
        own = ec.generate_private_key(ec.SECP256R1())
        body = encrypt(payload, point=point, secret=secret, own=own, salt=os.urandom(16))
        headers = self._headers(vapid, origin) | {"TTL": str(ttl), "Topic": key.hex}
        _check(self._post(subscription.endpoint, body, headers))
        return Accepted(str(key), 1)

    def public_key(self) -> str:
        return _encoded(self._vapid.public_key) if self._vapid else ""

    @cached_property
    def _vapid(self) -> Vapid02 | None:
        """None when there is no key or it is not one: told at the first send."""
        text = self._private_key.strip()
        try:
            vapid = Vapid02.from_pem(text.encode()) if text.startswith("-----") else Vapid02.from_string(text)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return None
        return vapid if isinstance(getattr(vapid.private_key, "curve", None), ec.SECP256R1) else None

    def _require_account(self) -> Vapid02:
        if self._vapid is None or not SUBJECT.fullmatch(self._subject):
            raise PortFailure(
                permanent=False,
                code="not-configured",
                detail="VAPID_PRIVATE_KEY or VAPID_SUBJECT is missing or malformed",
                stops_provider=True,
            )
        return self._vapid

    def _headers(self, vapid: Vapid02, origin: str) -> dict[str, str]:
        """`aud` and `exp` are ours to choose: the library's default expires at the very limit."""
        claims = {"aud": origin, "exp": int(time.time()) + TOKEN_SECONDS, "sub": self._subject}
        try:
            signed: dict[str, str] = vapid.sign(claims)
        except VapidException:
            raise PortFailure(
                permanent=False, code="not-configured", detail="VAPID_SUBJECT is not taken", stops_provider=True
            ) from None
        return {**signed, "Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream"}

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """One POST. Raises PortFailure when nothing was taken, PortUnknown when that cannot be told."""
        try:
            return self._client.post(url, content=body, headers=headers)
        except NOT_WRITTEN as error:
            # Not `stops_provider`: a name that does not resolve may be one stranger's subscription.
            raise PortFailure(permanent=False, code="unreachable", detail=type(error).__name__) from None
        except httpx.HTTPError as error:
            raise PortUnknown(code="no-answer", detail=type(error).__name__) from None


def _check(response: httpx.Response) -> None:
    """Raises what the status says; 2xx is success (201 in RFC 8030, "20x" in autopush)."""
    status = response.status_code
    if response.is_success:
        return
    if status in LATER or response.is_server_error:
        raise PushBusy(code=f"http-{status}", retry_after=_seconds(response.headers.get("Retry-After", "")))
    code, detail = REFUSALS.get(status, (f"http-{status}", "an answer that no push service gives"))
    raise PortFailure(permanent=True, code=code, detail=detail)


def _seconds(retry_after: str) -> int | None:
    """A number of seconds or a date (RFC 9110, 10.2.3), at most a day."""
    if retry_after.isdecimal() and retry_after.isascii():
        return min(int(retry_after[:9]), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    left = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)
    return max(0, min(int(left.total_seconds()), LONGEST_WAIT))


def encrypt(payload: bytes, *, point: bytes, secret: bytes, own: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """One `aes128gcm` record for the browser with this public point and secret (RFC 8291, 3.4 and 4).

    `own` and `salt` are to be new for every message.
    """
    ours = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    shared = _derive(own.exchange(ec.ECDH(), theirs), secret, b"WebPush: info\0" + point + ours, 32)
    content_key = _derive(shared, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(shared, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(content_key).encrypt(nonce, payload + b"\2", None)  # 2: the last record, no padding


def _derive(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(key)


def _encoded(key: ec.EllipticCurvePublicKey) -> str:
    text: str = b64urlencode(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    return text
