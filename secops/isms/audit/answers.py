"""Verdicts and open findings from CSV files, found by their headings; every mistake is named with line and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from secops.errors import AuditError, Problem
from secops.isms.audit.model import VERDICT_MARKS, Catalogue, Verdict
from secops.isms.audit.scoring import OpenMajor
from secops.isms.audit.workpaper import Workpaper
from secops.locale import _
from secops.schema.text import fold

# What people type for a verdict, folded. ○ has several shapes that look alike, and so has ×.
_VERDICTS = {
    **{fold(mark): verdict for verdict, mark in VERDICT_MARKS.items()},
    **{fold(verdict.value): verdict for verdict in Verdict},
    **dict.fromkeys("〇◯o", Verdict.MET),
    "▲": Verdict.PARTIAL,
    **dict.fromkeys("✕✖x", Verdict.NOT_MET),
    "": Verdict.NOT_VERIFIED,
}
_DEPARTMENT = ("部署コード", "課コード", "department")
_SYSTEM = ("システムコード", "システム", "system")
_ITEM = ("番号", "項目番号", "item")
_DECLARED = ("自己点検", "自己点検結果", "declared")
_CONFIRMED = ("監査人確認", "監査人確認結果", "confirmed")


@dataclass(frozen=True, slots=True)
class _Row:
    place: str
    cells: Mapping[str, str]


def read_answers(path: str, text: str, catalogue: Catalogue) -> list[Workpaper]:
    """The two values of each item at each unit: 部署コード, システムコード, 番号, 自己点検, 監査人確認.

    Raises:
        AuditError: a missing column, an unknown item or verdict, a unit and item that stand twice.
    """
    wrong: list[Problem] = []
    papers: list[Workpaper] = []
    first: dict[tuple[str, str, str], str] = {}
    for row in _rows(path, text, [_DEPARTMENT, _ITEM], [_SYSTEM, _DECLARED, _CONFIRMED], wrong):
        unit = (row.cells[_DEPARTMENT[0]], row.cells[_SYSTEM[0]], row.cells[_ITEM[0]])
        found = list(_unknown_item(row, catalogue))
        if unit in first:
            what = _("{place} と同じ部署・システム・番号です。").format(place=first[unit])
            found.append(Problem(f"{row.place} {_ITEM[0]}", what))
        first.setdefault(unit, row.place)
        verdicts = [_VERDICTS.get(fold(row.cells[heading])) for heading in (_DECLARED[0], _CONFIRMED[0])]
        for heading, verdict in zip((_DECLARED[0], _CONFIRMED[0]), verdicts, strict=True):
            if verdict is None:
                what = _("「{found}」は使えません。使えるもの: {known}")
                known = " ".join(VERDICT_MARKS.values())
                found.append(Problem(f"{row.place} {heading}", what.format(found=row.cells[heading], known=known)))
        declared, confirmed = verdicts
        if not found and declared is not None and confirmed is not None:
            papers.append(Workpaper(unit[2], unit[0], unit[1], declared, confirmed))
        wrong += found
    if wrong:
        raise AuditError(wrong)
    return papers


def read_majors(path: str, text: str, catalogue: Catalogue) -> list[OpenMajor]:
    """Findings of 重大な不適合 that are not yet put right: 部署コード, and the 番号 of the item where there is one.

    Raises:
        AuditError: a missing column, an unknown item.
    """
    wrong: list[Problem] = []
    rows = list(_rows(path, text, [_DEPARTMENT], [_ITEM], wrong))
    wrong += [problem for row in rows if row.cells[_ITEM[0]] for problem in _unknown_item(row, catalogue)]
    if wrong:
        raise AuditError(wrong)
    return [OpenMajor(row.cells[_DEPARTMENT[0]], row.cells[_ITEM[0]]) for row in rows]


def _unknown_item(row: _Row, catalogue: Catalogue) -> Iterator[Problem]:
    name = row.cells[_ITEM[0]]
    if name not in catalogue.by_id:
        yield Problem(f"{row.place} {_ITEM[0]}", _("「{id}」という監査項目はありません。").format(id=name))


def _rows(
    path: str, text: str, required: Sequence[Sequence[str]], optional: Sequence[Sequence[str]], wrong: list[Problem]
) -> Iterator[_Row]:
    """Rows with their cells by the first heading of each column; other columns are let be, mistakes go to ``wrong``."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [fold(cell).strip() for cell in next(reader, [])]
        columns = {names[0]: _column(header, names) for names in (*required, *optional)}
        if missing := [names[0] for names in required if columns[names[0]] is None]:
            what = _("「{name}」の列がありません。1 行目を見出しにしてください。")
            wrong += [Problem(f"{path}:1", what.format(name=name)) for name in missing]
            return
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            read = {
                name: cells[at].strip() if at is not None and at < len(cells) else "" for name, at in columns.items()
            }
            row = _Row(f"{path}:{reader.line_num}", read)
            if empty := [names[0] for names in required if not read[names[0]]]:
                wrong += [Problem(f"{row.place} {name}", _("空です。値を入れてください。")) for name in empty]
            else:
                yield row
    except csv.Error as error:
        wrong.append(Problem(f"{path}:{reader.line_num}", _("CSV として読めません: {error}").format(error=error)))


def _column(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((at for at, cell in enumerate(header) if cell in map(fold, names)), None)
