"""Recognises the clauses of an official guideline text by their numbering: 章, 6.1, (1), ①; any width of digits.

The text comes as lines (`Piece`). A numbered line becomes a clause where its number continues what stands before it, or
where number and title are those of the edition that the program ships. Everything else stays, as text of the clause
above it; what looks numbered and was not taken as a clause is listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum
from unicodedata import normalize

MAX_TITLE = 60
SHORT_TITLE = 30
_TAIL = 60  # characters at the end of a line in which a page number is sought
_COMPARED = 200  # characters of two titles
ALIKE = 0.6
CIRCLES = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
_BRACKETED = "⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽⑾⑿⒀⒁⒂⒃⒄⒅⒆⒇"
# Full-width digits, brackets, full stop, space, and a tab: each becomes one character, so places stay the same.
_WIDE = "".join(map(chr, [*range(0xFF10, 0xFF1A), 0xFF08, 0xFF09, 0xFF0E, 0x3000]))
_NARROW = str.maketrans(_WIDE, "0123456789(). ")
_CHAPTER = re.compile(r"第\s*(\d{1,2})\s*章\s*(?P<title>\S.*)")
_PLAIN = re.compile(r"(\d{1,2})(?:\s*\.\s*|\s+|(?=\D))(?P<title>[^\s\d.,、()].*)")
_DOTTED = re.compile(r"(\d{1,2}(?:\.\d{1,2})+)\.?\s*(?P<title>[^\s\d.].*)")
_ITEM = re.compile(rf"(?:\(\s*(\d{{1,2}})\s*\)|([{_BRACKETED}]))\s*(?P<title>\S.*)")
_CIRCLE = re.compile(rf"([{CIRCLES}])\s*(?P<title>\S.*)")
_CONTENTS = re.compile(r"(?:[.・…‥]{3,}|…{1,}|\t)[\s.・…‥]*[ⅰ-ⅹa-z]*[-–]?\s*\d+\s*$")
_DEEPER = re.compile(r"\([ア-ンｱ-ﾝa-zⅰ-ⅹ]{1,2}\)|[ア-ン](?:\s|\.|、)")
_WHOLE = re.compile(rf"(\d{{1,2}}(?:\.\d{{1,2}})*)\.?\s*(?:\(\s*(\d{{1,2}})\s*\))?\s*([{CIRCLES}])?")
_NOISE = re.compile(r"\([^()]*\)|[\W_]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A line of the source: where it stands, what it says.

    ``number`` is its whole number where a column of its own gives it (``6.1 (6)``). ``plain``: a table or a note, which
    is never a clause.
    """

    line: int
    text: str
    number: str = ""
    plain: bool = False


class Doubt(StrEnum):
    """Why something was not taken as a clause."""

    BEFORE = "before"  # it stands before the first clause
    NUMBER = "number"  # numbered, but out of turn
    AGAIN = "again"  # a clause that came already: its text is added to that one
    CONTENTS = "contents"  # a line of a table of contents
    DEEPER = "deeper"  # below ①
    PLAIN = "plain"  # a table or a note


DOUBT_LABELS = {
    Doubt.BEFORE: "最初の条項より前の文",
    Doubt.NUMBER: "番号が続かない行",
    Doubt.AGAIN: "二度目に出てきた条項",
    Doubt.CONTENTS: "目次の行",
    Doubt.DEEPER: "①より下の番号",
    Doubt.PLAIN: "表・脚注",
}


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A line that is no clause of its own; ``kept`` is the number of the clause whose text it is now, or empty."""

    doubt: Doubt
    line: int
    text: str
    kept: str = ""


@dataclass
class Node:
    """A clause under way: ``tail`` is its id without the edition."""

    tail: str
    title: str
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Recognised:
    """What was understood of a text."""

    nodes: tuple[Node, ...]
    unplaced: tuple[Unplaced, ...]
    preamble: str


def printed(tail: str) -> str:
    """How a clause is printed: ``6.1 (6)``, ``3 (1) ①``."""
    head, *rest = tail.split("-")
    if rest:
        head += f" ({rest[0]})"
    if len(rest) > 1:
        at = int(rest[1])
        head += " " + (CIRCLES[at - 1] if at <= len(CIRCLES) else str(at))
    return " ".join([head, *rest[2:]])


def alike(one: str, other: str) -> bool:
    """Whether two titles mean the same clause: equal but for brackets and marks, or very similar."""
    first, second = _bare(one[:_COMPARED]), _bare(other[:_COMPARED])
    if not first or not second:
        return False
    shorter, longer = sorted((first, second), key=len)
    inside = shorter in longer and len(shorter) >= 3
    return inside or SequenceMatcher(None, first, second, autojunk=False).ratio() >= ALIKE


def _bare(title: str) -> str:
    return _NOISE.sub("", normalize("NFKC", title))


def recognise(pieces: Sequence[Piece], titles: Mapping[str, str]) -> Recognised:
    """The clauses of a text; ``titles`` are those of the shipped edition by id without edition (may be empty)."""
    reader = _Reader(titles)
    start = _start(pieces, titles)
    for piece in pieces[start:]:
        reader.take(piece)
    before = [piece for piece in pieces[:start] if piece.text.strip()]
    unplaced = [Unplaced(Doubt.BEFORE, one.line, one.text.strip()) for one in before]
    preamble = "\n".join([*(one.text.strip() for one in before), *reader.before])
    return Recognised(tuple(reader.nodes.values()), (*unplaced, *reader.unplaced), preamble)


def _start(pieces: Iterable[Piece], titles: Mapping[str, str]) -> int:
    """Where clause 1 stands: the 基本方針 before it is numbered from 1 as well, and a table of contents names it."""
    first = None
    for at, piece in enumerate(pieces):
        found = None if piece.plain else _heading(piece)
        if found is None or found[0] != "1":
            continue
        if alike(found[1], titles.get("1", found[1])):
            return at
        first = at if first is None else first
    return first or 0


def _heading(piece: Piece) -> tuple[str, str] | None:
    """Number and title of a chapter heading."""
    text = piece.text.strip()
    narrow = text.translate(_NARROW)
    if _is_contents(text):
        return None
    if piece.number:
        return (tail_of(piece.number), text)
    for pattern in (_CHAPTER, _PLAIN):
        if (found := pattern.match(narrow)) and _is_title(narrow[found.start("title") :]):
            return found[1], text[found.start("title") :].strip()
    return None


def _is_contents(text: str) -> bool:
    """Whether a line ends as those of a table of contents do: dots or a tab, then a page number."""
    return bool(_CONTENTS.search(text[-_TAIL:].translate(_NARROW)))


def _is_title(text: str) -> bool:
    return len(text) <= MAX_TITLE and not text.rstrip().endswith("。")


def tail_of(number: str) -> str:
    """The id without edition of a whole printed number; empty where it is none."""
    found = _WHOLE.fullmatch(number.translate(_NARROW).strip())
    if not found:
        return ""
    circle = str(CIRCLES.index(found[3]) + 1) if found[3] else ""
    return "-".join(filter(None, [found[1], found[2], circle]))


class _Reader:
    """Walks the lines; knows the clause it is in, and what number would come next at each level."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        self.nodes: dict[str, Node] = {}
        self.unplaced: list[Unplaced] = []
        self.before: list[str] = []
        self._titles = titles
        self._highest: dict[str, int] = {}  # clause → highest number of those right below it
        self._section = ""  # the chapter or section under way
        self._item = ""  # the (1) under way
        self._now: Node | None = None
        self._again = False  # in a second run through the chapters: no new clauses

    def take(self, piece: Piece) -> None:
        """One line."""
        text = piece.text.strip()
        if not text and not piece.number:
            return
        if piece.plain:
            self._keep(piece, Doubt.PLAIN)
        elif piece.number:
            self._placed(piece, tail_of(piece.number), text)
        elif _is_contents(text):
            self._keep(piece, Doubt.CONTENTS)
        else:
            self._line(piece, text, text.translate(_NARROW))

    def _line(self, piece: Piece, text: str, narrow: str) -> None:
        found = self._number(narrow)
        if found is None:
            self._keep(piece, Doubt.DEEPER if _DEEPER.match(narrow) else None)
            return
        tail, at, sentence = found
        title = text[at:].strip()
        if tail in self.nodes and alike(title, self.nodes[tail].title):
            self._again |= "-" not in tail
            self._go(self.nodes[tail])
            self.unplaced.append(Unplaced(Doubt.AGAIN, piece.line, text, printed(tail)))
        elif not self._again and self._continues(tail, title, sentence):
            self._begin(tail, title)
        else:
            self._keep(piece, Doubt.NUMBER)

    def _number(self, narrow: str) -> tuple[str, int, bool] | None:
        """Id without edition that a line would have, where its title begins, and whether it may be a sentence."""
        if found := _CIRCLE.match(narrow):
            parent = self._item or self._section
            return f"{parent}-{CIRCLES.index(found[1]) + 1}", found.start("title"), True
        if found := _ITEM.match(narrow):
            number = found[1] or str(_BRACKETED.index(found[2]) + 1)
            return f"{self._section}-{int(number)}", found.start("title"), True
        if found := _DOTTED.match(narrow):
            return found[1], found.start("title"), False
        if found := _CHAPTER.match(narrow) or _PLAIN.match(narrow):
            return found[1], found.start("title"), False
        return None

    def _continues(self, tail: str, title: str, sentence: bool) -> bool:
        """Whether a number comes in turn, or the shipped edition has this title there."""
        if tail in self.nodes or tail.startswith("-"):
            return False
        parent = _above(tail)
        if parent and parent not in self.nodes:
            return False
        if not sentence and not _is_title(title):
            return False
        if tail in self._titles and alike(title, self._titles[tail]):
            return True
        return _last(tail) == self._highest.get(parent, 0) + 1

    def _placed(self, piece: Piece, tail: str, title: str) -> None:
        """A line whose whole number stands in a column of its own."""
        parent = _above(tail)
        if not tail or tail in self.nodes or (parent and parent not in self.nodes):
            self._keep(Piece(piece.line, f"{piece.number} {title}"), Doubt.NUMBER)
            return
        self._begin(tail, title or piece.number)

    def _begin(self, tail: str, title: str) -> None:
        short = title
        if not _is_title(title):  # a sentence: its beginning stands for it in lists
            short = title.rstrip("。") if len(title) <= SHORT_TITLE else title[:SHORT_TITLE] + "…"
        node = Node(tail, short, [title] if short != title else [])
        self.nodes[tail] = node
        parent = _above(tail)
        self._highest[parent] = max(self._highest.get(parent, 0), _last(tail))
        self._go(node)

    def _go(self, node: Node) -> None:
        head, *rest = node.tail.split("-")
        self._section, self._item, self._now = head, f"{head}-{rest[0]}" if rest else "", node

    def _keep(self, piece: Piece, doubt: Doubt | None) -> None:
        """The line becomes text of the clause above it."""
        text = piece.text.strip()
        if self._now is None:
            self.before.append(text)
            self.unplaced.append(Unplaced(doubt or Doubt.BEFORE, piece.line, text))
            return
        self._now.lines.append(text)
        if doubt:
            self.unplaced.append(Unplaced(doubt, piece.line, text, printed(self._now.tail)))


def _last(tail: str) -> int:
    return int(re.split(r"[.-]", tail)[-1])


def _above(tail: str) -> str:
    for mark in ("-", "."):
        if mark in tail:
            return tail.rpartition(mark)[0]
    return ""
