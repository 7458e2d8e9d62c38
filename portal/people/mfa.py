"""Second factor of staff: allauth keeps TOTP secrets and recovery codes; we keep them encrypted."""

from __future__ import annotations

import base64

from allauth.mfa.adapter import DefaultMFAAdapter

from portal.kernel import crypto

_PLACE = crypto.Place("mfa_authenticator", "data", "secret")


class SealedMfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth calls these around every secret it stores."""

    def encrypt(self, text: str) -> str:
        return base64.b64encode(crypto.seal(text.encode(), _PLACE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.unseal(base64.b64decode(encrypted_text), _PLACE).decode()
