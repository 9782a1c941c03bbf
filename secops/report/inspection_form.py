"""The 自己点検票 as an Excel file: values in, bytes out. `secops.isms.audit.form` reads it again."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from secops.errors import UsageError
from secops.isms.audit.form import FOOT, HIDDEN, TITLE
from secops.isms.audit.model import VERDICT_MARKS, Catalogue
from secops.isms.audit.ports import SheetDesk, Viewer
from secops.isms.audit.sheets import ANSWERS, SHEET_LABELS, Answer, Sheet, SheetKind
from secops.locale import _
from secops.schema.dates import JST, wareki

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_CLAUSE = re.compile(r"[a-z]+-\d{4}-\d\d-(\d+(?:\.\d+)*)(?:-(.+))?")
_FORMULA = ("=", "+", "-", "@", "\t")
_WIDTHS = {"A": 9, "B": 20, "C": 6, "D": 44, "E": 9, "F": 34, "G": 26, "H": 26, "I": 14, "J": 22}
_HEADS = (
    "番号",
    "分類",
    "必須",
    "点検項目",
    "判定",
    "現状・根拠",
    "△×の理由",
    "改善予定(内容)",
    "改善予定(時期)",
    "前年度",
)
_ANSWER_CELLS = "EFGHI"
_LINE = 15  # points


@dataclass(frozen=True, slots=True)
class FormData:
    """All that a form shows; ``site`` is the id of the site."""

    site: str
    ward: str
    sheet: Sheet
    catalogue: Catalogue
    answers: Mapping[str, Answer]
    last: Mapping[str, Answer]


def form_data(desk: SheetDesk, number: int, viewer: Viewer, *, site: str, ward: str) -> FormData:
    """A sheet of the records as a form shows it.

    Raises:
        UsageError: a sheet of the staff, which each of them answers alone.
    """
    sheet = desk.sheet(number, viewer)
    if sheet.kind is SheetKind.STAFF:
        raise UsageError(_("職員の点検票は、職員が一人ずつ配られたコードで回答します。"))
    catalogue = desk.round(sheet.round).catalogue
    return FormData(site, ward, sheet, catalogue, desk.answers(number, viewer), desk.last_answers(number, viewer))


def file_name(sheet: Sheet) -> str:
    """What the file is called: ``自己点検票_2026_区民課_住民記録システム.xlsx``."""
    parts: tuple[str, ...] = ("自己点検票", sheet.round, sheet.place.department, sheet.place.system)
    if sheet.kind is SheetKind.WARD:
        parts = (*parts, _(SHEET_LABELS[sheet.kind]))
    return re.sub(r'[\\/:*?"<>|\s]+', "-", "_".join(filter(None, parts))) + ".xlsx"


def make_form(data: FormData) -> bytes:
    """The file. Only cells for answers can be written in; there is no password, it is no secret but a help."""
    from openpyxl import Workbook
    from openpyxl.worksheet.protection import SheetProtection

    book = Workbook()
    page = book.active
    assert page is not None
    page.title = TITLE
    head = _head(page, data)
    last = _table(page, data, head)
    _foot(page, data, last + 2)
    page.protection = SheetProtection(sheet=True, formatColumns=False, formatRows=False)
    _hidden(book.create_sheet(HIDDEN), data)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def put(cell: Cell, value: str | float | date | None) -> None:
    """A value that stays what it is: a text is never a formula, whatever it begins with."""
    if not isinstance(value, str):
        cell.value = value
        return
    cell.value = _ESCAPE.sub("_x005F_", value)
    cell.data_type = "s"
    if value.startswith(_FORMULA):
        cell.quotePrefix = True  # Excel goes on taking it for a text when somebody edits it


def _head(page: Worksheet, data: FormData) -> int:
    """Title and who it is of; returns the row of the headings."""
    from openpyxl.styles import Font

    sheet = data.sheet
    put(page["A1"], _("{year} 情報セキュリティ自己点検票").format(year=_fiscal(sheet.year)))
    page["A1"].font = Font(bold=True, size=14)
    entered = f"{sheet.entered_by} {_day(sheet.entered_at)}".strip()
    confirmed = f"{sheet.confirmed_by} {_day(sheet.confirmed_at)}".strip()
    lines = [
        (_("区市町村"), data.ward, _("点検票"), _(SHEET_LABELS[sheet.kind])),
        (
            _("部課名"),
            f"{sheet.place.division_name} {sheet.place.department}".strip(),
            _("情報システム"),
            sheet.place.system,
        ),
        (_("点検者・実施日"), entered, _("確認者(情報セキュリティ管理者)・確認日"), confirmed),
        (_("期限"), wareki(sheet.due) if sheet.due else "", "", ""),
    ]
    for number, (first, value, second, other) in enumerate(lines, 2):
        for column, text in zip("ABEF", (first, value, second, other), strict=True):
            put(page[f"{column}{number}"], text)
    put(page["A6"], _("黄色のセルに記入します。△・×には理由と改善予定、対象外には理由(現状・根拠)を書いてください。"))
    return 8


def _fiscal(year: int) -> str:
    return wareki(date(year, 4, 1)).partition("年")[0] + "年度"


def _day(moment: datetime | None) -> str:
    return wareki(moment.astimezone(JST).date()) if moment else ""


def _table(page: Worksheet, data: FormData, head: int) -> int:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
    from openpyxl.worksheet.datavalidation import DataValidation
    from openpyxl.worksheet.header_footer import HeaderFooter, HeaderFooterItem, _HeaderFooterPart
    from openpyxl.worksheet.properties import PageSetupProperties

    line = Side(style="thin", color="949494")
    border, wrap = Border(line, line, line, line), Alignment(wrap_text=True, vertical="top")
    grey, yellow = PatternFill("solid", "E6E6E6"), PatternFill("solid", "FFF9DB")
    for column, title in zip(_WIDTHS, _HEADS, strict=True):
        cell = page[f"{column}{head}"]
        put(cell, title)
        cell.font, cell.fill, cell.border, cell.alignment = Font(bold=True), grey, border, wrap
        page.column_dimensions[column].width = _WIDTHS[column]
    row = head
    for row, values in enumerate(_lines(data), head + 1):
        for column, value in zip(_WIDTHS, values, strict=True):
            cell = page[f"{column}{row}"]
            put(cell, value)
            cell.border, cell.alignment = border, wrap
            if column in _ANSWER_CELLS:
                cell.fill, cell.protection = yellow, Protection(locked=False)
        page[f"I{row}"].number_format = "yyyy-mm-dd"
        page.row_dimensions[row].height = _LINE * _height(values) + 4
    marks = ",".join(VERDICT_MARKS[one] for one in ANSWERS)
    choice = DataValidation("list", formula1=f'"{marks}"', allow_blank=True, showErrorMessage=True)
    choice.error, choice.errorTitle = _("○・△・×・対象外のどれかを選んでください。"), _("判定")
    choice.add(f"E{head + 1}:E{row}")
    page.add_data_validation(choice)
    page.freeze_panes = f"A{head + 1}"
    page.print_title_rows = f"{head}:{head}"
    page.page_setup.orientation, page.page_setup.paperSize, page.page_setup.fitToHeight = "landscape", 9, 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    page.HeaderFooter = HeaderFooter(oddFooter=HeaderFooterItem(center=_HeaderFooterPart(text="- &P -")))
    return row


def _height(values: Sequence[object]) -> int:
    """How many lines a row needs: a spreadsheet does not make room for wrapped text by itself when it opens a file."""
    cells = zip(values, _WIDTHS.values(), strict=True)
    return max(
        sum(-(-_width(line) // (width - 1)) or 1 for line in str(text or "").split("\n")) for text, width in cells
    )


def _width(text: str) -> int:
    """The width of a line in half-width characters."""
    return sum(2 if east_asian_width(one) in "WFA" else 1 for one in text)


def _lines(data: FormData) -> list[tuple[str | date | None, ...]]:
    found: list[tuple[str | date | None, ...]] = []
    for key in data.sheet.items:
        item, answer, last = data.catalogue.by_id[key], data.answers.get(key) or Answer(key), data.last.get(key)
        cited = "、".join(_cited(one) for one in item.clauses)
        found.append(
            (
                item.id,
                f"{data.catalogue.chapters[item.chapter]}\n{cited}",
                _("必須") if item.mandatory else "",
                item.title,
                VERDICT_MARKS[answer.verdict] if answer.revision and answer.verdict in ANSWERS else "",
                answer.note,
                answer.reason,
                answer.improvement,
                answer.due,
                f"{VERDICT_MARKS[last.verdict]} {last.note or last.reason}".strip() if last else "",
            )
        )
    return found


def _cited(clause: str) -> str:
    """``mic-2025-03-6.1-6`` as people cite it: ``6.1(6)``."""
    found = _CLAUSE.fullmatch(clause)
    return f"{found[1]}({found[2]})" if found and found[2] else found[1] if found else clause


def _foot(page: Worksheet, data: FormData, row: int) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill, Protection

    for at, (key, label) in enumerate(FOOT.items()):
        put(page[f"A{row + at}"], label)
        page[f"A{row + at}"].font = Font(bold=True)
        cell = page[f"D{row + at}"]
        put(cell, getattr(data.sheet, key))
        cell.protection, cell.fill = Protection(locked=False), PatternFill("solid", "FFF9DB")
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        page.row_dimensions[row + at].height = 60


def _hidden(page: Worksheet, data: FormData) -> None:
    """What the import knows the file by. Hidden for good: it is of no use to a reader."""
    page.sheet_state = "veryHidden"
    sheet = data.sheet
    rows = [
        ("site", data.site),
        ("round", sheet.round),
        ("sheet", str(sheet.number)),
        ("digest", data.catalogue.digest),
        ("summary", sheet.summary),
        ("remarks", sheet.remarks),
        *((f"item:{one}", str(data.answers[one].revision if one in data.answers else 0)) for one in sheet.items),
    ]
    for number, (name, value) in enumerate(rows, 1):
        put(page[f"A{number}"], name)
        put(page[f"B{number}"], value)
    page.protection.sheet = True
