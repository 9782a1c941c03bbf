"""What reading a Word file gives: the document, and all that a person must look at before it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from secops.isms.clauses.model import Document, Numbering
from secops.isms.clauses.word_model import Remark


@dataclass(frozen=True, slots=True)
class Doubt:
    """A place that could be read in another way: the number of the paragraph, its text, and what was done with it."""

    number: int
    text: str
    why: str


class How(StrEnum):
    """How a clause of the new file was found in the document that exists."""

    SAME = "same"
    CHANGED = "changed"
    MOVED = "moved"
    MOVED_CHANGED = "moved_changed"
    NEW = "new"
    GONE = "gone"


HOW_LABELS = {
    How.SAME: "同じ",
    How.CHANGED: "本文が変わった",
    How.MOVED: "番号が変わった",
    How.MOVED_CHANGED: "番号と本文が変わった",
    How.NEW: "新しい",
    How.GONE: "なくなった",
}


@dataclass(frozen=True, slots=True)
class Match:
    """A clause and where it was before; ``old`` and ``new`` are citations, empty for none. ``score``: 0 to 1."""

    id: str
    how: How
    old: str = ""
    new: str = ""
    title: str = ""
    score: float = 1.0


@dataclass(frozen=True)
class Reading:
    """A Word file as a document, for review."""

    document: Document
    counts: Mapping[str, int]
    doubts: tuple[Doubt, ...] = ()
    kept: tuple[Remark | Doubt, ...] = ()
    matches: tuple[Match, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)  # clause → number of its paragraph

    @property
    def numbering(self) -> Numbering:
        """How the file numbers its provisions."""
        return self.document.numbering
