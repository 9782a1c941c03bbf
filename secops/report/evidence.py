"""An evidence sheet as a file: an HTML page that stands alone, or an Excel workbook.

Names in it come from logs: nothing in a cell may be a formula, and nothing on the page markup.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from secops.isms.audit.round import EvidenceSheet, SheetCheck
from secops.isms.audit.telemetry import Value
from secops.report.text import plain, visible
from secops.schema.dates import dated

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML 1.0 has no room for
MISSING = "記録なし"


def figure_words(value: Value | None) -> str:
    """A figure as it is read: never a zero where nobody could count."""
    if value is None:
        return MISSING
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def query_words(sheet: EvidenceSheet, title: str) -> str:
    """The search behind a figure: as it was asked, or, where a source was missing, what would have been."""
    if title in sheet.asked:
        return sheet.asked[title]
    (query,) = json.loads(sheet.definition)["queries"] if sheet.definition else ({},)
    figures = [one for one in query.get("figures", []) if title == one["title"] or title.startswith(one["title"] + "(")]
    planned = next((one["query"] for one in figures if one.get("query")), "")
    planned = planned or (f"{query['function']}()" if figures and query.get("function") else "")
    return f"(照会していません) {planned}" if planned else ""


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
    )
    made.filters.update(visible=visible, plain=plain, figure=figure_words, dated=dated, checked=checked_words)
    made.globals.update(query=query_words)
    return made


def checked_words(one: SheetCheck) -> str:
    """What came out when somebody asked again."""
    if not one.whole:
        return "ハッシュが一致しない"
    return f"数値の違い {len(one.differing)} 件({'、'.join(one.differing)})" if one.differing else "数値は同じ"


def as_html(sheet: EvidenceSheet, number: int, checks: Sequence[SheetCheck] = ()) -> str:
    """The sheet as a page without anything from elsewhere, and who checked it."""
    return _environment().get_template("evidence.html").render(sheet=sheet, number=number, checks=checks)


def as_xlsx(sheet: EvidenceSheet, number: int, checks: Sequence[SheetCheck] = ()) -> bytes:
    """The sheet as a workbook: numbers, rows, sources and how it was asked, and who checked it."""
    from openpyxl import Workbook

    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "裏付け票"
    _put(
        first, [["裏付け票", str(number)], ["題名", sheet.title], ["課", f"{sheet.unit.department} {sheet.department}"]]
    )
    if sheet.unit.system:
        _put(first, [["情報システム", f"{sheet.unit.system} {sheet.system}"]])
    _put(first, [["期間", f"{dated(sheet.period[0])} から {dated(sheet.period[1])} の前まで"]])
    _put(first, [["作成", f"{dated(sheet.made_at)} {sheet.made_by}"], ["監査項目", " ".join(sheet.items)]])
    said = [[f"{dated(one.at)} {one.by}", checked_words(one)] for one in checks] or [["まだ照合されていない", ""]]
    _put(first, [["SHA-256", sheet.sha256], *(["照合", who, what] for who, what in said), [], ["数値", "値"]])
    for title, value in sheet.figures.items():
        first.append([_text(title), MISSING if value is None else value])
    _put(first, [[], ["届いていないもの"], *([one] for one in sheet.missing or ["なし"])])
    _put(first, [[], ["注意"], *([one] for one in sheet.notes)])
    _put(book.create_sheet("情報源"), [["情報源", "届いた日", "期間の日数"], *_sources(sheet)])
    rows = book.create_sheet("内訳")
    if sheet.rows:
        names = list(sheet.rows[0])
        _put(rows, [names, *([row.get(name, "") for name in names] for row in sheet.rows)])
    _put(rows, [[f"{sheet.rows_total} 件のうち {len(sheet.rows)} 件"]])
    _put(
        book.create_sheet("検索式"),
        [["数値", "検索式"], *([title, query_words(sheet, title)] for title in sheet.figures)],
    )
    for page in book.worksheets:
        for letter, width in (("A", 44), ("B", 44), ("C", 20), ("D", 20)):
            page.column_dimensions[letter].width = width
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _sources(sheet: EvidenceSheet) -> list[list[str]]:
    return [
        [one.title, ("あり" if one.there else MISSING) if one.days is None else str(one.days), str(one.of)]
        for one in sheet.sources
    ]


def _put(page: Worksheet, rows: list[list[str]]) -> None:
    """Rows of text; a cell that begins like a formula stays text."""
    for row in rows:
        page.append([_text(one) for one in row])
        for cell in page[page.max_row] if row else ():
            cell.data_type = "s"
            cell.quotePrefix = str(cell.value or "")[:1] in {"=", "+", "-", "@"}


def _text(value: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value)


def as_plain(sheet: EvidenceSheet, number: int | None = None) -> Mapping[str, object]:
    """The sheet as JSON shows it."""
    from dataclasses import asdict

    said = asdict(sheet)
    del said["definition"]
    return {"number": number, **said}
