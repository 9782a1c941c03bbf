"""Second factors without their storage: codes of an app, set-up and recovery codes. Values in, values out."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from datetime import datetime

STEP_SECONDS = 30  # RFC 6238
STEPS_ASIDE = 1  # how many steps a clock may be slow or fast
RECOVERY_CODES = 10
# Without 0, O, 1, I, L: codes are read from paper and over the phone.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def new_secret() -> str:
    """A secret for an app: 160 bits in base32 (RFC 4226 R6)."""
    import pyotp

    return pyotp.random_base32()


def address(secret: str, user: str, site: str) -> str:
    """What the QR code says: an ``otpauth://`` address."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name=site)


def step_of(secret: str, code: str, now: datetime, *, last: int) -> int | None:
    """The time step whose code this is, within `STEPS_ASIDE` and later than ``last``; None for a wrong or used code."""
    text = _digits(code)
    if text is None:
        return None
    import pyotp

    app, present, found = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS, None
    for step in range(present - STEPS_ASIDE, present + STEPS_ASIDE + 1):
        if hmac.compare_digest(app.generate_otp(step), text) and step > last:
            found = step
    return found


def is_app_code(code: str) -> bool:
    """Whether a text has the form of an app's code; another can only be a recovery code."""
    return _digits(code) is not None


def _digits(code: str) -> str | None:
    text = "".join(unicodedata.normalize("NFKC", code).split())
    return text if len(text) == 6 and text.isascii() and text.isdigit() else None


def new_code(groups: int = 4) -> str:
    """A code to type in once: groups of five letters and digits, 4.95 bits each."""
    return "-".join("".join(secrets.choice(_LETTERS) for _n in range(5)) for _group in range(groups))


def new_recovery_codes() -> list[str]:
    """A set of recovery codes, some 50 bits each: they are guessed at a console that locks, never offline in time."""
    return [new_code(2) for _n in range(RECOVERY_CODES)]


def digest(code: str) -> str:
    """The hash under which a code is kept: SHA-256 in hex of its letters. Codes are random, so a fast hash will do."""
    text = unicodedata.normalize("NFKC", code)
    letters = "".join(one for one in text.upper() if one.isalnum())
    return hashlib.sha256(letters.encode("utf-8", "replace")).hexdigest()


def same(stored: str | None, code: str) -> bool:
    """Whether a code is the one that is kept, in constant time; False where none is kept."""
    return hmac.compare_digest(stored or "-" * 64, digest(code)) and bool(stored)
