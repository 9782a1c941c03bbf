"""The ward's registers in Excel: which sheet is what, found by its headings wherever they stand, and its rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from secops.errors import InventoryError, Problem
from secops.locale import _
from secops.org.inventory import Parsed, normal_heading, parse_rows
from secops.org.tables import TABLES, Table
from secops.org.workbook import Sheet, column_letter

HEAD_ROWS = 20  # titles, dates and notes stand above the headings
_CELL = re.compile(r"(?P<sheet>.+)!(?P<row>\d+)(?P<heading> .+)?")


@dataclass(frozen=True, slots=True)
class Found:
    """What a workbook holds: tables by kind, the names of sheets that are none of ours, and of hidden ones that are.

    The place of a row is ``daicho.xlsx システム!12``; ``letters`` has, by sheet, heading → column, so that `addressed`
    can name the cell.
    """

    tables: dict[str, Parsed]
    foreign: tuple[str, ...]
    letters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Fit:
    """A row of a sheet as the headings of a kind."""

    kind: str
    at: int  # index in the sheet's rows
    score: int
    named: bool


def tables_of(sheets: Sequence[Sheet], where: str, kinds: Sequence[str] = ()) -> Found:
    """The tables of a workbook; several sheets of one kind (one for each department) are one table.

    Raises:
        InventoryError: no sheet of ours, or every wrong cell, each with its address.
    """
    wanted = tuple(kinds) or tuple(TABLES)
    parts: dict[str, list[Parsed]] = {}
    letters: dict[str, dict[str, str]] = {}
    foreign: list[str] = []
    hidden: list[str] = []
    problems: list[Problem] = []
    for sheet in sheets:
        fit = _fit(sheet, wanted, where)
        if fit is None:
            foreign.append(sheet.name)
            continue
        place = f"{where} {sheet.name}"
        hidden += [sheet.name] if sheet.hidden else []
        letters[place] = _letters(TABLES[fit.kind], sheet.rows[fit.at][1])
        try:
            parts.setdefault(fit.kind, []).append(_parsed(sheet, fit, place))
        except InventoryError as error:
            problems += error.problems
    if not parts and not problems:
        raise InventoryError([_nothing(sheets, wanted, where)])
    tables = {kind: _joined(kind, found, problems) for kind, found in parts.items()}
    if problems:
        raise InventoryError(addressed(problems, letters))
    return Found(tables, tuple(foreign), letters, tuple(hidden))


def addressed(problems: Iterable[Problem], letters: Mapping[str, Mapping[str, str]]) -> list[Problem]:
    """Problems of rows of a workbook with the address of the cell: ``daicho.xlsx システム!C12 機密性``."""
    return [Problem(_address(one.where, letters), one.what) for one in problems]


def _address(where: str, letters: Mapping[str, Mapping[str, str]]) -> str:
    match = _CELL.fullmatch(where)
    if not match or match["sheet"] not in letters:
        return where
    heading = match["heading"] or ""
    letter = letters[match["sheet"]].get(heading.strip(), "")
    return f"{match['sheet']}!{letter}{match['row']}{heading}"


def _headings(table: Table, header: Sequence[str]) -> list[int | None]:
    """For each column of a sheet the place in the table that it fills."""
    known = {normal_heading(name): at for at, column in enumerate(table.columns) for name in column.headings}
    return [known.get(normal_heading(cell)) if cell.strip() else None for cell in header]


def _letters(table: Table, header: Sequence[str]) -> dict[str, str]:
    places = _headings(table, header)
    return {table.columns[place].headings[0]: column_letter(at) for at, place in enumerate(places) if place is not None}


def _fit(sheet: Sheet, kinds: Sequence[str], where: str) -> _Fit | None:
    """The kind and the row of headings that fit best, the first of them; of headings in two rows, the lower one."""
    stem = where.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0].lower()
    found = [
        _Fit(kind, at, len(hit), normal_heading(TABLES[kind].label) in normal_heading(sheet.name) or kind == stem)
        for at, (_number, cells) in enumerate(sheet.rows[:HEAD_ROWS])
        for kind in kinds
        if _enough(TABLES[kind], hit := {one for one in _headings(TABLES[kind], cells) if one is not None})
    ]
    best = max(found, key=lambda one: (one.score, one.named, -one.at), default=None)
    while best and (lower := replace(best, at=best.at + 1)) in found:
        best = lower
    return best


def _enough(table: Table, hit: set[int]) -> bool:
    return len(hit) > 1 and all(at in hit for at, column in enumerate(table.columns) if column.required)


def _parsed(sheet: Sheet, fit: _Fit, place: str) -> Parsed:
    number, header = sheet.rows[fit.at]
    table = TABLES[fit.kind]
    own = {at: normal_heading(header[at]) for at, one in enumerate(_headings(table, header)) if one is not None}

    def holds(cells: Sequence[str]) -> bool:
        """Whether a row says anything in our columns that is not their headings again, as on each printed page."""
        said = {at: cells[at] for at in own if at < len(cells)}
        return any(cell.strip() for cell in said.values()) and any(
            normal_heading(cell) != own[at] for at, cell in said.items()
        )

    lines = [(f"{place}!{row}", cells) for row, cells in sheet.rows[fit.at + 1 :] if holds(cells)]
    return parse_rows(fit.kind, header, lines, f"{place}!{number}")


def _joined(kind: str, parts: Sequence[Parsed], problems: list[Problem]) -> Parsed:
    """The sheets of a kind as one table; what stands in two of them is a problem."""
    table, first = TABLES[kind], dict[str, str]()
    heading = next(column.headings[0] for column in table.columns if column.field == table.key)
    for place, row in ((place, row) for part in parts for place, row in zip(part.places, part.rows, strict=True)):
        key = str(getattr(row, table.key))
        if before := first.get(key.lower()):
            text = _("「{key}」は {place} と重複しています。").format(key=key, place=before)
            problems.append(Problem(f"{place} {heading}", text))
        first.setdefault(key.lower(), place)
    rows = tuple(row for part in parts for row in part.rows)
    return Parsed(kind, rows, tuple(place for part in parts for place in part.places))


def _nothing(sheets: Sequence[Sheet], kinds: Sequence[str], where: str) -> Problem:
    """No sheet fits: of the one that comes nearest, which headings are missing."""
    near = [
        (
            len(hit),
            kind,
            sheet,
            cells,
            [one for at, one in enumerate(TABLES[kind].columns) if one.required and at not in hit],
        )
        for sheet in sheets
        for _number, cells in sheet.rows[:HEAD_ROWS]
        for kind in kinds
        if (hit := {one for one in _headings(TABLES[kind], cells) if one is not None})
    ]
    names = "・".join(sheet.name for sheet in sheets[:10])
    if not near:
        text = _(
            "台帳として読めるシートがありません(シート: {names})。"
            "見出しを 1 行にそろえ、上から {rows} 行以内に置いてください。"
        )
        return Problem(where, text.format(names=names, rows=HEAD_ROWS))
    _score, kind, sheet, cells, missing = max(near, key=lambda one: one[0])
    text = _(
        "台帳として読めるシートがありません。いちばん近いのはシート「{sheet}」({label})ですが、"
        "「{missing}」の列がありません(ある見出し: {found})。"
    )
    return Problem(
        where,
        text.format(
            sheet=sheet.name,
            label=_(TABLES[kind].label),
            missing="」「".join(one.headings[0] for one in missing),
            found="・".join(cell.strip()[:20] for cell in cells[:20] if cell.strip()),
        ),
    )
