"""Answers of the self-inspection in the order of another inspection, as an Excel file to copy from."""

from __future__ import annotations

import io
from collections.abc import Sequence

from secops.isms.audit.mappings import Inspection, MappedAnswer
from secops.isms.audit.model import VERDICT_MARKS
from secops.locale import _
from secops.report.inspection_form import put
from secops.schema.dates import JST, wareki

_WIDTHS = (8, 28, 9, 44, 24, 9, 36, 28, 28, 16, 26)


def mapped_book(inspection: Inspection, lines: Sequence[MappedAnswer], head: str) -> bytes:
    """One sheet: a row for each item under each question; nothing in it is a formula."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    page = book.active
    assert page is not None
    page.title = _("回答の対応表")
    put(page["A1"], f"{inspection.title} {head}")
    page["A1"].font = Font(bold=True, size=13)
    put(page["A2"], _("設問の番号と題名に(要確認)のあるものは、その年度の調査票と見比べてから使ってください。"))
    titles = (
        *(_("設問"), _("設問の題名"), _("項目"), _("点検項目"), _("点検票"), _("判定"), _("現状・根拠"), _("△×の理由")),
        *(_("改善予定"), _("改善時期"), _("回答した人・日")),
    )
    for column, (title, width) in enumerate(zip(titles, _WIDTHS, strict=True), 1):
        cell = page[f"{get_column_letter(column)}4"]
        put(cell, title)
        cell.font = Font(bold=True)
        page.column_dimensions[get_column_letter(column)].width = width
    for row, line in enumerate(lines, 5):
        for column, text in enumerate(cells(line), 1):
            cell = page[f"{get_column_letter(column)}{row}"]
            put(cell, text)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    page.freeze_panes = "A5"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def cells(line: MappedAnswer) -> tuple[str, ...]:
    """A row as texts."""
    question, answer = line.question, line.answer
    title = question.title + (_("(要確認)") if question.confirm else "")
    head = (question.number, title, line.item, line.title, line.unit)
    if answer is None:
        return (*head, _("回答なし"), "", "", "", "", "")
    day = wareki(answer.at.astimezone(JST).date()) if answer.at else ""
    due = wareki(answer.due) if answer.due else ""
    mark = _(VERDICT_MARKS[answer.verdict])
    return (*head, mark, answer.note, answer.reason, answer.improvement, due, f"{answer.by} {day}".strip())
