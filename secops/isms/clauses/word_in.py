"""A Word file of the ward as a document: its provisions as a tree, and a list of all that a person must look at.

What a label means is decided by its form, by the way the document numbers, and by what came before: a number that does
not follow is not believed. Whatever is not understood stays in the text of the provision before it, and is listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from secops.errors import PolicyError, Problem
from secops.isms.clauses.labels import KIND_LABELS, Kind
from secops.isms.clauses.model import Clause, Document, DocumentKind, Numbering
from secops.isms.clauses.word_ids import ids_of
from secops.isms.clauses.word_lines import (
    STYLE_ABOVE,
    STYLE_HEADING,
    STYLE_MORE,
    Line,
    bracketed,
    head_of,
    lines_of,
    numbering_of,
    without_contents,
)
from secops.isms.clauses.word_match import keep_identity
from secops.isms.clauses.word_model import WordText
from secops.isms.clauses.word_review import Doubt, Match, Reading
from secops.isms.clauses.word_tree import Node, Tree
from secops.locale import _

_HEADED = {Kind.PART, Kind.CHAPTER, Kind.SECTION, Kind.SUBSECTION, Kind.DIVISION, Kind.ANNEX}
_MAY_BE_HEADED = {Kind.NUMBER, Kind.DASHES, Kind.DOTS, Kind.ITEM, Kind.KANJI, Kind.ORDINAL}
_LONGEST_TITLE = 40


def import_word(
    word: WordText,
    *,
    id: str,
    title: str = "",
    kind: DocumentKind = DocumentKind.CONTROL_STANDARD,
    into: Document | None = None,
    path: str = "",
) -> Reading:
    """The document that a Word file holds. ``into`` is the one that exists: its clauses keep their ids and links.

    Raises:
        PolicyError: there is no provision in it, so it would be no document; ``path`` is what that is said of.
    """
    lines, doubts = lines_of(word)
    lines, contents = without_contents(lines)
    builder = _Builder(lines, numbering_of(lines))
    start = builder.start
    head = head_of(lines[:start])
    builder.run()
    nodes = builder.tree.nodes
    if not nodes:
        what = _("条項の番号(第1条、1、(1) など)で始まる段落が見つかりません。規程の Word ファイルか確認してください。")
        raise PolicyError([Problem(path or id, what)])
    ids = ids_of(nodes, id)
    clauses = _clauses(nodes, ids)
    document = Document(
        id,
        title or head.title or word.title or (into.title if into else id),
        kind,
        clauses,
        numbering=builder.tree.numbering,
        preamble="\n\n".join(filter(None, [head.preamble, *builder.before])),
        history=head.history,
    )
    places = {ids[node]: node.number for node in nodes}
    if not (title or head.title or word.title or into):
        doubts.append(Doubt(0, "", _("題名が見つからないので、文書の番号を題名とした(--title で指定できる)")))
    matches: tuple[Match, ...] = ()
    if into is not None:
        document, matches, renamed = keep_identity(document, into)
        places = {renamed[key]: number for key, number in places.items()}
    counts = Counter(KIND_LABELS[node.kind] if node.kind else _("その他") for node in nodes)
    return Reading(
        document,
        {label: counts[label] for label in [*KIND_LABELS.values(), _("その他")] if counts[label]},
        tuple(sorted([*doubts, *builder.tree.doubts], key=lambda one: one.number)),
        tuple(sorted([*word.remarks, *contents, *builder.kept], key=lambda one: one.number)),
        matches,
        places,
    )


class _Builder:
    """Gives every line its place: a provision, its heading, or text of the one before."""

    def __init__(self, lines: Sequence[Line], numbering: Numbering) -> None:
        self.tree = Tree(numbering)
        self.kept: list[Doubt] = []
        self._lines = lines
        self.before: list[str] = []  # text between the head and the first provision
        self._like: dict[tuple[Kind | None, int], Node] = {}  # the last provision of each form
        self._above = ""  # the heading in brackets above an article
        self._styled = any(line.heading and line.label and line.label.kind in _MAY_BE_HEADED for line in lines)

    @property
    def start(self) -> int:
        """Where the provisions begin."""
        for at, line in enumerate(self._lines):
            if line.own_label or self._is_above(at) or (line.label is not None and line.label.sure):
                return at
        return len(self._lines)

    def run(self) -> None:
        """Place all lines."""
        at = self.start
        while at < len(self._lines):
            line = self._lines[at]
            if self._is_above(at):
                self._above = bracketed(line.text) or _inside(line.text)
            elif line.own_label:
                self._own(line)
            elif line.label is not None and (node := self._placed(line)) is not None:
                at += self._fill(node, line, at)
            else:
                self._continue(line)
            at += 1
        if self._above:
            self._add_text(self._above)

    def _placed(self, line: Line) -> Node | None:
        return self.tree.place(line, automatic=bool(line.block.label) and line.text != line.block.text)

    def _is_above(self, at: int) -> bool:
        """Whether a line is the heading of the article that comes next, or of a numbered part of a 附則."""
        line = self._lines[at]
        if line.role == STYLE_ABOVE:
            return True
        following = self._lines[at + 1].label if at + 1 < len(self._lines) else None
        if following is None or line.label is not None or not bracketed(line.text):
            return False
        return following.kind is Kind.ARTICLE or (
            following.kind is Kind.NUMBER and len(following.numbers) == 1 and self.tree.is_open(Kind.SUPPLEMENT)
        )

    def _own(self, line: Line) -> None:
        """A paragraph in a style of our own: what it is, is said by the style."""
        node = self.tree.place_at(line)
        node.title, self._above = self._above, ""
        if line.role == STYLE_HEADING:
            node.title = line.text
        elif line.text:
            node.pieces.append(line.text)

    def _fill(self, node: Node, line: Line, at: int) -> int:
        """Heading and text of a provision from its line; the answer is how many further lines were used up."""
        rest = line.label.rest if line.label else ""
        if node.kind is Kind.ARTICLE:
            self._fill_article(node, rest, line, at)
        elif node.kind in _HEADED:
            node.title = rest
            following = self._lines[at + 1] if at + 1 < len(self._lines) else None
            if not rest and following is not None and self._completes(following, node):
                node.title = following.text
                return 1
        elif node.kind is Kind.SUPPLEMENT:
            _set(node, rest, is_title=not rest.endswith("。"))
        elif self._above and node.kind is Kind.NUMBER:
            node.title, self._above = self._above, ""
            _set(node, rest, is_title=False)
        else:
            _set(node, rest, is_title=self._is_heading(node, rest, line, at))
            self._like[node.kind, len(node.numbers)] = node
        return 0

    def _fill_article(self, node: Node, rest: str, line: Line, at: int) -> None:
        if self._above:
            node.title, self._above = self._above, ""
            _set(node, rest, is_title=False)
            return
        heading, behind = _leading_brackets(rest)
        if heading:
            node.title = heading
            _set(node, behind, is_title=False)
        else:
            short = len(rest) <= _LONGEST_TITLE and "。" not in rest and rest != "削除"
            _set(node, rest, is_title=short and bool(rest) and (line.heading or self._opens(at)))

    def _opens(self, at: int) -> bool:
        """Whether text follows an article's line, so that the line itself is its heading."""
        following = self._lines[at + 1] if at + 1 < len(self._lines) else None
        if following is None:
            return False
        return following.label is None or (following.label.kind is Kind.NUMBER and following.label.numbers == (1,))

    def _completes(self, line: Line, node: Node) -> bool:
        """Whether the line after a bare 第1章 is its title."""
        short = len(line.text) <= _LONGEST_TITLE and not line.text.endswith("。")
        return (
            line.label is None
            and short
            and not line.is_table
            and not bracketed(line.text)
            and node.kind is not Kind.ANNEX
        )

    def _is_heading(self, node: Node, rest: str, line: Line, at: int) -> bool:
        """Whether the words behind a number are a heading, not what the provision says."""
        if not rest or len(rest) > _LONGEST_TITLE or rest.endswith(("。", "、", ":", "\uff1a")):
            return False
        if node.kind is Kind.ORDINAL or line.heading:
            return True
        if self._styled or node.kind not in _MAY_BE_HEADED or self.tree.numbering is Numbering.ARTICLES:
            return False
        following = self._lines[at + 1] if at + 1 < len(self._lines) else None
        if following is not None and following.label is None:
            return not following.is_table
        if following is not None and following.label is not None:
            same = following.label.kind is node.kind
            if (
                len(following.label.numbers) > len(node.numbers)
                if same
                else not self.tree.is_open(following.label.kind)
            ):
                return True
        before = self._like.get((node.kind, len(node.numbers)))
        return node.kind is not Kind.ITEM and before is not None and bool(before.title)

    def _continue(self, line: Line) -> None:
        """Text without a number belongs to the provision before it."""
        if self._above and not line.role:  # it was no heading after all
            self._add_text(self._above)
            self._above = ""
        node = self.tree.top
        if node.pieces and self.tree.numbering is Numbering.ARTICLES and not (line.is_table or line.role == STYLE_MORE):
            why = _("番号のない段落を「{label}」の続きとして残した")
            self.kept.append(Doubt(line.number, line.text, why.format(label=node.label)))
        said = (
            f"{line.label.text} {line.label.rest}".strip() if line.label and line.text == line.label.rest else line.text
        )
        self._add_text(said)

    def _add_text(self, text: str) -> None:
        (self.tree.top.pieces if self.tree.begun else self.before).append(text)


def _set(node: Node, text: str, *, is_title: bool) -> None:
    if is_title:
        node.title = text
    elif text:
        node.pieces.append(text)


def _inside(text: str) -> str:
    """The heading of an article that we wrote ourselves, whatever stands in it."""
    return text[1:-1].strip() if text[:1] in "(\uff08" and text[-1:] in ")\uff09" else text


def _leading_brackets(text: str) -> tuple[str, str]:
    """Heading and the rest of ``(目的) この基準は…``; no heading where the brackets are part of a sentence."""
    if text[:1] not in set("(\uff08【"):
        return "", text
    end = next((at for at, one in enumerate(text) if one in ")\uff09】"), -1)
    heading, behind = bracketed(text[: end + 1]), text[end + 1 :]
    if not heading or behind[:1] in set("のにをはがと、"):
        return "", text
    return heading, behind.strip()


def _clauses(nodes: Sequence[Node], ids: Mapping[Node, str]) -> tuple[Clause, ...]:
    found: list[Clause] = []
    depths: dict[str, int] = {"": 0}
    for node in nodes:
        parent = ids.get(node.parent, "") if node.parent is not None else ""
        depths[ids[node]] = depths[parent] + 1
        text = "\n\n".join(node.pieces)
        found.append(Clause(ids[node], node.label, depths[ids[node]], parent, " ".join(node.title.split()), text))
    return tuple(found)
