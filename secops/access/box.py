"""Secrets that must be readable to be checked, sealed under a key that is not kept beside them.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; the text is bound to what it is about, so that a sealed secret
that was copied to somebody else's row does not open.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable

from secops.errors import DeniedError
from secops.locale import _

MARK = "v1."  # base32 has no dot, so a secret from before sealing is told from a sealed one
KEY_BYTES = 32
_NONCE_BYTES = 12


class Box:
    """Seals and opens; ``read`` gives the key (None: there is none), ``make`` makes one where there is none yet."""

    def __init__(self, read: Callable[[], bytes | None], make: Callable[[], bytes]) -> None:
        self._read = read
        self._make = make

    def seal(self, text: str, about: str) -> str:
        """The text as it is kept."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._read() or self._make()).encrypt(nonce, text.encode(), about.encode())
        return MARK + base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, kept: str, about: str) -> str:
        """The text again; one from before sealing is returned as it is.

        Raises:
            DeniedError: the key is gone or another one, or this was sealed about something else.
        """
        if not kept.startswith(MARK):
            return kept
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            raw = base64.urlsafe_b64decode(kept.removeprefix(MARK))
            key = self._read()
            if key is not None:
                return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], about.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            pass
        raise DeniedError(
            _(
                "認証アプリの秘密を読めません(鍵 keys/totp.key がないか、別のものです)。回復コードかパスキーを使うか、"
                "システム管理者に連絡してください。"
            )
        )


def memory_box() -> Box:
    """A box whose key lasts as long as the program: nothing is ever kept readable because a key was forgotten."""
    key = secrets.token_bytes(KEY_BYTES)
    return Box(lambda: key, lambda: key)
