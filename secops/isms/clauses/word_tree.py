"""Puts labelled lines into a tree: below which provision each one stands, and what is no provision at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from secops.isms.clauses.labels import Kind, Label
from secops.isms.clauses.model import Numbering
from secops.isms.clauses.ordinals import AIUEO, IROHA
from secops.isms.clauses.word_lines import Line
from secops.isms.clauses.word_review import Doubt
from secops.locale import _

_UNITS = {Kind.PART: 2.0, Kind.CHAPTER: 3.0, Kind.SECTION: 4.0, Kind.SUBSECTION: 5.0, Kind.DIVISION: 6.0}
_TOP = {Kind.SUPPLEMENT: 1.0, Kind.ANNEX: 1.0, **_UNITS}
# How high each kind stands in each way of numbering; kinds that are not named stand below what they follow.
RANKS: Mapping[Numbering, Mapping[Kind, float]] = {
    Numbering.ARTICLES: {
        **_TOP,
        Kind.ARTICLE: 7.0,
        Kind.NUMBER: 8.0,
        Kind.ITEM: 9.0,
        Kind.KANJI: 9.0,
    },
    Numbering.NUMBERS: {**_TOP, Kind.KANJI: 7.0, Kind.NUMBER: 8.0, Kind.DOTS: 8.0, Kind.DASHES: 8.0, Kind.ITEM: 9.0},
    Numbering.DASHES: {**_TOP, Kind.NUMBER: 8.0, Kind.DASHES: 8.0, Kind.DOTS: 8.0, Kind.ITEM: 9.0},
    Numbering.REPORT: {**_TOP, Kind.ORDINAL: 7.0, Kind.NUMBER: 8.0, Kind.ITEM: 9.0},
}
_FLOATING = 100.0
_WEAK = {Kind.NUMBER, Kind.KANJI, Kind.KANA, Kind.LETTER, Kind.DOTS, Kind.DASHES}  # may as well be words of a sentence
_SENTENCE = set("のにをはがで第及並又若とか、。等各")


@dataclass(eq=False)
class Node:
    """A provision while the tree grows; ``number`` is that of its paragraph."""

    number: int
    label: str
    kind: Kind | None
    numbers: tuple[int, ...]
    rank: float
    parent: Node | None = None
    title: str = ""
    pieces: list[str] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)

    def last(self, kind: Kind) -> Node | None:
        """Its last child of a kind."""
        return next((one for one in reversed(self.children) if one.kind is kind), None)


class Tree:
    """Grows node by node, in the order of the lines."""

    def __init__(self, numbering: Numbering) -> None:
        self.numbering = numbering
        self.doubts: list[Doubt] = []
        self._root = Node(0, "", None, (), 0.0)
        self.top = self._root
        self._article: Node | None = None  # articles count on through all chapters

    @property
    def nodes(self) -> list[Node]:
        """All provisions in order."""
        return list(_below(self._root))

    @property
    def begun(self) -> bool:
        """Whether there is a provision yet."""
        return self.top is not self._root

    def is_open(self, kind: Kind) -> bool:
        """Whether the last provision is one of this kind or stands below one."""
        node: Node | None = self.top
        while node is not None and node.kind is not kind:
            node = node.parent
        return node is not None

    def place_at(self, line: Line) -> Node:
        """A line of our own styles: its depth is said."""
        parent = self.top
        while _depth(parent) >= line.depth:
            parent = parent.parent or self._root
        kind = line.label.kind if line.label else None
        numbers = line.label.numbers if line.label else ()
        rank = RANKS[self.numbering].get(kind, _FLOATING) if kind else _FLOATING
        label = "" if line.own_label == "-" else line.own_label
        return self._add(parent, Node(line.number, label, kind, numbers, rank))

    def place(self, line: Line, *, automatic: bool) -> Node | None:
        """A line with a label, where it belongs; None where its label turns out to be words of a sentence."""
        label = line.label
        if label is None:
            return None
        rank = RANKS[self.numbering].get(label.kind, _FLOATING)
        parent = self._parent(label, rank)
        before = self._article if label.kind is Kind.ARTICLE else parent.last(label.kind)
        fits = follows(before.numbers, label, before.label) if before else begins(label, parent)
        if not automatic and not self._is_label(line, label, before, fits=fits):
            return None
        if not fits:
            self._doubt(line, before, label)
        return self._add(parent, Node(line.number, label.text, label.kind, label.numbers, rank))

    def _parent(self, label: Label, rank: float) -> Node:
        node = self.top
        if rank == _FLOATING:
            open_one: Node | None = node
            while open_one is not None and open_one.kind is not label.kind:
                open_one = open_one.parent if open_one.rank == _FLOATING else None
            return node if open_one is None else open_one.parent or self._root
        if label.kind in _UNITS:  # a chapter is no part of the 附則 before it
            top = node
            while top.parent is not None and top.parent.parent is not None:
                top = top.parent
            if top.kind is Kind.SUPPLEMENT:
                return self._root
        while node.parent is not None and (node.rank > rank or (node.rank == rank and not _deeper(node, label))):
            node = node.parent
        return node

    def _is_label(self, line: Line, label: Label, before: Node | None, *, fits: bool) -> bool:
        """Whether a typed label is one: a sentence may begin with 第3条, a line of a form with 2."""
        if label.kind is Kind.ARTICLE:
            known = before is not None and label.numbers <= before.numbers
            if not label.sure:
                if not fits or label.rest[0] in _SENTENCE:
                    return False
                self._say(line, _("番号の後に空白がないが、前の条に続くので条として読んだ"))
            elif known:
                self._say(line, _("前の条より小さい番号なので、条とせず文字として残した"))
                return False
        elif label.kind in _UNITS:
            if not label.sure and (not fits or label.rest[0] in _SENTENCE or len(label.rest) > 30):
                return False
        elif label.kind in _WEAK and not fits and label.numbers != (1,) and self.begun:
            if label.kind not in {Kind.DOTS, Kind.DASHES}:
                self._say(line, _("番号が前と続かないので、条項とせず文字として残した"))
                return False
        elif not fits and label.kind in {Kind.ITEM, Kind.CIRCLED} and label.rest[:1] in _SENTENCE:
            self._say(line, _("文の途中の番号とみて、文字として残した"))
            return False
        return True

    def _add(self, parent: Node, node: Node) -> Node:
        node.parent = parent
        parent.children.append(node)
        self.top = node
        if node.kind is Kind.ARTICLE:
            self._article = node
        elif node.kind is Kind.SUPPLEMENT:
            self._article = None  # its articles begin anew
        return node

    def _doubt(self, line: Line, before: Node | None, label: Label) -> None:
        if before is None:
            why = _("最初の番号が「{label}」で始まっている").format(label=label.text)
        else:
            why = _("番号が続いていない(前は「{before}」)").format(before=before.label)
        self._say(line, why)

    def _say(self, line: Line, why: str) -> None:
        said = f"{line.label.text} {line.label.rest}".strip() if line.label else line.text
        self.doubts.append(Doubt(line.number, said, why))


def _below(node: Node) -> Iterator[Node]:
    for one in node.children:
        yield one
        yield from _below(one)


def _depth(node: Node) -> int:
    depth = 0
    while node.parent is not None:
        depth += 1
        node = node.parent
    return depth


def _deeper(node: Node, label: Label) -> bool:
    """Whether 2―6―1 stands below 2―6 and 6.1 below 6: more numbers, the same rank."""
    return label.kind in {Kind.DASHES, Kind.DOTS} and len(label.numbers) > len(node.numbers)


def begins(label: Label, parent: Node) -> bool:
    """Whether a label can be the first of its kind below a provision."""
    if label.kind in {Kind.DASHES, Kind.DOTS}:
        return label.numbers[-1] == 1 and label.numbers[:-1] in {parent.numbers, parent.numbers[-1:]}
    if label.kind is Kind.NUMBER and parent.kind is Kind.ARTICLE:
        return label.numbers in {(1,), (2,)}  # the first 項 has no number
    if label.kind in {Kind.KANA, Kind.KANA_BRACKETS}:
        return label.text.strip("()") in {"ア", "イ"}  # アイウ or イロハ
    return not label.numbers or label.numbers == (1,) or label.kind is Kind.ANNEX


def follows(before: tuple[int, ...], label: Label, label_before: str = "") -> bool:
    """Whether a label is the next: 13 after 12, 12の2 after 12, 13 after 12の2."""
    now = label.numbers
    if label.kind in {Kind.SUPPLEMENT, Kind.ANNEX}:
        return True
    if label.kind in {Kind.KANA, Kind.KANA_BRACKETS}:
        signs = label_before.strip("()") + label.text.strip("()")
        return signs in AIUEO or signs in IROHA
    if len(now) > len(before):
        return now == (*before, 2) or (label.kind is Kind.DASHES and now == (*before, 1))
    return now[:-1] == before[: len(now) - 1] and now[-1] == before[len(now) - 1] + 1
