"""Registers as Excel files: an empty one to fill in, and one with rows that holds nothing but text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from secops.locale import _
from secops.org.tables import Column, Table
from secops.report.hits import safe_cell

CHOICES, NOTES = "選択肢", "記入方法"
ROWS = 2_000  # of an empty register that have drop-downs
_HEAD = PatternFill("solid", fgColor="D9E6FF")
_NEEDED = PatternFill("solid", fgColor="FBF5E0")
_LINE = Side(style="thin", color="949494")
_WIDTHS = {"name": 32, "hosts": 24, "department": 20, "zone": 26, "retention": 14, "place": 24}


def blank_book(tables: Sequence[Table], choices: Mapping[str, Sequence[str]]) -> bytes:
    """An empty workbook for these registers; ``choices`` are more values to choose from, by field."""
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    lists = _Lists()
    for table in tables:
        sheet = book.create_sheet(table.label)
        _heads(sheet, [(column.headings[0], column.required) for column in table.columns])
        for at, column in enumerate(table.columns, 1):
            letter = get_column_letter(at)
            sheet.column_dimensions[letter].width = _WIDTHS.get(column.field, 18)
            for row in range(2, 52):  # text, so that Excel does not turn 0110 into 110
                sheet[f"{letter}{row}"].number_format = "@"
            offered = tuple(column.words.values()) if column.words else tuple(choices.get(column.field, ()))
            if offered:
                _drop_down(sheet, letter, lists.range_of(offered), strict=column.words is not None)
    _notes(book.create_sheet(NOTES), tables)
    lists.write(book.create_sheet(CHOICES))
    return _bytes(book)


def filled_book(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """A workbook of one table; a text that would be a formula is neutralised, numbers stay numbers."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    _heads(sheet, [(head, False) for head in heads])
    for number, row in enumerate(rows, 2):
        for at, value in enumerate(row, 1):
            cell = sheet.cell(number, at)
            plain = isinstance(value, int) and not isinstance(value, bool)
            cell.value = value if plain else safe_cell(value)  # type: ignore[assignment]  # a plain number
            if not plain:
                cell.data_type = "s"
            cell.alignment = Alignment(vertical="top", wrap_text=True)
            cell.border = Border(bottom=_LINE)
    for at in range(1, len(heads) + 1):
        longest = max([len(str(heads[at - 1])), *(len(str(row[at - 1])) for row in rows[:500])])
        sheet.column_dimensions[get_column_letter(at)].width = min(48, max(10, longest * 2))
    sheet.auto_filter.ref = sheet.dimensions
    return _bytes(book)


def _heads(sheet: Any, heads: Sequence[tuple[str, bool]]) -> None:
    for at, (head, needed) in enumerate(heads, 1):
        cell = sheet.cell(1, at, head)
        cell.font = Font(bold=True)
        cell.fill = _NEEDED if needed else _HEAD
        cell.alignment = Alignment(vertical="center", wrap_text=True)
        cell.border = Border(bottom=_LINE, right=_LINE)
    sheet.freeze_panes = "A2"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


class _Lists:
    """The values to choose from, one column each in a sheet of their own: a list in a cell holds 255 characters."""

    def __init__(self) -> None:
        self._columns: list[tuple[str, ...]] = []

    def range_of(self, values: tuple[str, ...]) -> str:
        if values not in self._columns:
            self._columns.append(values)
        letter = get_column_letter(self._columns.index(values) + 1)
        return f"='{CHOICES}'!${letter}$1:${letter}${len(values)}"

    def write(self, sheet: Any) -> None:
        for at, values in enumerate(self._columns, 1):
            for number, value in enumerate(values, 1):
                sheet.cell(number, at, value).data_type = "s"
        sheet.sheet_state = "hidden"


def _drop_down(sheet: Any, letter: str, formula: str, *, strict: bool) -> None:
    rule = DataValidation(type="list", formula1=formula.removeprefix("="), allow_blank=True, showErrorMessage=strict)
    rule.error = _("一覧から選んでください。")
    rule.add(f"{letter}2:{letter}{ROWS + 1}")
    sheet.add_data_validation(rule)


def _notes(sheet: Any, tables: Sequence[Table]) -> None:
    _heads(sheet, [(head, False) for head in (_("台帳"), _("列"), _("必須"), _("書き方"))])
    number = 2
    for table in tables:
        for column in table.columns:
            cells = (_(table.label), column.headings[0], _("必須") if column.required else "", _how(column))
            for at, text in enumerate(cells, 1):
                sheet.cell(number, at, text).alignment = Alignment(vertical="top", wrap_text=True)
            number += 1
    for letter, width in zip("ABCD", (14, 22, 8, 70), strict=True):
        sheet.column_dimensions[letter].width = width


def _how(column: Column) -> str:
    if column.words:
        return _("次のどれか: {words}").format(words="・".join(column.words.values()))
    return _(HINTS[column.field]) if column.field in HINTS else ""


HINTS = {
    "code": "半角の英数字とハイフン。一度決めたら変えない",
    "department": "部署のコードか名前",
    "zone": "系統の名前(一覧から選ぶ)",
    "hosts": "機器名か IP アドレス。複数は ; で区切る",
    "contractor": "運用・保守を委託している事業者。委託していなければ「なし」",
    "cloud_service": "使っているサービスの名前。複数は、で区切る",
    "persons": "個人情報の本人の数(おおよそでよい)",
    "manager": "職名で書く(例: 税務課長)",
    "reviewed": "この行を最後に確かめた日(例: 2026-05-31、令和8年5月31日)",
    "retention": "例: 5年、常用",
    "place": "例: 庁内ファイルサーバ、2階書庫",
    "system": "その資産を扱うシステムのコードか名前",
}


def _bytes(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
