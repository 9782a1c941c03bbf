"""A 新旧対照表 as a Word file: A4, two equal columns, the head row on every page, the page number bottom centre."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import docx
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from secops.isms.policy.marks import Grid, Marked, changed, plain, whole
from secops.report.comparison import Cell, Entry, Line, Sheet, columns, entries, lead, sides
from secops.report.comparison_style import ComparisonStyle
from secops.report.word_base import set_language, shed

if TYPE_CHECKING:
    from docx.document import Document as Docx
    from docx.section import Section
    from docx.table import Table, _Cell
    from docx.text.paragraph import Paragraph
    from docx.text.run import Run

LONG, SHORT, MARGIN, REMARKS = 297, 210, 20, 30  # millimetres
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
UNBROKEN = 600  # characters; a longer row may go on over the page
EDGES = ("top", "left", "bottom", "right")


def write_docx(sheet: Sheet, style: ComparisonStyle) -> bytes:
    """The paper as a Word file; the sheet of reasons, where there is a text, is a page of its own."""
    return _Paper(sheet, style).written()


class _Paper:
    def __init__(self, sheet: Sheet, style: ComparisonStyle) -> None:
        self.sheet, self.style = sheet, style
        self.docx: Docx = docx.Document()
        self.width = (LONG if style.page == "landscape" else SHORT) - 2 * MARGIN

    def written(self) -> bytes:
        """Everything, in the order of the style."""
        self._base()
        before = self.style.reason == "before"
        if self.sheet.reason and before:
            self._reason()
            self._next_page()
        self._comparison()
        if self.sheet.reason and not before:
            self._next_page()
            self._reason()
        out = io.BytesIO()
        self.docx.save(out)
        return out.getvalue()

    def _base(self) -> None:
        properties = self.docx.core_properties
        properties.title, properties.author, properties.comments = _safe(self.sheet.title), "", ""
        normal = self.docx.styles["Normal"]
        normal.font.size = Pt(self.style.size)
        _set_font(normal.element.get_or_add_rPr(), self.style.font)
        set_language(self.docx)
        shed(self.docx)
        self._set_page(self.docx.sections[0])

    def _set_page(self, section: Section) -> None:
        landscape = self.style.page == "landscape"
        section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
        section.page_width, section.page_height = (Mm(LONG), Mm(SHORT)) if landscape else (Mm(SHORT), Mm(LONG))
        section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Mm(MARGIN)
        section.footer_distance = Mm(10)
        footer = section.footer.paragraphs[0]
        if not footer.runs:
            footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
            footer.add_run("- ")
            _page_number(footer.add_run())
            footer.add_run(" -")

    def _next_page(self) -> None:
        self._set_page(self.docx.add_section(WD_SECTION.NEW_PAGE))

    def _title(self, text: str) -> None:
        paragraph = self.docx.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.space_after = Pt(8)
        run = paragraph.add_run(_safe(text))
        run.font.size = Pt(self.style.size + 3.5)
        _set_font(run._element.get_or_add_rPr(), self.style.heading_font)

    def _reason(self) -> None:
        self._title(f"{self.sheet.document.title}の改正理由")
        for text in self.sheet.reason.strip().split("\n"):
            paragraph = self.docx.add_paragraph(_safe(text.strip()))
            paragraph.paragraph_format.first_line_indent = Pt(self.style.size)
            paragraph.paragraph_format.space_after = Pt(0)

    def _comparison(self) -> None:
        self._title(self.sheet.title)
        above, below = lead(self.sheet, self.style)
        if above:
            self.docx.add_paragraph(f"　{_safe(above)}").paragraph_format.space_after = Pt(4)
        self._table()
        if below:
            paragraph = self.docx.add_paragraph(_safe(below))
            paragraph.paragraph_format.space_before = Pt(6)

    def _table(self) -> None:
        names = columns(self.sheet, self.style)
        found = entries(self.sheet, self.style)
        remarks = REMARKS if self.style.remarks else 0
        half = (self.width - remarks) / 2
        widths = [half, half, remarks][: len(names)]
        table = self.docx.add_table(rows=1 + max(len(found), 1), cols=len(names))
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        _fix(table, widths)
        rows = table._tbl.tr_lst
        _head(table, names, self.style)
        if not found:
            table.rows[1].cells[0].paragraphs[0].add_run("（改正する部分はない。）")
        for at, entry in enumerate(found):
            if _size(entry) <= UNBROKEN:
                rows[at + 1].get_or_add_trPr().append(OxmlElement("w:cantSplit"))
            cells = [_WordCell(tc, table, widths[n], self.style) for n, tc in enumerate(rows[at + 1].tc_lst)]
            self._fill(cells, entry, last=at == len(found) - 1 or found[at + 1].opens)

    def _fill(self, cells: Sequence[_WordCell], entry: Entry, *, last: bool) -> None:
        """``last`` of an article: a line is drawn below it, and a page may end there."""
        left, right = sides(entry, self.style)
        cells[0].write(left)
        cells[1].write(right)
        if self.style.remarks:
            cells[2].write((Line(whole(entry.remark, changed=False)),))
        for one in cells:
            one.borders(top=entry.opens, bottom=last)
            if not last:
                one.keep()


class _WordCell:
    """A cell of the table, to be written into."""

    def __init__(self, tc: object, table: Table, width: float, style: ComparisonStyle) -> None:
        from docx.table import _Cell

        self.cell: _Cell = _Cell(tc, table)  # type: ignore[arg-type]  # what `tc_lst` holds
        self.width, self.style = width, style

    def write(self, lines: Cell, hang: int = 1) -> None:
        """Lines as paragraphs, tables as tables within the cell."""
        free: Paragraph | None = self.cell.paragraphs[0]  # every cell begins with an empty one
        below = False  # whether a table stands above
        for line in lines:
            if isinstance(line, Grid):
                if free is not None:
                    free._element.getparent().remove(free._element)
                self._grid(line)
                free = self.cell.paragraphs[-1]  # a cell must not end with a table: python-docx puts one behind
                free.paragraph_format.space_after, free.paragraph_format.line_spacing = Pt(0), Pt(4)
                below = True
                continue
            paragraph = free or self.cell.add_paragraph()
            self._write_line(paragraph, line, hang)
            if below:
                paragraph.paragraph_format.space_before = Pt(4)
            free, below = None, False

    def _write_line(self, paragraph: Paragraph, line: Line, hang: int) -> None:
        paragraph.paragraph_format.space_after = Pt(0)
        paragraph.paragraph_format.line_spacing = None
        hang = 0 if line.heading else hang  # what wraps stands one character to the right of the number
        paragraph.paragraph_format.left_indent = Pt(self.style.size * (line.indent + hang))
        paragraph.paragraph_format.first_line_indent = Pt(-self.style.size * hang)
        self._runs(paragraph, line.parts, heading=line.heading)

    def _runs(self, paragraph: Paragraph, parts: Marked, *, heading: bool) -> None:
        for part in parts:
            run = paragraph.add_run(_safe(part.text))
            run.underline = True if part.changed else None
            if heading:
                _set_font(run._element.get_or_add_rPr(), self.style.heading_font)

    def _grid(self, grid: Grid) -> None:
        count = max(len(row) for row in grid.rows)
        table = self.cell.add_table(len(grid.rows), count)
        _fix(table, [(self.width - 6) / count] * count)
        for row, trs in zip(grid.rows, table._tbl.tr_lst, strict=True):
            for parts, tc in zip(row, trs.tc_lst, strict=False):
                inner = _WordCell(tc, table, self.width / count, self.style)
                inner.write((Line(parts),), hang=0)
                thick = self.style.tables == "thick" and changed(parts)
                inner.frame(12 if thick else 4)

    def keep(self) -> None:
        """The row stays on the page of the next one."""
        for paragraph in self.cell.paragraphs:
            paragraph.paragraph_format.keep_with_next = True

    def frame(self, size: int) -> None:
        """A border all around, in eighths of a point."""
        _borders(self.cell, dict.fromkeys(EDGES, size))

    def borders(self, *, top: bool, bottom: bool) -> None:
        """Lines at the sides always; above and below where told."""
        _borders(self.cell, {"top": 4 if top else 0, "left": 4, "bottom": 4 if bottom else 0, "right": 4})


def _size(entry: Entry) -> int:
    """About how many characters the longer side of a row has."""
    cells = (entry.new, entry.old)
    return max(sum(len(plain(part)) for line in cell for part in _parts(line)) for cell in cells)


def _parts(line: Line | Grid) -> Sequence[Marked]:
    return [line.parts] if isinstance(line, Line) else [cell for row in line.rows for cell in row]


def _head(table: Table, names: Sequence[str], style: ComparisonStyle) -> None:
    row = table.rows[0]
    repeat = OxmlElement("w:tblHeader")
    row._tr.get_or_add_trPr().append(repeat)
    for cell, name in zip(row.cells, names, strict=True):
        paragraph = cell.paragraphs[0]
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.space_after = Pt(0)
        run = paragraph.add_run(_safe(name))
        _set_font(run._element.get_or_add_rPr(), style.heading_font)
        _borders(cell, dict.fromkeys(EDGES, 4))


def _fix(table: Table, widths: Sequence[float]) -> None:
    """Columns of just these widths in millimetres, whatever is in them; a little air above and below the text."""
    table.autofit = False
    margins = OxmlElement("w:tblCellMar")
    for edge in ("top", "bottom"):
        air = OxmlElement(f"w:{edge}")
        air.set(qn("w:w"), "30")
        air.set(qn("w:type"), "dxa")
        margins.append(air)
    properties = table._tbl.tblPr
    look = properties.find(qn("w:tblLook"))  # which must stay last
    properties.insert(len(properties) if look is None else properties.index(look), margins)
    for column, width in zip(table._tbl.tblGrid.gridCol_lst, widths, strict=True):
        column.w = Mm(width)
    for row in table._tbl.tr_lst:
        for tc, width in zip(row.tc_lst, widths, strict=True):
            tc.width = Mm(width)


def _borders(cell: _Cell, sizes: dict[str, int]) -> None:
    made = OxmlElement("w:tcBorders")
    for edge, size in sizes.items():
        line = OxmlElement(f"w:{edge}")
        line.set(qn("w:val"), "single" if size else "nil")
        if size:
            line.set(qn("w:sz"), str(size))
            line.set(qn("w:space"), "0")
            line.set(qn("w:color"), "000000")
        made.append(line)
    properties = cell._tc.get_or_add_tcPr()
    for old in properties.findall(qn("w:tcBorders")):
        properties.remove(old)
    properties.append(made)


def _set_font(properties: object, name: str) -> None:
    """The same face for Japanese and Latin letters."""
    fonts = properties.get_or_add_rFonts()  # type: ignore[attr-defined]  # an element of python-docx
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), name)
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)


def _page_number(run: Run) -> None:
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        made = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            made.set(qn("w:fldCharType"), kind)
        else:
            made.set(qn("xml:space"), "preserve")
            made.text = text
        run._element.append(made)


def _safe(text: str) -> str:
    """Text that a Word file can hold: control characters become U+FFFD."""
    return _NO_XML.sub("\ufffd", text)
