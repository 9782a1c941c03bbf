"""The 自己点検票 as an Excel file comes back: what was written where, and what cannot be taken, with its cell.

Columns are found by their headings, rows by the number of the item, so that moved columns, sorted rows and a renamed
sheet do no harm. A row that cannot be read is not taken at all, and said; nothing else is lost by it.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from secops.errors import AuditError, Problem
from secops.isms.audit.answers import _VERDICTS
from secops.isms.audit.model import Verdict
from secops.isms.audit.sheets import ANSWERS, Answer, cleaned
from secops.locale import _
from secops.org.workbook import Fault, Limits, column_letter
from secops.org.workbook import Sheet as Page
from secops.schema.dates import read_day as read_cell_day
from secops.schema.text import fold

TITLE = "点検票"
HIDDEN = "_secops"
LIMITS = Limits(packed=5 << 20, unpacked=40 << 20, parts=500, sheets=20, rows=3_000, columns=60)
# What a column is for → its headings, folded; the first one is what we write.
COLUMNS = {
    "item": ("番号", "項目番号", "no", "no."),
    "verdict": ("判定", "結果", "自己点検", "自己点検結果"),
    "note": ("現状・根拠", "現状", "根拠"),
    "reason": ("△×の理由", "理由"),
    "improvement": ("改善予定(内容)", "改善予定", "改善内容"),
    "due": ("改善予定(時期)", "改善時期", "期限"),
}
NEEDED = ("item", "verdict")
FOOT = {"summary": "課としての総括", "remarks": "特記事項"}
_ESCAPED = re.compile(r"_x005F_(?=x[0-9A-Fa-f]{4}_)")
_ERAS = {"令和": 2018, "r": 2018, "令": 2018, "平成": 1988, "h": 1988}
_DAY = re.compile(
    r"(?:(令和|平成|令|r|h)\s*)?(\d{1,4}|元)\s*[年./-]\s*(\d{1,2})(?:\s*[月./-]\s*(?:(\d{1,2})\s*日?)?)?(?: 00:00:00)?"
)
_YEAR_END = re.compile(r"(?:(令和|平成|令|r|h)\s*)?(\d{1,4}|元)\s*年度(?:末|中|内)?")


@dataclass(frozen=True, slots=True)
class Mark:
    """What the hidden sheet says: which sheet of which site, and what it was when the file was written."""

    site: str
    round: str
    sheet: int
    digest: str
    summary: str
    remarks: str
    revisions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FormRow:
    """A row of the form: where its verdict stands, the fields that its columns give, by name."""

    place: str
    item: str
    fields: Mapping[str, object]

    def over(self, answer: Answer) -> Answer:
        """The answer with these fields in the place of its own; a column that is missing changes nothing."""
        from dataclasses import replace

        return replace(answer, **self.fields)  # type: ignore[arg-type]  # names and types as `_fields` makes them


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was read. ``foot`` has the parts of the foot that were found."""

    mark: Mark
    rows: tuple[FormRow, ...]
    foot: Mapping[str, str]
    problems: tuple[Problem, ...]


def form_of(pages: Sequence[Page], where: str) -> Form:
    """The form that these sheets are.

    Raises:
        AuditError: none of ours.
    """
    mark = _mark(pages, where)
    seen = sorted((page for page in pages if page.name != HIDDEN), key=lambda page: page.hidden)
    found = next((one for page in seen if (one := _heads(page)) is not None), None)
    if found is None:
        what = _(
            "「番号」と「判定」の見出しがあるシートがありません。書き出した点検票の見出しを消さずに使ってください。"
        )
        raise AuditError([Problem(where, what)])
    page, head, columns = found
    problems = [
        Problem(page.name, _("列「{name}」がないため、この列は変えていません。").format(name=names[0]))
        for key, names in COLUMNS.items()
        if key not in columns
    ]
    if page.hidden:
        problems.append(Problem(page.name, _("非表示のシートから読みました。Excel で再表示して確かめてください。")))
    rows, wrong = _rows(page, head, columns, mark)
    foot = {key: text for key, label in FOOT.items() if (text := _foot(page, columns["item"], label)) is not None}
    for key, label in FOOT.items():
        if key not in foot:
            wrong.append(Problem(page.name, _("「{label}」を読めないため、変えていません。").format(label=label)))
    return Form(mark, tuple(rows), foot, (*problems, *wrong))


def _mark(pages: Sequence[Page], where: str) -> Mark:
    hidden = next((page for page in pages if page.name == HIDDEN), None)
    said = {cells[0]: (*cells, "", "")[1] for _number, cells in hidden.rows if cells} if hidden else {}
    if not {"site", "round", "sheet", "digest"} <= said.keys() or not said["sheet"].isdecimal():
        what = _(
            "secops が書き出した点検票ではありません。"
            "画面か secops audit form export で書き出したものを使ってください。"
        )
        raise AuditError([Problem(where, what)])
    revisions = {key[5:]: int(text) for key, text in said.items() if key.startswith("item:") and text.isdecimal()}
    return Mark(
        said["site"],
        said["round"],
        int(said["sheet"][:15]),
        said["digest"],
        _plain(said.get("summary", "")),
        _plain(said.get("remarks", "")),
        revisions,
    )


def _heads(page: Page) -> tuple[Page, int, dict[str, int]] | None:
    """The row of the headings, and column by field."""
    for number, cells in page.rows[:60]:
        texts = [re.sub(r"\s", "", fold(cell)) for cell in cells]
        columns: dict[str, int] = {}
        for key, names in COLUMNS.items():
            known = [fold(name) for name in names]
            # The first heading first: 改善予定 must not be taken where 改善予定(内容) stands beside it.
            found = next((texts.index(name) for name in known if name in texts), None)
            if found is not None and found not in columns.values():
                columns[key] = found
        if all(key in columns for key in NEEDED):
            return page, number, columns
    return None


def _rows(page: Page, head: int, columns: Mapping[str, int], mark: Mark) -> tuple[list[FormRow], list[Problem]]:
    found: list[FormRow] = []
    wrong: list[Problem] = []
    merged = _merged(page, columns)
    seen: dict[str, str] = {}
    for number, cells in page.rows:
        if number <= head:
            continue
        if _cell(cells, columns["item"]) in FOOT.values():
            break
        place = f"{page.name}!{column_letter(columns['verdict'])}{number}"
        item = _cell(cells, columns["item"]).strip()
        if item not in mark.revisions:
            if any(_cell(cells, at) for at in columns.values()):
                what = _("番号「{item}」の項目は、この点検票にありません。この行は取り込んでいません。")
                wrong.append(Problem(f"{page.name}!{column_letter(columns['item'])}{number}", what.format(item=item)))
        elif item in seen:
            what = _("{item} は {place} にもあります。後の行は取り込んでいません。")
            wrong.append(Problem(place, what.format(item=item, place=seen[item])))
        elif number in merged:
            seen[item] = place
            what = _("結合されたセル({ref})があります。結合を解いて書き直してください。この行は取り込んでいません。")
            wrong.append(Problem(place, what.format(ref=merged[number])))
        else:
            seen[item] = place
            fields, problems = _fields(page, number, cells, columns)
            wrong += problems
            if not problems:
                found.append(FormRow(place, item, fields))
    for item in mark.revisions:
        if item not in seen:
            what = _("{item} の行がありません。この項目は変えていません。")
            wrong.append(Problem(page.name, what.format(item=item)))
    return found, wrong


def _cell(cells: Sequence[str], at: int) -> str:
    return cells[at] if at < len(cells) else ""


def _plain(text: str) -> str:
    return cleaned(_ESCAPED.sub("_", text))


def _fields(
    page: Page, number: int, cells: Sequence[str], columns: Mapping[str, int]
) -> tuple[dict[str, object], list[Problem]]:
    fields: dict[str, object] = {}
    wrong: list[Problem] = []
    for key, at in columns.items():
        text, place = _cell(cells, at), f"{page.name}!{column_letter(at)}{number}"
        if isinstance(text, Fault):
            wrong.append(Problem(place, str(text)))
        elif key == "verdict":
            verdict = _VERDICTS.get(fold(text.strip()))
            if verdict is None or verdict not in {*ANSWERS, Verdict.NOT_VERIFIED}:
                what = _("「{text}」は判定として読めません。○・△・×・対象外のどれかにしてください。")
                wrong.append(Problem(place, what.format(text=text[:40])))
            else:
                fields[key] = verdict
        elif key == "due":
            try:
                fields[key] = read_day(text)
            except ValueError as error:
                wrong.append(Problem(place, str(error)))
        elif key != "item":
            fields[key] = _plain(text)
    return fields, wrong


def _merged(page: Page, columns: Mapping[str, int]) -> dict[int, str]:
    """Row → the merged range that touches its answer cells."""
    from openpyxl.utils.cell import range_boundaries

    found: dict[int, str] = {}
    last = page.rows[-1][0] if page.rows else 0
    answers = {at + 1 for at in columns.values()}
    for ref in page.merged:
        left, top, right, bottom = (int(one or 0) for one in range_boundaries(ref))
        if any(left <= at <= right for at in answers):
            found.update(dict.fromkeys(range(top, min(bottom, last) + 1), ref))
    return found


def _foot(page: Page, at: int, label: str) -> str | None:
    """What stands to the right of a label of the foot, which is below the numbers; None: no label, or not readable."""
    for _number, cells in page.rows:
        if _cell(cells, at) == label:
            found = next((cell for cell in cells[at + 1 :] if cell), "")
            return None if isinstance(found, Fault) else _plain(found)
    return None


def read_day(text: str) -> date | None:
    """A date as people write it: ``2026-09-30``, ``令和8年9月30日``, ``R8.9.30``; a month or 年度 is its last day.

    Raises:
        ValueError: none of these.
    """
    value = fold(text).strip()
    if not value:
        return None
    if day := read_cell_day(value):
        return day
    try:
        if found := _DAY.fullmatch(value):
            year, month = _year(found[1], found[2]), int(found[3])
            return date(year, month, int(found[4]) if found[4] else monthrange(year, month)[1])
        if found := _YEAR_END.fullmatch(value):
            return date(_year(found[1], found[2]) + 1, 3, 31)
    except (ValueError, IndexError):
        pass
    what = _("「{text}」は日付として読めません(例: 2026-09-30、令和8年9月30日)。")
    raise ValueError(what.format(text=text[:40]))


def _year(era: str | None, number: str) -> int:
    year = 1 if number == "元" else int(number)
    if era:
        return _ERAS[era] + year
    if year < 1900:
        raise ValueError(number)
    return year
