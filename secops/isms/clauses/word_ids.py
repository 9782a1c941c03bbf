"""Ids of the clauses of an imported document: stable and readable.

``taisaku-a12-2-i1`` is 第12条第2項第1号, ``tejun-6-1`` is 6 (1): only rules of 条 tell items from paragraphs.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from secops.isms.clauses.head import MAX_ID
from secops.isms.clauses.labels import Kind
from secops.isms.clauses.word_tree import Node

_LETTERS = {
    Kind.PART: "p",
    Kind.CHAPTER: "c",
    Kind.SECTION: "s",
    Kind.SUBSECTION: "k",
    Kind.DIVISION: "m",
    Kind.ARTICLE: "a",
    Kind.SUPPLEMENT: "f",
    Kind.ITEM: "i",
    Kind.KANJI: "i",
}
_ITEMS = {Kind.ITEM, Kind.KANJI}
_BY_PLACE = {Kind.KANA, Kind.KANA_BRACKETS, Kind.LETTER, Kind.LETTER_BRACKETS, Kind.SUPPLEMENT, None}


def ids_of(nodes: Sequence[Node], document: str) -> dict[Node, str]:
    """An id for each node: articles and annexes count from the document, all else from the provision above."""
    found: dict[Node, str] = {}
    used: set[str] = set()
    for node in nodes:
        found[node] = unused(_wanted(node, document, found), used)
        used.add(found[node])
    return found


def unused(wanted: str, used: Container[str]) -> str:
    """The id, with ``_2``, ``_3`` … behind it where it is taken."""
    wanted = wanted[: MAX_ID - 6].rstrip("-._")
    if wanted not in used:
        return wanted
    at = 2
    while f"{wanted}_{at}" in used:
        at += 1
    return f"{wanted}_{at}"


def _wanted(node: Node, document: str, known: dict[Node, str]) -> str:
    parent = node.parent
    above = known.get(parent, document) if parent is not None else document
    if node.kind is Kind.ANNEX:
        letter = "t" if node.label.startswith("別表") else "form" if "様式" in node.label else "x"
        return f"{document}-{letter}{_number(node)}"
    if node.kind in {Kind.DASHES, Kind.DOTS}:
        return f"{document}-{'-'.join(map(str, node.numbers))}"
    if node.kind is Kind.ARTICLE and not _in_supplement(node):
        return f"{document}-a{_number(node)}"
    if node.kind in _LETTERS and (node.kind not in _ITEMS or _in_article(node)):
        return f"{above}-{_LETTERS[node.kind]}{_number(node)}"
    return f"{above}-{_number(node)}"


def _number(node: Node) -> str:
    if node.numbers and node.kind not in _BY_PLACE:
        return ".".join(map(str, node.numbers))
    siblings = node.parent.children if node.parent is not None else [node]
    return str([one for one in siblings if one.kind is node.kind].index(node) + 1)


def _in_supplement(node: Node) -> bool:
    return _below(node, {Kind.SUPPLEMENT, Kind.ANNEX})


def _in_article(node: Node) -> bool:
    return _below(node, {Kind.ARTICLE})


def _below(node: Node, kinds: set[Kind]) -> bool:
    one = node.parent
    while one is not None and one.kind not in kinds:
        one = one.parent
    return one is not None
