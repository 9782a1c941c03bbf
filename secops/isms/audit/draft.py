"""A paper as the linter reads it: lines with their place, whatever the file was.

A Word file is read by `secops.report.papers.read_word`, Markdown here; both give the same lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from secops.isms.audit.paper_style import PaperKind

_MARKDOWN_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_RULE = re.compile(r"\s*\|?[\s:|-]+\|?\s*")
_NUMBER = re.compile(r"^(?:第?\d+(?:[―ー.-]\d+)*|\(\d+\)|[①-⑳]|[ア-ン]|\([ア-ン]\))[\s　]+")


class Spot(StrEnum):
    """What a line is within the paper."""

    HEADING = "heading"
    BODY = "body"
    CELL = "cell"
    HEAD = "head"  # the head of a table, a label of a form
    QUOTE = "quote"
    EDGE = "edge"  # header, footer, what the file says of itself


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph or a cell. ``place`` is what a person finds it by; ``label`` is the head of its row or column.

    ``table`` and ``row`` count from 1 and are 0 outside of tables; ``marks`` are the bookmarks in it with their text.
    """

    place: str
    text: str
    spot: Spot = Spot.BODY
    section: tuple[str, ...] = ()
    label: str = ""
    table: int = 0
    row: int = 0
    marks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Draft:
    """A paper to be checked. ``meta`` is what the file says of its making, ``marks`` bookmark → (number, value).

    ``review`` are traces of reviewing that must not leave the house: comments, tracked changes, hidden text.
    """

    name: str
    lines: tuple[Line, ...]
    meta: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    review: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()

    @property
    def kind(self) -> PaperKind | None:
        """Which paper it says it is."""
        found = self.meta.get("kind", "")
        return PaperKind(found) if found in set(PaperKind) else None


def read_markdown(name: str, text: str) -> Draft:
    """A Markdown text as lines; block quotes are words of others."""
    return Draft(name, tuple(_markdown(text)))


def _markdown(text: str) -> Iterator[Line]:
    section: list[str] = []
    table = row = 0
    heads: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        place = f"{number} 行目"
        stripped = line.strip()
        if not stripped.startswith("|"):
            row, heads = 0, []
        if not stripped:
            continue
        if found := _MARKDOWN_HEADING.fullmatch(stripped):
            section = [*section[: len(found[1]) - 1], bare(found[2])]
            yield Line(place, found[2], Spot.HEADING, tuple(section))
        elif stripped.startswith("|"):
            if _RULE.fullmatch(stripped):
                continue
            table += row == 0
            row += 1
            cells = [cell.strip() for cell in stripped.strip("|").split("|")]
            spots = [Spot.HEAD if row == 1 else Spot.CELL] * len(cells)
            heads = heads or cells
            for at, (cell, spot) in enumerate(zip(cells, spots, strict=True)):
                label = heads[at] if spot is Spot.CELL and at < len(heads) else ""
                yield Line(f"{place} {at + 1} 列", cell, spot, tuple(section), label, table, row)
        elif stripped.startswith(">"):
            yield Line(place, stripped.lstrip("> "), Spot.QUOTE, tuple(section))
        else:
            yield Line(place, stripped.lstrip("-*・ "), Spot.BODY, tuple(section))


def bare(heading: str) -> str:
    """A heading without its typed number."""
    return _NUMBER.sub("", heading.strip())
