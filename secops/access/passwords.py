"""Passwords: what they must be, and argon2id hashes of them (RFC 9106)."""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from secops.errors import UsageError
from secops.locale import _

MIN_LENGTH = 12
MAX_LENGTH = 256  # hashing reads all of it: an endless one would keep a core busy


class Passwords:
    """Hashes and verifies; cost parameters are argon2-cffi's defaults (RFC 9106, low-memory profile)."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """The argon2id hash with its parameters and salt, as text."""
        return self._hasher.hash(normal(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether the password is the one. With None it takes as long, so that names cannot be told by the clock."""
        if len(password) > MAX_LENGTH:
            return False
        try:
            self._hasher.verify(stored or self._nobody, normal(password))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


def normal(password: str) -> str:
    """NFKC, so that a password typed on another keyboard or with another input method is the same (NIST 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, name: str) -> None:
    """Length decides, not the kinds of characters (NIST 800-63B 3.1.1.2).

    Raises:
        UsageError: shorter than `MIN_LENGTH`, longer than `MAX_LENGTH`, one character repeated, or the login name.
    """
    text = normal(password)
    if len(text) < MIN_LENGTH:
        raise UsageError(
            _("パスワードが短すぎます({n} 字)。{limit} 字以上にしてください。").format(n=len(text), limit=MIN_LENGTH)
        )
    if len(text) > MAX_LENGTH:
        raise UsageError(
            _("パスワードが長すぎます({n} 字)。{limit} 字以内にしてください。").format(n=len(text), limit=MAX_LENGTH)
        )
    # A name of two letters is in many good passwords by chance.
    named = len(name) >= 4 and name.casefold() in text.casefold()
    if len(set(text)) < 4 or named:
        raise UsageError(_("推測されやすいパスワードです。利用者名を含めず、4 種類以上の文字を使ってください。"))
