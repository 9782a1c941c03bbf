"""What differs between two texts, as a reader of a 新旧対照表 wants it underlined: words whole, tables cell by cell.

Japanese has no spaces, so characters are aligned; numbers, Latin and katakana words count as one character each. What
is equal between two changes but too short to be read as unchanged (a particle, one kanji) is underlined with them.
The pieces of a side, joined, are always that side's text, and its unchanged pieces are those of the other side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, pairwise

from secops.isms.clauses.md_tables import is_row, is_rule, letters

_WORD = re.compile(r"[0-9０-９]+(?:[.,．，][0-9０-９]+)*|[A-Za-zＡ-Ｚａ-ｚ]+|[ァ-ヺー]+|.", re.DOTALL)
_SENTENCE = re.compile(r"[^。\n]*[。\n]|[^。\n]+")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BAR = re.compile(r"(?<!\\)\|")
_WEAK = re.compile(r"[ぁ-ゖ\s、。・,.()()「」]*")  # what alone, between two changes, is no unchanged word
MOST = 4_000_000  # pairs of characters that are aligned one by one; longer texts are aligned by sentence first


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a text, and whether it differs from the other side."""

    text: str
    changed: bool = False


Marked = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """Running text of a marked text: a line of it."""

    parts: Marked


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of a marked text: rows of cells; the first row is its head where ``head`` says so."""

    rows: tuple[tuple[Marked, ...], ...]
    head: bool


Pair = tuple[str, str]  # a stretch of the old text and what stands for it in the new one
_Segment = tuple[bool, str, str]  # whether it is equal; the old and the new stretch


def compare_texts(old: str, new: str) -> tuple[Marked, Marked]:
    """Both texts, with what differs marked; swapping the texts swaps the answer."""
    if old > new:  # the aligner favours one side: always the same one
        right, left = compare_texts(new, old)
        return left, right
    return _sides(_by_lines(old, new))


def whole(text: str, *, changed: bool) -> Marked:
    """A text that is wholly changed or not at all."""
    return (Part(text, changed),) if text else ()


def joined(*pieces: Marked) -> Marked:
    """Marked texts one behind the other as one; neighbours of the same kind become one part."""
    found = groupby((part for piece in pieces for part in piece), key=lambda part: part.changed)
    return tuple(Part("".join(part.text for part in run), flag) for flag, run in found)


def plain(parts: Marked) -> str:
    """The text itself."""
    return "".join(one.text for one in parts)


def changed(parts: Marked) -> bool:
    """Whether anything of it is marked."""
    return any(one.changed for one in parts)


def blocks(parts: Marked) -> Sequence[Prose | Grid]:
    """A marked text as lines and tables, for drawing."""
    found: list[Prose | Grid] = []
    for table, lines in groupby(_lines(parts), key=lambda line: is_row(plain(line))):
        if not table:
            found += [Prose(line) for line in lines]
            continue
        rows = list(lines)
        head = len(rows) > 1 and is_rule(plain(rows[1]))
        kept = [line for line in rows if not is_rule(plain(line))]
        found.append(Grid(tuple(tuple(_cells_of(line)) for line in kept), head))
    return found


def _lines(parts: Marked) -> Iterator[Marked]:
    line: list[Part] = []
    for part in parts:
        first, *more = part.text.split("\n")
        line.append(Part(first, part.changed))
        for text in more:
            yield tuple(one for one in line if one.text)
            line = [Part(text, part.changed)]
    yield tuple(one for one in line if one.text)


def _cells_of(line: Marked) -> Iterator[Marked]:
    """The cells of a table's row: cut at its bars, trimmed, an escaped bar read as a bar."""
    text = plain(line)
    flags = [part.changed for part in line for _char in part.text]
    for start, end in _cells(text):
        said = [(letter, flags[start + at]) for letter, at in letters(text[start:end])]
        yield tuple(
            Part("".join(letter for letter, _flag in run), flag)
            for flag, run in groupby(said, key=lambda pair: pair[1])
        )


def _cells(row: str) -> Sequence[tuple[int, int]]:
    """Where the texts of a row's cells begin and end, without the blanks around them."""
    bars = [found.start() for found in _BAR.finditer(row)]
    if row[bars[-1] + 1 :].strip():
        bars.append(len(row))
    spans = []
    for bar, end in pairwise(bars):
        text = row[bar + 1 : end]
        start = bar + 1 + len(text) - len(text.lstrip())
        spans.append((start, start + len(text.strip())))
    return spans


def _by_lines(old: str, new: str) -> list[_Segment]:
    """Align texts; where either has tables, prose with prose and table with table."""
    if "|" not in old and "|" not in new:
        return _by_words(old, new)
    segments: list[_Segment] = []
    for left, right in _pairs(_chunks(old), _chunks(new)):
        if left and right:
            segments += _by_rows(left, right) if is_row(left) else _by_words(left, right)
        else:
            segments.append((False, left, right))
    return segments


def _chunks(text: str) -> list[str]:
    """Stretches of prose and of table in turn, line ends included."""
    return ["".join(run) for _table, run in groupby(_LINE.findall(text), key=is_row)]


def _pairs(old: Sequence[str], new: Sequence[str]) -> Iterator[Pair]:
    """Chunks that stand for each other: equal ones first, between them in order, kind by kind; else with nothing."""
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from zip(old[a:b], new[c:d], strict=True)
            continue
        left, right = list(old[a:b]), list(new[c:d])
        while left and right:
            if is_row(left[0]) == is_row(right[0]):
                yield left.pop(0), right.pop(0)
            elif len(left) >= len(right):
                yield left.pop(0), ""
            else:
                yield "", right.pop(0)
        yield from ((one, "") for one in left)
        yield from (("", one) for one in right)


def _by_rows(old: str, new: str) -> list[_Segment]:
    """Align tables: rows that begin with the same cell, then the cells of columns with the same head."""
    left, right = _LINE.findall(old), _LINE.findall(new)
    columns = _columns(left[0], right[0])
    segments: list[_Segment] = []
    keys_old, keys_new = [_key(row) for row in left], [_key(row) for row in right]
    for tag, a, b, c, d in SequenceMatcher(None, keys_old, keys_new, autojunk=False).get_opcodes():
        if tag == "equal" or b - a == d - c:
            for row_old, row_new in zip(left[a:b], right[c:d], strict=True):
                segments += _by_cells(row_old, row_new, columns)
        else:
            segments += [(False, "".join(left[a:b]), "".join(right[c:d]))]
    return segments


def _texts(row: str) -> list[str]:
    return [row[start:end] for start, end in _cells(row)]


def _key(row: str) -> str:
    """What a row is known by: its first cell, or all of it where that is empty or a line under the head."""
    texts = _texts(row)
    return texts[0] if texts and texts[0].strip(":-") else row.strip()


def _columns(old: str, new: str) -> list[tuple[int, int]]:
    """Columns that stand for each other: of the same head, or at the same place where their number is the same."""
    heads_old, heads_new = _texts(old), _texts(new)
    if len(heads_old) == len(heads_new):
        return [(at, at) for at in range(len(heads_old))]
    found = SequenceMatcher(None, heads_old, heads_new, autojunk=False).get_matching_blocks()
    return [(block.a + at, block.b + at) for block in found for at in range(block.size)]


def _by_cells(old: str, new: str, columns: Sequence[tuple[int, int]]) -> list[_Segment]:
    """Align two rows of a table; the bars and blanks between cells are no change unless the columns are others."""
    if old == new:
        return [(True, old, new)]
    spans_old, spans_new = _cells(old), _cells(new)
    segments: list[_Segment] = []
    at_old = at_new = 0
    for one, other in columns:
        if one >= len(spans_old) or other >= len(spans_new):
            break
        (start_old, end_old), (start_new, end_new) = spans_old[one], spans_new[other]
        segments += _between(old[at_old:start_old], new[at_new:start_new])
        segments += _by_words(old[start_old:end_old], new[start_new:end_new])
        at_old, at_new = end_old, end_new
    return segments + _between(old[at_old:], new[at_new:])


def _between(old: str, new: str) -> list[_Segment]:
    return [(old == new, old, new)]


def _by_words(old: str, new: str) -> list[_Segment]:
    """Align running text by words and characters, and join what would be hard to read."""
    left, right = _WORD.findall(old), _WORD.findall(new)
    if len(left) * len(right) <= MOST:
        return _readable(_aligned(left, right))
    segments: list[_Segment] = []
    for equal, one, other in _aligned(_SENTENCE.findall(old), _SENTENCE.findall(new)):
        words, others = _WORD.findall(one), _WORD.findall(other)
        small = not equal and len(words) * len(others) <= MOST
        segments += _readable(_aligned(words, others)) if small else [(equal, one, other)]
    return segments


def _aligned(left: Sequence[str], right: Sequence[str]) -> list[_Segment]:
    found = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    return [(tag == "equal", "".join(left[a:b]), "".join(right[c:d])) for tag, a, b, c, d in found]


def _readable(segments: list[_Segment]) -> list[_Segment]:
    """Join changes that only a particle, a bracket or one or two characters keep apart."""
    joined: list[_Segment] = []
    for at, (equal, old, new) in enumerate(segments):
        island = equal and 0 < at < len(segments) - 1 and _tiny(old, segments[at - 1], segments[at + 1])
        if joined and not joined[-1][0] and (island or not equal):
            joined[-1] = (False, joined[-1][1] + old, joined[-1][2] + new)
        else:
            joined.append((equal, old, new))
    return joined


def _tiny(text: str, before: _Segment, after: _Segment) -> bool:
    """Whether equal text between two changes is no more than noise beside them."""
    if "\n" in text:
        return False
    size = min(max(len(one[1]), len(one[2])) for one in (before, after))
    return len(text) <= (3 if _WEAK.fullmatch(text) else 2) and len(text) <= size


def _sides(segments: Sequence[_Segment]) -> tuple[Marked, Marked]:
    """The two sides of an alignment, neighbours of the same kind joined."""
    left: list[Part] = []
    right: list[Part] = []
    for equal, old, new in segments:
        same = old == new
        for side, text in ((left, old), (right, new)):
            flag = not (equal or same)
            if text and side and side[-1].changed == flag:
                side[-1] = Part(side[-1].text + text, flag)
            elif text:
                side.append(Part(text, flag))
    return tuple(left), tuple(right)
