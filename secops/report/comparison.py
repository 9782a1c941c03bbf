"""新旧対照表: what differs between two versions of a document, laid out as a table.

`comparison_docx` and `comparison_html` draw it. The paper is Japanese whatever language the console speaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from secops.isms.clauses.model import Document, DocumentKind
from secops.isms.policy.comparison import TITLE, Comparison, Kind, Omitted, Row, Side
from secops.isms.policy.marks import Grid, Marked, Prose, blocks, joined, plain, whole
from secops.report.comparison_style import ComparisonStyle
from secops.schema.dates import wareki

_ARTICLE = re.compile(r"第.+条(?:の.+)?")
_DIVISION = re.compile(r"第.+[編章節款目]")
_INSTRUMENT = {
    DocumentKind.BASIC_POLICY: "基本方針",
    DocumentKind.CONTROL_STANDARD: "対策基準",
    DocumentKind.PROCEDURE: "要領",
    DocumentKind.PLAN: "計画",
    DocumentKind.REGISTER: "台帳",
    DocumentKind.OTHER: "規程",
}
_REMARKS = {
    Kind.NEW: "新設",
    Kind.REMOVED: "削除",
    Kind.TEXT: "改正",
    Kind.TITLE: "改正",
    Kind.RENUMBERED: "番号変更",
    Kind.MOVED: "移動",
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the paper is made of.

    ``approved``: decided, no longer a draft. ``effective`` is the 施行日, ``reason`` the text of the sheet of reasons;
    both may be missing.
    """

    comparison: Comparison
    approved: bool = False
    effective: date | None = None
    reason: str = ""

    @property
    def document(self) -> Document:
        """The document as it will be."""
        return self.comparison.new

    @property
    def title(self) -> str:
        """What stands above the table."""
        return f"{self.document.title}新旧対照表"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a cell; ``indent`` in characters, of the lines after the first where it wraps."""

    parts: Marked
    indent: int = 0
    heading: bool = False


Cell = tuple[Line | Grid, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table. ``opens``: a rule stands above it (an article or a chapter begins)."""

    new: Cell
    old: Cell
    remark: str = ""
    opens: bool = True
    id: str = ""


def heads(sheet: Sheet, style: ComparisonStyle) -> tuple[str, str]:
    """The heads of the columns of the new and the old text."""
    return style.approved if sheet.approved else style.draft


def columns(sheet: Sheet, style: ComparisonStyle) -> Sequence[str]:
    """The heads of all columns from left to right."""
    new, old = heads(sheet, style)
    pair = [new, old] if style.new_side == "left" else [old, new]
    return [*pair, "備考"] if style.remarks else pair


def sides(entry: Entry, style: ComparisonStyle) -> tuple[Cell, Cell]:
    """The cells of a row from left to right."""
    return (entry.new, entry.old) if style.new_side == "left" else (entry.old, entry.new)


def lead(sheet: Sheet, style: ComparisonStyle) -> tuple[str, str]:
    """The sentence above and the note below the table, where the table itself amends; else both are empty."""
    if not style.lead:
        return "", ""
    new, old = heads(sheet, style)
    above, below = (text.replace("{new}", new).replace("{old}", old) for text in (style.lead_text, style.note_text))
    return above, below


def entries(sheet: Sheet, style: ComparisonStyle) -> Sequence[Entry]:
    """All rows of the table."""
    found = list(_entries(sheet.comparison, style))
    if sheet.effective and found and not _commences(sheet.comparison):
        text = style.commencement.replace("{what}", _INSTRUMENT[sheet.document.kind])
        text = text.replace("{day}", wareki(sheet.effective))
        lines = (Line(whole("附　則", changed=True), 3, heading=True), Line(whole(text, changed=True)))
        found.append(Entry(lines, (), _REMARKS[Kind.NEW] if style.remarks else ""))
    return found


def _commences(comparison: Comparison) -> bool:
    """Whether a touched clause of the document says itself from when it is in force."""
    texts = (plain(row.new.text) for row in comparison.touched if row.new and row.shows_text)
    return any("施行する" in text for text in texts)


def _entries(comparison: Comparison, style: ComparisonStyle) -> Iterator[Entry]:
    alone: dict[str, Kind] = {}  # clauses that only one side has
    for row in comparison.rows:
        if isinstance(row, Omitted):
            if style.omitted:
                cell = (Line(whole(_run(row, style), changed=False), _indent(row.first, row.depth)),)
                yield Entry(cell, cell, "", _opens(row.first, row.depth))
            continue
        kind = next((kind for kind in row.kinds if kind in {Kind.NEW, Kind.REMOVED}), None)
        above = _parent(comparison, row)
        first = kind is not None and alone.get(above) is not kind
        if kind is not None:
            alone[row.id] = kind
        yield _entry(row, style, first=first)


def _parent(comparison: Comparison, row: Row) -> str:
    found = comparison.new.by_id.get(row.id) or comparison.old.by_id.get(row.id)
    return found.parent if found else ""


def _run(row: Omitted, style: ComparisonStyle) -> str:
    """「第3条から第5条まで (略)」, 「2・3 (略)」."""
    if row.count == 1 or not row.first:
        labels = row.first
    elif row.count == 2:
        labels = f"{row.first}・{row.last}"
    else:
        labels = f"{row.first}から{row.last}まで"
    return f"{labels}　{style.omitted_word}".strip()


def _entry(row: Row, style: ComparisonStyle, *, first: bool) -> Entry:
    new = _cell(row, row.new, style) if row.new else _missing(first, style.removed_word, style)
    old = _cell(row, row.old, style) if row.old else _missing(first, style.new_word, style)
    remark = "、".join(dict.fromkeys(_REMARKS[kind] for kind in row.kinds)) if style.remarks else ""
    side = row.new or row.old
    assert side is not None
    return Entry(new, old, remark, _opens(plain(side.label), row.depth), row.id)


def _opens(label: str, depth: int) -> bool:
    """Whether a rule stands above: articles and what is above them; a paragraph goes on below its article."""
    return depth <= 1 or bool(_ARTICLE.fullmatch(label) or _DIVISION.fullmatch(label))


def _indent(label: str, depth: int) -> int:
    """How many characters a clause is set in: what stands below an article, by its depth."""
    return 0 if _opens(label, depth) else max(depth - 2, 0)


def _missing(first: bool, word: str, style: ComparisonStyle) -> Cell:
    return (Line(whole(word, changed=False)),) if first and style.markers else ()


def _cell(row: Row, side: Side, style: ComparisonStyle) -> Cell:
    """A clause as rules are printed: an article's heading in brackets above it, others beside their number."""
    label, title = side.label, side.title
    indent = _indent(plain(label), row.depth)
    body = blocks(side.text) if row.shows_text else ()
    omitted = not row.shows_text and bool(side.text)
    found: list[Line | Grid] = []
    if row.id == TITLE:
        return (Line(title, 0, heading=True),)
    if title and _ARTICLE.fullmatch(plain(label)):
        found.append(Line(_bracketed(title), 1, heading=True))
        title = ()
    start = _beside(label, title)
    if title or not body or isinstance(body[0], Grid):
        if omitted:
            start = _beside(start, whole(style.omitted_word, changed=False))
        found.append(Line(start, indent, heading=bool(title)))
        rest: Iterable[Prose | Grid] = body
    else:
        found.append(Line(_beside(start, body[0].parts), indent))
        rest = body[1:]
    found += [Line(one.parts, indent) if isinstance(one, Prose) else one for one in rest]
    return tuple(one for one in found if isinstance(one, Grid) or one.parts)


def _bracketed(title: Marked) -> Marked:
    if plain(title).startswith(("(", "（")):
        return title
    flag = all(one.changed for one in title)
    return joined(whole("（", changed=flag), title, whole("）", changed=flag))


def _beside(left: Marked, right: Marked) -> Marked:
    """Two marked texts with a wide space between them."""
    if not left or not right:
        return left or right
    return joined(left, whole("　", changed=left[-1].changed and right[0].changed), right)
