"""Numbers of headings: as text for PDF and HTML, as a setting of the list for Word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from secops.isms.audit.paper_style import Scheme
from secops.report.papers.model import Block, Heading, Landscape

KANA = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
# By scheme and level: Word's format of the number, and the text around it.
WORD: dict[Scheme, tuple[tuple[str, str], ...]] = {
    Scheme.REPORT: (
        ("decimal", "第%1"),
        ("decimal", "%2"),
        ("decimal", "(%3)"),
        ("aiueoFullWidth", "%4"),
        ("aiueoFullWidth", "(%5)"),
    ),
    Scheme.NUMBERS: (
        ("decimal", "%1"),
        ("decimal", "(%2)"),
        ("decimalEnclosedCircle", "%3"),
        ("aiueoFullWidth", "%4"),
        ("aiueoFullWidth", "(%5)"),
    ),
    Scheme.DASHES: (
        ("decimal", "%1"),
        ("decimal", "%1―%2"),
        ("decimal", "%1―%2―%3"),
        ("decimal", "(%4)"),
        ("aiueoFullWidth", "%5"),
    ),
}
LEVELS = 5


def label(scheme: Scheme, counts: Sequence[int]) -> str:
    """The printed number of a heading; ``counts`` are those of the levels from the top down to its own."""
    form, text = WORD[scheme][len(counts) - 1]
    for level, count in enumerate(counts, 1):
        last = level == len(counts)
        text = text.replace(f"%{level}", _figure(form, count) if last else str(count))
    return text


def _figure(form: str, count: int) -> str:
    letters = {"aiueoFullWidth": KANA, "decimalEnclosedCircle": CIRCLED}.get(form, "")
    return letters[count - 1] if count <= len(letters) else str(count)


class Counter:
    """Counts headings in the order of the paper."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._counts: list[int] = []

    def next(self, heading: Heading) -> str:
        """The number of the next heading; empty where it has none."""
        if not heading.numbered:
            return ""
        level = heading.level
        self._counts = (self._counts + [0] * level)[:level]
        self._counts = [count or 1 for count in self._counts[:-1]] + [self._counts[-1] + 1]
        return label(self._scheme, self._counts)


def headings(blocks: Sequence[Block]) -> Iterator[Heading]:
    """All headings in order."""
    for block in blocks:
        if isinstance(block, Heading):
            yield block
        elif isinstance(block, Landscape):
            yield from headings(block.blocks)
