"""Findings of an external report from a table (CSV or Excel), found by its headings; mistakes are named with place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from secops.errors import AuditError, Problem
from secops.isms.audit.findings import TEXTS
from secops.isms.audit.round import (
    FINDING_LABELS,
    FINDING_STATES,
    Action,
    Finding,
    FindingKind,
    FindingState,
)
from secops.isms.audit.workpaper import Evidence
from secops.locale import _
from secops.schema.dates import read_day
from secops.schema.text import fold

_KINDS = {fold(label): kind for kind, label in FINDING_LABELS.items()} | {fold(one.value): one for one in FindingKind}
_KINDS |= {"推奨事項": FindingKind.GOOD, "良好事例": FindingKind.GOOD, "改善提案": FindingKind.OPPORTUNITY}
_STATES = {
    "": FindingState.OPEN,
    "未完了": FindingState.OPEN,
    **{fold(FINDING_STATES[one]): one for one in (FindingState.OPEN, FindingState.CLOSED)},
}
HEADINGS: Mapping[str, Sequence[str]] = {
    "year": ("年度",),
    "department": ("部署コード", "課コード", "所管", "対象課", "部署"),
    "system": ("システムコード", "システム"),
    "kind": ("区分", "評価区分"),
    "title": ("件名", "指摘事項"),
    "fact": ("事実", "検出事項", "内容"),
    "criterion": ("基準",),
    "cause": ("原因",),
    "risk": ("リスク",),
    "recommendation": ("改善提言", "推奨", "提言"),
    "clauses": ("条項",),
    "state": ("状態", "状況"),
    "measure": ("改善内容", "対応内容"),
    "person": ("担当",),
    "due": ("期限",),
}
_REQUIRED = ("year", "department", "kind", "title")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: where it stands, and its cells in order."""

    where: str
    cells: Sequence[str]


def findings_of(
    rows: Iterable[Row], source: str, names: Mapping[str, str], today: date
) -> list[tuple[Finding, int, str]]:
    """(finding, 年度, name of the department) of each row; the first row that has all required headings is the head.

    ``names`` are department code → name; the column may hold either. What was found is open unless the table says
    that it is done. The report itself is the evidence.

    Raises:
        AuditError: no head, or with every wrong cell.
    """
    wrong: list[Problem] = []
    found: list[tuple[Finding, int, str]] = []
    columns: dict[str, int] | None = None
    codes = {**{fold(name): code for code, name in names.items()}, **{fold(code): code for code in names}}
    for row in rows:
        if columns is None:
            columns = _head(row.cells)
            continue
        said = {name: row.cells[at].strip() if at < len(row.cells) else "" for name, at in columns.items()}
        if not any(said.values()):
            continue
        mistakes = list(_mistakes(row.where, said, codes))
        wrong += mistakes
        if not mistakes:
            found.append(_finding(said, codes, names, source, today))
    if columns is None:
        needed = "、".join(HEADINGS[name][0] for name in _REQUIRED)
        wrong.append(Problem(source, _("見出しの行がありません。{needed} の列が要ります。").format(needed=needed)))
    if wrong:
        raise AuditError(wrong)
    return found


def _head(cells: Sequence[str]) -> dict[str, int] | None:
    heads = [fold(cell).strip() for cell in cells]
    found: dict[str, int] = {}
    for name, known in HEADINGS.items():
        at = next((heads.index(fold(one)) for one in known if fold(one) in heads), None)
        if at is not None and at not in found.values():
            found[name] = at
    return found if all(name in found for name in _REQUIRED) else None


def _mistakes(where: str, said: Mapping[str, str], codes: Mapping[str, str]) -> Iterator[Problem]:
    for name in _REQUIRED:
        if not said[name]:
            yield Problem(f"{where} {HEADINGS[name][0]}", _("空です。値を入れてください。"))
    if said["year"] and _year(said["year"]) is None:
        yield Problem(
            f"{where} 年度", _("「{found}」は年度として読めません(例: 2025、令和7)。").format(found=said["year"])
        )
    if said["department"] and fold(said["department"]) not in codes:
        what = _("「{found}」という部署は台帳にありません。")
        yield Problem(f"{where} {HEADINGS['department'][0]}", what.format(found=said["department"]))
    if said["kind"] and fold(said["kind"]) not in _KINDS:
        what = _("「{found}」は使えません。使えるもの: {known}")
        known = " ".join(FINDING_LABELS.values())
        yield Problem(f"{where} {HEADINGS['kind'][0]}", what.format(found=said["kind"], known=known))
    if fold(said.get("state", "")) not in _STATES:
        what = _("「{found}」は使えません。使えるもの: {known}")
        yield Problem(f"{where} 状態", what.format(found=said["state"], known="改善中 完了"))
    if said.get("due") and read_day(said["due"]) is None:
        yield Problem(f"{where} 期限", _("「{found}」は日付として読めません。").format(found=said["due"]))


def _finding(
    said: Mapping[str, str], codes: Mapping[str, str], names: Mapping[str, str], source: str, today: date
) -> tuple[Finding, int, str]:
    code = codes[fold(said["department"])]
    state = _STATES[fold(said.get("state", ""))]
    year = _year(said["year"]) or today.year
    kind = _KINDS[fold(said["kind"])]
    if kind is FindingKind.GOOD:
        state = FindingState.CLOSED
    measure = said.get("measure", "")
    action = Action(measure, said.get("person") or _("所管課"), read_day(said.get("due", ""))) if measure else None
    texts = {name: said.get(name, "") for name in TEXTS}
    finding = Finding(
        number="",
        kind=kind,
        department=code,
        system=said.get("system", ""),
        clauses=tuple(said.get("clauses", "").replace(",", " ").split()),
        state=state,
        opened_on=date(year + 1, 3, 31),
        closed_on=today if state is FindingState.CLOSED else None,
        source=source,
        evidence=(Evidence(source),),
        actions=(action,) if action else (),
        title=texts["title"],
        fact=texts["fact"],
        criterion=texts["criterion"],
        cause=texts["cause"],
        risk=texts["risk"],
        recommendation=texts["recommendation"],
    )
    return finding, year, names[code]


def _year(text: str) -> int | None:
    folded = fold(text).replace("年度", "").strip()
    for era, base in (("令和", 2018), ("r", 2018), ("平成", 1988), ("h", 1988)):
        if folded.startswith(era):
            rest = folded.removeprefix(era).strip(".")
            number = 1 if rest == "元" else int(rest) if rest.isascii() and rest.isdigit() else None
            return base + number if number else None
    return int(folded) if folded.isascii() and folded.isdigit() and 1989 <= int(folded) <= 2100 else None
