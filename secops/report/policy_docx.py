"""A document of the ward as a Word file, in the form of a rule.

A4 portrait; the title in the middle, its history under it, then a 目次 as rules have it: chapters with their articles.
Chapters in the middle; the heading of an article in brackets above it; each level a character further in, with hanging
lines; 別表 as tables on pages of their own; the page number bottom centre. Numbers are typed, as wards type them. Every
paragraph has a style of ours (``条項 …``), by which `secops policy import` reads the file back without guessing.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from secops.isms.clauses.labels import Kind, label_of
from secops.isms.clauses.md_tables import Rows, parts_of
from secops.isms.clauses.model import Clause, Document, Numbering
from secops.isms.clauses.word_lines import (
    SPACE,
    STYLE_ABOVE,
    STYLE_HEADING,
    STYLE_HISTORY,
    STYLE_MORE,
    STYLE_PREAMBLE,
    STYLE_TABLE,
    STYLE_TEXT,
    STYLE_TITLE,
)
from secops.report.word_base import set_language, shed
from secops.schema.dates import wareki

if TYPE_CHECKING:
    from docx.document import Document as Docx
    from docx.styles.style import ParagraphStyle
    from docx.table import Table
    from docx.text.paragraph import Paragraph
    from docx.text.parfmt import ParagraphFormat

_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CENTRED = {Kind.PART, Kind.CHAPTER, Kind.SECTION, Kind.SUBSECTION, Kind.DIVISION}
_CHAPTERS = 2  # from how many on a rule has a 目次
_TEXT_WIDTH = 210 - 25 - 25  # millimetres
_WIDEST = 30  # characters: what is longer makes a column no wider


@dataclass(frozen=True, slots=True)
class RuleStyle:
    """How the paper looks; fonts by the names that Windows has."""

    font: str = "\uff2d\uff33 明朝"
    heading_font: str = "\uff2d\uff33 ゴシック"
    size: float = 10.5


def write_policy_docx(document: Document, style: RuleStyle | None = None) -> bytes:
    """The document as a Word file."""
    return _Paper(document, style or RuleStyle()).written()


class _Paper:
    def __init__(self, document: Document, style: RuleStyle) -> None:
        self.document, self.style = document, style
        self.docx: Docx = docx.Document()
        self._styles: dict[str, ParagraphStyle] = {}
        self._below_table = False
        self._levels: dict[str, int] = {}  # how many characters in each clause stands

    def written(self) -> bytes:
        """Everything, from the title to the last table."""
        self._base()
        self._head()
        for at, clause in enumerate(self.document.clauses):
            self._clause(clause, first=at == 0)
        out = io.BytesIO()
        self.docx.save(out)
        return out.getvalue()

    def _base(self) -> None:
        properties = self.docx.core_properties
        properties.title, properties.author, properties.comments = _safe(self.document.title), "", ""
        normal = self.docx.styles["Normal"]
        normal.font.size = Pt(self.style.size)
        normal.paragraph_format.space_after = normal.paragraph_format.space_before = Pt(0)
        normal.paragraph_format.line_spacing = 1.25
        _set_font(normal.element.get_or_add_rPr(), self.style.font)
        set_language(self.docx)
        shed(self.docx)
        for at, name in enumerate(("autoSpaceDE", "autoSpaceDN")):  # 第12条 is one word
            switch = OxmlElement(f"w:{name}")
            switch.set(qn("w:val"), "0")
            normal.element.get_or_add_pPr().insert(at, switch)  # Word wants them before the spacing
        section = self.docx.sections[0]
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.left_margin = section.right_margin = section.top_margin = Mm(25)
        section.bottom_margin, section.footer_distance = Mm(22), Mm(10)
        footer = section.footer.paragraphs[0]
        footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
        footer.add_run("- ")
        _page_number(footer)
        footer.add_run(" -")

    def _head(self) -> None:
        title = self._paragraph(self.document.title, STYLE_TITLE)
        title.alignment = WD_ALIGN_PARAGRAPH.CENTER
        title.paragraph_format.space_after = Pt(8)
        for event in self.document.history:
            line = self._paragraph(f"{wareki(event.day)}{SPACE}{event.what}", STYLE_HISTORY)
            line.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        self._contents()
        for part in parts_of(self.document.preamble):
            if isinstance(part, str):
                self._indent(self._paragraph(part, STYLE_PREAMBLE), 0, 1).space_before = Pt(8)
            else:
                self._table(part)

    def _contents(self) -> None:
        """The 目次; its styles have the names of Word's own, so a reader of the file knows it for one."""
        entries = contents_of(self.document)
        if not entries:
            return
        head = self._paragraph(f"目{SPACE}次", "toc heading")
        head.alignment = WD_ALIGN_PARAGRAPH.CENTER
        head.paragraph_format.space_before = Pt(12)
        for depth, text in entries:
            self._indent(self._paragraph(text, f"toc {depth}"), depth, -1).keep_together = True

    def _clause(self, clause: Clause, *, first: bool) -> None:
        label = label_of(f"{clause.label} x") if clause.label else None
        kind = label.kind if label else None
        level = self._level(clause, kind)
        parts = list(parts_of(clause.text))
        begin = parts.pop(0) if parts and isinstance(parts[0], str) else ""
        rule = self.document.numbering is Numbering.ARTICLES
        if rule and kind in {Kind.ARTICLE, Kind.NUMBER} and clause.title and clause.text:
            above = self._paragraph(f"（{clause.title}）", f"{STYLE_ABOVE} {clause.depth}")
            self._indent(above, level + 1, 0).keep_with_next = True
            above.paragraph_format.space_before = Pt(6)
            self._body(clause, str(begin), level)
        elif clause.title or not begin:
            self._heading(clause, kind, level, first=first)
            parts = [begin, *parts] if begin else parts
        else:
            self._body(clause, str(begin), level)
        for part in parts:
            self._more(part, clause, level, plain=kind in {*_CENTRED, Kind.SUPPLEMENT, Kind.ANNEX})

    def _level(self, clause: Clause, kind: Kind | None) -> int:
        """How far in it stands: articles and their paragraphs at the margin, each level below a character further."""
        above = self._levels.get(clause.parent, -1)
        rule = self.document.numbering is Numbering.ARTICLES
        flat = kind in {*_CENTRED, Kind.SUPPLEMENT, Kind.ANNEX}
        self._levels[clause.id] = -1 if flat else max(above, 0) if rule and kind is Kind.NUMBER else above + 1
        return max(self._levels[clause.id], 0)

    def _heading(self, clause: Clause, kind: Kind | None, level: int, *, first: bool) -> None:
        line = self._paragraph(f"{clause.label}{SPACE}{clause.title}", f"{STYLE_HEADING} {clause.depth}")
        shape = line.paragraph_format
        shape.keep_with_next = True
        shape.space_before = Pt(10 if kind in _CENTRED or clause.depth == 1 else 3)
        if kind in _CENTRED:
            line.alignment = WD_ALIGN_PARAGRAPH.CENTER
            shape.space_after = Pt(4)
        elif kind is Kind.SUPPLEMENT:
            self._indent(line, 3, 0)
        elif kind is Kind.ANNEX:
            shape.page_break_before, shape.space_after = not first, Pt(4)
        else:
            self._indent(line, level + 1, -1)

    def _body(self, clause: Clause, text: str, level: int) -> None:
        line = self._paragraph(f"{clause.label}{SPACE}{text}", f"{STYLE_TEXT} {clause.depth}")
        self._indent(line, level + 1, -1)

    def _more(self, part: str | Rows, clause: Clause, level: int, *, plain: bool) -> None:
        if isinstance(part, str):
            line = self._paragraph(part, f"{STYLE_MORE} {clause.depth}")
            self._indent(line, 0 if plain else level + 1, 1)
        else:
            self._table(part)

    def _paragraph(self, text: str, style: str) -> Paragraph:
        paragraph = self.docx.add_paragraph()
        if self._below_table:
            self._below_table = False
            paragraph.paragraph_format.space_before = Pt(4)
        paragraph._p.style = self._style(style).style_id  # by name it would be searched for among all, each time
        run = paragraph.add_run()
        for at, line in enumerate(_safe(text).split("\n")):
            if at:
                run.add_break(WD_BREAK.LINE)
            run.add_text(line)
        return paragraph

    def _style(self, name: str) -> ParagraphStyle:
        """The style of this name; headings have the outline level that Word's navigation shows."""
        if name in self._styles:
            return self._styles[name]
        style: ParagraphStyle = self.docx.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        self._styles[name] = style
        style.base_style = self.docx.styles["Normal"]
        kind, _space, depth = name.rpartition(" ") if name[-1].isdigit() else (name, "", "")
        if kind in {STYLE_TITLE, STYLE_HEADING, STYLE_ABOVE}:
            _set_font(style.element.get_or_add_rPr(), self.style.heading_font)
        if kind == STYLE_TITLE:
            style.font.size, style.font.bold = Pt(self.style.size + 4), True
        elif kind == STYLE_HEADING:
            style.font.bold = True
            style.font.size = Pt(self.style.size + (1.5 if depth == "1" else 0))
            level = OxmlElement("w:outlineLvl")
            level.set(qn("w:val"), str(min(int(depth), 9) - 1))
            style.element.get_or_add_pPr().append(level)
        elif kind == STYLE_TABLE:
            style.paragraph_format.line_spacing = 1.0
            style.paragraph_format.space_before = style.paragraph_format.space_after = Pt(2)
        return style

    def _indent(self, paragraph: Paragraph, left: float, first: float) -> ParagraphFormat:
        """Move a paragraph in by so many characters, its first line by so many more."""
        shape: ParagraphFormat = paragraph.paragraph_format
        shape.left_indent, shape.first_line_indent = Pt(self.style.size * left), Pt(self.style.size * first)
        return shape

    def _table(self, rows: Rows) -> None:
        width = max(map(len, rows))
        table = self.docx.add_table(rows=len(rows), cols=width, style="Table Grid")
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        style = self._style(STYLE_TABLE)
        for row, cells in zip(table.rows, rows, strict=True):
            for cell, text in zip(row.cells, cells, strict=False):
                self._cell(cell.paragraphs[0], text, style)
        _shape(table, rows, width)
        self._below_table = True

    @staticmethod
    def _cell(paragraph: Paragraph, text: str, style: ParagraphStyle) -> None:
        paragraph._p.style = style.style_id
        run = paragraph.add_run()
        for at, line in enumerate(_safe(text).split("\n")):
            if at:
                run.add_break(WD_BREAK.LINE)
            run.add_text(line)


def contents_of(document: Document) -> list[tuple[int, str]]:
    """(depth, line) of the 目次: chapters and sections with their first and last article, 附則, 別表; else nothing."""
    kinds = [label.kind if (label := label_of(f"{one.label} x")) else None for one in document.clauses]
    if sum(kind in _CENTRED for kind in kinds) < _CHAPTERS:
        return []
    found: list[tuple[int, str]] = []
    for at, (clause, kind) in enumerate(zip(document.clauses, kinds, strict=True)):
        line = f"{clause.label}{SPACE}{clause.title}".rstrip(SPACE)
        if kind in _CENTRED:
            articles = _articles(document, kinds, at)
            ends = list(dict.fromkeys((articles[0], articles[-1]))) if articles else []
            found.append((clause.depth, line + (f"（{'―'.join(ends)}）" if ends else "")))
        elif kind in {Kind.SUPPLEMENT, Kind.ANNEX}:
            found.append((clause.depth, line))
    return found


def _articles(document: Document, kinds: Sequence[Kind | None], at: int) -> list[str]:
    """Labels of the articles in the chapter or section at this place."""
    found = []
    for clause, kind in zip(document.clauses[at + 1 :], kinds[at + 1 :], strict=True):
        if clause.depth <= document.clauses[at].depth:
            break
        if kind is Kind.ARTICLE:
            found.append(clause.label)
    return found


def _shape(table: Table, rows: Sequence[Sequence[str]], width: int) -> None:
    """Columns as wide as their longest words need; the head is repeated on each page, no row is broken."""
    longest = [3 + max(min(_longest(row[at]), _WIDEST) for row in rows if at < len(row)) for at in range(width)]
    for at, column in enumerate(table.columns):
        column.width = Mm(_TEXT_WIDTH * longest[at] / sum(longest))
        for cell in column.cells:
            cell.width = column.width
    for at, row in enumerate(table.rows):
        properties = row._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:cantSplit"))
        if at == 0:
            properties.append(OxmlElement("w:tblHeader"))
            for cell in row.cells:
                shade = OxmlElement("w:shd")
                for key, value in (("val", "clear"), ("color", "auto"), ("fill", "EDEDED")):
                    shade.set(qn(f"w:{key}"), value)
                cell._tc.get_or_add_tcPr().append(shade)


def _longest(text: str) -> int:
    return max(map(len, text.split("\n")))


def _set_font(properties: Any, name: str) -> None:
    """The same face for Japanese and Latin letters."""
    fonts = properties.get_or_add_rFonts()
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), name)
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)


def _page_number(paragraph: Paragraph) -> None:
    run = paragraph.add_run()
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        made = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            made.set(qn("w:fldCharType"), kind)
        else:
            made.set(qn("xml:space"), "preserve")
            made.text = text
        run._element.append(made)


def _safe(text: str) -> str:
    return _NO_XML.sub("", text)
