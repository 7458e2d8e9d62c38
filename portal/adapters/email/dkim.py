"""DKIM (RFC 6376): rsa-sha256, relaxed/relaxed, with the installation's own key.

Ours because the library for it (dkimpy) comes as source only and would be built with unpinned tools; the key is handled
by `cryptography`. dkimpy, OpenDKIM and Mail::DKIM have read what is signed here; tests/contracts/test_dkim.py keeps it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from functools import cached_property

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from portal.kernel.ports import PortFailure

LEAST_BITS = 2048
# Signed once more than they occur (8.15): another From, Subject or Cc added on the way breaks the signature.
SIGNED = (
    *("from", "to", "cc", "subject", "date", "message-id", "reply-to", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-transfer-encoding", "auto-submitted"),
)
SPACES, ENDS = re.compile(rb"[ \t]+"), re.compile(rb"[ \t]+(?=\r\n)")
WIDTH = 70


class Signer:
    """`key`: PEM; `selector`: where its other half stands in DNS. Thread-safe."""

    def __init__(self, *, selector: str, key: str) -> None:
        self._selector, self._pem = selector, key

    def sign(self, message: bytes, *, domain: str) -> bytes:
        """The header to put before this message. Raises PortFailure `not-configured` for a key that is none."""
        head, _, body = message.partition(b"\r\n\r\n")
        fields = _fields(head)
        names = [name for name in SIGNED for _ in range(1 + sum(name == known for known, _ in fields))]
        header = "\r\n ".join(
            [
                f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; t={int(time.time())};",
                f"d={domain}; s={self._selector};",
                "h=" + ":\r\n ".join(":".join(names[at : at + 4]) for at in range(0, len(names), 4)) + ";",
                f"bh={_base64(hashlib.sha256(_body(body)).digest())};",
                "b=",
            ]
        )
        signed = _chosen(fields, names) + _field(header.encode("ascii")).removesuffix(b"\r\n")
        text = _base64(self._key.sign(signed, PKCS1v15(), SHA256()))
        lines = [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)]
        return (header + "\r\n ".join(lines) + "\r\n").encode("ascii")

    @cached_property
    def _key(self) -> RSAPrivateKey:
        try:
            key = load_pem_private_key(self._pem.encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_BITS:
            detail = f"DKIM_KEY: expected an RSA key of {LEAST_BITS} bits or more in PEM, without a password"
            raise PortFailure(permanent=False, code="not-configured", detail=detail, stops_provider=True)
        return key


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _fields(head: bytes) -> list[tuple[str, bytes]]:
    """(name, whole header) in order; a line that begins with a space belongs to the one before."""
    whole = re.split(rb"\r\n(?![ \t])", head)
    return [(one.partition(b":")[0].strip().decode("ascii", "replace").lower(), one) for one in whole]


def _chosen(fields: list[tuple[str, bytes]], names: list[str]) -> bytes:
    """The headers named, of equal names the last one first (5.4.2); one that is not there is empty."""
    left = list(fields)
    found = []
    for name in names:
        at = next((n for n in range(len(left) - 1, -1, -1) if left[n][0] == name), None)
        if at is not None:
            found.append(_field(left.pop(at)[1]))
    return b"".join(found)


def _field(header: bytes) -> bytes:
    """3.4.2: one line, name in lower case, single spaces, none around the colon."""
    name, _, value = header.partition(b":")
    text = SPACES.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.strip().lower() + b":" + text + b"\r\n"


def _body(body: bytes) -> bytes:
    """3.4.4: single spaces, none at the end of a line, no empty lines at the end."""
    text = ENDS.sub(b"", SPACES.sub(b" ", body if body.endswith(b"\r\n") else body + b"\r\n"))
    text = text.rstrip(b"\r\n")
    return text + b"\r\n" if text else b""
