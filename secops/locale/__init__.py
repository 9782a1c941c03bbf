"""Words on screens: Japanese in the code, English from the catalogues in this folder.

``_("…")`` is marked text. The Japanese sentence is the key; ``en/<area>.po`` holds the English one. Catalogues are read
with Babel when English is first asked for, so no compiled file needs to be kept.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LANGUAGES = ("ja", "en")
_here = Path(__file__).parent
_language: ContextVar[str] = ContextVar("secops_language", default="")


def language() -> str:
    """The language now in force: the one set for this request, else ``SECOPS_LANG``, else Japanese."""
    chosen = _language.get() or os.environ.get("SECOPS_LANG", "")[:2]
    return chosen if chosen in LANGUAGES else "ja"


def use_language(name: str) -> None:
    """Set the language for the current context (a web request, a command)."""
    _language.set(name if name in LANGUAGES else "ja")


@cache
def catalogue(name: str) -> dict[str, str]:
    """All translations of one language: Japanese text → text. Empty for Japanese."""
    if name == "ja":
        return {}
    from babel.messages.pofile import read_po

    texts: dict[str, str] = {}
    for path in sorted((_here / name).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=name):
                if message.id and message.string and isinstance(message.id, str):
                    texts[message.id] = str(message.string)
    return texts


def gettext(text: str) -> str:
    """The text in the language now in force; the Japanese text itself where it is not translated."""
    name = language()
    return text if name == "ja" else catalogue(name).get(text, text)


_ = gettext
