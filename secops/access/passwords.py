"""Passwords: what they must be, and argon2id hashes of them (RFC 9106)."""

from __future__ import annotations

import re
import secrets
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from secops.errors import UsageError
from secops.locale import _

MIN_LENGTH = 12
MAX_LENGTH = 256  # hashing reads all of it: an endless one would keep a core busy

# What people type first, without the digits and signs they put around it. Length keeps most lists of leaked passwords
# away; these are the words by which such a list is stretched to twelve characters.
_OBVIOUS = """
    password passw0rd passwd pass passcode pasuwado pasuwaado admin administrator root guest user test login letmein
    welcome secret himitsu changeme default master qwerty qwertyuiop qwertyuiopasdf asdfghjkl asdfgh zxcvbnm iloveyou
    sunshine monkey dragon football baseball princess abc abcd abcdef abcdefgh abcdefghijkl aiueo sakura tokyo nihon
    japan kuyakusho shiyakusho yakusho kencho toshokan secops csirt security jouhou joho system kanri kanrisha
    ぱすわーど パスワード ひみつ あいうえお 管理者 区役所 市役所 役所 情報 情報システム
"""
OBVIOUS = frozenset(_OBVIOUS.split())
_ROWS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn")


class Passwords:
    """Hashes and verifies; cost parameters are argon2-cffi's defaults (RFC 9106, low-memory profile)."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    @cached_property
    def _nobody(self) -> str:
        """A hash that no password fits; made when first needed, since most commands check none."""
        return self._hasher.hash(secrets.token_hex(16))

    def hash(self, password: str) -> str:
        """The argon2id hash with its parameters and salt, as text."""
        return self._hasher.hash(normal(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether the password is the one. Without one it takes as long, so that names cannot be told by the clock."""
        if len(password) > MAX_LENGTH:
            return False
        nobody = self._nobody  # whatever the name is, or the first login after a start would tell
        try:
            self._hasher.verify(stored or nobody, normal(password))
        except (VerificationError, InvalidHashError):
            return False
        return bool(stored)

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


def normal(password: str) -> str:
    """NFKC, so that a password typed on another keyboard or with another input method is the same (NIST 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, name: str, *, length: int = MIN_LENGTH, display_name: str = "") -> None:
    """Length decides, not the kinds of characters (NIST 800-63B 3.1.1.2).

    Raises:
        UsageError: shorter than ``length``, longer than `MAX_LENGTH`, with the user's name in it, one character
            repeated, a row of the keyboard, or little more than one of the `OBVIOUS` words.
    """
    text = normal(password)
    if len(text) < length:
        raise UsageError(
            _("パスワードが短すぎます({n} 字)。{limit} 字以上にしてください。").format(n=len(text), limit=length)
        )
    if len(text) > MAX_LENGTH:
        raise UsageError(
            _("パスワードが長すぎます({n} 字)。{limit} 字以内にしてください。").format(n=len(text), limit=MAX_LENGTH)
        )
    folded = text.casefold()
    # A name of two letters is in many good passwords by chance.
    named = any(len(one) >= 4 and one.casefold() in folded for one in (name, normal("".join(display_name.split()))))
    if len(set(text)) < 4 or named:
        raise UsageError(_("推測されやすいパスワードです。利用者名を含めず、4 種類以上の文字を使ってください。"))
    if _obvious(folded):
        raise UsageError(
            _(
                "推測されやすいパスワードです。よくある語や並びの順の文字だけでは使えません。"
                "関係のない語を 3 つ以上つなげてください。"
            )
        )


def _obvious(text: str) -> bool:
    """Whether nothing is left but well-known words, digits, signs, rows of keys and repetitions."""
    if re.fullmatch(r"(.{1,6}?)\1+.{0,5}", text):
        return True
    rest = text.replace("@", "a").replace("$", "s")
    for row in _ROWS:
        for way in (row, row[::-1]):
            rest = _without_runs(rest, way)
    words = "|".join(sorted(map(re.escape, OBVIOUS), key=len, reverse=True))
    rest = re.sub(words, "", rest)
    return len(re.sub(r"[\W\d_]+", "", rest)) < 4


def _without_runs(text: str, row: str) -> str:
    """The text without pieces of four or more characters that stand side by side in the row."""
    for size in range(len(row), 3, -1):
        for start in range(len(row) - size + 1):
            text = text.replace(row[start : start + size], "")
    return text
