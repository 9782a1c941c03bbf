"""The score table as an Excel file: numbers are numbers, texts are texts (never a formula), ready to be printed."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime, time
from decimal import Decimal

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import HeaderFooter, HeaderFooterItem
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from secops.isms.audit.figures import departments_of
from secops.isms.audit.model import VERDICT_MARKS, Verdict
from secops.isms.audit.paper_style import DISCLAIMER
from secops.isms.audit.round import FINDING_LABELS, FINDING_STATES, Book
from secops.isms.audit.scoring import CAP_LABELS, Score
from secops.report.charts_audit import STEPS, heat_rows, step_of
from secops.report.papers.model import Order

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ORDER = (Verdict.MET, Verdict.PARTIAL, Verdict.NOT_MET, Verdict.NOT_APPLICABLE, Verdict.NOT_VERIFIED)
_EDGE = Side(style="thin", color="8C8C8C")
_BOX = Border(left=_EDGE, right=_EDGE, top=_EDGE, bottom=_EDGE)
_SCORED = ("達成率（％）", "網羅率（％）", "評価", *(VERDICT_MARKS[one] for one in _ORDER), "評価を下げた理由")
Value = str | int | float | Decimal | None


def write_scores(book: Book, order: Order) -> bytes:
    """The workbook: departments, chapters, departments × chapters, items, findings."""
    workbook = Workbook()
    first = workbook.active
    if first is not None:
        workbook.remove(first)
    codes = departments_of(book, order.department)
    scores = book.confirmed
    graded = order.style.grades
    _sheet(
        workbook,
        "部署別",
        ("部署コード", "部", "課", *_SCORED),
        [
            (
                code,
                _name(book, book.divisions.get(code, "")),
                _name(book, code),
                *_cells(scores.departments.get(code), graded),
            )
            for code in codes
        ],
        order,
        widths=(10, 18, 24, *_WIDTHS),
    )
    if not order.department:
        chapters = [(n, t, *_cells(scores.chapters.get(n), graded)) for n, t in book.catalogue.chapters.items()]
        _sheet(workbook, "章別", ("章", "章名", *_SCORED), chapters, order, widths=(6, 34, *_WIDTHS))
    _heat(workbook, book, order)
    _items(workbook, book, order)
    _findings(workbook, book, order)
    made = datetime.combine(order.made_on, time(0, 0), UTC).replace(tzinfo=None)
    workbook.properties.creator, workbook.properties.title = "", "監査項目の達成状況"
    workbook.properties.created = workbook.properties.modified = made
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


_WIDTHS = (12, 12, 8, 7, 7, 7, 9, 9, 34)


def _name(book: Book, code: str) -> str:
    return book.names.get(code, code)


def _cells(score: Score | None, graded: bool) -> tuple[Value, ...]:
    if score is None:
        return (None,) * len(_SCORED)
    grade = score.grade.value if score.grade and graded else ""
    why = "、".join(CAP_LABELS[cap] for cap in score.capped) if graded else ""
    return (score.achievement, score.coverage, grade, *(score.counts[one] for one in _ORDER), why)


def _sheet(
    workbook: Workbook,
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[Value]],
    order: Order,
    *,
    widths: Sequence[float],
) -> Worksheet:
    sheet: Worksheet = workbook.create_sheet(title)
    mark = "【案】" if order.draft else ""
    _put(sheet, 1, 1, f"{mark}{title}　{DISCLAIMER}").font = Font(name=order.style.sans, size=10, bold=True)
    for column, text in enumerate(head, 1):
        cell = _put(sheet, 2, column, text)
        cell.font, cell.border = Font(name=order.style.sans, size=10, bold=True), _BOX
        cell.fill = PatternFill("solid", fgColor="E9EDF4")
        cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    for number, row in enumerate(rows, 3):
        for column, value in enumerate(row, 1):
            cell = _put(sheet, number, column, value)
            cell.font, cell.border = Font(name=order.style.sans, size=10), _BOX
            cell.alignment = Alignment(vertical="center", wrap_text=isinstance(value, str))
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.freeze_panes = "A3"
    if rows:
        sheet.auto_filter.ref = f"A2:{get_column_letter(len(head))}{len(rows) + 2}"
    _print_setup(sheet)
    return sheet


def _print_setup(sheet: Worksheet) -> None:
    """A4 landscape, one page wide, the head on every page, page numbers."""
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "1:2"
    edges = HeaderFooter()
    edges.oddFooter, edges.oddHeader = HeaderFooterItem(), HeaderFooterItem()
    edges.oddFooter.center.text, edges.oddHeader.right.text = "- &P -", "&A"
    sheet.HeaderFooter = edges


def _put(sheet: Worksheet, row: int, column: int, value: Value) -> Cell:
    """Set a cell; a text stays a text, whatever it begins with."""
    cell = sheet.cell(row, column)
    assert isinstance(cell, Cell)  # nothing is merged
    if isinstance(value, str):
        cell.value = _FORBIDDEN.sub("\ufffd", value)
        cell.data_type = "s"
        if value[:1] in "=+-@\t":
            cell.quotePrefix = True
    elif isinstance(value, Decimal | float):
        cell.value, cell.number_format = float(value), "0.0"
    elif value is not None:
        cell.value, cell.number_format = value, "#,##0"
    return cell


def _heat(workbook: Workbook, book: Book, order: Order) -> None:
    rows = [row for row in heat_rows(book) if order.department in {"", row.key}]
    heads = ("課", *(f"{number} {title}" for number, title in book.catalogue.chapters.items()), "全体")
    values = [(row.label, *(cell.achievement for cell in row.cells), row.total.achievement) for row in rows]
    sheet = _sheet(workbook, "部署×章", heads, values, order, widths=(24, *([13] * (len(heads) - 1))))
    for number, row in enumerate(rows, 3):
        for column, cell in enumerate((*row.cells, row.total), 2):
            if cell.achievement is not None:
                _least, fill, ink = STEPS[step_of(cell.achievement)]
                sheet.cell(number, column).fill = PatternFill("solid", fgColor=fill[1:].upper())
                sheet.cell(number, column).font = Font(name=order.style.sans, size=10, color=ink[1:].upper())


def _items(workbook: Workbook, book: Book, order: Order) -> None:
    known = book.catalogue.by_id
    if order.department:
        head = ("番号", "監査項目", "必須", "重み", "システム", "自己点検", "監査人確認")
        rows: list[tuple[Value, ...]] = [
            (
                one.item,
                known[one.item].title,
                "必須" if known[one.item].mandatory else "",
                known[one.item].weight,
                book.systems.get(one.system, one.system),
                VERDICT_MARKS[one.declared],
                VERDICT_MARKS[one.confirmed],
            )
            for one in book.papers
            if one.department == order.department and one.item in known
        ]
        _sheet(workbook, "項目別", head, rows, order, widths=(10, 70, 7, 7, 20, 11, 12))
        return
    asked = [(item, book.confirmed.items[item.id]) for item in book.catalogue.items if item.id in book.confirmed.items]
    rows = [
        (item.id, item.chapter, item.title, "必須" if item.mandatory else "", item.weight, *_cells(score, False))
        for item, score in asked
    ]
    scored = ("番号", "章", "監査項目", "必須", "重み", *_SCORED)
    _sheet(workbook, "項目別", scored, rows, order, widths=(10, 6, 70, 7, 7, *_WIDTHS))


def _findings(workbook: Workbook, book: Book, order: Order) -> None:
    found = [one for one in book.findings if order.department in {"", one.department}]
    rows = [
        (
            one.number,
            FINDING_LABELS[one.kind],
            one.title,
            _name(book, one.department),
            book.systems.get(one.system, one.system),
            one.item,
            "、".join(one.clauses),
            FINDING_STATES[one.state],
        )
        for one in found
    ]
    head = ("指摘番号", "区分", "件名", "課", "システム", "監査項目", "条項", "状況")
    _sheet(workbook, "指摘事項", head, rows, order, widths=(11, 16, 46, 22, 20, 10, 26, 10))
