"""Text folding: one definition of "the same text" for matching and searching; the original is always what is kept."""

from __future__ import annotations

import re
import unicodedata

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
MASK = "************"  # what stands where a personal number (マイナンバー) was


def fold(text: str) -> str:
    """Fold case and width: NFKC then casefold, so ``ＡＢＣ``, ``ABC`` and ``abc`` meet."""
    return unicodedata.normalize("NFKC", text).casefold() if not text.isascii() else text.lower()


def is_name(text: str) -> bool:
    """Whether the text may be a part of ``event.id`` (site, source): ``[a-z0-9-]``, no hyphen at the ends."""
    return len(text) <= 40 and _NAME.fullmatch(text) is not None
