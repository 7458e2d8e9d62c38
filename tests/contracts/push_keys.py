"""Keys for tests of web push: ours, and browsers' subscriptions that the double made."""

import base64

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from portal.notifications.ports_push import PushSubscription
from tests.contracts.processes import Double, http


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_of(key: ec.EllipticCurvePrivateKey) -> str:
    return encoded(key.private_numbers().private_value.to_bytes(32, "big"))


def pem_of(key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_of(key: ec.EllipticCurvePrivateKey) -> str:
    return encoded(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


OURS = ec.generate_private_key(ec.SECP256R1())
SUBJECT = "mailto:portal@clinic.example"


def subscribe(double: Double, key: str = "") -> PushSubscription:
    """A new browser's subscription, made for our key unless another is given."""
    made = http.post(f"{double.url}/subscribe", json={"applicationServerKey": key or public_of(OURS)})
    data = made.raise_for_status().json()
    return PushSubscription(data["endpoint"], data["keys"]["p256dh"], data["keys"]["auth"])
