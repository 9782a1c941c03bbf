"""Severity: five steps, each with a shape and a word, so that colour is never needed to tell them apart."""

from __future__ import annotations

from enum import IntEnum

from secops.locale import _


class Severity(IntEnum):
    """Sigma's levels in order; the value is what is stored and compared."""

    INFORMATIONAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def code(self) -> str:
        """The name used in JSON, on the command line and in rules (``high``)."""
        return self.name.lower()

    @property
    def label(self) -> str:
        """The word on Japanese screens (``高``)."""
        return ("情報", "低", "中", "高", "重大")[self]

    @property
    def mark(self) -> str:
        """The shape beside the word (``▲``)."""
        return "○●■▲◆"[self]

    @classmethod
    def parse(cls, text: str) -> Severity:
        """Read a Sigma level.

        Raises:
            ValueError: the text is none of the five levels; the message lists them.
        """
        try:
            return cls[text.strip().upper()]
        except KeyError:
            expected = ", ".join(level.code for level in cls)
            what = _("「{text}」という重大度はありません(使えるもの: {known})")
            raise ValueError(what.format(text=text, known=expected)) from None
