"""What notifications ask of web push: one sender, what it may be given, and a small fake for tests.

RFC 8030 (delivery), 8291 (encryption), 8292 (VAPID). The address of a subscription comes from a browser, so from
anybody: only known push services are ever called (`require_endpoint`), and nothing that one subscription answers is
taken for a fault of the account, or a stranger's subscription could switch the channel off for all.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass, field
from typing import Protocol, Self
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

from portal import settings as typed
from portal.kernel.ports import PortFailure
from portal.notifications.ports import Accepted

# Four browsers' services. The list is from memory: confirm it with a live subscription of each before launch.
HOSTS = frozenset({"fcm.googleapis.com", "updates.push.services.mozilla.com"})
DOMAINS = (".push.apple.com", ".notify.windows.com")
ORIGIN = re.compile(r"(https?)://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::([1-9][0-9]{0,4}))?")
PATH = re.compile(r"/[!-~]{1,1500}")
MAX_PAYLOAD = 2048  # bytes; every service must take a body of 4096 (RFC 8030, 7.2), ours needs a few words
TTLS = range(60, 28 * 86400 + 1)  # seconds; 0, the usual default, is lost when the device is off. 28 days: FCM, memory
POINT_BYTES, SECRET_BYTES = 65, 16  # RFC 8291, 3.1 and 3.2: a point in full, a secret


@dataclass(frozen=True, slots=True, repr=False)
class PushSubscription:
    """What a browser's `PushSubscription.toJSON()` holds. Not printable: the address alone lets others send."""

    endpoint: str
    p256dh: str
    auth: str


class PushBusy(PortFailure):
    """The service asks to come again later. `retry_after`: seconds, None when it did not say."""

    def __init__(self, *, code: str, retry_after: int | None = None) -> None:
        super().__init__(permanent=False, code=code, detail="the push service asks to come again later")
        self.retry_after = retry_after


class PushSender(Protocol):
    def send(self, subscription: PushSubscription, payload: bytes, *, key: UUID, ttl: int) -> Accepted:
        """Hand one message to the browser's push service. Accepted is not shown: the device may be off.

        payload  1 to MAX_PAYLOAD bytes, without anything personal: the services are abroad
        key      the message's id, the same in every attempt: a repeat takes the place of the one not yet delivered.
                 One that was delivered is shown again, so the page shows messages under a tag made of the key
        ttl      seconds the service may keep it while the device is off, see TTLS

        Raises PortFailure, permanent: `gone` (delete the subscription), `wrong-key` (it was made for another key of
        ours, or our key is wrong), `too-big`, `bad-endpoint`, `bad-subscription`, `bad-payload`, `bad-ttl`,
        `bad-request`. Raises PushBusy, PortUnknown.
        """

    def public_key(self) -> str:
        """The `applicationServerKey` a page subscribes with, base64url; "" while web push is off or has no key."""


def require_endpoint(url: str, *, extra: str | None = None) -> str:
    """The origin of a push service's address. Raises PortFailure `bad-endpoint` for any other address.

    extra  further services, separated by commas: host names (https, port 443), or http origins of this machine
           (`http://127.0.0.1:8030`); by default the setting PUSH_EXTRA_HOSTS
    """
    origin, slash, rest = _split(url)
    found = ORIGIN.fullmatch(origin)
    listed = [entry.strip() for entry in (typed.portal.push_extra_hosts if extra is None else extra).split(",")]
    if found and PATH.fullmatch(slash + rest) and "\\" not in url and "#" not in url:
        scheme, host, port = found.groups()
        is_service = scheme == "https" and port in (None, "443") and _is_known(host, listed)
        if is_service or (scheme == "http" and origin in listed and _is_this_machine(host)):
            return origin.removesuffix(":443") if is_service else origin
    raise PortFailure(permanent=True, code="bad-endpoint", detail="not the address of a known push service")


def _split(url: str) -> tuple[str, str, str]:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}", slash, path


def _is_known(host: str, listed: list[str]) -> bool:
    return host in HOSTS or host.endswith(DOMAINS) or host in listed


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_subscription(subscription: PushSubscription, *, extra: str | None = None) -> tuple[bytes, bytes]:
    """The browser's public point and its secret. Raises PortFailure `bad-endpoint`, `bad-subscription`."""
    require_endpoint(subscription.endpoint, extra=extra)
    try:
        point, secret = _bytes(subscription.p256dh), _bytes(subscription.auth)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        point = secret = b""
    if len(point) != POINT_BYTES or len(secret) != SECRET_BYTES:
        raise PortFailure(permanent=True, code="bad-subscription", detail="p256dh or auth is malformed")
    return point, secret


def _bytes(text: str) -> bytes:
    """base64url, padded or not."""
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)


def require_message(payload: bytes, ttl: int) -> None:
    """Raises PortFailure `bad-payload`, `too-big`, `bad-ttl`."""
    if not payload:
        raise PortFailure(permanent=True, code="bad-payload", detail="nothing to send")
    if len(payload) > MAX_PAYLOAD:
        raise PortFailure(permanent=True, code="too-big", detail=f"more than {MAX_PAYLOAD} bytes")
    if ttl not in TTLS:
        raise PortFailure(permanent=True, code="bad-ttl", detail=f"expected {TTLS.start} to {TTLS.stop - 1} seconds")


class PushOff:
    """PUSH_VENDOR is empty: nothing is sent, and whoever asks is told so."""

    @classmethod
    def from_settings(cls, _portal: object) -> Self:
        return cls()

    def send(self, subscription: PushSubscription, payload: bytes, *, key: UUID, ttl: int) -> Accepted:
        raise PortFailure(permanent=False, code="not-configured", detail="PUSH_VENDOR is off", stops_provider=True)

    def public_key(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class SentPush:
    subscription: PushSubscription
    payload: bytes
    key: UUID
    ttl: int


@dataclass
class FakePush:
    """A PushSender in memory. Put exceptions into `fail_with` to have the next sends raise them.

    gone   addresses that are answered with `gone`
    extra  as in `require_endpoint`
    """

    sent: list[SentPush] = field(default_factory=list)
    fail_with: list[Exception] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    extra: str | None = None

    def send(self, subscription: PushSubscription, payload: bytes, *, key: UUID, ttl: int) -> Accepted:
        require_message(payload, ttl)
        require_subscription(subscription, extra=self.extra)
        if self.fail_with:
            raise self.fail_with.pop(0)
        if subscription.endpoint in self.gone:
            raise PortFailure(permanent=True, code="gone")
        self.sent = [old for old in self.sent if (old.subscription, old.key) != (subscription, key)]
        self.sent.append(SentPush(subscription, payload, key, ttl))
        return Accepted(str(key), 1)

    def public_key(self) -> str:
        return "fake"
